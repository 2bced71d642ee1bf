package main

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// screen writes for a person: on a terminal one line that changes, elsewhere a
// line now and then.
type screen struct {
	out      *os.File
	terminal bool
	open     bool // a changing line has not been ended
}

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	return &screen{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (s *screen) title(format string, args ...any) {
	s.line(format, args...)
	s.line("")
}

func (s *screen) line(format string, args ...any) {
	s.end()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// step names what has been done, and what came of it.
func (s *screen) step(what, format string, args ...any) {
	s.line("  %-10s %s", what, fmt.Sprintf(format, args...))
}

// change replaces the changing line; where there is none it does nothing.
func (s *screen) change(format string, args ...any) {
	if !s.terminal {
		return
	}
	fmt.Fprintf(s.out, "\r\x1b[K"+format, args...)
	s.open = true
}

// end leaves the changing line as it stands.
func (s *screen) end() {
	if s.open {
		fmt.Fprintln(s.out)
		s.open = false
	}
}

// table prints rows below a header, both as text.
func (s *screen) table(title string, rows [][]string) {
	s.line("\n%s", title)
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString("  " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		s.line("%s", strings.TrimRight(line.String(), " "))
	}
	s.line("")
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
