//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ekuiper-mysql/test/markdown"
)

// result is one ratio, the higher the better.
type result struct {
	name             string
	value, low, high float64 // the median and its interval
	goal             float64 // 0: none
	n                int     // how often it was measured
	ours, against    string  // what was compared: medians
	note             string
}

// resultOf is the result of ratios. What was compared is added by the caller.
func resultOf(name string, goal float64, ratios []float64) result {
	r := result{name: name, goal: goal, value: median(ratios), n: len(ratios)}
	r.low, r.high = interval(ratios)
	return r
}

func (r result) met() bool { return r.value >= r.goal }

// open tells whether the interval holds the goal, so that chance decides.
func (r result) open() bool { return r.low < r.goal && r.goal <= r.high }

func (r result) String() string {
	note := r.note
	if note != "" {
		note = "; " + note
	}
	return fmt.Sprintf("ratio %s %.2f goal %.2f (%.2f to %.2f, %d pairs; %s against %s%s)",
		r.name, r.value, r.goal, r.low, r.high, r.n, r.ours, r.against, note)
}

// report is everything that a run has found.
type report struct {
	machine  string
	versions []string // of servers and peers
	options  options
	results  []result
	leftOut  []string // chapters
	failures []string // titles
	took     time.Duration
}

// saw notes servers and peers.
func (r *report) saw(versions []string) {
	for _, v := range versions {
		if !slices.Contains(r.versions, v) {
			r.versions = append(r.versions, v)
		}
	}
}

// failed tells at once what will be missing.
func (r *report) failed(title string, err error) {
	fmt.Fprintf(os.Stderr, "bench: %s: %v\n", title, err)
	r.failures = append(r.failures, title)
}

// sum is the last line of a run.
func (r *report) sum() string {
	met, missed := 0, 0
	var names []string
	for _, one := range r.results {
		switch {
		case one.goal == 0:
		case one.met():
			met++
		default:
			missed++
			names = append(names, one.name)
		}
	}
	text := fmt.Sprintf("bench: %d goals met, %d missed", met, missed)
	if missed > 0 {
		text += " (" + strings.Join(names, ", ") + ")"
	}
	if len(r.failures) > 0 {
		text += fmt.Sprintf(", %d failed", len(r.failures))
	}
	if len(r.leftOut) > 0 {
		text += ", left out: " + strings.Join(r.leftOut, ", ")
	}
	return text
}

// table is the results in Markdown.
func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. %s. %d to %d pairs of %d rows, a backlog of %d rows; %v in all.\n\n", r.machine, strings.Join(r.versions, ", "),
		r.options.pairs, max(r.options.pairs, r.options.mostPairs), r.options.rows, r.options.backlog, r.took.Round(time.Minute))
	b.WriteString("| Ratio | Median | Interval | Goal | | Pairs | Ours | Against |\n")
	b.WriteString("| --- | --: | :-: | --: | --- | --: | --- | --- |\n")
	for _, one := range r.results {
		goal, verdict := fmt.Sprintf("%.2f", one.goal), "met"
		switch {
		case one.goal == 0:
			goal, verdict = "-", ""
		case !one.met():
			verdict = "**missed**"
		}
		ours := one.ours
		if one.note != "" {
			ours += " (" + one.note + ")"
		}
		fmt.Fprintf(&b, "| `%s` | %.2f | %.2f to %.2f | %s | %s | %d | %s | %s |\n",
			one.name, one.value, one.low, one.high, goal, verdict, one.n, ours, one.against)
	}
	return b.String() + "\n" + r.sum() + "\n"
}

// Markers in the file of the report.
const (
	tableBegin = "<!-- table: written by make bench -->"
	tableEnd   = "<!-- end of table -->"
)

// write puts the table between the markers of a file.
func (r *report) write(path string) error {
	return markdown.Replace(path, tableBegin, tableEnd, r.table())
}
