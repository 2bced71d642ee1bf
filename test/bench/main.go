//go:build linux

// Command bench compares roads of rows into a table side by side: in one run,
// on one machine, turn by turn, so that what the machine does besides falls on
// both. It prints a line for each ratio, written so that higher is better:
//
//	ratio <name> <median> goal <goal> (<low> to <high>, <n> pairs; ...)
//
// low and high bound the median's 95 % confidence interval, where there are
// pairs enough for one. It ends with how many goals were met and missed, and
// writes the table into the file that -report names. Run it by `make bench` or
// `make bench-quick`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	o := options{}
	flag.StringVar(&o.executable, "plugin", "build/mysql", "the plugin's executable")
	flag.StringVar(&o.peers, "peers", "build/peers", "the folder of the peers' executables")
	flag.IntVar(&o.pairs, "pairs", 10, "how often each pair of roads is run")
	flag.IntVar(&o.mostPairs, "most-pairs", 0, "how often it is run at most, as long as the interval holds the goal; 0 is twice -pairs")
	flag.IntVar(&o.rows, "rows", 500_000, "rows of one run")
	flag.IntVar(&o.backlog, "backlog", 5_000_000, "rows that wait for a server that is away")
	flag.IntVar(&o.backlogPairs, "backlog-pairs", 3, "how often that is run")
	flag.BoolVar(&o.quick, "quick", false, "leave out the chapters that take long")
	flag.StringVar(&o.only, "only", "", "the comparison to make: a part of its name; all by default")
	flag.StringVar(&o.report, "report", "", "the file whose table of results is to be written")
	flag.Parse()
	if err := start(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	executable   string // of the plugin
	peers        string // folder
	pairs        int
	mostPairs    int
	rows         int
	backlog      int
	backlogPairs int
	quick        bool
	only         string
	report       string
}

func start(o options) error {
	if o.pairs < 1 || o.backlogPairs < 1 || o.rows < 1000 || o.backlog < 1000 {
		return errors.New("-pairs and -backlog-pairs must be 1 at least, -rows and -backlog 1000")
	}
	if o.mostPairs == 0 {
		o.mostPairs = 2 * o.pairs
	}
	if o.report != "" && o.only != "" {
		return errors.New("-report needs all comparisons: leave out -only")
	}
	var err error
	if o.executable, err = filepath.Abs(o.executable); err != nil {
		return err
	}
	if o.peers, err = filepath.Abs(o.peers); err != nil {
		return err
	}
	return run(o)
}

// chapter is measurements that share a stage, which is theirs alone.
type chapter struct {
	title        string
	quick        bool // it is a part of a quick run
	open         func(o options) (*stage, error)
	measurements func(s *stage, o options) []measurement
}

// measurement gives one result or more.
type measurement interface {
	// title is what -only chooses by.
	title() string
	run(o options) ([]result, error)
}

// errAbsent says what this machine lacks for a chapter, which is then left out.
var errAbsent = errors.New("not here")

// chapters are everything that is measured.
func chapters() []chapter {
	return []chapter{
		{"driver", true, onMariaDB, againstDriver},
		{"settings", true, onMariaDB, betweenSettings},
		{"far", true, onMariaDB, farAway},
		{"backlog", true, onMariaDB, withBacklog},
		{"mysql9", false, onMySQL9, onMySQL9AgainstDriver},
		{"mysql9 synced", false, onSyncedMySQL9, onSyncedMySQL9AgainstDriver},
		{"eKuiper", false, inEKuiper, insideEKuiper},
		{"latency", false, onMariaDB, latencies},
		{"peers", false, withPeers, againstPeers},
	}
}

// againstDriver compares with the bare driver's best road into MariaDB.
func againstDriver(s *stage, _ options) []measurement {
	return []measurement{
		comparison{"messages_of_100_vs_bare_driver", s.plugin(100, nil), s.bare(), faster, 0.80, 2},
		comparison{"single_row_messages_vs_bare_driver", s.plugin(1, nil), s.bare(), faster, 0.50, 1.5},
		bound{"cpu_per_row", s.plugin(100, nil), func(s sample) float64 { return s.cpu }, 2.5, "us of CPU time per row", 1},
	}
}

