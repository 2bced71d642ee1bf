package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// lyingFS has syncs that work and say that they failed, while it is told to.
type lyingFS struct {
	FS
	lying atomic.Bool
}

var errLie = errors.New("it failed, it says")

func (l *lyingFS) Create(path string) (File, error) {
	f, err := l.FS.Create(path)
	if err != nil {
		return nil, err
	}
	return lyingFile{f, l}, nil
}

type lyingFile struct {
	File
	l *lyingFS
}

func (f lyingFile) Sync() error {
	if err := f.File.Sync(); err != nil || !f.l.lying.Load() {
		return err
	}
	return errLie
}

// TestRepairedTailStaysCovered: after a repair the old segment may still have
// on disk what the repair wrote anew. When that is rewritten twice, and most
// of it left out, what is left must not come after the old tail and be passed
// over.
func TestRepairedTailStaysCovered(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &lyingFS{FS: newSimFS(rand.New(rand.NewPCG(seed, 1)))}
				sim := disk.FS.(*simFS)
				o := Options{Dir: "j", MaxBytes: 1 << 30, SegmentBytes: 1 << 20, SyncEvery: time.Hour, FS: disk}
				d := open(t, o)
				put := func(bytes ...int) {
					for _, n := range bytes {
						if err := d.Append(t.Context(), make([]byte, n), 1); err != nil {
							t.Fatal(err)
						}
					}
				}
				put(10)
				durable(t, d)
				put(10, 10, 10, 2000, 10)
				disk.lying.Store(true)
				go func() { // the repair is tried again after a second
					time.Sleep(repairAfter / 2)
					disk.lying.Store(false)
				}()
				durable(t, d)
				for range 6 {
					d.Next()
				}
				d.Settle(Stored, Span{1, 3}, Span{5, 6})
				rewrite := func() {
					d.mu.Lock()
					s := d.segmentOf(3)
					d.seal(digest{1})
					d.mu.Unlock()
					if err := d.replace([]*segment{s}); err != nil && !errors.Is(err, errBarren) {
						t.Fatal(err)
					}
				}
				put(3000) // so that something can be left out
				d.Next()
				d.Settle(Stored, Span{6, 7})
				rewrite()
				crash(d)
				sim.Restart(true)

				d = open(t, o)
				d.Settle(Stored, Span{4, 5})
				rewrite()
				crash(d)
				sim.Restart(true)

				d = open(t, o)
				defer crash(d)
				if r := d.Recovered(); r.Lost > 0 {
					t.Errorf("%d rows are lost", r.Lost)
				}
				var pending []uint64
				for m, ok := d.Next(); ok; m, ok = d.Next() {
					pending = append(pending, m.First)
				}
				if fmt.Sprint(pending) != "[0 3]" {
					t.Errorf("pending are rows %v, not 0 and 3", pending)
				}
			})
		})
	}
}

func durable(t *testing.T, d *Disk) {
	t.Helper()
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}
