package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReplaysInOrder(t *testing.T) {
	test(t, nil, func(b *bundle) {
		b.start("a", "b", "c", "d")
		b.stop("b")
		b.start("a") // again: it is the last one now
		b.react("refused", refuses)
		var refused *RefusedError
		if err := b.command("refused", true); !errors.As(err, &refused) || refused.Reason != "no" {
			t.Fatal(err)
		}
		b.expect("#1 a b c d stop-b a refused")
		b.current().Kill()
		b.expect("#2 c d a")
		// The last answer counts even if the worker dies with it.
		b.end()
		b.expect("end")
	})
}

// The next worker follows at once, those after it after waits that double,
// until one has lived for a while.
func TestBackOff(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for fate, want := range map[string][]time.Duration{
		"exit status 2":  {0, 0, 50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 10 * s, 10 * s},
		"signal: killed": {0, 0, 50 * ms, 100 * ms, 200 * ms, 400 * ms, 500 * ms, 500 * ms},
	} {
		t.Run(fate, func(t *testing.T) {
			test(t, nil, func(b *bundle) {
				b.start("a")
				time.Sleep(time.Minute)
				var waits []time.Duration
				for range want {
					f := b.current()
					died := time.Now()
					f.die(fate)
					synctest.Wait()
					for b.current() == f {
						time.Sleep(10 * ms)
					}
					waits = append(waits, time.Since(died))
				}
				if !reflect.DeepEqual(waits, want) {
					t.Errorf("waits %v", waits)
				}
				time.Sleep(s)
				f := b.current()
				f.die(fate)
				if b.current() == f {
					t.Error("the wait is still there after a worker that lived")
				}
			})
		})
	}
}

// outOfProcesses is a system that starts the first worker, and no other before
// the ninth.
func outOfProcesses(n int) error {
	if n > 1 && n < 9 {
		return errors.New("out of processes")
	}
	return nil
}

func TestStopWithoutWorker(t *testing.T) {
	test(t, func(b *bundle) {
		b.spawning = outOfProcesses
	}, func(b *bundle) {
		b.start("a", "b")
		b.current().Kill()
		synctest.Wait()
		before := time.Now()
		b.stop("a")
		if took := time.Since(before); took > 0 {
			t.Errorf("answered after %v", took)
		}
		time.Sleep(time.Minute)
		b.expect("#1 a b #9 b")
		if !strings.Contains(b.logged(), "cannot start the worker") {
			t.Error(b.logged())
		}
	})
}

// A start without a worker is taken, and carried out by the next worker.
func TestStartWithoutWorker(t *testing.T) {
	test(t, func(b *bundle) {
		b.spawning = outOfProcesses
	}, func(b *bundle) {
		b.start("a", "b")
		b.current().Kill()
		synctest.Wait()
		before := time.Now()
		b.start("c", "a") // one new, one in place of what ran
		if took := time.Since(before); took != 4*time.Second {
			t.Errorf("answered after %v", took)
		}
		time.Sleep(time.Minute)
		b.expect("#1 a b #9 b c a")
		if n := strings.Count(b.logged(), "taken, and started when the worker is back"); n != 2 {
			t.Error(b.logged())
		}
	})
}

func TestStartEndsWorker(t *testing.T) {
	test(t, nil, func(b *bundle) {
		b.start("a")
		b.react("bad", dies)
		err := b.command("bad", true)
		if err == nil || !strings.Contains(err.Error(), "exit status 2") || errors.As(err, new(*RefusedError)) {
			t.Errorf("got %v", err)
		}
		b.start("b")
		got := b.told()
		if strings.Count(got, "bad") != 2 || !strings.HasSuffix(got, " b") {
			t.Errorf("told %s", got)
		}
		time.Sleep(time.Minute)
		if b.current().pid != 3 {
			t.Error("more workers than need be")
		}
	})
}

// A start whose worker dies once by chance succeeds.
func TestStartTriedOnceMore(t *testing.T) {
	test(t, nil, func(b *bundle) {
		b.react("a", func(f *fake) { b.react("a", nil); f.die("signal: killed") })
		b.start("a")
		b.expect("#1 a #2 a")
		time.Sleep(time.Second)
		b.current().Kill()
		b.expect("#3 a")
	})
}

