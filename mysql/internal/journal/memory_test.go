package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if victim() || refused() {
		return
	}
	goleak.VerifyTestMain(m)
}

// one is the rows of a message.
func one(m Message) Span { return Span{m.First, m.First + uint64(m.Rows)} }

func TestMemoryHandsOutInOrderAndFreesInOrder(t *testing.T) {
	m := NewMemory(1 << 20)
	for i := range 3 {
		if err := m.Append(t.Context(), fmt.Appendf(nil, "m%d", i), 2); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		got, ok := m.Next()
		if !ok || got.Record != uint64(i) || got.First != uint64(2*i) || got.Rows != 2 || string(got.Data) != fmt.Sprintf("m%d", i) {
			t.Fatalf("Next gave %+v %v, want message %d", got, ok, i)
		}
	}
	if _, ok := m.Next(); ok {
		t.Fatal("Next gave a fourth message of three")
	}
	checkPending(t, m, 6, 3*(2+recordOverhead))
	m.Settle(Stored, Span{2, 4}) // waits for message 0
	checkPending(t, m, 4, 3*(2+recordOverhead))
	m.Settle(Stored, Span{0, 1})
	m.Settle(SetAside, Span{0, 1}) // has its fate
	checkPending(t, m, 3, 3*(2+recordOverhead))
	m.Settle(SetAside, Span{1, 2})
	checkPending(t, m, 2, 2+recordOverhead)
	select {
	case <-m.Empty():
		t.Fatal("empty with a message pending")
	default:
	}
	m.Settle(Superseded, Span{4, 99})
	checkPending(t, m, 0, 0)
	<-m.Empty()
	if c := m.Counts(); c.Received != 6 || c.Stored != 3 || c.SetAside != 1 || c.Superseded != 2 {
		t.Errorf("%+v", c)
	}
}

func checkPending(t *testing.T, q Queue, rows uint64, bytes int64) {
	t.Helper()
	if c := q.Counts(); c.Pending != rows || c.PendingBytes != bytes {
		t.Fatalf("pending %d rows, %d bytes; want %d rows, %d bytes", c.Pending, c.PendingBytes, rows, bytes)
	}
}

func TestFullMemoryRefusesAfterTheDeadlineAndKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(1000)
		if err := m.Append(t.Context(), make([]byte, 900), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := m.Append(ctx, make([]byte, 900), 1); !errors.Is(err, ErrFull) {
			t.Fatalf("got %v, want ErrFull", err)
		}
		if waited := time.Since(start); waited != 2500*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		checkPending(t, m, 1, 900+recordOverhead)
	})
}

func TestFullMemoryTakesTheMessageOnceThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(1000)
		_ = m.Append(t.Context(), make([]byte, 900), 1)
		var err error
		var wait sync.WaitGroup
		wait.Go(func() { err = m.Append(t.Context(), make([]byte, 800), 1) })
		synctest.Wait()
		m.Next()
		m.Settle(Stored, Span{0, 1})
		wait.Wait()
		if err != nil {
			t.Fatal(err)
		}
		checkPending(t, m, 1, 800+recordOverhead)
	})
}

func TestMessageLargerThanTheMemoryIsTakenWhenEmpty(t *testing.T) {
	m := NewMemory(10)
	if err := m.Append(t.Context(), make([]byte, 5000), 1); err != nil {
		t.Fatal(err)
	}
	if m.HasRoom(0) {
		t.Error("room beside a message that is larger than the queue")
	}
}

func TestForceGoesOverTheBound(t *testing.T) {
	m := NewMemory(10)
	for range 2 {
		if err := m.Force(make([]byte, 100), 1); err != nil {
			t.Fatal(err)
		}
	}
	checkPending(t, m, 2, 2*(100+recordOverhead))
}

func TestClosedMemoryRefusesAndWakesTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(10)
		_ = m.Append(t.Context(), []byte("x"), 1)
		var err error
		var wait sync.WaitGroup
		wait.Go(func() { err = m.Append(t.Context(), []byte("y"), 1) })
		synctest.Wait()
		_ = m.Close()
		_ = m.Close()
		wait.Wait()
		if !errors.Is(err, ErrClosed) || !errors.Is(m.Force(nil, 1), ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		if _, ok := m.Next(); !ok {
			t.Error("what was accepted before Close is gone")
		}
	})
}

func TestMessagesThatNoQueueTakes(t *testing.T) {
	m := NewMemory(10)
	for _, rows := range []int{0, -1} {
		if m.Append(t.Context(), nil, rows) == nil || m.Force(nil, rows) == nil {
			t.Errorf("%d rows were taken", rows)
		}
	}
}

