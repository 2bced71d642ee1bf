package connection

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestPace: messages are read in rounds where from 8 to 64 come in a millisecond.
func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := pace{since: now}
	for _, step := range []struct {
		came   int
		passed time.Duration
		want   bool
		bytes  int
	}{
		{came: 15, passed: round},
		{came: 16, passed: round, want: true},
		{came: 31, passed: 2 * round},
		{came: 500, passed: 10 * round, want: true},
		{came: 2, passed: round / 10, want: true}, // too short to tell
		{came: 14, passed: round * 9 / 10, want: true},
		{passed: round},
		{came: 128, passed: round, want: true},
		{came: 129, passed: round},
		{came: 100_000_000, passed: time.Hour, bytes: 1 << 30, want: true},
		{came: 200, passed: 4*round + time.Millisecond}, // a round that was late tells nothing
		{came: 200, passed: 4*round + time.Millisecond, want: true},
		{came: 16, passed: round, bytes: 70 << 10, want: true},
		{came: 16, passed: round, bytes: 80 << 10},
	} {
		p.came += step.came
		p.bytes += step.bytes
		now = now.Add(step.passed)
		if p.judge(now); p.fast != step.want {
			t.Errorf("%d messages in %v: fast is %v", step.came, step.passed, p.fast)
		}
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
