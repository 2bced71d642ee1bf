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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMessagesComeInOrderAndLeaveWhenSettled(t *testing.T) {
	m := NewMemory(1 << 20)
	for i := range 3 {
		if err := m.Append(t.Context(), fmt.Appendf(nil, "m%d", i), 2); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		position, data, ok := m.Next()
		if !ok || position != uint64(i) || string(data) != fmt.Sprintf("m%d", i) {
			t.Fatalf("Next gave %d %q %v, want message %d", position, data, ok, i)
		}
	}
	if _, _, ok := m.Next(); ok {
		t.Fatal("Next gave a fourth message of three")
	}
	checkPending(t, m, 6, 3*(2+recordOverhead))
	m.Settle(1, 2) // waits for message 0
	checkPending(t, m, 4, 3*(2+recordOverhead))
	m.Settle(0, 1)
	checkPending(t, m, 3, 3*(2+recordOverhead))
	m.Settle(0, 1)
	checkPending(t, m, 2, 2+recordOverhead)
	select {
	case <-m.Empty():
		t.Fatal("empty with a message pending")
	default:
	}
	m.Settle(2, 2)
	checkPending(t, m, 0, 0)
	<-m.Empty()
}

func checkPending(t *testing.T, m *Memory, rows int, bytes int64) {
	t.Helper()
	if r, b := m.Pending(); r != rows || b != bytes {
		t.Fatalf("pending %d rows, %d bytes; want %d rows, %d bytes", r, b, rows, bytes)
	}
}

func TestFullQueueRefusesAfterTheDeadlineAndKeepsNothing(t *testing.T) {
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

func TestFullQueueTakesTheMessageOnceThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(1000)
		_ = m.Append(t.Context(), make([]byte, 900), 1)
		var err error
		var wait sync.WaitGroup
		wait.Go(func() { err = m.Append(t.Context(), make([]byte, 800), 1) })
		synctest.Wait()
		m.Next()
		m.Settle(0, 1)
		wait.Wait()
		if err != nil {
			t.Fatal(err)
		}
		checkPending(t, m, 1, 800+recordOverhead)
	})
}

func TestMessageLargerThanTheQueueIsTakenWhenEmpty(t *testing.T) {
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

func TestClosedQueueRefusesAndWakesTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(10)
		_ = m.Append(t.Context(), []byte("x"), 1)
		var err error
		var wait sync.WaitGroup
		wait.Go(func() { err = m.Append(t.Context(), []byte("y"), 1) })
		synctest.Wait()
		m.Close()
		m.Close()
		wait.Wait()
		if !errors.Is(err, ErrClosed) || !errors.Is(m.Force(nil, 1), ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		if _, _, ok := m.Next(); !ok {
			t.Error("what was accepted before Close is gone")
		}
	})
}

// TestModel settles in random order beside an appender and a reader, and
// checks at the end that nothing is left.
func TestModel(t *testing.T) {
	const messages = 20_000
	m := NewMemory(4096)
	work := make(chan uint64, 64)
	var wait sync.WaitGroup
	wait.Go(func() {
		for range messages {
			if err := m.Append(context.Background(), make([]byte, rand.N(200)), 1+rand.N(3)); err != nil {
				t.Error(err)
			}
		}
		m.Close()
	})
	wait.Go(func() {
		defer close(work)
		for next := uint64(0); next < messages; {
			position, _, ok := m.Next()
			if !ok {
				<-m.Ready()
				continue
			}
			if position != next {
				t.Errorf("position %d, want %d", position, next)
			}
			next++
			work <- position
		}
	})
	for range 4 {
		wait.Go(func() {
			for position := range work {
				m.mu.Lock()
				rows := m.records[m.head+int(position-m.first)].rows
				m.mu.Unlock()
				for range rows {
					m.Settle(position, 1)
				}
			}
		})
	}
	wait.Wait()
	checkPending(t, m, 0, 0)
	<-m.Empty()
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	m := NewMemory(1 << 20)
	data := make([]byte, 96)
	if n := testing.AllocsPerRun(1000, func() {
		_ = m.Append(t.Context(), data, 1)
		position, _, _ := m.Next()
		m.Settle(position, 1)
	}); n != 0 {
		t.Errorf("%v allocations per message", n)
	}
}

func BenchmarkAppendNextSettle(b *testing.B) {
	m := NewMemory(1 << 20)
	data := make([]byte, 96)
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Append(b.Context(), data, 1)
		position, _, _ := m.Next()
		m.Settle(position, 1)
	}
}
