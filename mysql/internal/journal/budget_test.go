package journal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// moody is a budget that others use too: nobody knows how much it leaves.
type moody struct{ used atomic.Int64 }

func (b *moody) Use(bytes int64) { b.used.Add(bytes) }

func (b *moody) Share() int64 { return rand.Int64N(3000) * rand.Int64N(2) }

// spent is a budget of which nothing is left.
type spent struct{ atomic.Int64 }

func (b *spent) Use(bytes int64) { b.Add(bytes) }

func (b *spent) Share() int64 { return 0 }

// TestSpentBudget: without memory messages come from the disk, in order, and
// one at a time may be kept all the same.
func TestSpentBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, b := newSimFS(rand.New(rand.NewPCG(1, 1))), &spent{}
		d, err := Open(Options{Dir: "j", FS: fs, MaxBytes: 1 << 30, SyncEvery: time.Hour, Budget: b})
		if err != nil {
			t.Fatal(err)
		}
		const size = 10_000
		var want []string
		for i := range 100 {
			text := fmt.Sprintf("%0*d", size, i)
			want = append(want, text)
			put(t, d, text)
			synctest.Wait() // a sync may be under way
			if kept := b.Load(); kept > 2*(size+messageOverhead)+leastHasty {
				t.Fatalf("after %d messages of %d bytes %d bytes are kept", i+1, size, kept)
			}
		}
		take(t, d, want...)
		if err := d.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if kept := b.Load(); kept != 0 {
			t.Errorf("%d bytes are kept of what was handed out and synced", kept)
		}
		put(t, d, strings.Repeat("x", size))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if kept := b.Load(); kept != 0 {
			t.Errorf("a closed journal keeps %d bytes", kept)
		}
	})
}
