//go:build linux

// Command curves measures how the plugin's cost grows: with idle rules, active
// rules, columns, the size of messages and the number of rows. The packaged
// executable runs against the mock host and a private MariaDB. It prints a
// table for each curve and a line for each ratio, written so that higher is
// better, and writes docs/curves.md. Run it by `make curves`.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	executable := flag.String("plugin", "build/mysql", "the plugin's executable")
	only := flag.String("only", "", "what to measure: a part of its name; all by default")
	at := flag.String("at", "", "the only point of a curve to measure, such as 200; all by default")
	docs := flag.String("report", "", "the file of the docs to write the figures to; none by default")
	flag.Parse()
	path, err := filepath.Abs(*executable)
	if err == nil {
		err = run(path, *only, *at, *docs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "curves:", err)
		os.Exit(1)
	}
}

// part is one of the things that are measured.
type part struct {
	name    string
	measure func(*stage, *report) error
}

func run(executable, only, at, docs string) error {
	s, err := newStage(executable)
	if err != nil {
		return err
	}
	defer s.close()
	parts := []part{{"many", many}, {"idle", idle}}
	for _, c := range curves() {
		c.keep(at)
		parts = append(parts, part{c.name, c.run})
	}
	r := &report{}
	for _, p := range parts {
		if !strings.Contains(p.name, only) {
			continue
		}
		start := time.Now()
		if err := p.measure(s, r); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, time.Since(start).Round(time.Second))
	}
	if docs == "" {
		return nil
	}
	var version string
	if err := s.server.DB().QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		return err
	}
	return r.write(docs, version)
}
