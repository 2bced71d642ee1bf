package journal

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRowsUnderWayAreNotCopied: a row that gets its fate a moment after the rest
// of its segment costs no rewriting, one that waits for longer does, once.
func TestRowsUnderWayAreNotCopied(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SegmentBytes: segmentSize, SyncEvery: 10 * time.Millisecond}, func(t *testing.T, fs *simFS, d *Disk) {
		segments := func() (ids []uint64) {
			synctest.Wait()
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, s := range d.segments {
				ids = append(ids, s.id)
			}
			return ids
		}
		row, last := uint64(0), uint64(0)
		pass := func() { // a segment and a row: all handed out, and all but the last two stored
			for before := max(len(segments()), 1); len(segments()) <= before; row++ {
				put(t, d, string(message(int(row), 100)))
			}
			for range row - last {
				if _, ok := d.Next(); !ok {
					t.Fatal("no message")
				}
			}
			d.Settle(Stored, Span{last, row - 2})
			last = row
		}
		pass()
		pass()
		kept := segments()
		time.Sleep(defaultLinger / 2) // synced, and as old as a row under way gets
		if now := segments(); !slices.Equal(now, kept) {
			t.Errorf("segments %v have become %v while rows were under way", kept, now)
		}
		before := d.Counts().DiskBytes
		time.Sleep(3 * defaultLinger)
		rewritten := segments()
		if after := d.Counts().DiskBytes; slices.Contains(rewritten, kept[0]) || after > before/2 {
			t.Errorf("segments %v of %d bytes have become %v of %d, for a few rows that wait", kept, before, rewritten, after)
		}
		time.Sleep(time.Hour)
		if now := segments(); !slices.Equal(now, rewritten) {
			t.Errorf("segments %v have become %v, with nothing to do", rewritten, now)
		}
	})
}
