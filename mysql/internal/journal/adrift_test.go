package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// adrift is a journal whose folder can be taken from it.
type adrift struct {
	t   *testing.T
	o   Options
	d   *Disk
	log *lines
	n   int // messages put
}

func newAdrift(t *testing.T, o Options) *adrift {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be removed")
	}
	a := &adrift{t: t, o: o, log: &lines{}}
	a.o.Dir, a.o.Log, a.o.Identity = filepath.Join(t.TempDir(), "above", "journal"), a.log, "adrift"
	if a.o.watchEvery == 0 {
		a.o.watchEvery = -1
	}
	if a.o.MaxBytes == 0 {
		a.o.MaxBytes = 256 << 20
	}
	a.d = open(t, a.o)
	return a
}

// put appends n messages of 1,000 bytes.
func (a *adrift) put(n int) {
	a.t.Helper()
	for range n {
		put(a.t, a.d, string(message(a.n, 1000)))
		a.n++
	}
}

// remove takes the folder away, and what is above it.
func (a *adrift) remove() {
	a.t.Helper()
	above := filepath.Dir(a.o.Dir)
	err := os.Rename(above, above+".gone") // first, as the journal may be about to make a file
	if err = errors.Join(err, os.RemoveAll(above+".gone")); err != nil {
		a.t.Fatal(err)
	}
}

func (a *adrift) sync() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.d.Sync(ctx); err != nil {
		a.t.Fatal(err)
	}
}

// drain takes all messages, with their numbers, and settles them.
func (a *adrift) drain() (got map[string]int) {
	got = map[string]int{}
	for a.d.Unread() {
		m, ok := a.d.Next()
		if !ok {
			<-a.d.Ready()
			continue
		}
		got[string(m.Data)]++
		a.d.Settle(Stored, Span{m.First, m.First + uint64(m.Rows)})
	}
	return got
}

// again ends the journal as close says, and opens it once more.
func (a *adrift) again(end func(*Disk)) Counts {
	a.t.Helper()
	end(a.d)
	a.d = open(a.t, a.o)
	return a.d.Counts()
}

// TestFolderRemoved: the folder of a journal that is in use goes, and the
// journal goes on with it made anew: nothing blocks, what it still knew is
// there after a kill, and no row is counted as lost that had its fate.
func TestFolderRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		o             Options
		before, after int // messages
		settle        bool
	}{
		"nothing waits":               {Options{SyncEvery: time.Millisecond}, 10, 10, true},
		"synced rows wait":            {Options{SyncEvery: time.Millisecond}, 100, 1, false},
		"they and others":             {Options{SyncEvery: time.Millisecond}, 100, 3000, false},
		"without an intake":           {Options{SyncEvery: time.Millisecond, intakeBytes: -1}, 100, 100, false},
		"the intake has all":          {Options{SyncEvery: time.Hour}, 100, 100, false},
		"always":                      {Options{SyncEvery: Always}, 20, 20, false},
		"more than the cache":         {Options{SyncEvery: time.Millisecond, CacheBytes: 10_000, intakeBytes: -1}, 100, 100, false},
		"a new segment is due":        {Options{SyncEvery: time.Hour, SegmentBytes: 50_000, intakeBytes: -1}, 30, 100, false},
		"the state is renewed before": {Options{SyncEvery: time.Millisecond}, 10, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdrift(t, c.o)
			a.put(c.before)
			if c.o.SyncEvery < time.Hour {
				a.sync()
			}
			if c.settle {
				a.drain()
			}
			if strings.HasPrefix(name, "the state") {
				a.d.renewState()
			}
			a.remove()
			a.put(c.after)
			a.sync()
			found := a.again(crash)
			want := uint64(a.n)
			if c.settle {
				want = uint64(c.after)
			}
			if found.Lost > 0 || found.Pending != want || found.Received != uint64(a.n) {
				t.Errorf("after a kill %+v; want %d waiting", found, want)
			}
			got := a.drain()
			for i := a.n - int(want); i < a.n; i++ {
				if got[string(message(i, 1000))] != 1 {
					t.Fatalf("message %d came %d times", i, got[string(message(i, 1000))])
				}
			}
			if found := a.again(func(d *Disk) { _ = d.Close() }); found.Lost > 0 || found.Pending > 0 || found.Stored != uint64(a.n) {
				t.Errorf("at the end %+v", found)
			}
			if !a.log.contains("removed or moved away") {
				t.Errorf("not told: %q", a.log.all)
			}
		})
	}
}

