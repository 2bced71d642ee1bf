package journal

import (
	"fmt"
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

// TestAShortJournalDoesNotLinger: where a row in a hundred waits, a journal that
// is too small for a second of rows takes them all the same, at once, and gives
// none up.
func TestAShortJournalDoesNotLinger(t *testing.T) {
	for name, full := range map[string]Policy{"block": Block, "refuse": Refuse, "drop the oldest": DropOldest} {
		t.Run(name, func(t *testing.T) {
			o := Options{MaxBytes: 1 << 20, SegmentBytes: 16 << 10, SyncEvery: time.Millisecond, Full: full}
			simulated(t, o, func(t *testing.T, fs *simFS, d *Disk) {
				const behind = 20 // messages
				for i := range 30_000 {
					began := time.Now()
					put(t, d, fmt.Sprintf("message %090d", i))
					if took := time.Since(began); took > 10*time.Millisecond {
						t.Fatalf("message %d waited for %v, %+v", i, took, d.Counts())
					}
					if i%10 == 9 {
						time.Sleep(time.Millisecond)
					}
					if i < behind {
						continue
					}
					m, ok := d.Next()
					if !ok {
						t.Fatalf("no message after %d", i)
					}
					if m.Record%100 != 7 {
						d.Settle(Stored, one(m))
					}
				}
				if c := d.Counts(); c.Dropped > 0 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// TestRewrittenSegmentsJoin: where rows flow and one of each segment waits, what
// is left of them comes together in few files.
func TestRewrittenSegmentsJoin(t *testing.T) {
	simulated(t, Options{MaxBytes: 16 << 20, SegmentBytes: 16 << 10, SyncEvery: time.Millisecond}, func(t *testing.T, fs *simFS, d *Disk) {
		const every = 100 // messages, about a segment
		for i := range 100 * every {
			put(t, d, fmt.Sprintf("message %0120d", i))
			m, ok := d.Next()
			if !ok {
				t.Fatalf("no message %d", i)
			}
			if i%every != 7 {
				d.Settle(Stored, one(m))
			} else {
				time.Sleep(defaultLinger / 10)
			}
		}
		synctest.Wait()
		d.mu.Lock()
		n := len(d.segments)
		d.mu.Unlock()
		if n > 20 { // about ten are as old as rows under way get
			t.Errorf("%d segments: %+v", n, d.Counts())
		}
	})
}