func TestHangs(t *testing.T) {
	for name, c := range map[string]struct {
		order func(b *bundle) error
		took  time.Duration
		fails bool
		told  string
	}{
		"stop":  {func(b *bundle) error { return b.command("b", false) }, 4500 * time.Millisecond, false, "#1 a b stop-b #2 a"},
		"start": {func(b *bundle) error { return b.command("c", true) }, 15 * time.Second, true, "#1 a b c #2 a b"},
	} {
		t.Run(name, func(t *testing.T) {
			test(t, nil, func(b *bundle) {
				b.start("a", "b")
				b.react("stop-b", hangs)
				b.react("c", hangs)
				before := time.Now()
				if err := c.order(b); (err != nil) != c.fails {
					t.Error(err)
				}
				if took := time.Since(before); took != c.took {
					t.Errorf("answered after %v", took)
				}
				b.expect(c.told)
			})
		})
	}
	t.Run("stop behind a start that hangs", func(t *testing.T) {
		test(t, nil, func(b *bundle) {
			b.start("a", "b")
			b.react("b", hangs)
			b.current().Kill()
			b.expect("#1 a b #2 a b")
			before := time.Now()
			b.stop("b")
			if took := time.Since(before); took != 4500*time.Millisecond {
				t.Errorf("answered after %v", took)
			}
			b.expect("#3 a")
		})
	})
}

// A start that ends its worker at each replay is left out for a while. The
// others run meanwhile, and it comes last.
func TestLeftOut(t *testing.T) {
	for name, end := range map[string]func(*fake){"at its start": dies, "right after": diesSoon} {
		t.Run(name, func(t *testing.T) {
			test(t, nil, func(b *bundle) {
				b.start("a", "bad", "c")
				time.Sleep(time.Minute)
				b.react("bad", end)
				b.told()
				b.current().Kill()
				time.Sleep(3 * time.Second)
				got := strings.Fields(b.told())
				if n := len(got); n < 3 || !slices.Equal(got[n-2:], []string{"a", "c"}) || !strings.Contains(b.logged(), "rule=bad times=3") {
					t.Fatalf("told %q\n%s", got, b.logged())
				}
				// Tried again after waits that double, up to ten minutes.
				time.Sleep(2 * time.Hour)
				b.told()
				tries, began := 0, b.current().pid
				time.Sleep(time.Hour)
				if tries = b.current().pid - began; tries < 5 || tries > 7 || !strings.Contains(b.logged(), "next_try_in=10m0s") {
					t.Errorf("tried again %d times an hour\n%s", tries, b.logged())
				}
				b.react("bad", nil)
				time.Sleep(10 * time.Minute)
				if got := b.told(); !strings.HasSuffix(got, "bad") {
					t.Errorf("told %q", got)
				}
				f := b.current()
				time.Sleep(time.Minute)
				f.Kill() // it has behaved, and is in its place again
				b.expect(fmt.Sprintf("#%d a bad c", f.pid+1))
			})
		})
	}
}

// Workers killed by somebody else again and again cost no rule its life.
func TestNobodyToBlame(t *testing.T) {
	test(t, nil, func(b *bundle) {
		b.start("a", "b", "c")
		for i := range 100 {
			b.current().Kill()
			time.Sleep(time.Duration(i%10) * 37 * time.Millisecond)
		}
		if log := b.logged(); strings.Contains(log, "left out") {
			t.Error(log)
		}
		time.Sleep(time.Minute)
		b.told()
		b.current().Kill()
		time.Sleep(time.Minute)
		got := strings.Fields(b.told())[1:]
		if slices.Sort(got); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("told %q", got)
		}
	})
}

func TestReplayRefused(t *testing.T) {
	test(t, nil, func(b *bundle) {
		b.start("a", "b")
		b.react("a", refuses)
		b.told()
		b.current().Kill()
		b.expect("#2 a b")
		time.Sleep(250 * time.Millisecond)
		b.expect("a")
		time.Sleep(time.Minute)
		b.react("a", nil)
		b.told()
		time.Sleep(10 * time.Second)
		b.expect("a")
		time.Sleep(time.Minute)
		b.expect("")
		b.react("a", refuses)
		b.current().Kill()
		synctest.Wait()
		b.stop("a")
		b.told()
		time.Sleep(time.Minute)
		b.expect("")
	})
}

