//go:build linux

// Command platforms proves the zip of every system by running it: the packed
// executable, unpacked as eKuiper unpacks it, with the mock host, a real
// MariaDB, kills, and its own command line; what belongs to another processor
// in qemu, what belongs to Windows in Wine. It prints a line for each system and
// writes the table of docs/platforms.md. Run it by `make platforms`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
)

func main() {
	only := flag.String("only", "", "the systems to run, such as linux_arm64 or linux, separated by commas; all by default")
	units := flag.Bool("units", true, "run unit tests on each system too")
	docs := flag.String("report", "", "the file of the docs to write the table to, with what is known of systems that are not run now from when they were; none by default")
	flag.Parse()
	if err := run(*only, *units, *docs); err != nil {
		fmt.Fprintln(os.Stderr, "platforms:", err)
		os.Exit(1)
	}
}

func run(only string, units bool, docs string) error {
	root, err := ekuiper.Root()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "build", "platforms")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	server, err := mariadb.Run("")
	if err != nil {
		return err
	}
	defer server.Close()
	var version string
	if err := server.DB().QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		return err
	}
	r := report{server: version}
	defer endWine()
	ran := 0
	for _, s := range systems() {
		file := filepath.Join(dir, s.label()+".json")
		if !chosen(s.label(), only) {
			if o, err := recall(s, file); err == nil && docs != "" {
				r.outcomes = append(r.outcomes, o)
			}
			continue
		}
		ran++
		began := time.Now()
		p := place{system: s, root: root, dir: filepath.Join(dir, s.label()), shared: dir, address: server.Addr()}
		outcome := p.prove(units)
		outcome.took = time.Since(began)
		fmt.Println(outcome.line())
		r.outcomes = append(r.outcomes, outcome)
		if err := outcome.keep(file); err != nil {
			return err
		}
	}
	if docs != "" {
		if err := r.write(docs); err != nil {
			return err
		}
	}
	if n := r.failed(); n > 0 {
		return fmt.Errorf("%d of %d systems failed", n, len(r.outcomes))
	}
	if ran == 0 {
		return errors.New("no system has such a name")
	}
	return nil
}

func chosen(label, only string) bool {
	for _, part := range strings.Split(only, ",") {
		if part == "" || label == part || strings.HasPrefix(label, part+"_") {
			return true
		}
	}
	return false
}
