package sdk

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

// testSource runs what is set.
type testSource struct {
	configure func(datasource string, props map[string]any) error
	open      func(ctx api.StreamContext, rows chan<- api.SourceTuple, errs chan<- error)
	closed    atomic.Int32
}

func (s *testSource) Configure(datasource string, props map[string]interface{}) error {
	if s.configure != nil {
		return s.configure(datasource, props)
	}
	return nil
}

func (s *testSource) Open(ctx api.StreamContext, rows chan<- api.SourceTuple, errs chan<- error) {
	s.open(ctx, rows, errs)
}

func (s *testSource) Close(api.StreamContext) error { s.closed.Add(1); return nil }

// sources makes a plugin's sources: each start takes the next of the channel.
func sources(next <-chan *testSource) runtime.PluginConfig {
	return runtime.PluginConfig{Sources: map[string]runtime.NewSourceFunc{"s": func() api.Source { return <-next }}}
}

// runSource starts a plugin and its source s.
func runSource(t *testing.T, s *testSource) (*plugin, *fakehost.SourceConn) {
	t.Helper()
	next := make(chan *testSource, 1)
	next <- s
	p := runPlugin(t, sources(next), nil)
	in, err := p.OpenSource(fakehost.Source(unique("r"), "s", nil))
	if err != nil {
		t.Fatal(err)
	}
	return p, in
}

func row(n int) api.SourceTuple {
	return api.NewDefaultSourceTuple(map[string]any{"n": n}, map[string]any{"of": "row"})
}

