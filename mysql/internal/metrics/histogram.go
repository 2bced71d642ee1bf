package metrics

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// stageBounds are the upper bounds of durations, in nanoseconds: from what a
// batch takes on this machine to a backlog of an hour.
var stageBounds = []int64{1e5, 1e6, 5e6, 1e7, 5e7, 1e8, 5e8, 1e9, 5e9, 3e10, 3e11, 36e11}

// batchBounds are the upper bounds of a batch's size, in rows: sizes that
// batches have when they grow (1000, 2000, 4000, 8000) are bounds.
var batchBounds = []int64{1, 10, 100, 1000, 2000, 4000, 8000}

// maxBounds is how many a histogram may have.
const maxBounds = 12

// histogram counts observations below each of its bounds, which its owner
// knows. The zero value is ready. Its methods may be called from any goroutine.
type histogram struct {
	counts [maxBounds + 1]atomic.Uint64 // between a bound and the one before; the last has none
	sum    atomic.Int64
}

func (h *histogram) observe(v int64, bounds []int64) {
	i := 0
	for i < len(bounds) && v > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(v)
}

// Distribution is what a histogram has observed.
type Distribution struct {
	Bounds []float64 // ascending
	Below  []uint64  // by bound: how many observations were not above it
	Count  uint64
	Sum    float64
}

// read returns the distribution, with all values divided by unit.
func (h *histogram) read(bounds []int64, unit float64) Distribution {
	d := Distribution{Bounds: make([]float64, len(bounds)), Below: make([]uint64, len(bounds)), Sum: float64(h.sum.Load()) / unit}
	for i, b := range bounds {
		d.Count += h.counts[i].Load()
		d.Bounds[i], d.Below[i] = float64(b)/unit, d.Count
	}
	d.Count += h.counts[len(bounds)].Load()
	return d
}

// retryClasses are what attempts fail with, so that a class which never came
// up shows as 0.
var retryClasses = []string{"row", "schema changed", "too large", "too slow", "passing", "operator", "outcome unknown", "unlisted"}

// retries counts by class. They are rare, and each has waited already.
type retries struct {
	mu sync.Mutex
	of map[string]int64
}

func (r *retries) add(class string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]int64{}
	}
	r.of[joined(class)]++
}

func (r *retries) byClass() map[string]int64 {
	all := make(map[string]int64, len(retryClasses))
	for _, class := range retryClasses {
		all[joined(class)] = 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(all, r.of)
	return all
}

// joined makes a class's words one label value.
func joined(class string) string { return strings.ReplaceAll(class, " ", "_") }
