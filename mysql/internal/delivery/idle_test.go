package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
)

type emptyQueue struct{ Queue }

func (emptyQueue) Next() (Message, bool)  { return Message{}, false }
func (emptyQueue) Ready() <-chan struct{} { return nil }

// TestIdleRuleGivesItsMemoryBack: the room that full batches took is not kept
// by a rule that has nothing more to write.
func TestIdleRuleGivesItsMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		d := New(testOptions, nil, emptyQueue{}, nil, quietMeter{}, &logged{}, &Health{})
		used := func() *batch { return &batch{table: testTable(), cells: make([]schema.Argument, 0, 5000)} }
		f := &feeder{Delivery: d, batch: used(), delay: time.NewTimer(time.Hour)}
		d.free <- used()
		ended := make(chan struct{}, 2)
		go func() { newWriter(d).run(ctx); ended <- struct{}{} }()
		go func() {
			for f.wait(ctx) {
			}
			ended <- struct{}{}
		}()
		time.Sleep(idleRelease - time.Second) // synctest's clock
		if len(d.free) != 1 {
			t.Error("given back before the rule is idle")
		}
		time.Sleep(2 * time.Second)
		cancel()
		<-ended
		<-ended
		if len(d.free) != 0 || cap(f.batch.cells) != 0 {
			t.Errorf("%d batches and %d cells are kept", len(d.free), cap(f.batch.cells))
		}
	})
}

// TestBatchesTakeBreath: a row that comes alone goes at once, and those that
// come within a millisecond of it go together.
func TestBatchesTakeBreath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		d := New(testOptions, nil, emptyQueue{}, nil, quietMeter{}, &logged{}, &Health{})
		f := &feeder{Delivery: d, batch: &batch{}, delay: time.NewTimer(time.Hour), options: &d.setup.Load().options}
		f.delay.Stop()
		// taken tells after how long a batch of so many rows is taken.
		taken := func(rows int) time.Duration {
			f.batch.rows = append(f.batch.rows, make([]rowRef, rows)...)
			begin := time.Now()
			f.open()
			done := make(chan struct{})
			go func() { <-d.batches; close(done) }()
			for {
				f.wait(ctx)
				synctest.Wait()
				select {
				case <-done:
					return time.Since(begin)
				default:
				}
			}
		}
		if took := taken(1); took != 0 {
			t.Errorf("the first row waits %v", took)
		}
		if took := taken(1); took != breath {
			t.Errorf("a row right after it waits %v, want %v", took, breath)
		}
		time.Sleep(breath) // synctest's clock
		if took := taken(1); took != 0 {
			t.Errorf("a row %v later waits %v", breath, took)
		}
		time.Sleep(breath)
		if took := taken(2 * fastRows); took != 0 {
			t.Errorf("many rows a moment later wait %v", took)
		}
		if took := taken(1); took != deepBreath {
			t.Errorf("a row of a fast stream waits %v, want %v", took, deepBreath)
		}
		if took := taken(1); took != breath {
			t.Errorf("a row after few waits %v, want %v", took, breath)
		}
	})
}

// stream is a queue that gets a row each 100 microseconds.
type stream struct {
	emptyQueue
	ready chan struct{}
	came  atomic.Bool // since it was asked
}

func (s *stream) Ready() <-chan struct{} { return s.ready }

func (s *stream) run(ctx context.Context, rows int) {
	for range rows {
		select {
		case <-time.After(100 * time.Microsecond): // of the bubble
		case <-ctx.Done():
			return
		}
		s.came.Store(true)
		select {
		case s.ready <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// TestStreamGoesInWholeStatements: a batch of many small messages waits for the
// next rows where it would take two statements, for a millisecond at most. One
// of few messages waits for nothing.
func TestStreamGoesInWholeStatements(t *testing.T) {
	for _, c := range []struct {
		name         string
		rows, pieces int
		more         int           // rows that come, one each 100 microseconds
		busy         time.Duration // the writer, at first
		size         int           // of the batch that it gets
		after        time.Duration // it was ready for it
	}{
		{"a size that is prepared", 48, 48, 0, 0, 48, 0},
		{"one that is not, and no more rows", 47, 47, 0, 0, 47, breath},
		{"one that is not, and one more row", 47, 47, 1, 0, 48, 100 * time.Microsecond},
		{"one that is not, and the writer is busy", 47, 47, 0, 9500 * time.Microsecond, 47, 0},
		{"rows come while the writer is busy", 47, 47, 20, 550 * time.Microsecond, 56, 350 * time.Microsecond},
		{"few messages", 47, 7, 0, 0, 47, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				queue := &stream{ready: make(chan struct{})}
				d := New(testOptions, nil, queue, nil, quietMeter{}, &logged{}, &Health{})
				f := &feeder{Delivery: d, batch: &batch{full: true}, delay: time.NewTimer(time.Hour), options: &d.setup.Load().options}
				f.delay.Stop()
				f.batch.rows, f.pieces, f.due = make([]rowRef, c.rows), c.pieces, true
				size, after := 0, time.Duration(0)
				done := make(chan struct{})
				go func() {
					time.Sleep(c.busy)
					idle := time.Now()
					b := <-d.batches
					size, after = len(b.rows), time.Since(idle)
					close(done)
				}()
				go queue.run(ctx, c.more)
				for synctest.Wait(); !closedNow(done) && f.wait(ctx); synctest.Wait() {
					if queue.came.Swap(false) {
						f.batch.rows = append(f.batch.rows, rowRef{})
						f.pieces++
						f.offer(ctx)
					}
				}
				if size != c.size || after > c.after {
					t.Errorf("%d rows %v after the writer was ready, want %d after %v at most", size, after, c.size, c.after)
				}
			})
		})
	}
}

func closedNow(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
