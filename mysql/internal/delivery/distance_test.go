package delivery

import (
	"testing"
	"time"
)

// TestFarServersGetLargeStatements of long rows, and those nearby such as the
// driver has a buffer for.
func TestFarServersGetLargeStatements(t *testing.T) {
	d := &distance{}
	write := func(n int, full bool, took time.Duration) {
		for range n {
			d.note(full, took)
		}
	}
	write(1000, true, nearby)
	write(manySlow-1, true, time.Second)
	if d.far.Load() {
		t.Error("a few slow statements are no distance")
	}
	write(1, true, nearby)
	write(manySlow-1, true, time.Second)
	if d.far.Load() {
		t.Error("nor are slow statements with a fast one among them")
	}
	write(1, true, time.Second)
	if !d.far.Load() {
		t.Error("a far server is taken for a near one")
	}
	write(unlooked-1, false, time.Second)
	if !d.far.Load() {
		t.Error("it was looked at again too soon")
	}
	write(1, false, time.Second)
	if d.far.Load() {
		t.Error("it was never looked at again")
	}
	write(1000, false, time.Second)
	if d.far.Load() {
		t.Error("statements of short rows tell of no distance")
	}
}

// TestExtentOfLongRows: bytes bound them nearby, where nothing keeps batches small.
func TestExtentOfLongRows(t *testing.T) {
	for _, c := range []struct {
		name string
		most int
		make func(d *Delivery)
		want extent
	}{
		{"nearby", 8000, func(*Delivery) {}, extent{1000, buffered, 1000}},
		{"few rows allowed", 100, func(*Delivery) {}, extent{100, buffered, 1000}},
		{"far away", 8000, func(d *Delivery) { d.distance.far.Store(true) }, extent{1000, buffered, 0}},
		{"trouble", 8000, func(d *Delivery) { d.sizing.trouble(1000, 8000) }, extent{500, buffered, 0}},
		{"wide rows", 8000, func(d *Delivery) { d.sizing.suit(100) }, extent{80, buffered, 80}},
	} {
		d := &Delivery{}
		c.make(d)
		f := &feeder{Delivery: d, options: &Options{MaxBatchRows: c.most}}
		if got := f.extent(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