// steady is a pace in rows/s that this kind of machine keeps up with: nothing
// piles up, so that both sides do the same work.
const steady = 100_000

// betweenSettings says what each promise costs.
func betweenSettings(s *stage, _ options) []measurement {
	plain, single, off := s.plugin(100, nil), s.plugin(1, nil), props{"journal": "off"}
	return []measurement{
		manifold{plain, s.plugin(100, off), 1, []line{{"journal_throughput", faster, 0.90}, {"journal_cpu_flood", cheaper, 0}}},
		manifold{single, s.plugin(1, off), 0.5, []line{{"journal_throughput_single", faster, 0.90}, {"journal_cpu_flood_single", cheaper, 0}}},
		comparison{"journal_cpu", s.pluginAt(steady, nil, 100, nil), s.pluginAt(steady, nil, 100, off), cheaper, 0.90, 1},
		comparison{"journal_cpu_single", s.pluginAt(steady/5, nil, 1, nil), s.pluginAt(steady/5, nil, 1, off), cheaper, 0.90, 0.2},
		// What the ledger costs a rule at its start, some 12 ms of CPU time, is not what a row costs.
		manifold{s.plugin(100, props{"delivery": "exactlyOnce"}), plain, 3, []line{{"exactly_once_throughput", faster, 0.95}, {"exactly_once_cpu", cheaper, 0.95}}},
		comparison{"metrics_cpu", s.scraped(100), plain, cheaperRead, 0.99, 1},
		comparison{"ack_throughput", s.plugin(100, props{"requireAck": true}), plain, faster, 0.90, 1},
		comparison{"fsync_always_throughput", s.plugin(100, props{"requireAck": true, "fsync": "always"}), plain, faster, 0, 0.2},
	}
}

// farAway says what batches gain that grow where a round trip takes long.
func farAway(s *stage, _ options) []measurement {
	return []measurement{
		comparison{"far_server_growing_batches", s.far(nil), s.far(props{"maxBatchRows": 1000}), faster, 2, 1},
	}
}

func run(o options) error {
	begin := time.Now()
	r := report{machine: machine(), options: o}
	fmt.Println(r.machine)
	for _, c := range chapters() {
		if o.quick && !c.quick {
			continue
		}
		c.run(o, &r)
	}
	r.took = time.Since(begin)
	fmt.Println(r.sum())
	if len(r.failures) > 0 {
		return fmt.Errorf("failed, so no table is written: %s", strings.Join(r.failures, ", "))
	}
	if len(r.results)+len(r.leftOut) == 0 {
		return fmt.Errorf("no comparison has %q in its name", o.only)
	}
	if o.report != "" {
		return r.write(o.report)
	}
	return nil
}

// run takes the measurements that are asked for. What fails is noted, and the
// others are taken nevertheless: a run takes long.
func (c chapter) run(o options, r *report) {
	// The names are the same for any stage.
	wanted := func(m measurement) bool { return strings.Contains(m.title(), o.only) }
	if !slices.ContainsFunc(c.measurements(&stage{}, o), wanted) {
		return
	}
	s, err := c.open(o)
	if errors.Is(err, errAbsent) {
		fmt.Printf("left out: %s: %v\n", c.title, err)
		r.leftOut = append(r.leftOut, c.title)
		return
	}
	if err != nil {
		r.failed(c.title, err)
		return
	}
	defer s.close()
	r.saw(s.versions)
	for _, m := range c.measurements(s, o) {
		if !wanted(m) {
			continue
		}
		results, err := m.run(o)
		if err != nil {
			r.failed(m.title(), err)
		}
		for _, one := range results {
			fmt.Println(one)
			r.results = append(r.results, one)
		}
	}
}
