package sdk

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// A start that is refused leaves the rule id usable.
func TestRefusedStart(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(s *testSink){
		"configure": func(s *testSink) {
			s.configure = func(map[string]any) error { return errors.New("has no table\nat all") }
		},
		"open": func(s *testSink) {
			s.open = func(api.StreamContext) error { return errors.New("has no table\nat all") }
		},
		"panic in configure": func(s *testSink) { s.configure = func(map[string]any) error { panic("has no table\nat all") } },
		"panic in open":      func(s *testSink) { s.open = func(api.StreamContext) error { panic("has no table\nat all") } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse, good := &testSink{}, &testSink{}
			bad(refuse)
			next := make(chan *testSink, 2)
			next <- refuse
			next <- good
			p := runPlugin(t, sinks(func() api.Sink { return <-next }), nil)
			c := fakehost.Sink(unique("r"), "s", map[string]any{"requireAck": true})
			var refused *fakehost.RefusedError
			_, err := p.OpenSink(c)
			if !errors.As(err, &refused) || !strings.Contains(refused.Reply, "has no table at all") || strings.HasPrefix(refused.Reply, "h") {
				t.Fatalf("got %v", err)
			}
			p.logged(t, "level=ERROR", "start refused", "has no table", "rule="+c.Meta.RuleID)
			events := strings.Join(refuse.seen(), " ")
			if want := "configure"; strings.Contains(name, "configure") && events != want {
				t.Errorf("events: %s", events)
			}
			if want := "configure open close"; strings.Contains(name, "open") && events != want {
				t.Errorf("events: %s", events)
			}
			rule, err := p.OpenSink(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := rule.Collect([]byte("x"), limit); err != nil {
				t.Error(err)
			}
			if err := rule.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Hosts of the first line leak a socket at each stop; their rules start again
// all the same.
func TestStopOfALeakingHost(t *testing.T) {
	t.Parallel()
	p := runPlugin(t, sinks(func() api.Sink { return &testSink{} }), nil)
	c := fakehost.Sink(unique("r"), "s", nil)
	for range 3 {
		rule, err := p.OpenSink(c)
		if err != nil {
			t.Fatal(err)
		}
		send(t, rule, "x")
		if err := rule.CloseLeaking(); err != nil {
			t.Fatal(err)
		}
	}
	// Another listener that has taken the name meanwhile is left alone.
	rule, err := p.OpenSink(fakehost.Sink(c.Meta.RuleID, "s", map[string]any{"requireAck": true}))
	if err != nil {
		t.Fatal(err)
	}
	if err := rule.Disconnect(); err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf("/tmp/%s_%s_0_ack.ipc", c.Meta.RuleID, c.Meta.OpID)
	next, err := net.Listen("unix", file)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if err := p.Stop(rule.Control); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the next listener's file: %v", err)
	}
}

func TestSecondStartReplaces(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var made []*testSink
	p := runPlugin(t, sinks(func() api.Sink {
		mu.Lock()
		defer mu.Unlock()
		if n := len(made); n > 0 {
			if seen := made[n-1].seen(); seen[len(seen)-1] != "close" {
				made[n-1].note("replaced before it was closed")
			}
		}
		made = append(made, &testSink{})
		return made[len(made)-1]
	}), nil)
	rule := p.sink(t, "s", map[string]any{"requireAck": true})
	for i := range 3 {
		if err := rule.Collect([]byte(fmt.Sprint(i)), limit); err != nil {
			t.Fatal(err)
		}
		if err := p.Start(rule.Control); err != nil {
			t.Fatal(err)
		}
	}
	if err := rule.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(rule.Control); err != nil {
		t.Errorf("second stop: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, s := range made {
		want := []string{"configure", "open", fmt.Sprint(i), "close"}
		if i == 3 {
			want = []string{"configure", "open", "close"}
		}
		if got := s.seen(); !reflect.DeepEqual(got, want) {
			t.Errorf("instance %d: %q", i, got)
		}
	}
}
