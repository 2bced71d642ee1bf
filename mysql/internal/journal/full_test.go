package journal

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDiskFullAtEveryWrite finds no room at the first, the second, ... write
// that a journal makes, be it of messages, heads, fates, a snapshot, a rewrite
// or a summary. Messages wait, it is told once, and all goes on by itself when
// there is room; a kill while the disk is full loses nothing either.
func TestDiskFullAtEveryWrite(t *testing.T) {
	t.Run("seen through", func(t *testing.T) { fillAtEveryWrite(t, false, time.Second, 0) })
	t.Run("killed", func(t *testing.T) { fillAtEveryWrite(t, true, Always, 0) })
	intake := staging().intakeBytes
	t.Run("seen through with an intake", func(t *testing.T) { fillAtEveryWrite(t, false, time.Second, intake) })
	t.Run("killed with an intake", func(t *testing.T) { fillAtEveryWrite(t, true, time.Second, intake) })
}

func fillAtEveryWrite(t *testing.T, kill bool, every time.Duration, intake int64) {
	for n, more := 1, true; more; n++ {
		if n > 500 {
			t.Fatal("the work never ends")
		}
		ok := t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &filling{t: t, n: n, kill: kill, every: every, intake: intake, accepted: map[string]bool{}, settled: map[string]bool{}}
				more = f.run()
			})
		})
		if !ok {
			t.Fatalf("no room at write %d", n)
		}
		if !more {
			t.Logf("%d writes", n-1)
		}
	}
}

type filling struct {
	t                 *testing.T
	n                 int
	kill              bool
	every             time.Duration
	intake            int64
	fs                *simFS
	log               *lines
	d                 *Disk
	messages          int
	refused           int
	accepted, settled map[string]bool
}

// run returns false if the work made fewer writes.
func (f *filling) run() bool {
	t := f.t
	f.fs, f.log = newSimFS(rand.New(rand.NewPCG(uint64(f.n), 1))), &lines{}
	o := Options{Dir: "j", Identity: "x", MaxBytes: 1 << 20, SegmentBytes: 1500, SyncEvery: f.every, intakeBytes: f.intake, FS: f.fs, Log: f.log, linger: -1}
	var err error
	if f.d, err = Open(o); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // what Open sets in motion ends
	before := f.fs.NoRoomAt(f.n)
	for range 4 {
		f.work()
		time.Sleep(1100 * time.Millisecond) // syncs, summaries, rewrites
	}
	made := f.fs.NoRoomAt(0) - before
	if !f.fs.IsLimited() {
		crash(f.d)
		return made >= f.n
	}
	if f.kill {
		crash(f.d)
		if f.d, err = Open(o); err != nil {
			t.Fatalf("opening on a full disk: %v", err)
		}
		f.readAgain()
	} else {
		f.checkTold()
	}
	f.fs.Space(-1)
	f.put(time.Minute)
	time.Sleep(3 * time.Second) // what the fates missed is written
	if f.refused > 0 && !f.kill && !f.log.contains("room on the disk again") {
		t.Errorf("that there is room is not told: %q", f.log.all)
	}
	crash(f.d)
	if f.d, err = Open(o); err != nil {
		t.Fatal(err)
	}
	f.readAgain()
	if c := f.d.Counts(); c.Received != uint64(len(f.accepted)) || c.Stored != uint64(len(f.settled)) || c.Lost > 0 ||
		c.Pending != c.Received-c.Stored || len(f.d.Recovered().Damaged) > 0 {
		t.Errorf("%+v with %d accepted, %d settled; %+v", c, len(f.accepted), len(f.settled), f.d.Recovered())
	}
	if err := f.d.Close(); err != nil {
		t.Error(err)
	}
	return true
}

// work appends, reads and settles most, so that segments are freed and rewritten.
func (f *filling) work() {
	for range 12 {
		f.put(100 * time.Millisecond)
	}
	for {
		m, ok := f.d.Next()
		if !ok {
			return
		}
		if m.Record%8 != 3 {
			f.d.Settle(Stored, one(m))
			f.settled[string(m.Data)] = true
		}
	}
}

func (f *filling) put(wait time.Duration) {
	ctx, cancel := context.WithTimeout(f.t.Context(), wait)
	defer cancel()
	text := message(f.messages, 100)
	f.messages++
	err := f.d.Append(ctx, text, 1)
	switch {
	case err == nil || errors.Is(err, ErrUnsynced):
		f.accepted[string(text)] = true
	case errors.Is(err, ErrFull) && errors.Is(err, syscall.ENOSPC) && f.fs.IsLimited():
		f.refused++
		if f.d.HasRoom(1) {
			f.t.Error("there is said to be room")
		}
	default:
		f.t.Fatalf("message %d: %v", f.messages-1, err)
	}
}

// checkTold wants trouble told when it begins and when it ends, not in between.
func (f *filling) checkTold() {
	synctest.Wait()
	count := func(text string) (n int) {
		f.log.mu.Lock()
		defer f.log.mu.Unlock()
		for _, line := range f.log.all {
			if strings.Contains(line, text) {
				n++
			}
		}
		return n
	}
	for begins, ends := range map[string]string{"messages wait until": "room on the disk again", "cannot be written:": "can be written again"} {
		if n := count(begins) - count(ends); n < 0 || n > 1 {
			f.t.Errorf("%q is told %d times, its end %d times: %q", begins, count(begins), count(ends), f.log.all)
		}
	}
	if f.refused > 0 && count("messages wait until") == 0 || count("the disk failed")+count("damaged")+count("lost") > 0 {
		f.t.Errorf("%d refused: %q", f.refused, f.log.all)
	}
}

// readAgain reads all that is pending: just what was accepted and not settled,
// but that after a kill on a full disk settled rows may come again.
func (f *filling) readAgain() {
	pending := map[string]bool{}
	for {
		m, ok := f.d.Next()
		if !ok {
			break
		}
		if !f.accepted[string(m.Data)] {
			f.t.Errorf("%q comes, and was refused", m.Data)
		}
		pending[string(m.Data)] = true
		if f.settled[string(m.Data)] {
			f.d.Settle(Stored, one(m))
		}
	}
	for text := range f.accepted {
		if !pending[text] && !f.settled[text] {
			f.t.Errorf("message %q is gone", text)
		}
	}
}

// TestFailedCutBack: where a write found no room and what it left cannot be taken
// away for sure, the journal is repaired, whatever the disk calls it.
func TestFailedCutBack(t *testing.T) {
	simulated(t, Options{Identity: "x", MaxBytes: 1 << 20, SyncEvery: time.Hour}, func(t *testing.T, fs *simFS, d *Disk) {
		put(t, d, "a")
		fs.BadSyncError(syscall.ENOSPC)
		fs.BadSyncs(1000)
		fs.Space(20) // of a record of more
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Append(ctx, []byte("b"), 1); !errors.Is(err, ErrFull) {
			t.Errorf("got %v", err)
		}
		if log := d.o.Log.(*lines); !log.contains("the disk failed") {
			t.Errorf("%q", log.all)
		}
		fs.Space(-1)
		fs.BadSyncs(0)
		put(t, d, "c")
		take(t, d, "a", "c")
	})
}
