//go:build linux

package main

import (
	"testing"
)

func TestDelayOver(t *testing.T) {
	ours := turns{{1, 2, 3, 4, 100}, {2, 2, 2, 2, 2}}
	bare := turns{{1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}}
	for _, c := range []struct{ q, low, high float64 }{
		{0.5, 10 / 2.0, 10 / leastDelay}, // 3 against 1 ms, and no difference
		{0.99, 10 / 99.0, 10 / leastDelay},
	} {
		r := over("delay", c.q, 10, ours, bare)
		if r.low != c.low || r.high != c.high || r.goal != 1 {
			t.Errorf("at %g: %v, want %g to %g", c.q, r, c.low, c.high)
		}
	}
	if got, want := ours.String(), "2.00 ms, p99 100.00 ms"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTurnWithoutRows(t *testing.T) {
	var all turns
	if err := all.take(nil, nil); err == nil {
		t.Error("a turn that watched no row is taken")
	}
}

func TestCheaperRead(t *testing.T) {
	// 2 us a row for reading 50 times a second is 0.04 us for reading once.
	if got, want := cheaperRead(sample{cpu: 6}, sample{cpu: 4}), 4/4.04; got != want {
		t.Errorf("%g, want %g", got, want)
	}
}
