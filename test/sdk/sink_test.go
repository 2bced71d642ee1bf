package sdk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

func TestSinkLife(t *testing.T) {
	t.Parallel()
	opened, configured := make(chan api.StreamContext, 2), make(chan map[string]any, 1)
	s := &testSink{}
	s.configure = func(p map[string]any) error { configured <- p; return nil }
	s.open = func(ctx api.StreamContext) error { opened <- ctx; opened <- ctx; return nil }
	s.close = func(ctx api.StreamContext) error {
		if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil || (<-opened).Err() == nil {
			s.note("close: wrong contexts")
		}
		return nil
	}
	s.collect = func(ctx api.StreamContext, _ []byte) error {
		if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
			s.note("collect: wrong context")
		}
		return nil
	}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	config := map[string]any{"table": "t", "n": 1.0, "batchSize": 5.0, "nested": map[string]any{"a": []any{"b", true, nil}}}
	c := fakehost.Sink(unique("r"), "s", config)
	c.Meta.InstanceID = 3
	rule, err := p.OpenSink(c)
	if err != nil {
		t.Fatal(err)
	}
	if props := <-configured; !reflect.DeepEqual(props, config) {
		t.Errorf("configured with %v", props)
	}
	open := <-opened
	if open.GetRuleId() != c.Meta.RuleID || open.GetOpId() != "s_0" || open.GetInstanceId() != 3 || open.Err() != nil {
		t.Errorf("opened as %s %s %d", open.GetRuleId(), open.GetOpId(), open.GetInstanceId())
	}
	want := []string{"configure", "open"}
	for i := range 500 {
		want = append(want, fmt.Sprintf(`{"n":%d}`, i))
		send(t, rule, want[len(want)-1])
	}
	eventually(t, "the messages", func() bool { return len(s.seen()) == len(want) })
	if err := rule.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.seen(); !reflect.DeepEqual(got, append(want, "close")) {
		t.Errorf("saw %q", got)
	}
	if err := rule.ReadAck(10 * time.Millisecond); err == nil {
		t.Error("acknowledged although not asked to")
	}
}

// What the host had sent before it closed its socket is handed over before
// the stop is answered, also where the sink lags behind.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	slow := &testSink{collect: func(api.StreamContext, []byte) error {
		<-time.After(time.Millisecond)
		return nil
	}}
	p := runPlugin(t, sinks(func() api.Sink { return slow }), nil)
	rule := p.sink(t, "s", nil)
	const n = 400
	for i := range n {
		send(t, rule, fmt.Sprint(i))
	}
	// The host's own socket queues up to 128 messages, which its Close drops.
	eventually(t, "enough messages", func() bool { return len(slow.seen()) > n-100 })
	if err := rule.Close(); err != nil {
		t.Fatal(err)
	}
	seen := slow.seen()
	if len(seen) < n-100 || seen[len(seen)-1] != "close" {
		t.Fatalf("%d events, the last %q", len(seen), seen[len(seen)-1])
	}
	for i, e := range seen[2 : len(seen)-1] {
		if e != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, e)
		}
	}
}

func TestAcks(t *testing.T) {
	t.Parallel()
	s := &testSink{collect: func(ctx api.StreamContext, data []byte) error {
		left, ok := ctx.Deadline()
		if d := time.Until(left); !ok || d > 2500*time.Millisecond {
			return fmt.Errorf("wrong deadline %v", d)
		}
		if strings.HasPrefix(string(data), "bad") {
			return fmt.Errorf("not \"%s\"\n", data)
		}
		return nil
	}}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	for name, value := range map[string]any{"requireAck": true, "RequireACK": "true"} {
		rule := p.sink(t, "s", map[string]any{name: value})
		for i := range 300 {
			if err := rule.Collect([]byte(fmt.Sprint(i)), limit); err != nil {
				t.Fatal(err)
			}
		}
		var refused *fakehost.AckError
		if err := rule.Collect([]byte("bad <1>"), limit); !errors.As(err, &refused) || refused.Text != "not \"bad <1>\"\n" {
			t.Errorf("got %v", err)
		}
		if err := rule.Collect([]byte("good"), limit); err != nil {
			t.Error(err)
		}
		if err := rule.ReadAck(20 * time.Millisecond); !errors.Is(err, fakehost.ErrNoAck) {
			t.Errorf("one acknowledgement too many: %v", err)
		}
		if err := rule.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A host that does not read its acknowledgements, as eKuiper 1.14, gets its
// messages taken all the same.
func TestAcksThatNobodyReads(t *testing.T) {
	t.Parallel()
	s := &testSink{}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	rule := p.sink(t, "s", map[string]any{"requireAck": true})
	const n = 3000
	for i := range n {
		send(t, rule, fmt.Sprint(i))
	}
	eventually(t, "the messages", func() bool { return len(s.seen()) == 2+n })
	for i, e := range s.seen()[2:] {
		if e != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, e)
		}
	}
	p.logged(t, "level=ERROR", "does not read acknowledgements")
	if err := rule.Close(); err != nil {
		t.Error(err)
	}
}