func TestSourceRowsAndErrors(t *testing.T) {
	t.Parallel()
	datasource := make(chan string, 1)
	s := &testSource{
		configure: func(d string, _ map[string]any) error { datasource <- d; return nil },
		open: func(ctx api.StreamContext, rows chan<- api.SourceTuple, errs chan<- error) {
			rows <- row(1)
			rows <- api.NewDefaultSourceTuple(map[string]any{"n": math.NaN()}, nil)
			rows <- row(2)
			rows <- nil
			rows <- api.NewDefaultSourceTuple(nil, nil)
			rows <- api.NewDefaultSourceTuple(map[string]any{"text": "<&>\n€"}, nil)
			<-ctx.Done()
		},
	}
	next := make(chan *testSource, 2)
	next <- s
	next <- s
	p := runPlugin(t, sources(next), nil)
	c := fakehost.Source(unique("r"), "s", map[string]any{"datasource": "here"})
	in, err := p.OpenSource(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"map[n:1] map[of:row]", "error", "map[n:2] map[of:row]", "error", "map[] map[]", "map[text:<&>\n€] map[]",
	} {
		got, err := in.Read(limit)
		var said *fakehost.SourceError
		if want == "error" && errors.As(err, &said) && strings.HasPrefix(said.Text, "error: encode row") {
			continue
		}
		if text := fmt.Sprint(got.Message, " ", got.Meta); err != nil || text != want {
			t.Errorf("got %s, %v; want %s", text, err, want)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if d := <-datasource; d != "here" || s.closed.Load() != 1 {
		t.Errorf("datasource %q, closed %d times", d, s.closed.Load())
	}
	c.DataSource, c.Config = "there", nil // as 1.x sends it
	if in, err = p.OpenSource(c); err != nil {
		t.Fatal(err)
	}
	if d := <-datasource; d != "there" {
		t.Errorf("datasource %q", d)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

func TestSourceFaults(t *testing.T) {
	t.Parallel()
	next := make(chan *testSource, 1)
	p := runPlugin(t, sources(next), nil)
	c := fakehost.Source(unique("r"), "s", nil)
	open := func(s *testSource, wantText string) {
		t.Helper()
		next <- s
		in, err := p.OpenSource(c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = in.Read(limit)
		var said *fakehost.SourceError
		if (wantText == "") != (err == nil) || wantText != "" && (!errors.As(err, &said) || !strings.Contains(said.Text, wantText)) {
			t.Errorf("got %v", err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	open(&testSource{open: func(_ api.StreamContext, _ chan<- api.SourceTuple, errs chan<- error) {
		errs <- errors.New("dry well")
	}}, "dry well")
	p.logged(t, "level=ERROR", "dry well", "rule="+c.Meta.RuleID)
	open(&testSource{open: func(api.StreamContext, chan<- api.SourceTuple, chan<- error) { panic("worm in Open") }}, "worm in Open")
	p.logged(t, "level=ERROR", "worm in Open", "source_test.go")

	next <- &testSource{configure: func(string, map[string]any) error { return errors.New("no well") }}
	var refused *fakehost.RefusedError
	if _, err := p.OpenSource(c); !errors.As(err, &refused) || !strings.Contains(refused.Reply, "no well") {
		t.Errorf("got %v", err)
	}
	open(&testSource{open: func(_ api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) { rows <- row(1) }}, "")
}

// A host that reads slowly holds the source back; nothing is dropped.
func TestSourceBackPressure(t *testing.T) {
	t.Parallel()
	const n = 50_000
	var sent atomic.Int64
	s := &testSource{open: func(ctx api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) {
		for i := range n {
			select {
			case rows <- row(i):
				sent.Add(1)
			case <-ctx.Done():
				return
			}
		}
	}}
	_, in := runSource(t, s)
	last := int64(-1)
	eventually(t, "the source to be held back", func() bool {
		now := sent.Load()
		held := now > 0 && now == last
		last = now
		<-time.After(20 * time.Millisecond)
		return held
	})
	if last >= n {
		t.Errorf("%d rows handed over although nobody reads", last)
	}
	for i := range n {
		got, err := in.Read(limit)
		if err != nil || got.Message["n"] != float64(i) {
			t.Fatalf("row %d is %v, %v", i, got, err)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

// A stop ends in time whatever the source does, and what the source still
// sends does not hang it.
func TestSourceStops(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	for name, open := range map[string]func(ctx api.StreamContext, rows chan<- api.SourceTuple, errs chan<- error){
		"minds nothing": func(ctx api.StreamContext, rows chan<- api.SourceTuple, errs chan<- error) {
			for i := 0; ; i++ {
				select {
				case <-release:
					return
				default:
					rows <- row(i)
				}
			}
		},
		"says nothing": func(ctx api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) { <-release },
		"returned":     func(ctx api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) {},
	} {
		s := &testSource{open: open}
		p, in := runSource(t, s)
		began := time.Now()
		// The host need not have closed its socket.
		if err := p.Stop(in.Control); err != nil {
			t.Error(err)
		}
		took := time.Since(began)
		t.Logf("%s: stopped after %v", name, took)
		if took > stopLimit {
			t.Errorf("%s: stopped after %v", name, took)
		}
		if s.closed.Load() != 1 {
			t.Errorf("%s: closed %d times", name, s.closed.Load())
		}
		if err := in.Disconnect(); err != nil {
			t.Error(err)
		}
	}
	close(release)
}

// What the source had handed over before the stop arrives, if the host still
// reads.
func TestSourceStopSendsTheRest(t *testing.T) {
	t.Parallel()
	const n = 100
	full := make(chan struct{})
	s := &testSource{open: func(ctx api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) {
		for i := range n {
			rows <- row(i)
		}
		close(full)
		<-ctx.Done()
		rows <- row(n)
	}}
	p, in := runSource(t, s)
	<-full
	if err := p.Stop(in.Control); err != nil {
		t.Fatal(err)
	}
	for i := range n + 1 {
		if got, err := in.Read(limit); err != nil || got.Message["n"] != float64(i) {
			t.Fatalf("row %d is %v, %v", i, got, err)
		}
	}
	if err := in.Disconnect(); err != nil {
		t.Error(err)
	}
}
