package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// simulated runs a test in simulated time, on a simulated file system.
func simulated(t *testing.T, o Options, test func(t *testing.T, fs *simFS, d *Disk)) {
	t.Helper()
	simulatedWith(t, 1, o, test)
}

// simulatedWith is simulated on one of many disks.
func simulatedWith(t *testing.T, disk uint64, o Options, test func(t *testing.T, fs *simFS, d *Disk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fs := newSimFS(rand.New(rand.NewPCG(disk, 1)))
		o.Dir, o.FS, o.Log = "j", fs, &lines{}
		d, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		test(t, fs, d)
	})
}

func message(n, size int) []byte { return fmt.Appendf(nil, "%0*d", size, n) }

// fill appends messages until there is no room, and returns their number.
func fill(t *testing.T, d *Disk, size int) int {
	t.Helper()
	for n := 0; ; n++ {
		if !d.HasRoom(size) {
			return n
		}
		if err := d.Append(t.Context(), message(n, size), 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlockWaitsForRoomUntilTheDeadline(t *testing.T) {
	simulated(t, Options{MaxBytes: 16 << 10, SyncEvery: time.Second}, func(t *testing.T, _ *simFS, d *Disk) {
		n := fill(t, d, 100)
		before := d.Counts()
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := d.Append(ctx, message(n, 100), 1); !errors.Is(err, ErrFull) {
			t.Fatalf("got %v", err)
		}
		if waited := time.Since(start); waited != 2500*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		if c := d.Counts(); c != before || c.DiskBytes > 16<<10 {
			t.Errorf("%+v, before %+v", c, before)
		}
		done := make(chan error)
		go func() { done <- d.Append(t.Context(), message(n, 100), 1) }()
		synctest.Wait()
		for range n {
			m, _ := d.Next()
			d.Settle(Stored, one(m))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		take(t, d, string(message(n, 100)))
	})
}

func TestRefuseDoesNotWait(t *testing.T) {
	simulated(t, Options{MaxBytes: 16 << 10, Full: Refuse}, func(t *testing.T, _ *simFS, d *Disk) {
		n := fill(t, d, 100)
		start := time.Now()
		if err := d.Append(t.Context(), message(n, 100), 1); !errors.Is(err, ErrFull) {
			t.Fatalf("got %v", err)
		}
		if time.Since(start) != 0 {
			t.Error("it waited")
		}
		if err := d.Force(message(n, 100), 1); err != nil {
			t.Errorf("force: %v", err)
		}
	})
}

func TestDropOldestKeepsTheNewestAndWhatIsOut(t *testing.T) {
	simulated(t, Options{MaxBytes: 16 << 10, Full: DropOldest, SyncEvery: time.Second}, func(t *testing.T, _ *simFS, d *Disk) {
		const n = 1000
		for i := range n {
			if err := d.Append(t.Context(), message(i, 100), 1); err != nil {
				t.Fatal(err)
			}
			if i < 5 {
				take(t, d, string(message(i, 100)))
			}
		}
		c := d.Counts()
		if c.Dropped == 0 || c.DiskBytes > 16<<10 || c.Received != c.Dropped+c.Pending {
			t.Errorf("%+v", c)
		}
		before, got := 4, uint64(5)
		for {
			m, ok := d.Next()
			if !ok {
				break
			}
			i := 0
			_, _ = fmt.Sscanf(string(m.Data), "%d", &i)
			if i <= before {
				t.Fatalf("message %d after %d", i, before)
			}
			before = i
			got++
		}
		if before != n-1 || got != d.Counts().Pending {
			t.Errorf("the last is %d, %d came of %+v", before, got, d.Counts())
		}
		if !d.log.(*lines).contains("dropped ") {
			t.Error("nothing was logged")
		}
	})
}

func TestMaxAgeDropsWhatIsNotOut(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SegmentBytes: 2000, MaxAge: time.Hour, SyncEvery: time.Second}, func(t *testing.T, _ *simFS, d *Disk) {
		for i := range 100 {
			put(t, d, string(message(i, 100)))
		}
		take(t, d, string(message(0, 100)))
		time.Sleep(50 * time.Minute)
		put(t, d, "young")
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if c := d.Counts(); c.Dropped < 50 || c.Pending > 50 {
			t.Errorf("old segments are still there: %+v", c)
		}
		take(t, d, "young")
		if c := d.Counts(); c.Dropped != 99 || c.Pending != 2 {
			t.Errorf("%+v", c)
		}
	})
}

func TestOldestPending(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SyncEvery: time.Second}, func(t *testing.T, _ *simFS, d *Disk) {
		start := time.Now()
		for i := range 5 {
			put(t, d, "m")
			if i == 0 {
				put(t, d, "m")
			}
			time.Sleep(time.Minute)
		}
		take(t, d, "m", "m", "m")
		d.Settle(Stored, Span{1, 3})
		if got := d.Counts().OldestPending; !got.Equal(start) {
			t.Errorf("got %v, want %v", got, start)
		}
		d.Settle(Stored, Span{0, 1})
		if got := d.Counts().OldestPending; !got.Equal(start.Add(2 * time.Minute)) {
			t.Errorf("got %v, want %v", got, start.Add(2*time.Minute))
		}
		d.Settle(Stored, Span{0, 9})
		if got := d.Counts().OldestPending; !got.IsZero() {
			t.Errorf("got %v of an empty journal", got)
		}
	})
}

func TestMessageLargerThanTheJournalIsTakenWhenEmpty(t *testing.T) {
	simulated(t, Options{MaxBytes: 1000, SyncEvery: time.Second}, func(t *testing.T, _ *simFS, d *Disk) {
		for range 3 { // the second waits until the first is freed
			large := strings.Repeat("x", 5000)
			put(t, d, large)
			d.Settle(Stored, one(take(t, d, large)[0]))
		}
	})
}