// TestFilesRemoved: what was in files that nobody has open is lost, is counted
// and told, and holds up nothing.
func TestFilesRemoved(t *testing.T) {
	a := newAdrift(t, Options{SyncEvery: time.Millisecond, SegmentBytes: 20_000, CacheBytes: 5_000, intakeBytes: -1})
	a.put(100)
	a.sync()
	a.remove()
	a.put(50)
	a.sync()
	got := a.drain()
	c := a.d.Counts()
	if c.Received != 150 || c.Pending > 0 || c.Stored != uint64(len(got)) || c.Lost != 150-c.Stored || c.Lost < 50 || c.Lost > 100 {
		t.Errorf("%d messages came; %+v", len(got), c)
	}
	for i := 100; i < 150; i++ {
		if got[string(message(i, 1000))] != 1 {
			t.Errorf("message %d came %d times", i, got[string(message(i, 1000))])
		}
	}
	if found := a.again(func(d *Disk) { _ = d.Close() }); found.Lost != c.Lost || found.Stored != c.Stored || found.Pending > 0 {
		t.Errorf("after that %+v, before %+v", found, c)
	}
	if !a.log.contains("were in files that are gone") || !a.log.contains("lost") {
		t.Errorf("not told: %q", a.log.all)
	}
}

// TestRemovedBeforeClose: a rule that takes no more messages finds its rows again.
func TestRemovedBeforeClose(t *testing.T) {
	for _, every := range []time.Duration{time.Millisecond, time.Hour} {
		a := newAdrift(t, Options{SyncEvery: every})
		a.put(10)
		a.remove()
		found := a.again(func(d *Disk) {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		if found.Pending != 10 || found.Lost > 0 {
			t.Errorf("synced every %v: %+v", every, found)
		}
	}
}

// TestFolderCannotBeMade: until the folder can be made anew messages wait, who
// is refused one is told why, and then all goes on.
func TestFolderCannotBeMade(t *testing.T) {
	a := newAdrift(t, Options{SyncEvery: time.Millisecond, watchEvery: time.Hour})
	a.put(10)
	a.sync()
	a.remove()
	above := filepath.Dir(a.o.Dir)
	if err := os.WriteFile(above, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.d.mu.Lock()
	a.d.halt(errGone)
	a.d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := a.d.Append(ctx, []byte("x"), 1); !errors.Is(err, ErrFull) || !errors.Is(err, ErrDisk) || !errors.Is(err, errGone) {
		t.Errorf("refused by %v", err)
	}
	if err := os.Remove(above); err != nil {
		t.Fatal(err)
	}
	a.put(1) // waits for the repair
	a.sync()
	if found := a.again(crash); found.Pending != 11 || found.Lost > 0 {
		t.Errorf("%+v", found)
	}
	if n := strings.Count(fmt.Sprint(a.log.all), "cannot be made anew"); n != 1 {
		t.Errorf("told %d times: %q", n, a.log.all)
	}
}

// TestRefusedAtTheEnd: who is refused because the rule stops while the disk
// fails is told of the disk.
func TestRefusedAtTheEnd(t *testing.T) {
	a := newAdrift(t, Options{SyncEvery: time.Millisecond, watchEvery: time.Hour})
	a.put(1)
	a.sync()
	a.remove()
	if err := os.WriteFile(filepath.Dir(a.o.Dir), nil, 0o600); err != nil { // so that it cannot be made anew
		t.Fatal(err)
	}
	a.d.mu.Lock()
	a.d.halt(errGone)
	a.d.mu.Unlock()
	refused := make(chan error)
	go func() { refused <- a.d.Append(context.Background(), []byte("x"), 1) }()
	if err := a.d.Close(); err == nil {
		t.Error("closed without an error")
	}
	if err := <-refused; !errors.Is(err, ErrClosed) || !errors.Is(err, ErrDisk) {
		t.Errorf("refused by %v", err)
	}
}
