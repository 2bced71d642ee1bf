package delivery

import (
	"context"
	"testing"
	"testing/synctest"
)

func newRefusals() *refusals {
	r := &refusals{rows: map[uint64]int{}}
	r.fewer.L = &r.mu
	return r
}

// runs starts f and tells whether it has ended once nothing moves any more.
func runs(f func()) (ended func() bool) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return func() bool {
		synctest.Wait()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// TestPositionWaitsForRowsBelow: the ledger must not pass a row that is on
// its way to the dead letters.
func TestPositionWaitsForRowsBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRefusals()
		for _, number := range []uint64{5, 9} {
			if err := r.begin(t.Context(), number, 10); err != nil {
				t.Fatal(err)
			}
		}
		if ended := runs(func() { _ = r.await(t.Context(), 5) }); !ended() {
			t.Error("no row is below 5, but it waits")
		}
		ended := runs(func() { _ = r.await(t.Context(), 7) })
		if ended() {
			t.Error("row 5 is on its way, but 7 may pass")
		}
		r.end(9)
		if ended() {
			t.Error("row 9 has let 7 pass")
		}
		r.end(5)
		if !ended() {
			t.Error("nothing is on its way, but it waits")
		}
	})
}

func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRefusals()
		if err := r.begin(t.Context(), 0, 10*maxRefusalBytes); err != nil {
			t.Fatal("a large row has no place even alone")
		}
		large := runs(func() { _ = r.begin(t.Context(), 1, 1) })
		if large() {
			t.Error("a row has a place beside one that takes all")
		}
		r.end(0)
		if !large() {
			t.Error("there is room, but it waits")
		}
		for n := uint64(2); n <= maxRefusals; n++ {
			if err := r.begin(t.Context(), n, 0); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		many := runs(func() { err = r.begin(ctx, maxRefusals+1, 0) })
		if many() {
			t.Errorf("more than %d rows have a place", maxRefusals)
		}
		cancel()
		if !many() || err == nil {
			t.Error("it waits on after its context")
		}
	})
}
