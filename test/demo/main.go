// Command demo shows rows on their way: it starts a MySQL server in memory (or
// takes yours), the pinned eKuiper and this plugin, makes a rule as the plugin
// tutorial does, and counts what arrives in the table. `make demo` builds what
// it needs and runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	plugin "ekuiper-mysql"
)

// settings come from the environment, where make puts its variables: a DSN
// holds a password, which arguments would show to everybody on the machine.
type settings struct {
	dsn    string // empty: the embedded server
	table  string
	create bool // the table, where there is none
	keep   bool // run until Ctrl-C
	rate   int  // rows/s
	rows   int  // in all, unless keep
}

// seconds is how long the demo makes rows, unless it is kept running.
const seconds = 8

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	s, err := readSettings(os.Getenv)
	if err == nil {
		err = run(ctx, s, newScreen(os.Stdout))
	}
	switch {
	case err == nil:
	case ctx.Err() != nil && s.keep:
		fmt.Println("\nStopped; everything is cleaned up.")
	case ctx.Err() != nil:
		fmt.Println("\nInterrupted; everything is cleaned up.")
		os.Exit(130)
	default:
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func readSettings(env func(string) string) (settings, error) {
	s := settings{dsn: env("DSN"), table: "test", rate: 1000}
	if name := env("TABLE"); name != "" {
		s.table = name
	}
	var errs []error
	for name, target := range map[string]*bool{"KEEP": &s.keep, "CREATE": &s.create} {
		switch value := env(name); value {
		case "", "0":
		case "1":
			*target = true
		default:
			errs = append(errs, fmt.Errorf("%s is %q: 1 or nothing is allowed", name, value))
		}
	}
	if s.keep {
		s.rate = 100 // the embedded server keeps all rows in memory
	}
	if text := env("RATE"); text != "" {
		rate, err := strconv.Atoi(text)
		if err != nil || rate < 1 || rate > 100_000 {
			errs = append(errs, fmt.Errorf("RATE is %q: 1 to 100000 rows/s are allowed", text))
		}
		s.rate = rate
	}
	s.rows = s.rate * seconds
	return s, errors.Join(errs...)
}

// run is the demo; the error of a wrong end has been cleaned up after.
func run(ctx context.Context, s settings, screen *screen) (err error) {
	screen.title("eKuiper plugin mysql %s: rows from the source random, through eKuiper, into MySQL", plugin.Version())
	var ends []func() error
	defer func() {
		for i := range ends {
			err = errors.Join(err, ends[len(ends)-1-i]())
		}
	}()

	db, err := openDatabase(ctx, s, screen)
	if err != nil {
		return err
	}
	ends = append(ends, db.close)

	p, err := startPipeline(ctx, s, db, screen)
	if err != nil {
		return err
	}
	ends = append(ends, p.close)

	if err := p.watch(ctx, s, db, screen); err != nil {
		return err
	}
	rows, err := db.lastRows(ctx, 5)
	if err != nil {
		return err
	}
	screen.table("the last rows of the table:", rows)
	if db.own {
		screen.line("The rows stay in your table %s.", s.table)
		return nil
	}
	screen.line("make demo KEEP=1                               keeps it running, to look around")
	screen.line("make demo DSN='user:pass@tcp(host:3306)/db'    writes into your own server")
	return nil
}
