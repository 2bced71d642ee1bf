package connection

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pull"
	"go.nanomsg.org/mangos/v3/protocol/push"
	"go.nanomsg.org/mangos/v3/protocol/rep"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
)

const patience = 20 * time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func newTestPipe(c net.Conn) *pipe { return &pipe{c, newStream(c, 1024)} }

// address returns a fresh address, short enough for a socket.
func address(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return Scheme + filepath.Join(dir, "s.ipc")
}

// recorder keeps what an inlet hands over.
type recorder struct {
	mu    sync.Mutex
	got   []string
	large []int64
	hold  chan struct{} // if set, Message waits for it
}

func (r *recorder) Message(data []byte) {
	if r.hold != nil {
		<-r.hold
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, string(data))
}

func (r *recorder) TooLarge(e *TooLargeError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.large = append(r.large, e.Size)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got) + len(r.large)
}

func inlet(t *testing.T, url string, limit int64, h Handler) *Inlet {
	t.Helper()
	in, err := Listen(url, limit, quiet, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); in.Wait() })
	return in
}

// mangosSocket returns a mangos socket that takes messages of any size.
func mangosSocket(t *testing.T, make func() (mangos.Socket, error)) mangos.Socket {
	t.Helper()
	s, err := make()
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]any{
		mangos.OptionMaxRecvSize: 0, mangos.OptionRecvDeadline: patience, mangos.OptionSendDeadline: patience,
	} {
		if err := s.SetOption(k, v); err != nil && !errors.Is(err, mangos.ErrBadOption) {
			t.Fatal(k, err)
		}
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var drain = DrainLimits{
	First: 50 * time.Millisecond, Quiet: 100 * time.Millisecond,
	Stall: patience, Usual: patience, Longer: patience,
}

func TestInletTakesEverythingFromMangos(t *testing.T) {
	t.Parallel()
	var r recorder
	url := address(t)
	in := inlet(t, url, 1<<20, &r)
	s := mangosSocket(t, push.NewSocket)
	if err := s.Dial(url); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), 3<<20)
	for i := range 2000 {
		if err := s.Send([]byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Send(big); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("end")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return r.count() == 2002 })
	_ = s.Close()
	if !in.Drain(drain) {
		t.Fatal("drain cut short")
	}
	if len(r.large) != 1 || r.large[0] != int64(len(big)) || r.got[2000] != "end" || r.got[1999] != "1999" {
		t.Fatalf("large %v, %d others, the last %q", r.large, len(r.got), r.got[len(r.got)-1])
	}
}

// What was sent before the sender closed is handled before Drain returns.
func TestDrainWaitsForTheRest(t *testing.T) {
	t.Parallel()
	r := recorder{hold: make(chan struct{})}
	url := address(t)
	in := inlet(t, url, 0, &r)
	out := NewOutlet(url)
	var f Frames
	for i := range 100 {
		f.Add([]byte(fmt.Sprint(i)))
	}
	if err := out.Send(&f); err != nil {
		t.Fatal(err)
	}
	out.Close()
	go close(r.hold)
	if !in.Drain(drain) {
		t.Fatal("drain cut short")
	}
	if r.count() != 100 {
		t.Fatalf("%d of 100 messages", r.count())
	}
}

func TestDrainEnds(t *testing.T) {
	t.Parallel()
	short := DrainLimits{
		First: time.Millisecond, Quiet: 30 * time.Millisecond,
		Stall: 60 * time.Millisecond, Usual: 60 * time.Millisecond, Longer: patience,
	}
	t.Run("nobody came", func(t *testing.T) {
		in := inlet(t, address(t), 0, &recorder{})
		if !in.Drain(short) {
			t.Error("cut short")
		}
	})
	t.Run("the sender stays but is quiet", func(t *testing.T) {
		var r recorder
		url := address(t)
		in := inlet(t, url, 0, &r)
		out := NewOutlet(url)
		defer out.Close()
		var f Frames
		f.Add([]byte("x"))
		if err := out.Send(&f); err != nil {
			t.Fatal(err)
		}
		if !in.Drain(short) || r.count() != 1 {
			t.Errorf("%d messages", r.count())
		}
	})
	t.Run("the handler is stuck", func(t *testing.T) {
		r := recorder{hold: make(chan struct{})}
		url := address(t)
		in := inlet(t, url, 0, &r)
		out := NewOutlet(url)
		var f Frames
		f.Add([]byte("x"))
		f.Add([]byte("never handed over"))
		if err := out.Send(&f); err != nil {
			t.Fatal(err)
		}
		out.Close()
		if in.Drain(short) {
			t.Error("drained")
		}
		in.Close()
		close(r.hold)
		in.Wait()
		if r.count() != 1 {
			t.Errorf("%d messages handed over, want the one at work alone", r.count())
		}
	})
	t.Run("the sender goes on", func(t *testing.T) {
		var r recorder
		url := address(t)
		in := inlet(t, url, 0, &r)
		out := NewOutlet(url)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			var f Frames
			f.Add([]byte("x"))
			for out.Send(&f) == nil {
			}
		}()
		eventually(t, func() bool { return r.count() > 0 })
		if in.Drain(short) {
			t.Error("drained")
		}
		out.Close()
		<-sent
	})
}

