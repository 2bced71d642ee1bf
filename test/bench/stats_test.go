//go:build linux

package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("%v: %g, want %g", c.values, got, c.want)
		}
	}
}

// The bounds are those of the sign test's tables.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{1, 1, 1}, {5, 1, 5}, {6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {12, 3, 10}, {20, 6, 15}} {
		values := make([]float64, c.n)
		for i := range values {
			values[i] = float64(c.n - i)
		}
		if low, high := interval(values); low != c.low || high != c.high {
			t.Errorf("of %d: %g to %g, want %g to %g", c.n, low, high, c.low, c.high)
		}
	}
}

// TestPauseBetweenLooks: few looks on the way, and none late at the end.
func TestPauseBetweenLooks(t *testing.T) {
	w := watch{want: 100_000}
	now, looks := time.Now(), 0
	at := func(now time.Time, began time.Time) int64 { return int64(now.Sub(began) / (20 * time.Microsecond)) } // 50,000 rows/s
	began := now
	for at(now, began) < w.want {
		looks++
		now = now.Add(w.pause(at(now, began), now))
	}
	if late := now.Sub(began) - 2*time.Second; late > leastPause {
		t.Errorf("the last row is seen %v late", late)
	}
	if looks > 30 {
		t.Errorf("%d looks", looks)
	}
}
