package connections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// TestLentFromOneToTheOther: those that want connections to the same target
// pass few on, and none is made anew; each has its own for a while, to itself.
func TestLentFromOneToTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(3)
		var mu sync.Mutex
		held := map[complete]bool{}
		var all sync.WaitGroup
		end := make(chan struct{})
		served := make(chan struct{}, 50)
		for range cap(served) {
			all.Go(func() {
				got, err := s.Connector(f, "same").Connect(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				c := got.(*conn)
				mu.Lock()
				if held[c.complete] {
					t.Error("two have the same connection")
				}
				held[c.complete] = true
				mu.Unlock()
				served <- struct{}{}
				select {
				case <-s.Wanted():
				case <-end:
				}
				mu.Lock()
				held[c.complete] = false
				mu.Unlock()
				c.Lend()
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		for range cap(served) {
			<-served
		}
		close(end)
		all.Wait()
		if f.made != 3 || f.most != 3 || f.open != 0 || s.places() != 0 {
			t.Errorf("%d made, %d at a time, %d left, %d places taken", f.made, f.most, f.open, s.places())
		}
	})
}

// TestNotLent: to another target, where nobody waits, what is dead, what had
// no place of its own, and what is closed.
func TestNotLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(1)
		waits := func(target string) <-chan *conn {
			got := make(chan *conn, 1)
			go func() {
				c, err := s.Connector(f, target).Connect(context.Background())
				if err != nil {
					t.Error(err)
				}
				got <- c.(*conn)
			}()
			synctest.Wait()
			return got
		}
		first := connect(t, s.Connector(f, "one"))
		got := waits("two")
		first.Lend()
		second := <-got
		if f.made != 2 || f.open != 1 {
			t.Errorf("to another target: %d made, %d open", f.made, f.open)
		}
		got = waits("two")
		second.complete.(*fakeConn).dead = true
		second.Lend()
		third := <-got
		if f.made != 3 || f.open != 1 {
			t.Errorf("a dead one: %d made, %d open", f.made, f.open)
		}
		unplaced := connect(t, s.Connector(f, "two")) // since patience has ended
		got = waits("two")
		unplaced.Lend()
		synctest.Wait()
		if f.made != 4 || f.open != 1 || len(got) != 0 {
			t.Errorf("one without a place: %d made, %d open", f.made, f.open)
		}
		_ = third.Close()
		third.Lend()
		fourth := <-got
		fourth.Lend()
		if f.made != 5 || f.open != 0 || s.places() != 0 {
			t.Errorf("%d made, %d left, %d places taken", f.made, f.open, s.places())
		}
		nameless := connect(t, s.Connector(f, ""))
		got = waits("")
		nameless.Lend()
		_ = (<-got).Close()
		if f.made != 7 {
			t.Errorf("of no target: %d made", f.made)
		}
	})
}

// TestFirstComeFirstServed: those of another target have their turn, too.
func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(1)
		c := connect(t, s.Connector(f, "a"))
		order := make(chan string, 6)
		for _, target := range []string{"a", "b", "a", "b", "b", "a"} {
			go func() {
				got, err := s.Connector(f, target).Connect(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				order <- target
				got.(*conn).Lend()
			}()
			synctest.Wait()
		}
		c.Lend()
		synctest.Wait()
		close(order)
		got := ""
		for target := range order {
			got += target
		}
		if got != "ababba" || f.made != 1+4 || s.places() != 0 {
			t.Errorf("served %s with %d connections, %d places taken", got, f.made, s.places())
		}
	})
}

// TestGivenTooLate: what is given to somebody who has just ceased to wait goes
// to the next.
func TestGivenTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			f := &fake{}
			s := New(1)
			c := connect(t, s.Connector(f, "same"))
			ctx, cancel := context.WithCancel(t.Context())
			var both sync.WaitGroup
			both.Go(func() {
				got, err := s.Connector(f, "same").Connect(ctx)
				if err == nil {
					_ = got.Close()
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			synctest.Wait()
			both.Go(func() {
				got, err := s.Connector(f, "same").Connect(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				_ = got.Close()
			})
			synctest.Wait()
			go cancel()
			c.Lend()
			both.Wait()
			if f.open != 0 || s.places() != 0 || len(s.waiting) != 0 {
				t.Fatalf("%d left, %d places taken, %d wait", f.open, s.places(), len(s.waiting))
			}
		}
	})
}