func TestOutletToMangos(t *testing.T) {
	t.Parallel()
	url := address(t)
	s := mangosSocket(t, pull.NewSocket)
	out := NewOutlet(url)
	var f Frames
	f.Add([]byte("first"))
	if err := out.TrySend(&f); err == nil {
		t.Fatal("sent to nobody")
	}
	if err := s.Listen(url); err != nil {
		t.Fatal(err)
	}
	if err := out.Send(&f); err != nil {
		t.Fatal(err)
	}
	f.Reset()
	for i := range 500 {
		f.Add([]byte(fmt.Sprint(i)))
	}
	if err := out.Send(&f); err != nil {
		t.Fatal(err)
	}
	out.Close() // what was sent must arrive all the same
	for i := -1; i < 500; i++ {
		want := fmt.Sprint(i)
		if i < 0 {
			want = "first"
		}
		if got, err := s.Recv(); err != nil || string(got) != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
}

func TestOutletWaitsAndComesBack(t *testing.T) {
	t.Parallel()
	url := address(t)
	out := NewOutlet(url)
	defer out.Close()
	var f Frames
	f.Add([]byte("x"))
	for range 3 {
		var r recorder
		sent := make(chan error, 1)
		go func() { sent <- out.Send(&f) }()
		in := inlet(t, url, 0, &r)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return r.count() == 1 })
		in.Close()
		in.Wait()
		eventually(t, func() bool { return out.TrySend(&f) != nil })
	}
}

// TestTrySendAfterAPause: a bound that has passed while the process stood still
// says nothing of the peer.
func TestTrySendAfterAPause(t *testing.T) {
	t.Parallel()
	url := address(t)
	var r recorder
	inlet(t, url, 0, &r)
	out := NewOutlet(url)
	defer out.Close()
	var f Frames
	f.Add([]byte("x"))
	if err := out.TrySend(&f); err != nil {
		t.Fatal(err)
	}
	out.bound = time.Now().Add(time.Hour)
	if err := out.conn.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := out.TrySend(&f); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return r.count() == 2 })
}

func TestOutletExpires(t *testing.T) {
	t.Parallel()
	url := address(t)
	out := NewOutlet(url)
	defer out.Close()
	var f Frames
	f.Add(make([]byte, 1<<20))
	done := make(chan error)
	go func() { done <- out.Send(&f) }()
	out.Expire(time.Now().Add(time.Millisecond))
	if err := <-done; err == nil {
		t.Error("sent to nobody")
	}
	r := recorder{hold: make(chan struct{})}
	inlet(t, url, 0, &r)
	var err error
	for range 8 { // more than the kernel holds
		if err = out.Send(&f); err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("blocked send: %v", err)
	}
	close(r.hold)
}

func TestRequesterWithMangos(t *testing.T) {
	t.Parallel()
	url := address(t)
	s := mangosSocket(t, rep.NewSocket)
	if err := s.Listen(url); err != nil {
		t.Fatal(err)
	}
	r := NewRequester(url, 1<<20)
	defer r.Close()
	if err := r.Dial(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, reply := range [][]byte{[]byte("one"), make([]byte, 2<<20), []byte("three")} {
			if _, err := s.Recv(); err != nil {
				return
			}
			_ = s.Send(reply)
		}
		_, _ = s.Recv()
		_ = s.Close()
	}()
	if got, err := r.Exchange([]byte("a")); err != nil || string(got) != "one" {
		t.Fatalf("got %q, %v", got, err)
	}
	var large *TooLargeError
	if _, err := r.Exchange([]byte("b")); !errors.As(err, &large) {
		t.Fatalf("got %v", err)
	}
	if got, err := r.Exchange([]byte("c")); err != nil || string(got) != "three" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := r.Exchange([]byte("d")); err == nil {
		t.Fatal("no error from a closed host")
	}
}

// A stranger on the socket must not disturb the host's own connection.
func TestInletSurvivesStrangers(t *testing.T) {
	t.Parallel()
	var r recorder
	url := address(t)
	in := inlet(t, url, 0, &r)
	for _, said := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x00SP\x00\x00\x51\x00\x00", "\x00SP\x00\x00\x50\x00\x00rubbish"} {
		c, err := dial(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, said)
		_ = c.Close()
	}
	out := NewOutlet(url)
	defer out.Close()
	var f Frames
	f.Add([]byte("x"))
	if err := out.Send(&f); err != nil {
		t.Fatal(err)
	}
	out.Close()
	if !in.Drain(drain) || r.count() != 1 {
		t.Errorf("%d messages", r.count())
	}
}

// eventually waits for cond, which something else makes true.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("not in time")
		}
	}
}

// greeted is a recorder that counts connections.
type greeted struct {
	recorder
	before int // messages when the last connection came
	times  int
}

func (g *greeted) Connected() {
	g.before = g.count()
	g.times++
}

// A handler that wants to is told of a connection before its first message.
func TestGreeter(t *testing.T) {
	t.Parallel()
	url := address(t)
	g := &greeted{}
	in := inlet(t, url, 0, g)
	for i := range 3 {
		out := NewOutlet(url)
		var f Frames
		f.Add([]byte("x"))
		if err := out.Send(&f); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return g.count() == i+1 })
		out.Close()
	}
	in.Close()
	in.Wait()
	if g.times != 3 || g.before != 2 {
		t.Errorf("told of %d connections, of the last after %d messages", g.times, g.before)
	}
}