// promised is how long an acknowledgement may take, and what a loaded machine
// may add. (The runtime's own test checks its durations against the promise.)
const promised = 3*time.Second + loaded

const loaded = 3 * time.Second

func collect(t *testing.T, rule *fakehost.SinkConn, message string) error {
	t.Helper()
	sent := time.Now()
	err := rule.Collect([]byte(message), limit)
	if took := time.Since(sent); took > promised {
		t.Errorf("%s was answered after %v", message, took)
	}
	return err
}

func TestAckInTimeOfABlockedCollect(t *testing.T) {
	t.Parallel()
	s := &testSink{collect: func(ctx api.StreamContext, _ []byte) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	rule := p.sink(t, "s", map[string]any{"requireAck": true})
	var refused *fakehost.AckError
	for range 2 {
		if err := collect(t, rule, "x"); !errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
	}
	if err := rule.Close(); err != nil {
		t.Error(err)
	}
}

// A Collect that does not mind its deadline: the host gets its answers all
// the same, and what was taken late is not taken again.
func TestLateCollect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config map[string]any
		resend string
		want   int // messages taken
	}{
		"resent":                    {map[string]any{"requireAck": true, "resendInterval": 10.0}, "same", 1},
		"resent, cache":             {map[string]any{"requireAck": true, "enableCache": true}, "same", 1},
		"another":                   {map[string]any{"requireAck": true, "enableCache": true}, "other", 2},
		"equal but no resend is on": {map[string]any{"requireAck": true}, "same", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			var working atomic.Int32
			s := &testSink{collect: func(api.StreamContext, []byte) error {
				if working.Add(1) != 1 {
					return errors.New("called at the same time")
				}
				defer working.Add(-1)
				<-release
				return nil
			}}
			p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
			rule := p.sink(t, "s", c.config)
			var refused *fakehost.AckError
			for range 2 { // too late, then still busy
				if err := collect(t, rule, "same"); !errors.As(err, &refused) {
					t.Fatalf("got %v", err)
				}
			}
			close(release)
			if err := collect(t, rule, c.resend); err != nil {
				t.Fatal(err)
			}
			if got := len(s.seen()) - 2; got != c.want {
				t.Errorf("%d messages taken, want %d", got, c.want)
			}
			if err := rule.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// stopLimit is what a stop of a stuck sink may take; the host waits 5 s.
const stopLimit = 4 * time.Second

func TestStopOfABlockedSink(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	for name, collect := range map[string]func(ctx api.StreamContext, _ []byte) error{
		"minds its context": func(ctx api.StreamContext, _ []byte) error { <-ctx.Done(); return ctx.Err() },
		"minds nothing":     func(api.StreamContext, []byte) error { <-release; return nil },
	} {
		for _, ack := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ack %t", name, ack), func(t *testing.T) {
				s := &testSink{}
				s.collect = func(ctx api.StreamContext, data []byte) error {
					s.note("begins")
					return collect(ctx, data)
				}
				p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
				rule := p.sink(t, "s", map[string]any{"requireAck": ack})
				send(t, rule, "1", "2", "3")
				eventually(t, "Collect", func() bool { return len(s.seen()) == 3 })
				began := time.Now()
				if err := rule.Close(); err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				t.Logf("stopped after %v", took)
				if took > stopLimit {
					t.Errorf("stopped after %v", took)
				}
				again, err := p.OpenSink(rule.Control)
				if err != nil {
					t.Fatalf("start after the stop: %v", err)
				}
				if err := again.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	t.Run("slow to close", func(t *testing.T) {
		s := &testSink{close: func(api.StreamContext) error { <-release; return nil }}
		p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
		rule := p.sink(t, "s", nil)
		began := time.Now()
		if err := rule.Close(); err != nil || time.Since(began) > stopLimit {
			t.Errorf("stopped after %v: %v", time.Since(began), err)
		}
		p.logged(t, "level=WARN", "Close takes longer")
	})
	close(release)
}

func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	bad := &testSink{
		collect: func(_ api.StreamContext, data []byte) error {
			if string(data) == "bad" {
				panic("worm in the message")
			}
			return nil
		},
		close: func(api.StreamContext) error { panic("worm in Close") },
	}
	good := &testSink{}
	p := runPlugin(t, runtime.PluginConfig{Sinks: map[string]runtime.NewSinkFunc{
		"bad": func() api.Sink { return bad }, "good": func() api.Sink { return good },
	}}, nil)
	other := p.sink(t, "good", map[string]any{"requireAck": true})
	for _, ack := range []bool{true, false} {
		rule := p.sink(t, "bad", map[string]any{"requireAck": ack})
		if ack {
			var refused *fakehost.AckError
			if err := rule.Collect([]byte("bad"), limit); !errors.As(err, &refused) {
				t.Errorf("got %v", err)
			}
			if err := rule.Collect([]byte("fine"), limit); err != nil {
				t.Error(err)
			}
		} else {
			send(t, rule, "bad", "fine too")
			eventually(t, "the next message", func() bool { return strings.Contains(fmt.Sprint(bad.seen()), "fine too") })
		}
		if err := rule.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := other.Collect([]byte("x"), limit); err != nil {
		t.Errorf("the other rule: %v", err)
	}
	p.logged(t, "level=ERROR", "worm in the message", "sink_test.go")
	p.logged(t, "level=ERROR", "worm in Close")
}

func TestMessageSizes(t *testing.T) {
	t.Parallel()
	var size atomic.Int64
	s := &testSink{collect: func(_ api.StreamContext, data []byte) error {
		size.Store(int64(len(data)))
		return errors.New("not kept")
	}}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	small := runPlugin(t, sinks(func() api.Sink { return s }), map[string]string{runtime.EnvMaxMessage: "1000"})
	for _, c := range []struct {
		p     *plugin
		size  int
		taken bool
	}{
		{p, 0, true},
		{p, 5 << 20, true},
		{p, 64 << 20, true},
		{p, 64<<20 + 1, false},
		{p, 70 << 20, false},
		{p, 17, true},
		{small, 1000, true},
		{small, 1001, false},
	} {
		size.Store(-1)
		rule := c.p.sink(t, "s", map[string]any{"requireAck": true})
		err := rule.Collect(make([]byte, c.size), limit)
		var refused *fakehost.AckError
		if c.taken && (!errors.As(err, &refused) || size.Load() != int64(c.size)) {
			t.Errorf("%d bytes: %v, the sink got %d", c.size, err, size.Load())
		}
		if !c.taken {
			if err != nil || size.Load() != -1 {
				t.Errorf("%d bytes: %v, the sink got %d", c.size, err, size.Load())
			}
			c.p.logged(t, "level=ERROR", "message thrown away", fmt.Sprint(c.size), "rule="+rule.Control.Meta.RuleID)
		}
		if err := rule.Collect([]byte("next"), limit); !errors.As(err, &refused) || size.Load() != 4 {
			t.Errorf("the message after %d bytes: %v", c.size, err)
		}
		if err := rule.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Errors of a rule without acknowledgements show in the log, but do not
// flood it.
func TestCollectErrorsAreLoggedSparsely(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := &testSink{collect: func(api.StreamContext, []byte) error {
		n.Add(1)
		return errors.New("full")
	}}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	rule := p.sink(t, "s", nil)
	for range 200 {
		send(t, rule, "x")
	}
	eventually(t, "the messages", func() bool { return n.Load() == 200 })
	if got := strings.Count(p.log.String(), "error=full"); got < 1 || got > 20 {
		t.Errorf("%d lines", got)
	}
}

// Nor does a sink that panics at each message, with the stacks.
func TestPanicsAreLoggedSparsely(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := &testSink{collect: func(api.StreamContext, []byte) error {
		n.Add(1)
		panic("worm in Collect")
	}}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	rule := p.sink(t, "s", nil)
	for range 200 {
		send(t, rule, "x")
	}
	eventually(t, "the messages", func() bool { return n.Load() == 200 })
	if got := strings.Count(p.log.String(), "panic contained"); got < 1 || got > 20 {
		t.Errorf("%d lines", got)
	}
}
