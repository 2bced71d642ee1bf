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
