//go:build linux

// Command soak runs the packaged plugin in the real eKuiper for a long time
// and hurts what it depends on, day after shortened day: the database is
// killed and comes back, connections are cut and go silent, workers are
// killed, the plugin is updated, rules are made, edited and deleted, rows are
// refused. At the end of each day every row is counted. It ends well if the
// sums add up and if memory, descriptors and threads do not grow. Run it by
// `make soak`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

func main() {
	length := flag.Duration("for", time.Hour, "how long to run")
	zip := flag.String("zip", "", "the plugin's zip; it is packed if none is named")
	docs := flag.String("report", "", "the file of the docs to write the figures to, with a chart beside it; none by default")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *length, *zip, *docs); err != nil {
		cancel()
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, length time.Duration, zip, docs string) (err error) {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if zip == "" {
		if zip, err = ekuiper.Pack(ctx, dir); err != nil {
			return err
		}
	}
	if zip, err = filepath.Abs(zip); err != nil {
		return err
	}
	s, err := newStage(ctx, dir, zip)
	if err != nil {
		return err
	}
	defer func() { err = s.close(err) }()
	r := &result{calendar: newCalendar(length), start: time.Now()}
	if err := s.live(ctx, r); err != nil {
		return err
	}
	r.judge()
	fmt.Println(r.line())
	if docs != "" {
		if err := r.write(docs); err != nil {
			return err
		}
	}
	return r.wrong()
}
