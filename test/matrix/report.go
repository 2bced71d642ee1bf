package matrix

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"ekuiper-mysql/test/markdown"
)

// Outcome is what came of one test on one server.
type Outcome uint8

// The outcomes.
const (
	Passed   Outcome = iota
	Differs          // it passed, where the server has another way of its own
	NotThere         // the server has not what the test is about
	Failed
)

// Cell is an outcome with its reason, which passed and failed have not.
type Cell struct {
	Outcome Outcome
	Reason  string
}

// Report collects outcomes. Its methods may be called from any goroutine.
type Report struct {
	mu     sync.Mutex
	titles []string // of servers, as they came
	absent map[string]string
	tests  []string
	cells  map[[2]string]Cell // by test, server
}

// Server adds a column.
func (r *Report) Server(title string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.titles = append(r.titles, title)
}

// Absent adds a server that could not be had, which counts as a failure.
func (r *Report) Absent(title string, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.absent == nil {
		r.absent = map[string]string{}
	}
	r.absent[title] = reason.Error()
}

// Add adds what came of a test.
func (r *Report) Add(test, server string, c Cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cells == nil {
		r.cells = map[[2]string]Cell{}
	}
	r.cells[[2]string{test, server}] = c
}

// Order gives the tests the order of the table.
func (r *Report) Order(tests []string) { r.tests = tests }

// Sum is the last line.
func (r *Report) Sum() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[Outcome]int{}
	for _, c := range r.cells {
		n[c.Outcome]++
	}
	var b strings.Builder
	for title, reason := range r.absent {
		fmt.Fprintf(&b, "matrix: %s could not be had, which counts as a failure: %s\n", title, reason)
	}
	fmt.Fprintf(&b, "matrix: %d times a server differs in a known way, which is among the passed; %d times it has not what the test is about\n", n[Differs], n[NotThere])
	fmt.Fprintf(&b, "matrix: %d servers, %d passed, %d failed", len(r.titles), n[Passed]+n[Differs], n[Failed]+len(r.absent))
	return b.String()
}

// Table is the outcomes as Markdown: a row for each test, a column for each
// server, and the reasons below.
func (r *Report) Table() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	columns := slices.Clone(r.titles)
	slices.SortStableFunc(columns, func(a, b string) int { return place(a) - place(b) })
	var b strings.Builder
	b.WriteString("| Test | " + strings.Join(columns, " | ") + " |\n| --- |" + strings.Repeat(" --- |", len(columns)) + "\n")
	var notes []string
	for _, test := range r.tests {
		b.WriteString("| " + test + " |")
		for _, column := range columns {
			c, ok := r.cells[[2]string{test, column}]
			b.WriteString(" " + c.text(ok, &notes) + " |")
		}
		b.WriteString("\n")
	}
	for i, note := range notes {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%d. %s\n", i+1, note)
	}
	return b.String()
}

// place is a title's place among the kinds, whose titles it begins with.
func place(title string) int {
	return slices.IndexFunc(Kinds(), func(k Kind) bool { return strings.HasPrefix(title, k.Title) })
}

// text is a cell of the table; its reason is added to the notes, once.
func (c Cell) text(ran bool, notes *[]string) string {
	if !ran {
		return "not run"
	}
	word := [...]string{"passed", "differs", "not there", "**failed**"}[c.Outcome]
	if c.Reason == "" {
		return word
	}
	n := slices.Index(*notes, c.Reason)
	if n < 0 {
		n = len(*notes)
		*notes = append(*notes, c.Reason)
	}
	return fmt.Sprintf("%s (%d)", word, n+1)
}

// Markers in the file of the report.
const (
	tableBegin = "<!-- table: written by make matrix -->"
	tableEnd   = "<!-- end of table -->"
)

// Write puts the table between the markers of a file.
func (r *Report) Write(path string) error {
	return markdown.Replace(path, tableBegin, tableEnd, r.Table()+"\n"+r.Sum())
}
