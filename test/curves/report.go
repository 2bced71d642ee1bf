//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"ekuiper-mysql/test/markdown"
)

// report prints what is measured and keeps it for the docs.
type report struct {
	text   strings.Builder
	ratios []string
}

// line prints a line of a table.
func (r *report) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Println(text)
	r.text.WriteString(text + "\n")
}

func (r *report) title(text string) { r.line("\n### %s\n", text) }

// ratio prints a ratio, which the docs have in a list of their own.
func (r *report) ratio(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Println(text)
	r.ratios = append(r.ratios, text)
}

// figure prints what has no goal.
func (r *report) figure(format string, args ...any) { r.ratio(format, args...) }

// What is between these lines of the docs is written here.
const (
	begin = "<!-- what follows is written by make curves -->"
	end   = "<!-- what precedes is written by make curves -->"
)

// write puts everything between the marks of a file.
func (r *report) write(path, server string) error {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	head := fmt.Sprintf("%s, %d cores, Linux %s, %s, %s\n\n```\n%s\n```\n", time.Now().Format("2006-01-02"), runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version(), server, strings.Join(r.ratios, "\n"))
	return markdown.Replace(path, begin, end, head+r.text.String())
}
