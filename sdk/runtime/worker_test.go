package runtime

import (
	gocontext "context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/supervisor"
)

// inProcess is a worker in the test's process, behind real pipes. It can be
// told to end; killing it closes its pipes only.
type inProcess struct {
	number  int
	toward  *io.PipeWriter
	answers chan supervisor.Message
	dead    chan struct{}
	kill    sync.Once
	killed  chan struct{}
}

func (w *inProcess) Pid() int                           { return w.number }
func (w *inProcess) Send(m supervisor.Message) error    { return supervisor.Write(w.toward, m) }
func (w *inProcess) Answers() <-chan supervisor.Message { return w.answers }
func (w *inProcess) Dead() <-chan struct{}              { return w.dead }
func (w *inProcess) Fate() string                       { return "exit status 7" }
func (w *inProcess) Killed() bool                       { return false }
func (w *inProcess) Kill() {
	w.kill.Do(func() { close(w.killed); _ = w.toward.Close() })
}

// startInProcess runs work as a worker process would.
func startInProcess(number int, conf *PluginConfig, s surroundings) *inProcess {
	orders, toward := io.Pipe()
	from, answers := io.Pipe()
	w := &inProcess{
		number: number, toward: toward, answers: make(chan supervisor.Message, 1),
		dead: make(chan struct{}), killed: make(chan struct{}),
	}
	go func() {
		left := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			work(conf, s, orders, answers, func() { close(left) })
		}()
		select {
		case <-ended:
		case <-left:
		}
		_ = answers.Close()
		_ = toward.Close()
	}()
	go func() {
		defer close(w.dead)
		for {
			m, err := supervisor.Read(from)
			if err != nil {
				return
			}
			w.answers <- m
		}
	}()
	return w
}

// A refusal reaches the host with its reason, and what the supervisor refuses
// itself leaves the rule id usable.
func TestSupervisedRefusals(t *testing.T) {
	t.Parallel()
	log := &lines{}
	s := surroundings{
		log: slog.New(slog.NewTextHandler(log, nil)), getenv: func(string) string { return "" },
		parent: &fakeParent{}, timing: usualTiming(),
	}
	freed := 0
	possible := true
	s.unblock = func(identity) bool { freed++; return possible }
	die := false
	conf := PluginConfig{Name: testName(), Sinks: map[string]NewSinkFunc{"s": func() api.Sink { return sinkFuncs{open: func() error { return nil }} }}}
	number := 0
	spawn := func() (supervisor.Process, error) {
		number++
		if die {
			return doomed{make(chan struct{}), &sync.Once{}}, nil
		}
		return startInProcess(number, &conf, s), nil
	}
	v := newSupervised(s, spawn, func(err error) { t.Error(err) })
	defer v.end()
	command := func(verb, symbol string) string {
		arg := fmt.Sprintf(`{"symbolName":%q,"meta":{"ruleId":%q,"opId":"o"},"pluginType":"sink","config":{"password":"not-to-be-seen"}}`, symbol, conf.Name)
		return string(reply(v.handle(gocontext.Background(), fmt.Appendf(nil, `{"cmd":%q,"arg":%q}`, verb, arg))))
	}
	for _, c := range []struct{ verb, symbol, want string }{
		{"start", "s", "ok"},
		{"start", "absent", `error: no sink "absent" in this plugin`},
		{"stop", "absent", "ok"},
		{"dance", "s", `error: unknown command "dance"`},
	} {
		if got := command(c.verb, c.symbol); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.verb, c.symbol, got, c.want)
		}
	}
	if freed != 1 {
		t.Errorf("the worker has freed the id %d times", freed)
	}
	v.end()
	die = true
	v = newSupervised(s, spawn, func(err error) { t.Error(err) })
	defer v.end()
	if got := command("start", "s"); !strings.HasPrefix(got, "error: start s: at this start, tried twice, the worker ended: exit status 7") || freed != 2 {
		t.Errorf("got %q, freed %d times", got, freed)
	}
	possible = false
	if got := command("start", "s"); got != "ok" || !strings.Contains(log.String(), "could not start this rule again") {
		t.Errorf("got %q", got)
	}
	if strings.Contains(log.String(), "not-to-be-seen") {
		t.Error(log.String())
	}
}

// doomed dies at its first order.
type doomed struct {
	dead chan struct{}
	once *sync.Once
}

func (doomed) Pid() int                           { return 0 }
func (d doomed) Send(supervisor.Message) error    { d.Kill(); return nil }
func (doomed) Answers() <-chan supervisor.Message { return nil }
func (d doomed) Dead() <-chan struct{}            { return d.dead }
func (doomed) Fate() string                       { return "exit status 7" }
func (doomed) Killed() bool                       { return false }
func (d doomed) Kill()                            { d.once.Do(func() { close(d.dead) }) }

// The worker ends in order when it is told to, and leaves at once when its
// supervisor is gone, whatever it is doing.
func TestWorkerEnds(t *testing.T) {
	t.Parallel()
	stuck, collecting := make(chan struct{}), make(chan struct{}, 1)
	var closed sync.WaitGroup
	conf := PluginConfig{Name: testName(), Sinks: map[string]NewSinkFunc{"s": func() api.Sink {
		closed.Add(1)
		return closing{sinkFuncs{open: func() error { return nil }, collect: func([]byte) error { collecting <- struct{}{}; <-stuck; return nil }}, &closed}
	}}}
	s := surroundings{
		log: slog.New(slog.DiscardHandler), getenv: func(string) string { return "" },
		timing: usualTiming(), unblock: removeAckSocket,
	}
	start := func(w *inProcess) {
		arg := fmt.Sprintf(`{"symbolName":"s","meta":{"ruleId":%q,"opId":"o"},"pluginType":"sink"}`, conf.Name)
		if err := w.Send(supervisor.Message{Kind: supervisor.Order, Body: fmt.Appendf(nil, `{"cmd":"start","arg":%q}`, arg)}); err != nil {
			t.Fatal(err)
		}
		if m := <-w.Answers(); m.Kind != supervisor.Done {
			t.Fatalf("%c %s", m.Kind, m.Body)
		}
	}
	told := startInProcess(1, &conf, s)
	start(told)
	if err := told.Send(supervisor.Message{Kind: supervisor.End}); err != nil {
		t.Fatal(err)
	}
	within(patient, told.Dead())
	closed.Wait()

	alone := startInProcess(2, &conf, s)
	start(alone)
	out := connection.NewOutlet(connection.DataURL(conf.Name, "o", 0))
	defer out.Close()
	var f connection.Frames
	f.Add([]byte("x"))
	if err := out.Send(&f); err != nil {
		t.Fatal(err)
	}
	<-collecting
	began := time.Now()
	alone.Kill()
	if !within(patient, alone.Dead()) {
		t.Fatal("stays")
	}
	t.Logf("left after %v", time.Since(began))
	close(stuck)
}

type closing struct {
	sinkFuncs
	closed *sync.WaitGroup
}

func (c closing) Close(api.StreamContext) error {
	c.closed.Done()
	return errors.New("closed")
}