func TestDiskFullHealsByItself(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SyncEvery: time.Second}, func(t *testing.T, fs *simFS, d *Disk) {
		put(t, d, "a")
		fs.Space(20) // not even half a record
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for range 2 {
			if err := d.Append(ctx, message(1, 100), 1); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
		}
		if err := d.Force(message(1, 100), 1); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("force: %v", err)
		}
		if d.HasRoom(1) {
			t.Error("there is said to be room")
		}
		take(t, d, "a")
		takeNone(t, d)
		go func() {
			time.Sleep(time.Minute)
			fs.Space(-1)
		}()
		put(t, d, "b")
		take(t, d, "b")
		log := d.log.(*lines)
		if log.count("error") != 1 || !log.contains("no space left") || !log.contains("room on the disk again") {
			t.Errorf("log: %q", log.all)
		}
	})
}

// TestDiskFullOfTheJournalItself frees segments although not a byte is left
// for the note that they may be freed.
func TestDiskFullOfTheJournalItself(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SegmentBytes: 4000, SyncEvery: time.Second}, func(t *testing.T, fs *simFS, d *Disk) {
		for i := range 200 {
			put(t, d, string(message(i, 100)))
		}
		time.Sleep(time.Second) // the spare file is made
		fs.Space(0)
		for i := range 200 {
			d.Settle(Stored, one(take(t, d, string(message(i, 100)))[0]))
		}
		put(t, d, "b") // waits for the room of freed segments
		take(t, d, "b")
		crash(d)
		o := d.o
		d, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		if c := d.Counts(); c.Stored < 190 || c.Lost > 0 {
			t.Errorf("%+v", c)
		}
	})
}

// TestFailedSyncIsNotTakenForDone loses what a sync could not make durable,
// and then the power: what Append promised is there all the same.
func TestFailedSyncIsNotTakenForDone(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SyncEvery: Always}, func(t *testing.T, fs *simFS, d *Disk) {
		put(t, d, "a")
		fs.BadSyncs(1000)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := d.Append(ctx, []byte("b"), 1); !errors.Is(err, ErrUnsynced) {
			t.Errorf("got %v, want ErrUnsynced", err)
		}
		if err := d.Append(ctx, []byte("c"), 1); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.EIO) {
			t.Errorf("got %v, want ErrFull", err)
		}
		take(t, d, "a")
		takeNone(t, d) // what is not durable is not handed out
		fs.BadSyncs(0)
		put(t, d, "d")
		take(t, d, "b", "d")
		crash(d)
		fs.Restart(true)
		d, err := Open(d.o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		take(t, d, "a", "b", "d")
		takeNone(t, d)
	})
}

func TestClosedJournalRefusesAndWakesTheWaiting(t *testing.T) {
	simulated(t, Options{MaxBytes: 4 << 10, SyncEvery: time.Second}, func(t *testing.T, _ *simFS, d *Disk) {
		fill(t, d, 100)
		done := make(chan error)
		go func() { done <- d.Append(t.Context(), make([]byte, 100), 1) }()
		synctest.Wait()
		_ = d.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		if err := d.Append(t.Context(), nil, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		if err := d.Force(nil, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		takeNone(t, d)
		d.Settle(Stored, Span{0, 1})
	})
}

// TestAppendersShareAWrite holds the turn, so that a batch comes together.
func TestAppendersShareAWrite(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SyncEvery: Always}, func(t *testing.T, fs *simFS, d *Disk) {
		put(t, d, "first")
		d.turn.Lock()
		const n = 20
		done := make(chan error, n)
		for i := range n {
			go func() { done <- d.Append(t.Context(), message(i, 50), 1) }()
		}
		// A goroutine that waits for a mutex is not idle, so ask the batch.
		for gathered := 0; gathered < n; {
			d.mu.Lock()
			if d.gathering != nil {
				gathered = len(d.gathering.arrivals)
			}
			d.mu.Unlock()
		}
		before := fs.WriteCalls(segmentSuffix)
		d.turn.Unlock()
		for range n {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := fs.WriteCalls(segmentSuffix) - before; n != 1 {
			t.Errorf("%d writes", n)
		}
		var all [][]byte
		for range n + 1 {
			m, _ := d.Next()
			all = append(all, m.Data)
		}
		if len(bytes.Join(all, nil)) != n*50+5 {
			t.Errorf("%q", all)
		}
	})
}

// TestTheLastWasDropped: a message that was dropped with its segment is still the last.
func TestTheLastWasDropped(t *testing.T) {
	for _, intake := range []int64{-1, staging().intakeBytes} {
		o := Options{Identity: "x", MaxBytes: 1 << 20, SegmentBytes: 1 << 10, SyncEvery: time.Second, MaxAge: time.Minute, intakeBytes: intake}
		simulated(t, o, func(t *testing.T, fs *simFS, d *Disk) {
			put(t, d, "a")
			take(t, d, "a")
			d.Settle(Stored, Span{0, 1})
			_ = d.Close()
			d, err := Open(d.o)
			if err != nil {
				t.Fatal(err)
			}
			put(t, d, strings.Repeat("b", 900)) // more than a slot takes
			time.Sleep(10 * time.Minute)
			if c := d.Counts(); c.Dropped != 1 {
				t.Fatalf("%+v", c)
			}
			next := d.NextRow()
			crash(d)
			fs.Restart(false)
			if d, err = Open(d.o); err != nil {
				t.Fatal(err)
			}
			defer crash(d)
			if d.IsLast([]byte("a")) || !d.IsLast([]byte(strings.Repeat("b", 900))) || d.NextRow() != next {
				t.Errorf("next row %d, want %d", d.NextRow(), next)
			}
		})
	}
}
