package connection

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestPace: messages are read in rounds where from 8 to 64 small ones come in a
// millisecond, or 4 KiB of larger ones; a round is no longer than the kernel has
// room for, and than mostRound, and there are none where a socket was full.
func TestPace(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	const small, large = 90, 10 << 10
	for _, c := range []struct {
		name   string
		round  time.Duration // before; 0 if there were none
		came   int
		length int // of a message, in bytes
		passed time.Duration
		want   time.Duration // what is a round then; 0 if there are none
	}{
		{"too few", 0, 31, small, 4 * ms, 0},
		{"enough", 0, 32, small, 4 * ms, 8 * ms},
		{"too short to tell", 0, 100, small, 4*ms - 1, 0},
		{"too short to tell in rounds", 8 * ms, 4, small, 8*ms - 1, 8 * ms},
		{"too short to tell, but it was full", 8 * ms, 277, small, ms, 0},
		{"they go on", 8 * ms, 64, small, 8 * ms, 8 * ms},
		{"they do not", 8 * ms, 63, small, 8 * ms, 0},
		{"many make short rounds", 0, 160, small, 4 * ms, 3 * ms},
		{"there is no room for one", 0, 250, small, 4 * ms, 0},
		{"brisk", 0, 260, 1, 4 * ms, 0},
		{"the socket was full", 2 * ms, 277, small, 5 * ms, 0},
		{"and the reader slow", 4 * ms, 277, small, 9 * ms, 0},
		{"a round was late", 8 * ms, 200, small, 33 * ms, 0},
		{"for an hour", 0, 36_000_000, small, time.Hour, 8 * ms},
		{"a large one each millisecond", 0, 4, large, 4 * ms, 6 * ms},
		{"they go on, too", 6 * ms, 6, large, 6 * ms, 6 * ms},
		{"hardly one in a round", 0, 2, 40 << 10, 4 * ms, 0},
		{"now and then", 0, 90, large, 150 * ms, 8 * ms},
		{"seldom", 0, 30, large, 150 * ms, 0},
		{"a small one each millisecond", 0, 4, 100, 4 * ms, 0},
		{"larger than there is room for", 0, 8, 60 << 10, 4 * ms, 0},
		{"a full socket of large ones", 4 * ms, 12, large, 4 * ms, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			p := pace{came: c.came, bytes: c.came * c.length, since: now.Add(-c.passed), fast: c.round > 0, round: c.round}
			if p.judge(now); p.fast != (c.want > 0) || p.round != c.want {
				t.Errorf("%d messages of %d bytes in %v: rounds of %v (%v), want %v", c.came, c.length, c.passed, p.round, p.fast, c.want)
			}
		})
	}
}

// taker counts what it gets and tells when it has so many.
type taker struct {
	t *testing.T

	mu   sync.Mutex
	got  int
	want int
	full chan struct{} // closed at that number
}

func (k *taker) Message(data []byte) { k.Messages([][]byte{data}) }

func (k *taker) TooLarge(*TooLargeError) {}

func (k *taker) Messages(batch [][]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range batch {
		if want := fmt.Sprint(k.got); string(m) != want {
			k.t.Errorf("%q came, want %s", m, want)
		}
		if k.got++; k.got == k.want {
			close(k.full)
		}
	}
}

func (k *taker) expect(n int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.want, k.full = k.got+n, make(chan struct{})
	return k.full
}

// TestNothingStaysBehind: whatever the pace was before, a message that nothing
// follows is handed over, and so is the end of the connection.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	k := &taker{t: t}
	url := address(t)
	in := inlet(t, url, 1<<20, k)
	out := NewOutlet(url)
	t.Cleanup(out.Close)
	sent := 0
	send := func(n int) {
		full := k.expect(n)
		for range n {
			var f Frames
			f.Add(fmt.Append(nil, sent))
			sent++
			if err := out.Send(&f); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-full:
		case <-time.After(patience):
			t.Fatalf("of %d messages the last did not arrive", sent)
		}
	}
	for i := range 400 {
		send(1 + i%3*200) // few and many, as fast as they go
	}
	last := k.expect(1)
	var f Frames
	f.Add(fmt.Append(nil, sent))
	if err := out.Send(&f); err != nil {
		t.Fatal(err)
	}
	out.Close()
	<-last
	if !in.Drain(drain) {
		t.Error("the end of the connection was not noticed")
	}
}

// TestClosedSourceEnds: a read that waits ends with the connection.
func TestClosedSourceEnds(t *testing.T) {
	t.Parallel()
	a, b := connected(t)
	s := inRounds(b)
	ended := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, s)
		ended <- err
	}()
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the read goes on")
	}
}

// connected returns the ends of a socket.
func connected(t *testing.T) (a, b net.Conn) {
	t.Helper()
	url := address(t)
	ln, err := listen(url)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = dial(url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if b, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}
