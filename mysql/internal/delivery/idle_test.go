package delivery

import (
	"context"
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
		// taken tells after how long a batch of one row is taken.
		taken := func() time.Duration {
			f.batch.rows = append(f.batch.rows, rowRef{})
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
		if took := taken(); took != 0 {
			t.Errorf("the first row waits %v", took)
		}
		if took := taken(); took != breath {
			t.Errorf("a row right after it waits %v, want %v", took, breath)
		}
		time.Sleep(breath) // synctest's clock
		if took := taken(); took != 0 {
			t.Errorf("a row %v later waits %v", breath, took)
		}
	})
}
