package runtime

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestAckedGivesWay: before a message that the host took its time for, and not before
// one that came right after its forerunner's answer.
func TestAckedGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := time.Duration(0)
		sink := sinkFuncs{collect: func([]byte) error { time.Sleep(took); return nil }} // of the bubble
		out := answers{make(chan string, 1)}
		a, end := newTestAcked(sink, out, io.Discard)
		defer end()
		given := 0
		a.giveWay = func() { given++ }
		a.answered = time.Now()
		for i, step := range []struct {
			pause, collect time.Duration
			want           int
		}{{0, 0, 0}, {unhurried - 1, 0, 0}, {unhurried, 0, 1}, {0, time.Second, 1}, {0, 0, 1}, {time.Second, 0, 2}} {
			time.Sleep(step.pause)
			took = step.collect
			a.Message([]byte{'x', byte(i)})
			if text := <-out.got; text != "" {
				t.Errorf("message %d is answered %q", i, text)
			}
			if given != step.want {
				t.Errorf("after message %d it gave way %d times, want %d", i, given, step.want)
			}
		}
	})
}

// TestCourtesyIsHalfTheTime: as long as others took it is not their turn again; who
// took nothing is let by at once.
func TestCourtesyIsHalfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 3 * time.Millisecond
		took, given := time.Duration(0), 0
		c := courtesy{yield: func() { given++; time.Sleep(took) }} // of the bubble
		for i, step := range []struct {
			pause, took time.Duration
			want        int
		}{{0, 0, 1}, {0, 0, 2}, {0, long, 3}, {0, 0, 3}, {long - 1, 0, 3}, {1, 0, 4}, {0, 0, 5}} {
			time.Sleep(step.pause)
			took = step.took
			c.giveWay()
			if given != step.want {
				t.Errorf("step %d: it gave way %d times, want %d", i, given, step.want)
			}
		}

		took = long
		go c.giveWay()
		synctest.Wait()
		began := time.Now()
		if c.giveWay(); time.Since(began) > 0 || given != 6 {
			t.Errorf("beside one that gives way another took %v, in all %d times", time.Since(began), given)
		}
		time.Sleep(long)
	})
}
