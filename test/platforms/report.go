//go:build linux

package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"ekuiper-mysql/test/markdown"
)

// outcome is what came of a system.
type outcome struct {
	system
	zipBytes, bytes int64
	steps           []step
	units           string // what came of the unit tests
	problem         string
	took            time.Duration
	of              string // where it is of an earlier run: the day of that
}

func (o outcome) fail(where string, err error) outcome {
	o.problem = fmt.Sprintf("%s: %v", where, err)
	return o
}

// line is all of it in one line, but for a failure, which may say more.
func (o outcome) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s %s", o.label(), o.by)
	if o.by == nothing && o.problem == "" {
		b.WriteString(": built")
	}
	for i, s := range o.steps {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		fmt.Fprintf(&b, "%s%s: %s", separator, s.Name, s.result())
	}
	if o.units != "" {
		fmt.Fprintf(&b, "; unit tests: %s", o.units)
	}
	fmt.Fprintf(&b, " (zip %.2f MB, %.0f s)", float64(o.zipBytes)/1e6, o.took.Seconds())
	if o.problem != "" {
		fmt.Fprintf(&b, "\nFAILED: %s", o.problem)
	}
	return b.String()
}

func (s step) result() string {
	if s.Error != "" {
		return "**failed**"
	}
	return s.Detail
}

// kept is what is kept of an outcome for a report in which the system is not run.
type kept struct {
	Day             string
	ZipBytes, Bytes int64
	Steps           []step
	Units, Problem  string
}

// keep writes the outcome down.
func (o outcome) keep(path string) error {
	text, err := json.Marshal(kept{time.Now().Format(time.DateOnly), o.zipBytes, o.bytes, o.steps, o.units, o.problem})
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// recall reads what was kept of a system.
func recall(s system, path string) (o outcome, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	var k kept
	err = json.Unmarshal(text, &k)
	return outcome{system: s, zipBytes: k.ZipBytes, bytes: k.Bytes, steps: k.Steps, units: k.Units, problem: k.Problem, of: cmp.Or(k.Day, "unknown")}, err
}

// report is the outcomes of all systems.
type report struct {
	server   string
	outcomes []outcome
}

func (r *report) failed() (n int) {
	for _, o := range r.outcomes {
		if o.problem != "" {
			n++
		}
	}
	return n
}

// The report stands between these lines of the docs.
const (
	begin = "<!-- what follows is written by make platforms -->"
	end   = "<!-- what precedes is written by make platforms -->"
)

// write puts the table between the marks of a file.
func (r *report) write(path string) error {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	head := fmt.Sprintf("%s, Linux %s on %s, %s, %s\n\n", time.Now().Format("2006-01-02"), strings.TrimSpace(string(kernel)), runtime.GOARCH, runtime.Version(), r.server)
	return markdown.Replace(path, begin, end, head+r.table())
}

// table has a row for each system and a column for each step.
func (r *report) table() string {
	var names []string
	for _, o := range r.outcomes {
		for _, s := range o.steps {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	var b strings.Builder
	columns := append([]string{"Zip", "Executable, zip", "How"}, names...)
	tested := slices.ContainsFunc(r.outcomes, func(o outcome) bool { return o.units != "" })
	if tested {
		columns = append(columns, "unit tests")
	}
	b.WriteString("| " + strings.Join(columns, " | ") + " |\n|" + strings.Repeat(" --- |", len(columns)) + "\n")
	for _, o := range r.outcomes {
		fmt.Fprintf(&b, "| `%s` | %.1f, %.1f MB | %s |", o.label(), float64(o.bytes)/1e6, float64(o.zipBytes)/1e6, o.how())
		for _, name := range names {
			cell := "-"
			if i := slices.IndexFunc(o.steps, func(s step) bool { return s.Name == name }); i >= 0 {
				cell = o.steps[i].result()
			}
			b.WriteString(" " + cell + " |")
		}
		if tested {
			b.WriteString(" " + cmp.Or(o.units, "-") + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (o outcome) how() string {
	how := o.by.String()
	switch {
	case o.problem != "":
		how = "**failed**"
	case o.by == nothing:
		how = "built, not run"
	}
	if o.of != "" {
		how += ", in an earlier run (" + o.of + ")"
	}
	return how
}

// packed is a value as bytes, little end first.
func packed(value any) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, value) // its size is fixed
	return b.Bytes()
}