// What ran before and is refused, or ends its worker, is tried again.
func TestStartAgain(t *testing.T) {
	for name, c := range map[string]struct {
		react       func(*fake)
		told, later string
	}{
		"refused":         {refuses, "#1 a", "a"},
		"ends the worker": {dies, "#1 a #2 a", "#3 a"},
	} {
		t.Run(name, func(t *testing.T) {
			test(t, nil, func(b *bundle) {
				b.react("a", c.react)
				again := Command{Key: "a", Start: true, Again: true, Raw: []byte("a"), Log: slog.New(slog.DiscardHandler)}
				if err := b.Do(context.Background(), again); err == nil {
					t.Error("no error")
				}
				b.expect(c.told)
				b.react("a", nil)
				time.Sleep(10 * time.Second)
				b.expect(c.later)
				b.stop("a")
				b.expect("stop-a")
			})
		})
	}
}

func TestEnd(t *testing.T) {
	t.Run("of a worker that hangs", func(t *testing.T) {
		test(t, func(b *bundle) { b.deafToEnd = true }, func(b *bundle) {
			b.start("a")
			before := time.Now()
			b.end()
			if took := time.Since(before); took != 1350*time.Millisecond || b.err != nil || b.current().lives() {
				t.Errorf("ended after %v, %v", took, b.err)
			}
		})
	})
	t.Run("while a start hangs", func(t *testing.T) {
		test(t, nil, func(b *bundle) {
			b.react("a", hangs)
			started := make(chan error, 1)
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				started <- b.Do(ctx, Command{Key: "a", Start: true, Raw: []byte("a"), Log: slog.New(slog.DiscardHandler)})
			}()
			synctest.Wait()
			cancel()
			if err := <-started; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			b.end()
			b.expect("#1 a end")
		})
	})
	t.Run("while waiting to start a worker", func(t *testing.T) {
		test(t, func(b *bundle) { b.spawning = func(int) error { return errors.New("out of processes") } }, func(b *bundle) {
			time.Sleep(30 * time.Second)
			before := time.Now()
			b.end()
			if took := time.Since(before); took > 0 || b.err != nil {
				t.Errorf("ended after %v, %v", took, b.err)
			}
		})
	})
	t.Run("for good", func(t *testing.T) {
		test(t, func(b *bundle) {
			b.spawning = func(n int) error {
				if n > 1 {
					return ErrReplaced
				}
				return nil
			}
		}, func(b *bundle) {
			b.current().Kill()
			<-b.ended
			if !errors.Is(b.err, ErrReplaced) {
				t.Error(b.err)
			}
		})
	})
}

// Commands and deaths at the same time.
func TestRace(t *testing.T) {
	test(t, nil, func(b *bundle) {
		var killing sync.WaitGroup
		done := make(chan struct{})
		killing.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(3 * time.Millisecond):
					b.mu.Lock()
					f := b.workers[len(b.workers)-1]
					b.mu.Unlock()
					f.Kill()
				}
			}
		})
		for i := range 200 {
			if err := b.command(fmt.Sprint("r", i%7), true); err != nil && !strings.Contains(err.Error(), "tried twice") {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
			if i%3 == 0 {
				b.stop(fmt.Sprint("r", i%5))
			}
		}
		close(done)
		killing.Wait()
		time.Sleep(15 * time.Minute) // longer than anything is left out
		live := map[any]bool{}
		b.Supervisor.mu.Lock()
		for _, e := range b.live {
			live[e.Key] = true
			if e.on == nil || !e.on.Process.(*fake).lives() {
				t.Errorf("%v does not run", e.Key)
			}
		}
		if len(live) != len(b.live) {
			t.Errorf("%d keys in %d starts", len(live), len(b.live))
		}
		b.Supervisor.mu.Unlock()
	})
}
