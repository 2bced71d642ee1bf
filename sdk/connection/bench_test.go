package connection

import (
	"testing"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pull"
	"go.nanomsg.org/mangos/v3/protocol/push"
)

type counting struct {
	left int
	done chan struct{}
}

func (c *counting) Message([]byte) {
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

func (*counting) TooLarge(*TooLargeError) {}

// BenchmarkInlet receives what an Outlet sends in batches; the sender's cost
// is small beside the receiver's.
func BenchmarkInlet(b *testing.B) {
	url := benchAddress(b)
	c := &counting{left: b.N, done: make(chan struct{})}
	in, err := Listen(url, 1<<20, quiet, c)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { in.Close(); in.Wait() }()
	out := NewOutlet(url)
	defer out.Close()
	b.ReportAllocs()
	feed(b, out)
	<-c.done
}

// BenchmarkMangosPull is the same with mangos' own PULL socket, to compare.
func BenchmarkMangosPull(b *testing.B) {
	url := benchAddress(b)
	s, err := pull.NewSocket()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Listen(url); err != nil {
		b.Fatal(err)
	}
	out := NewOutlet(url)
	defer out.Close()
	b.ReportAllocs()
	go feed(b, out)
	for range b.N {
		if _, err := s.Recv(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInletFromMangos receives from the socket that a host sends with.
func BenchmarkInletFromMangos(b *testing.B) {
	url := benchAddress(b)
	c := &counting{left: b.N, done: make(chan struct{})}
	in, err := Listen(url, 1<<20, quiet, c)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { in.Close(); in.Wait() }()
	s, err := push.NewSocket()
	if err != nil {
		b.Fatal(err)
	}
	defer func(s mangos.Socket) { _ = s.Close() }(s)
	if err := s.Dial(url); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	row := make([]byte, 96)
	for range b.N {
		if err := s.Send(row); err != nil {
			b.Fatal(err)
		}
	}
	<-c.done
}

func feed(b *testing.B, out *Outlet) {
	row := make([]byte, 96)
	var f Frames
	for sent := 0; sent < b.N; {
		f.Reset()
		for ; sent < b.N && f.Len() < 100; sent++ {
			f.Add(row)
		}
		if err := out.Send(&f); err != nil {
			b.Error(err)
			return
		}
	}
}

func benchAddress(b *testing.B) string { return Scheme + b.TempDir() + "/s" }
