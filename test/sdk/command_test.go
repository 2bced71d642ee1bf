package sdk

import (
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	s := &testSink{}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	unknown := fakehost.Sink("nobody", "s", nil)
	for _, c := range []struct{ raw, want string }{
		{`{}`, `error: unknown command ""`},
		{`{"cmd":"handshake"}`, `error: unknown command "handshake"`},
		{`rubbish`, "error: command is not JSON"},
		{`["start"]`, "error: command is not JSON"},
		{`{"cmd":"start","arg":"h"}`, "error: argument of start"},
		{`{"cmd":"start","arg":"{\"symbolName\":\"s\"}"}`, `error: unknown plugin type ""`},
		{`{"cmd":"start","arg":"{\"pluginType\":\"sink\"}"}`, "error: no symbol name"},
		{order("start", fakehost.Sink("r", "absent", nil)), `error: no sink "absent"`},
		{order("start", fakehost.Source("r", "absent", nil)), `error: no source "absent"`},
		{order("start", fakehost.Func("absent")), `error: no function "absent"`},
		{order("stop", unknown), "ok"},
		{order("stop", fakehost.Source("nobody", "absent", nil)), "ok"},
		{order("stop", fakehost.Func("absent")), "ok"},
	} {
		got, err := p.Send([]byte(c.raw))
		if err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: answered %q, %v; want %q", c.raw, got, err, c.want)
		}
	}
	rule := p.sink(t, "s", map[string]any{"requireAck": true})
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Errorf("after that, a rule: %v", err)
	}
	if err := rule.Close(); err != nil {
		t.Error(err)
	}
}

func order(verb string, c fakehost.Control) string {
	raw, err := fakehost.Command(verb, c)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// A command that is answered after a minute of quiet must not be paired with
// the answer to an earlier one: the usual REQ socket repeats its last request
// after a minute.
func TestCommandsPairAfterQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 70 s of waiting; leave out -short to run it")
	}
	t.Parallel()
	s := &testSink{}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	rule := p.sink(t, "s", map[string]any{"requireAck": true})
	<-time.After(70 * time.Second)
	for i := range 4 {
		absent := fakehost.Sink(unique("r"), "absent", nil)
		if err := p.Start(absent); err == nil {
			t.Errorf("round %d: the start of an absent sink is answered ok", i)
		}
		other := p.sink(t, "s", map[string]any{"requireAck": true})
		if err := other.Collect([]byte("x"), limit); err != nil {
			t.Errorf("round %d: %v", i, err)
		}
		if err := other.Close(); err != nil {
			t.Errorf("round %d: %v", i, err)
		}
	}
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Error(err)
	}
	if err := rule.Close(); err != nil {
		t.Error(err)
	}
}

// A host that comes back on its socket, in a process that lives on, finds its
// plugin.
func TestHostListensAgain(t *testing.T) {
	t.Parallel()
	s := &testSink{}
	p := runPlugin(t, sinks(func() api.Sink { return s }), nil)
	rule := p.sink(t, "s", map[string]any{"requireAck": true})
	if err := p.Host.Close(); err != nil {
		t.Fatal(err)
	}
	host, err := fakehost.New(p.name)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.WaitPlugin(); err != nil {
		t.Fatal(err)
	}
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Errorf("the rule of before: %v", err)
	}
	if err := host.Stop(rule.Control); err != nil {
		t.Error(err)
	}
}

func TestNotStartedByAHost(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"plugin"}, {"plugin", "--help"}, {"plugin", "{}", "x"}, {"plugin", "null"}} {
		var out logBuffer
		code := runtime.Run(t.Context(), args, &runtime.PluginConfig{Name: "mine"}, runtime.Options{Stderr: &out})
		if code != runtime.ExitNotHost || !strings.Contains(out.String(), `plugin "mine"`) {
			t.Errorf("%q: exit code %d, said %q", args, code, out.String())
		}
	}
}

func TestNoHost(t *testing.T) {
	t.Parallel()
	var out logBuffer
	conf := runtime.PluginConfig{Name: unique("p")}
	code := runtime.Run(t.Context(), []string{"plugin", "{}"}, &conf, runtime.Options{Stderr: &out})
	if code != runtime.ExitNoHost || !strings.Contains(out.String(), "no host listens") {
		t.Errorf("exit code %d, said %q", code, out.String())
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	s := &testSink{open: func(ctx api.StreamContext) error {
		ctx.GetLogger().Debugf("deep %d", 1)
		ctx.GetLogger().Warnln("two\nlines", 2)
		return nil
	}}
	for level, c := range map[string]struct{ has, lacks string }{
		"":      {`level=WARN msg="two\nlines 2"`, "deep"},
		"debug": {`level=DEBUG msg="deep 1"`, "unknown log level"},
		"error": {"", "level=WARN"},
		"loud":  {`unknown log level`, "deep"},
	} {
		p := runPlugin(t, sinks(func() api.Sink { return s }), map[string]string{runtime.EnvLogLevel: level})
		p.sink(t, "s", nil)
		if log := p.log.String(); !strings.Contains(log, c.has) || strings.Contains(log, c.lacks) {
			t.Errorf("level %q: %s", level, log)
		}
	}
}
