//go:build linux

// Command bench compares roads of rows into a table side by side: in one run,
// on one machine, turn by turn, so that what the machine does besides falls on
// both. It prints a line for each ratio, written so that higher is better:
//
//	ratio <name> <median> goal <goal> (<low> to <high>, <n> pairs)
//
// low and high bound the median's 95 % confidence interval, where there are
// pairs enough for one. Run it by `make bench` or `make bench-quick`.
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
	o := options{}
	flag.StringVar(&o.executable, "plugin", "build/mysql", "the plugin's executable")
	flag.IntVar(&o.pairs, "pairs", 10, "how often each pair of roads is run")
	flag.IntVar(&o.rows, "rows", 500_000, "rows of one run")
	only := flag.String("only", "", "the comparison to make: a part of its name; all by default")
	flag.Parse()
	path, err := filepath.Abs(o.executable)
	if err == nil {
		o.executable = path
		err = run(o, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	executable string
	pairs      int
	rows       int
}

// comparison is of two roads by one measure.
type comparison struct {
	name          string
	ours, against road
	measure       func(ours, against sample) float64
	goal          float64
	rows          float64 // of a run, as a part of the usual number
}

// faster is our rate as a part of the other's.
func faster(ours, against sample) float64 { return ours.rate / against.rate }

// cheaper is the other's CPU time per row as a part of ours.
func cheaper(ours, against sample) float64 { return against.cpu / ours.cpu }

func run(o options, only string) error {
	s, err := newStage(o.executable)
	if err != nil {
		return err
	}
	defer s.close()
	plain := s.plugin(100, nil)
	comparisons := []comparison{
		{"messages_of_100_vs_bare_driver", plain, s.bare(), faster, 0.80, 1},
		{"single_row_messages_vs_bare_driver", s.plugin(1, nil), s.bare(), faster, 0.50, 0.5},
		{"journal_throughput", plain, s.plugin(100, props{"journal": "off"}), faster, 0.90, 1},
		{"journal_throughput_single", s.plugin(1, nil), s.plugin(1, props{"journal": "off"}), faster, 0.90, 0.5},
		{"journal_cpu", plain, s.plugin(100, props{"journal": "off"}), cheaper, 0.90, 1},
		{"exactly_once_cpu", s.plugin(100, props{"delivery": "exactlyOnce"}), plain, cheaper, 0.95, 1},
		{"ack_throughput", s.plugin(100, props{"requireAck": true}), plain, faster, 0.90, 1},
		{"fsync_always_throughput", s.plugin(100, props{"requireAck": true, "fsync": "always"}), plain, faster, 0, 0.2},
	}
	for _, c := range comparisons {
		if !strings.Contains(c.name, only) {
			continue
		}
		if err := c.run(o); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (c comparison) run(o options) error {
	rows := int(float64(o.rows) * c.rows)
	var ratios, ours, against, cpu []float64
	start := time.Now()
	for i := range o.pairs {
		roads := [2]road{c.ours, c.against}
		if i%2 == 1 { // whoever goes first finds another machine
			roads[0], roads[1] = roads[1], roads[0]
		}
		var samples [2]sample
		for k, r := range roads {
			var err error
			if samples[k], err = r(rows); err != nil {
				return err
			}
		}
		if i%2 == 1 {
			samples[0], samples[1] = samples[1], samples[0]
		}
		ratios = append(ratios, c.measure(samples[0], samples[1]))
		ours, against = append(ours, samples[0].rate), append(against, samples[1].rate)
		cpu = append(cpu, samples[0].cpu)
		fmt.Fprintf(os.Stderr, "%s: pair %d of %d, %.0f and %.0f rows/s, %.2f and %.2f us/row, %v\n",
			c.name, i+1, o.pairs, samples[0].rate, samples[1].rate, samples[0].cpu, samples[1].cpu, time.Since(start).Round(time.Second))
	}
	low, high := interval(ratios)
	fmt.Printf("ratio %s %.2f goal %.2f (%.2f to %.2f, %d pairs; medians %.0f and %.0f rows/s, %.2f us CPU per row)\n",
		c.name, median(ratios), c.goal, low, high, o.pairs, median(ours), median(against), median(cpu))
	return nil
}
