package runtime

import (
	gocontext "context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pull"
	"go.nanomsg.org/mangos/v3/protocol/push"
	"go.nanomsg.org/mangos/v3/protocol/rep"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
	"go.uber.org/goleak"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/context"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patient = 20 * time.Second

type fakeParent struct{ hidden, dead atomic.Bool }

func (p *fakeParent) known() bool { return !p.hidden.Load() }
func (p *fakeParent) gone() bool  { return p.dead.Load() }

func (*fakeParent) await(gocontext.Context) {}

// harness is a run with a control socket under the test's hand.
type harness struct {
	name   string
	sock   mangos.Socket
	parent *fakeParent
	code   chan int
	log    *lines
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var serial atomic.Int64

func testName() string { return fmt.Sprintf("u%d_%d", os.Getpid(), serial.Add(1)) }

func newHarness(t *testing.T, conf PluginConfig, change func(*surroundings)) *harness {
	t.Helper()
	conf.Name = testName()
	h := &harness{name: conf.Name, parent: &fakeParent{}, code: make(chan int, 1), log: &lines{}}
	h.sock = testSocket(t, rep.NewSocket)
	if err := h.sock.Listen(connection.ControlURL(h.name)); err != nil {
		t.Fatal(err)
	}
	s := surroundings{
		log: slog.New(slog.NewTextHandler(h.log, nil)), getenv: func(string) string { return "" },
		parent: h.parent, timing: usualTiming(), unblock: removeAckSocket,
	}
	if change != nil {
		change(&s)
	}
	ctx, cancel := gocontext.WithCancel(gocontext.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.code <- run(ctx, &conf, s)
	}()
	t.Cleanup(func() { cancel(); <-ended; _ = h.sock.Close() })
	if hello, err := h.sock.Recv(); err != nil || string(hello) != "handshake" {
		t.Fatalf("%q, %v", hello, err)
	}
	return h
}

func testSocket(t *testing.T, make func() (mangos.Socket, error)) mangos.Socket {
	t.Helper()
	s, err := make()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetOption(mangos.OptionRecvDeadline, patient); err != nil && !errors.Is(err, mangos.ErrBadOption) {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (h *harness) command(t *testing.T, verb string, id identity, config string) string {
	t.Helper()
	arg := fmt.Sprintf(`{"symbolName":%q,"meta":{"ruleId":%q,"opId":%q,"instanceId":%d},"pluginType":%q,"config":%s}`,
		id.symbol, id.rule, id.op, id.instance, id.kind, config)
	if err := h.sock.Send(fmt.Appendf(nil, `{"cmd":%q,"arg":%q}`, verb, arg)); err != nil {
		t.Fatal(err)
	}
	reply, err := h.sock.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}

func (h *harness) ends(t *testing.T, reason string) {
	t.Helper()
	began := time.Now()
	select {
	case code := <-h.code:
		if code != ExitOK || !strings.Contains(h.log.String(), reason) {
			t.Errorf("exit code %d: %s", code, h.log)
		}
		t.Logf("ended after %v", time.Since(began))
	case <-time.After(patient):
		t.Fatal("runs on")
	}
}

func TestParentEnds(t *testing.T) {
	t.Parallel()
	h := newHarness(t, PluginConfig{}, nil)
	h.parent.dead.Store(true)
	h.ends(t, errHostGone.Error())
}

// Where the parent cannot be seen, the control socket tells.
func TestHiddenParentEnds(t *testing.T) {
	t.Parallel()
	h := newHarness(t, PluginConfig{}, func(s *surroundings) {
		s.parent.(*fakeParent).hidden.Store(true)
	})
	_ = h.sock.Close()
	h.ends(t, errHostLost.Error())
}

// A symbol that does not return from Open must not keep the plugin alive
// when the host has gone.
func TestHostGoneDuringOpen(t *testing.T) {
	t.Parallel()
	stuck, opening := make(chan struct{}), make(chan struct{})
	h := newHarness(t, PluginConfig{Sinks: map[string]NewSinkFunc{"s": func() api.Sink {
		return sinkFuncs{open: func() error { close(opening); <-stuck; return errors.New("given up") }}
	}}}, func(s *surroundings) { s.timing.end = 50 * time.Millisecond })
	defer close(stuck)
	id := identity{kindSink, "s", testName(), "o", 0}
	arg := fmt.Sprintf(`{"symbolName":"s","meta":{"ruleId":%q,"opId":"o"},"pluginType":"sink"}`, id.rule)
	if err := h.sock.Send(fmt.Appendf(nil, `{"cmd":"start","arg":%q}`, arg)); err != nil {
		t.Fatal(err)
	}
	<-opening
	h.parent.dead.Store(true)
	h.ends(t, "a command does not return")
}

// Where a refused start cannot be cleaned up after, the rule starts and its
// messages are refused.
func TestRefusalWithoutRemedy(t *testing.T) {
	t.Parallel()
	h := newHarness(t, PluginConfig{}, func(s *surroundings) { s.unblock = func(identity) bool { return false } })
	id := identity{kindSink, "absent", testName(), "o", 0}
	acks := testSocket(t, pull.NewSocket)
	if err := acks.Listen(connection.AckURL(id.rule, id.op, 0)); err != nil {
		t.Fatal(err)
	}
	if got := h.command(t, "start", id, `{"requireAck":true}`); got != "ok" {
		t.Fatalf("answered %q", got)
	}
	data := testSocket(t, push.NewSocket)
	if err := data.Dial(connection.DataURL(id.rule, id.op, 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := data.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if ack, err := acks.Recv(); err != nil || !strings.Contains(string(ack), `no sink \"absent\"`) {
			t.Errorf("acknowledged with %s, %v", ack, err)
		}
	}
	if got := h.command(t, "stop", id, `{}`); got != "ok" {
		t.Errorf("answered %q", got)
	}
	if log := h.log.String(); !strings.Contains(log, "level=ERROR msg=\"start refused") {
		t.Error(log)
	}
}

type sinkFuncs struct {
	open    func() error
	collect func([]byte) error
}

func (sinkFuncs) Configure(map[string]interface{}) error { return nil }
func (s sinkFuncs) Open(api.StreamContext) error         { return s.open() }
func (sinkFuncs) Close(api.StreamContext) error          { return nil }
func (s sinkFuncs) Collect(_ api.StreamContext, data interface{}) error {
	return s.collect(data.([]byte))
}

type echo struct{}

func (echo) Validate([]interface{}) error { return nil }
func (echo) IsAggregate() bool            { return false }
func (echo) Exec(args []interface{}, _ api.FunctionContext) (interface{}, bool) {
	return args, true
}

func testFunction(testing.TB) *functionRun {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return &functionRun{log: log, function: echo{}, base: context.New(gocontext.Background(), log)}
}

// The durations keep the promises made to the host and to plugins.
func TestTiming(t *testing.T) {
	u := usualTiming()
	for promise, c := range map[string]struct{ got, most time.Duration }{
		"a Collect's deadline comes before its answer": {u.collect, u.answer - 100*time.Millisecond},
		"every message is answered within 3 s":         {u.answer, 2900 * time.Millisecond},
		"also one held back, at the usual interval":    {usualResend + u.resendSlack, 2900 * time.Millisecond},
		"the plugin ends within 2 s of its host":       {2*u.parentPoll + u.end, 1800 * time.Millisecond},
		"so where the parent is hidden":                {u.hostMissing + u.redial + u.drain.Stall, 1800 * time.Millisecond},
		"a stop is answered before the host gives up":  {u.stopAnswered(), 4900 * time.Millisecond},
		"no stop in order is taken for a hang":         {u.drain.Longer + u.close, u.stopAnswered() - 500*time.Millisecond},
		"a worker's end in order is not cut short":     {u.end + u.parentPoll, u.workerEnd() - 50*time.Millisecond},
		"supervisor and worker end with their host":    {u.parentPoll + (&supervised{surroundings: surroundings{timing: u}}).patience(), 1900 * time.Millisecond},
		"a blocked sink stops in about a second":       {u.drain.Stall + u.close, 1200 * time.Millisecond},
	} {
		if c.got > c.most {
			t.Errorf("%s: %v, may be %v", promise, c.got, c.most)
		}
	}
}

// A message on its way through the runtime costs few allocations.
func TestMessageAllocations(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := &plugin{surroundings: surroundings{log: log, timing: usualTiming()}}
	got := make(chan int)
	r := p.newSink(sinkFuncs{collect: func(b []byte) error { got <- len(b); return nil }}, identity{}, log)
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	url := connection.Scheme + dir + "/s"
	in := newUnacked(r)
	defer in.end()
	inlet, err := connection.Listen(url, 1<<20, log, in)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { inlet.Close(); inlet.Wait() }()
	out := connection.NewOutlet(url)
	defer out.Close()
	var f connection.Frames
	f.Add(make([]byte, 96))
	once := func() {
		if err := out.Send(&f); err != nil {
			t.Error(err)
		}
		<-got
	}
	once()
	// The message's own memory, its way into an interface, and the call.
	if n := testing.AllocsPerRun(1000, once); n > 5 {
		t.Errorf("%v allocations per message", n)
	}
}
