// Package sdk tests the plugin runtime from outside, through the mock host
// and real sockets.
package sdk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

func TestMain(m *testing.M) {
	if os.Getenv(hostChildEnv) != "" {
		hostChild()
		return
	}
	goleak.VerifyTestMain(m)
}

// limit is how long anything may take that has no promised time.
const limit = 30 * time.Second

var serial atomic.Int64

// unique returns a name that no other test, nor another run at the same time,
// uses for its sockets.
func unique(prefix string) string {
	return fmt.Sprintf("%s%d_%d", prefix, os.Getpid(), serial.Add(1))
}

// logBuffer is a plugin's log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// plugin is a runtime that runs in the test's process, with its host.
type plugin struct {
	*fakehost.Host
	name string
	log  *logBuffer
	end  context.CancelFunc
	code chan int
}

// runPlugin starts a plugin and its host; both end with the test.
func runPlugin(t *testing.T, conf runtime.PluginConfig, env map[string]string) *plugin {
	t.Helper()
	conf.Name = unique("p")
	host, err := fakehost.New(conf.Name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &plugin{Host: host, name: conf.Name, log: &logBuffer{}, end: cancel, code: make(chan int, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.code <- runtime.Run(ctx, []string{"plugin", fakehost.HostArgument}, &conf, runtime.Options{
			Stderr: p.log, Getenv: func(k string) string { return env[k] },
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = p.Host.Close()
		if t.Failed() {
			t.Logf("the plugin's log:\n%s", p.log)
		}
	})
	if err := host.WaitPlugin(); err != nil {
		t.Fatal(err)
	}
	return p
}

// sink starts a sink of a new rule; the rule ends with the test.
func (p *plugin) sink(t *testing.T, symbol string, config map[string]any) *fakehost.SinkConn {
	t.Helper()
	s, err := p.OpenSink(fakehost.Sink(unique("r"), symbol, config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Disconnect() })
	return s
}

func send(t *testing.T, s *fakehost.SinkConn, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if err := s.Send([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// sinks makes a plugin's sinks of one maker.
func sinks(make func() api.Sink) runtime.PluginConfig {
	return runtime.PluginConfig{Sinks: map[string]runtime.NewSinkFunc{"s": make}}
}

// testSink calls what is set and writes down what happens.
type testSink struct {
	configure func(props map[string]any) error
	open      func(ctx api.StreamContext) error
	collect   func(ctx api.StreamContext, data []byte) error
	close     func(ctx api.StreamContext) error

	mu     sync.Mutex
	events []string
}

func (s *testSink) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf(format, args...))
}

// seen returns the events so far.
func (s *testSink) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.events...)
}

func (s *testSink) Configure(props map[string]interface{}) error {
	s.note("configure")
	if s.configure != nil {
		return s.configure(props)
	}
	return nil
}

func (s *testSink) Open(ctx api.StreamContext) error {
	s.note("open")
	if s.open != nil {
		return s.open(ctx)
	}
	return nil
}

func (s *testSink) Collect(ctx api.StreamContext, data interface{}) error {
	if s.collect != nil {
		if err := s.collect(ctx, data.([]byte)); err != nil {
			return err
		}
	}
	s.note("%s", data)
	return nil
}

func (s *testSink) Close(ctx api.StreamContext) error {
	s.note("close")
	if s.close != nil {
		return s.close(ctx)
	}
	return nil
}

// eventually waits for cond, which something else makes true.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// logged waits for a log line that holds all the words.
func (p *plugin) logged(t *testing.T, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("a log line with %q", words), func() bool {
		for line := range strings.Lines(p.log.String()) {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				return true
			}
		}
		return false
	})
}
