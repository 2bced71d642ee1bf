package runtime

import (
	"io"
	"log/slog"
	"testing"

	"go.nanomsg.org/mangos/v3/protocol/push"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
)

// quick is a sink that returns at once.
type quick struct {
	sinkFuncs
	left int
	done chan struct{}
}

func newQuick(messages int) *quick {
	q := &quick{left: messages, done: make(chan struct{})}
	q.collect = func([]byte) error { q.took(1); return nil }
	return q
}

func (q *quick) took(n int) {
	if q.left -= n; q.left == 0 {
		close(q.done)
	}
}

// quickBatch takes batches too.
type quickBatch struct{ *quick }

func (q quickBatch) CollectBatch(_ api.StreamContext, messages [][]byte) (int, error) {
	q.took(len(messages))
	return len(messages), nil
}

// BenchmarkMessage takes messages of 96 bytes from a socket through the
// runtime to a sink. The sender is in the same process, and its cost counts:
// "raw" writes 100 messages at once, which is next to nothing, "mangos" is
// what a host does.
func BenchmarkMessage(b *testing.B) {
	p := &plugin{surroundings: surroundings{log: slog.New(slog.DiscardHandler), timing: usualTiming()}}
	for _, kind := range []string{"single", "batch"} {
		for _, sender := range []string{"raw", "mangos"} {
			b.Run(kind+"/"+sender, func(b *testing.B) {
				q := newQuick(b.N)
				var sink api.Sink = q
				if kind == "batch" {
					sink = quickBatch{q}
				}
				in := newIntake(p.newSink(sink, identity{}, p.log))
				defer in.end()
				url := connection.Scheme + b.TempDir() + "/s"
				inlet, err := connection.Listen(url, 1<<20, p.log, in)
				if err != nil {
					b.Fatal(err)
				}
				defer func() { inlet.Close(); inlet.Wait() }()
				b.SetBytes(96)
				b.ReportAllocs()
				b.ResetTimer()
				if sender == "raw" {
					sendRaw(b, url)
				} else {
					sendMangos(b, url)
				}
				<-q.done
			})
		}
	}
}

func sendRaw(b *testing.B, url string) {
	out := connection.NewOutlet(url)
	b.Cleanup(out.Close)
	var f connection.Frames
	for left := b.N; left > 0; left -= f.Len() {
		f.Reset()
		for range min(left, 100) {
			f.Add(make([]byte, 96))
		}
		if err := out.Send(&f); err != nil {
			b.Fatal(err)
		}
	}
}

func sendMangos(b *testing.B, url string) {
	s, err := push.NewSocket()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if err := s.Dial(url); err != nil {
		b.Fatal(err)
	}
	row := make([]byte, 96)
	for range b.N {
		if err := s.Send(row); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAckedMessage is one message with its acknowledgement, without the
// sockets: notes kept in memory, an answer that goes nowhere.
func BenchmarkAckedMessage(b *testing.B) {
	got := answers{make(chan string, 1)}
	a, end := newTestAcked(&noteKeeper{sinkFuncs: sinkFuncs{collect: func([]byte) error { return nil }}}, got, io.Discard)
	defer end()
	message := make([]byte, 96)
	b.SetBytes(96)
	b.ReportAllocs()
	for b.Loop() {
		a.Message(message)
		if text := <-got.got; text != "" {
			b.Fatal(text)
		}
	}
}

// A message that comes with others costs next to no allocation, one with an
// acknowledgement few.
func TestGatheredAndAckedAllocations(t *testing.T) {
	p := &plugin{surroundings: surroundings{log: slog.New(slog.DiscardHandler), timing: usualTiming()}}
	q := newQuick(1 << 30)
	in := newIntake(p.newSink(quickBatch{q}, identity{}, p.log)).(*gathered)
	defer in.end()
	batch := [][]byte{make([]byte, 96), make([]byte, 96), make([]byte, 96)}
	if n := testing.AllocsPerRun(1000, func() { in.Messages(batch) }); n > 3 {
		t.Errorf("%v allocations per batch", n)
	}

	got := answers{make(chan string, 1)}
	a, end := newTestAcked(&noteKeeper{sinkFuncs: sinkFuncs{collect: func([]byte) error { return nil }}}, got, io.Discard)
	defer end()
	if n := testing.AllocsPerRun(1000, func() { a.Message(batch[0]); <-got.got }); n > 8 {
		t.Errorf("%v allocations per acknowledged message", n)
	}
}