// TestQueuesUnderLoad settles in random order beside appenders and a reader,
// and checks at the end that nothing is left.
func TestQueuesUnderLoad(t *testing.T) {
	t.Run("memory", func(t *testing.T) { load(t, NewMemory(4096), 20_000) })
	t.Run("disk", func(t *testing.T) {
		d := open(t, Options{MaxBytes: 64 << 10, SyncEvery: time.Hour})
		load(t, d, 20_000)
		_ = d.Close()
		if c := Counted(t, d.o.Dir); c.Received != c.Stored || c.Pending != 0 {
			t.Errorf("on disk: %+v", c)
		}
	})
	t.Run("disk synced", func(t *testing.T) {
		d := open(t, Options{MaxBytes: 64 << 10, SyncEvery: Always})
		load(t, d, 500)
	})
}

func load(t *testing.T, q Queue, messages uint64) {
	const appenders = 3
	work := make(chan Message, 64)
	var wait sync.WaitGroup
	for range appenders {
		wait.Go(func() {
			for range messages / appenders {
				if err := q.Append(context.Background(), make([]byte, rand.N(200)), 1+rand.N(3)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Go(func() {
		defer close(work)
		row := uint64(0)
		for next := uint64(0); next < messages/appenders*appenders; {
			m, ok := q.Next()
			if !ok {
				<-q.Ready()
				continue
			}
			if m.Record != next || m.First != row {
				t.Errorf("message %d, row %d; want %d, row %d", m.Record, m.First, next, row)
			}
			row += uint64(m.Rows)
			next++
			work <- m
		}
	})
	for range 4 {
		wait.Go(func() {
			for m := range work {
				for i := range m.Rows {
					q.Settle(Stored, Span{m.First + uint64(i), m.First + uint64(i) + 1})
				}
			}
		})
	}
	wait.Wait()
	if c := q.Counts(); c.Pending != 0 || c.PendingBytes != 0 || c.Received != c.Stored {
		t.Errorf("%+v", c)
	}
	<-q.Empty()
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, q := range map[string]Queue{
		"memory": NewMemory(1 << 20),
		"disk":   open(t, Options{MaxBytes: 1 << 30, SyncEvery: time.Hour}),
	} {
		data, spans := make([]byte, 96), make([]Span, 1)
		if n := testing.AllocsPerRun(2000, func() {
			_ = q.Append(t.Context(), data, 1)
			m, _ := q.Next()
			spans[0] = one(m)
			q.Settle(Stored, spans...)
		}); n != 0 {
			t.Errorf("%s: %v allocations per message", name, n)
		}
		all := make([]Arrival, 50)
		for i := range all {
			all[i] = Arrival{data, 100}
		}
		if n := testing.AllocsPerRun(200, func() {
			_ = q.AppendAll(t.Context(), all)
			for range all {
				m, _ := q.Next()
				spans[0] = Span{m.First, m.First + 100}
				q.Settle(Stored, spans...)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per %d messages taken together", name, n, len(all))
		}
	}
}

// TestAppendAllTakesAllOrNothing is beside the bound, the end and a message
// that cannot be.
func TestAppendAllTakesAllOrNothing(t *testing.T) {
	const bound = 64 << 10
	batch := func(n, size int) (all []Arrival) {
		for range n {
			all = append(all, Arrival{make([]byte, size), 2})
		}
		return all
	}
	for name, q := range map[string]Queue{
		"memory": NewMemory(bound),
		"disk":   open(t, Options{MaxBytes: bound, SegmentBytes: bound / 4, SyncEvery: time.Hour}),
	} {
		t.Run(name, func(t *testing.T) {
			if err := q.AppendAll(t.Context(), nil); err != nil {
				t.Errorf("nothing: %v", err)
			}
			if err := q.AppendAll(t.Context(), batch(3, 100)); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				what string
				all  []Arrival
				full bool
			}{
				{"over the bound", batch(10, bound/8), true},
				{"without rows", append(batch(1, 1), Arrival{nil, 0}), false},
			} {
				if err := q.AppendAll(t.Context(), c.all); err == nil || errors.Is(err, ErrFull) != c.full {
					t.Errorf("%s: %v", c.what, err)
				}
			}
			if n := q.Counts().Received; n != 6 {
				t.Errorf("%d rows, want 6", n)
			}
			for i := range 3 {
				if m, ok := q.Next(); !ok || m.First != uint64(2*i) || m.Rows != 2 {
					t.Fatalf("message %d is %+v", i, m)
				}
			}
			_ = q.Close()
			if err := q.AppendAll(t.Context(), batch(1, 1)); !errors.Is(err, ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}
