package connection

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// choppy gives what it reads in pieces of any size.
type choppy struct {
	r   io.Reader
	rng *rand.Rand
	max int
}

func (c choppy) Read(b []byte) (int, error) {
	return c.r.Read(b[:min(len(b), 1+c.rng.IntN(c.max))])
}

// What was handed out stays as it is, whatever comes after it and in whatever
// pieces; nothing is missing, doubled or out of order.
func TestStreamNeverWritesWhatItHandedOut(t *testing.T) {
	const size, limit = 1024, 3000
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var f Frames
		var want [][]byte
		for range 1 + rng.IntN(200) {
			m := make([]byte, []int{rng.IntN(40), rng.IntN(300), rng.IntN(2 * limit)}[rng.IntN(3)])
			for i := range m {
				m[i] = byte(rng.Uint32())
			}
			f.Add(m)
			want = append(want, m)
		}
		s := newStream(choppy{bytes.NewReader(f.buf), rng, 1 + rng.IntN(2*size)}, size)
		var got [][]byte
		for {
			n, err := s.begin()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("seed %d: message %d: %v", seed, len(got), err)
			}
			data, err := s.body(n, limit)
			if large := new(*TooLargeError); errors.As(err, large) {
				data = nil
			} else if err != nil {
				t.Fatalf("seed %d: message %d: %v", seed, len(got), err)
			}
			for ok := true; ok; data, ok = s.another(limit) {
				_ = append(data, "overwritten?"...) // its capacity must end with it
				got = append(got, data)
			}
		}
		for i, m := range want {
			if len(m) > limit {
				want[i] = nil
			}
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("seed %d: %d messages differ from the %d that were sent", seed, len(got), len(want))
		}
	}
}

// skipOver takes so many messages.
func skipOver(t *testing.T, s *stream, messages int) {
	t.Helper()
	for range messages {
		size, err := s.begin()
		if err == nil {
			_, err = s.body(size, 1<<20)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Small messages share their memory: many cost one allocation.
func TestStreamAllocations(t *testing.T) {
	const perRun = 1000
	var f Frames
	for range perRun {
		f.Add(make([]byte, 96))
	}
	r := bytes.NewReader(nil)
	s := newStream(r, inletBuffer)
	if n := testing.AllocsPerRun(20, func() {
		r.Reset(f.buf)
		skipOver(t, &s, perRun)
	}); n > 5 {
		t.Errorf("%v allocations for %d messages", n, perRun)
	}
}

// Where more comes at once than a buffer holds one read takes it before long,
// and where little comes again buffers are small again.
func TestStreamBuffersFollow(t *testing.T) {
	const least = 1024
	for _, step := range []struct {
		name           string
		message, burst int // bytes; messages that come at once
		reads          int // that the last burst may take
		size           int // of a buffer in the end
	}{
		{"little", 90, 3, 2, least},
		{"more than a buffer", 90, 35, 3, growth * least},
		{"far more than a buffer may have", 90, 500, 50, growth * least},
		{"messages of a third of a buffer", 340, 5, 3, growth * least},
		{"messages of two thirds of a buffer", 700, 5, 6, growth * least},
	} {
		t.Run(step.name, func(t *testing.T) {
			var f Frames
			for range step.burst {
				f.Add(make([]byte, step.message))
			}
			r := bytes.NewReader(nil)
			source := &counted{r: r}
			s := newStream(source, least)
			take := func(data []byte, messages int) {
				r.Reset(data)
				source.reads = 0
				skipOver(t, &s, messages)
			}
			for range 100 {
				take(f.buf, step.burst)
			}
			if source.reads > step.reads || s.size != step.size {
				t.Errorf("%d reads for a burst, want %d at most; a buffer has %d bytes, want %d", source.reads, step.reads, s.size, step.size)
			}
			var one Frames
			one.Add(make([]byte, 90))
			for range 1000 {
				take(one.buf, 1)
			}
			if s.size != least {
				t.Errorf("a buffer has %d bytes after small reads, want %d", s.size, least)
			}
		})
	}
}

// counted counts the reads.
type counted struct {
	r     io.Reader
	reads int
}

func (c *counted) Read(b []byte) (int, error) {
	c.reads++
	return c.r.Read(b)
}

// A source that fails, or gives nothing, ends the reading; a byte that came
// with the error does not get lost.
func TestStreamFailures(t *testing.T) {
	var f Frames
	f.Add([]byte("x"))
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		source io.Reader
		want   error
	}{
		"error after a message": {io.MultiReader(bytes.NewReader(f.buf), iotest.ErrReader(broken)), broken},
		"end with the data":     {iotest.DataErrReader(bytes.NewReader(f.buf)), io.EOF},
		"nothing for ever":      {io.MultiReader(bytes.NewReader(f.buf), nothing{}), io.ErrNoProgress},
	} {
		s := newStream(c.source, 64)
		size, err := s.begin()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if data, err := s.body(size, 0); err != nil || string(data) != "x" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
		if _, err := s.begin(); !errors.Is(err, c.want) {
			t.Errorf("%s: then %v, want %v", name, err, c.want)
		}
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// gatherer keeps messages by the call that brought them.
type gatherer struct {
	recorder
	calls [][]string
}

func (g *gatherer) Messages(batch [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var call []string
	for _, m := range batch {
		call = append(call, string(m))
		g.got = append(g.got, string(m))
	}
	g.calls = append(g.calls, call)
}

// A handler that gathers gets at once what has come while it was at work, up
// to a message that is too large, which is told of in its place.
func TestGatherer(t *testing.T) {
	t.Parallel()
	url := address(t)
	g := &gatherer{}
	in := inlet(t, url, 1000, g)
	if !in.Hold(patience) {
		t.Fatal("held by somebody")
	}
	out := NewOutlet(url)
	defer out.Close()
	var f Frames
	for _, m := range []string{"a", "b", "c", strings.Repeat("x", 1001), "d", "e"} {
		f.Add([]byte(m))
	}
	if err := out.Send(&f); err != nil { // one write: it comes as one
		t.Fatal(err)
	}
	out.Close()
	in.Resume(g)
	if !in.Drain(drain) {
		t.Error("not drained")
	}
	if got := strings.Join(g.got, ""); got != "abcde" || len(g.large) != 1 {
		t.Errorf("got %q and %d too large", got, len(g.large))
	}
	if !slices.EqualFunc(g.calls, [][]string{{"a", "b", "c"}, {"d", "e"}}, slices.Equal) {
		t.Errorf("in calls of %q", g.calls)
	}
	if n := in.steps.Load(); n != 2*6 { // a message that came with others counts as one too
		t.Errorf("%d steps", n)
	}
}
