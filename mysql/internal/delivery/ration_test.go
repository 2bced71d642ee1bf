package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
)

// scarce is a budget of which so much may be had.
type scarce struct{ used, share atomic.Int64 }

func (s *scarce) Use(bytes int64) { s.used.Add(bytes) }
func (s *scarce) Share() int64    { return s.share.Load() }

func rationed() (*Delivery, *scarce) {
	s := &scarce{}
	o := testOptions
	o.Memory = s
	return New(o, nil, emptyQueue{}, nil, quietMeter{}, &logged{}, &Health{}), s
}

// TestTightRuleHasOneBatch: where memory is short the next batch is begun when
// the one before is written, and at once where it is not.
func TestTightRuleHasOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := rationed()
		f := &feeder{Delivery: d, batch: &batch{table: testTable(), cells: make([]schema.Argument, 5000)}, delay: time.NewTimer(time.Hour)}
		f.delay.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		written := f.batch
		began := make(chan struct{}, 1)
		go func() {
			_ = f.hand(ctx)
			began <- struct{}{}
		}()
		<-d.batches
		synctest.Wait()
		if len(began) > 0 {
			t.Fatal("there are two batches")
		}
		if got := s.used.Load(); got != 5000*cellBytes {
			t.Errorf("%d bytes are counted", got)
		}
		d.free <- written
		<-began
		if f.batch != written && f.batch.takes() > 0 {
			t.Error("a third batch")
		}

		f.batch = &batch{table: testTable(), cells: make([]schema.Argument, 100)}
		go func() {
			_ = f.hand(ctx)
			began <- struct{}{}
		}()
		<-d.batches
		synctest.Wait()
		cancel() // nobody will write it
		<-began

		s.share.Store(1 << 20)
		go func() {
			_ = f.hand(t.Context())
			began <- struct{}{}
		}()
		<-d.batches
		<-began // with nothing given back
		d.ration.end()
		if got := s.used.Load(); got != 0 {
			t.Errorf("%d bytes are left", got)
		}
	})
}

// TestBatchesFitTheRation: their memory is bounded by the share, but for what
// makes one statement of the rows, and never below what a batch should have.
func TestBatchesFitTheRation(t *testing.T) {
	for _, share := range []int64{0, 100 << 10, 900 << 10, 2 << 20} {
		d, s := rationed()
		s.share.Store(share)
		limit, tight := d.ration.limit()
		if limit < leastBatch || tight {
			t.Errorf("share %d: %d bytes, tight %v", share, limit, tight)
		}
		b := &batch{}
		for !b.fills(limit) {
			b.rows = append(b.rows, rowRef{})
			b.cells = append(b.cells, make([]schema.Argument, 5)...)
		}
		n := int64(len(b.rows))
		bytes := n * (rowBytes + 5*cellBytes)
		if n < mostRows && rounded(int(n)) != int(n) || bytes < limit || bytes > limit*5/4+rowBytes+5*cellBytes {
			t.Errorf("share %d: %d rows with %d bytes of %d", share, n, bytes, limit)
		}
		d.ration.note(b)
		if _, tight = d.ration.limit(); !tight {
			t.Errorf("share %d: another batch may be had", share)
		}
		d.ration.drop(b)
		if s.used.Load() != 0 || d.ration.used.Load() != 0 {
			t.Errorf("%d bytes are left, %d of the rule's", s.used.Load(), d.ration.used.Load())
		}
	}
}
