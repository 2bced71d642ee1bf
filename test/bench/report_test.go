//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestResult(t *testing.T) {
	r := resultOf("a_vs_b", 0.8, []float64{0.7, 0.9, 0.8})
	r.ours, r.against, r.note = "2 rows/s", "3 rows/s", "cold"
	const want = "ratio a_vs_b 0.80 goal 0.80 (0.70 to 0.90, 3 pairs; 2 rows/s against 3 rows/s; cold)"
	if r.String() != want || !r.met() {
		t.Errorf("%v, met %v\nwant %s", r, r.met(), want)
	}
	if r.value = 0.79; r.met() {
		t.Error("0.79 meets the goal 0.80")
	}
}

func TestPairsByMeasure(t *testing.T) {
	p := pairs{ours: []sample{{rate: 10, cpu: 4}}, against: []sample{{rate: 20, cpu: 2}}}
	if got := p.result("x", 1, faster).value; got != 0.5 {
		t.Errorf("half the rate: %g", got)
	}
	if got := p.result("x", 1, cheaper).value; got != 0.5 {
		t.Errorf("twice the CPU time: %g", got)
	}
}

func TestManifold(t *testing.T) {
	of := func(one sample) road { return func(int) (sample, error) { return one, nil } }
	m := manifold{of(sample{rate: 3, cpu: 2}), of(sample{rate: 6, cpu: 8}), 1, []line{{"rate", faster, 0.6}, {"cost", cheaper, 0}}}
	if m.title() != "rate cost" {
		t.Errorf("title %q", m.title())
	}
	results, err := m.run(options{rows: 1000, pairs: 1})
	if err != nil || len(results) != 2 {
		t.Fatalf("%v, %v", results, err)
	}
	if results[0].value != 0.5 || results[0].met() || results[1].value != 4 || !results[1].met() {
		t.Errorf("%v", results)
	}
}

// Roads go first by turns, and their samples keep their sides.
func TestAlternate(t *testing.T) {
	var order []string
	of := func(name string, rate float64) road {
		return func(int) (sample, error) {
			order = append(order, name)
			return sample{rate: rate}, nil
		}
	}
	never, o := func(pairs) bool { return false }, options{pairs: 3, mostPairs: 9}
	p, err := alternate("x", of("ours", 1), of("against", 2), 1000, o, never)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "ours against against ours ours against" {
		t.Errorf("order: %s", got)
	}
	for i := range 3 {
		if p.ours[i].rate != 1 || p.against[i].rate != 2 {
			t.Errorf("pair %d: %g and %g", i, p.ours[i].rate, p.against[i].rate)
		}
	}
	broken := func(int) (sample, error) { return sample{}, errors.New("broken") }
	if _, err := alternate("x", of("ours", 1), broken, 1000, o, never); err == nil {
		t.Error("a road that fails is passed over")
	}
}

// TestMorePairs: as long as the interval of any goal is open there are more, but
// not without end.
func TestMorePairs(t *testing.T) {
	for _, c := range []struct {
		name   string
		ratios []float64 // pair by pair; then the last
		goal   float64
		pairs  int
	}{
		{"clear", []float64{0.9}, 0.8, 6},
		{"missed clearly", []float64{0.7}, 0.8, 6},
		{"told without a goal", []float64{0.9, 0.7, 0.9}, 0, 6},
		{"chance at first", []float64{0.9, 0.9, 0.9, 0.9, 0.9, 0.7, 0.9}, 0.8, 10}, // the 9th may lack one of them, and pairs come by twos
		{"chance to the end", []float64{0.9, 0.7, 0.9, 0.7, 0.9, 0.7, 0.9, 0.7, 0.9, 0.7, 0.9, 0.7}, 0.8, 12},
	} {
		n := 0
		ours := func(int) (sample, error) {
			n++
			return sample{rate: c.ratios[min(n, len(c.ratios))-1]}, nil
		}
		against := func(int) (sample, error) { return sample{rate: 1}, nil }
		results, err := comparison{"x", ours, against, faster, c.goal, 1}.run(options{rows: 1000, pairs: 6, mostPairs: 12})
		if err != nil || len(results) != 1 || results[0].n != c.pairs {
			t.Errorf("%s: %d pairs, want %d: %v, %v", c.name, n, c.pairs, results, err)
		}
	}
}

func TestReport(t *testing.T) {
	r := report{
		machine: "a machine", versions: []string{"MariaDB 1"}, options: options{pairs: 3, mostPairs: 9, rows: 1000, backlog: 2000}, took: 2 * time.Minute,
		results: []result{
			{name: "good", value: 1, goal: 0.9, n: 3, ours: "1", against: "2"},
			{name: "bad", value: 0.5, goal: 0.9, n: 3, ours: "1", against: "2", note: "why"},
			{name: "told", value: 0.1, n: 3, ours: "1", against: "2"},
		},
		leftOut: []string{"peers"},
	}
	if got := r.sum(); got != "bench: 1 goals met, 1 missed (bad), left out: peers" {
		t.Error(got)
	}
	path := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(path, []byte("before\n"+tableBegin+"\nstale\n"+tableEnd+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time over its own
		if err := r.write(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"before\n" + tableBegin, tableEnd + "\nafter\n", "a machine. MariaDB 1. 3 to 9 pairs of 1000 rows",
		"| `good` | 1.00 | 0.00 to 0.00 | 0.90 | met | 3 | 1 | 2 |\n",
		"| `bad` | 0.50 | 0.00 to 0.00 | 0.90 | **missed** | 3 | 1 (why) | 2 |\n",
		"| `told` | 0.10 | 0.00 to 0.00 | - |  | 3 | 1 | 2 |\n",
	} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "stale") {
		t.Errorf("the old table is still there:\n%s", text)
	}
	if err := os.WriteFile(path, []byte("no markers\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.write(path); err == nil {
		t.Error("a file without markers is written")
	}
}

func TestTabbed(t *testing.T) {
	got := tabbed(nil, []any{int64(1), "a", 0.5, 1e21, "t", int64(2), "b", 1.0, -2.25, "u"})
	if want := "1\ta\t0.5\t1e+21\tt\n2\tb\t1\t-2.25\tu\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestModuleVersionOfOther(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if v, err := moduleVersion(self, "go.nanomsg.org/mangos/v3"); err != nil || !strings.HasPrefix(v, "v3.") {
		t.Errorf("%q, %v", v, err)
	}
	if _, err := moduleVersion(self, "example.org/none"); err == nil {
		t.Error("a module that is not there has a version")
	}
}
