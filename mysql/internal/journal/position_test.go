package journal

import (
	"testing"
	"time"
)

// checkPositions compares the three positions that a ledger needs.
func checkPositions(t *testing.T, d *Disk, watermark, next, openedAt uint64) {
	t.Helper()
	if d.Watermark() != watermark || d.NextRow() != next || d.OpenedAt() != openedAt {
		t.Errorf("watermark %d, next row %d, opened at %d; want %d, %d, %d",
			d.Watermark(), d.NextRow(), d.OpenedAt(), watermark, next, openedAt)
	}
}

func TestPositions(t *testing.T) {
	d := open(t, Options{SyncEvery: time.Hour})
	checkPositions(t, d, 0, 0, 0)
	for range 4 {
		if err := d.Append(t.Context(), []byte("m"), 5); err != nil {
			t.Fatal(err)
		}
	}
	checkPositions(t, d, 0, 20, 0)
	take(t, d, "m", "m", "m", "m")
	d.Settle(Stored, Span{5, 10}) // above a row that waits
	checkPositions(t, d, 0, 20, 0)
	d.Settle(SetAside, Span{0, 3})
	checkPositions(t, d, 3, 20, 0)
	d.Settle(Stored, Span{3, 5})
	checkPositions(t, d, 10, 20, 0)

	crash(d) // a kill forgets nothing
	d = open(t, d.o)
	checkPositions(t, d, 10, 20, 20)
	put(t, d, "n")
	checkPositions(t, d, 10, 21, 20)
	d.Settle(Dropped, Span{10, 1 << 40}) // no further than there are rows
	checkPositions(t, d, 21, 21, 20)
	_ = d.Close()

	d = open(t, d.o) // all segments may be gone: the numbers stay
	checkPositions(t, d, 21, 21, 21)
}

// TestPositionsAfterADamagedEnd gives no number again that a row which was
// handed out had: a ledger may know of it.
func TestPositionsAfterADamagedEnd(t *testing.T) {
	d := open(t, Options{SyncEvery: time.Hour})
	put(t, d, "a", "b", "c")
	take(t, d, "a", "b", "c")
	crash(d)
	edit(".log", 0, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })(t, d.o.Dir)
	d = open(t, d.o)
	take(t, d, "a", "b")
	takeNone(t, d)
	put(t, d, "d")
	if m := take(t, d, "d"); m[0].First < 3 {
		t.Errorf("row %d was another's", m[0].First)
	}
	checkSums(t, d)
}

// TestPositionsAfterAPowerCut passes numbers over: they have their fate, and
// none is given again.
func TestPositionsAfterAPowerCut(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SyncEvery: time.Hour}, func(t *testing.T, fs *simFS, d *Disk) {
		put(t, d, "a", "b")
		if err := d.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		put(t, d, "c")
		take(t, d, "a", "b", "c")
		d.Settle(Stored, Span{0, 2})
		crash(d)
		fs.Restart(true)
		d, err := Open(d.o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		next := d.NextRow()
		if next < 3+passedOver-1 || d.OpenedAt() != next {
			t.Errorf("next row %d, opened at %d", next, d.OpenedAt())
		}
		for {
			m, ok := d.Next()
			if !ok {
				break
			}
			d.Settle(Stored, one(m))
		}
		if d.Watermark() != next {
			t.Errorf("watermark %d with nothing pending, want %d", d.Watermark(), next)
		}
	})
}
