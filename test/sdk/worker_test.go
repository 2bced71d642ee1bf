package sdk

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"
)

// listens waits until somebody listens on a rule's data socket.
func listens(t *testing.T, c fakehost.Control) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // a named pipe has no such look from outside
	}
	eventually(t, "a listener of "+c.Meta.RuleID, func() bool {
		conn, err := net.Dial("unix", fmt.Sprintf("/tmp/%s_%s_%d.ipc", c.Meta.RuleID, c.Meta.OpID, c.Meta.InstanceID))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// opened counts how often the probe's sink has been opened.
func opened(t *testing.T, file string) int {
	t.Helper()
	return strings.Count(recorded(t, file), `"event":"open"`)
}

// taken sends a message until it has arrived: without acknowledgements the
// host loses what it sends while it has not noticed the worker's end.
func taken(t *testing.T, rule *fakehost.SinkConn, file, message string) {
	t.Helper()
	eventually(t, "the message "+message, func() bool {
		_ = rule.Send([]byte(message))
		return strings.Contains(recorded(t, file), `"text":"`+message+`"`)
	})
}

func probeSink(t *testing.T, host *fakehost.Host, file string, more map[string]any) *fakehost.SinkConn {
	t.Helper()
	config := map[string]any{"record": file}
	for k, v := range more {
		config[k] = v
	}
	rule, err := host.OpenSink(fakehost.Sink(unique("r"), "probe", config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rule.Disconnect() })
	return rule
}

// However a worker ends, everything runs again in another within a second,
// and the host has not been asked.
func TestWorkerEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, p *fakehost.Process, rule *fakehost.SinkConn){
		"killed": func(t *testing.T, p *fakehost.Process, _ *fakehost.SinkConn) {
			if _, err := p.KillWorker(); err != nil {
				t.Fatal(err)
			}
		},
		"by os.Exit": func(t *testing.T, _ *fakehost.Process, rule *fakehost.SinkConn) { send(t, rule, "please-exit") },
		"by a panic": func(t *testing.T, _ *fakehost.Process, rule *fakehost.SinkConn) { send(t, rule, "please-crash") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, p := launch(t)
			dir := t.TempDir()
			file, other := filepath.Join(dir, "record"), filepath.Join(dir, "other")
			rule, second := probeSink(t, host, file, nil), probeSink(t, host, other, nil)
			source, err := host.OpenSource(fakehost.Source(unique("r"), "probe_rows", map[string]any{
				"record": filepath.Join(dir, "rows"), "rows": []any{map[string]any{"a": 1}},
			}))
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			twice, err := host.OpenFunc(host.Name() + "_twice")
			if err != nil {
				t.Fatal(err)
			}
			defer twice.Close()
			if _, err := source.Read(limit); err != nil {
				t.Fatal(err)
			}
			former, err := p.WorkerPid()
			if err != nil {
				t.Fatal(err)
			}
			ended := time.Now()
			end(t, p, rule)
			eventually(t, "the sinks again", func() bool { return opened(t, file) == 2 && opened(t, other) == 2 })
			listens(t, rule.Control)
			listens(t, second.Control)
			took := time.Since(ended)
			t.Logf("all listen again after %v", took)
			if took > time.Second+loaded {
				t.Errorf("all listen again after %v", took)
			}
			taken(t, rule, file, "after")
			taken(t, second, other, "after")
			if _, err := source.Read(limit); err != nil {
				t.Errorf("the source's row: %v", err)
			}
			if got, err := twice.Exec(rule.Control.Meta, 0, 4); err != nil || got.Result != 8. {
				t.Errorf("the function answers %v, %v", got, err)
			}
			if now, err := p.WorkerPid(); err != nil || now == former {
				t.Errorf("the worker is process %d, was %d: %v", now, former, err)
			}
			for _, r := range []*fakehost.SinkConn{rule, second} {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
			want := map[string]string{"killed": "killed", "by os.Exit": "exit status 3", "by a panic": "exit status 2"}[name]
			if log := p.Log(); runtime.GOOS != "windows" && !strings.Contains(log, want) {
				t.Errorf("the log does not say %q", want)
			}
		})
	}
}

// A worker that has lost its supervisor is gone at once, whatever it is doing.
func TestSupervisorKilled(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]func(t *testing.T, host *fakehost.Host, rule *fakehost.SinkConn, file, switches string){
		"idle": func(*testing.T, *fakehost.Host, *fakehost.SinkConn, string, string) {},
		"in Collect": func(t *testing.T, _ *fakehost.Host, rule *fakehost.SinkConn, _, _ string) {
			send(t, rule, "please-hang")
		},
		"in Close": func(t *testing.T, host *fakehost.Host, rule *fakehost.SinkConn, _, switches string) {
			if err := os.WriteFile(switches+".hang", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			go func() { _ = host.Stop(rule.Control) }()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, p := launch(t)
			dir := t.TempDir()
			file, switches := filepath.Join(dir, "record"), filepath.Join(dir, "switch")
			rule := probeSink(t, host, file, map[string]any{"switch": switches})
			busy(t, host, rule, file, switches)
			if name != "idle" {
				eventually(t, "the sink to hang", func() bool { return strings.Contains(recorded(t, file), `"hang"`) })
			}
			worker, err := p.WorkerPid()
			if err != nil {
				t.Fatal(err)
			}
			killed := time.Now()
			if err := p.Signal(os.Kill); err != nil {
				t.Fatal(err)
			}
			if err := processes.Gone(worker, limit); err != nil {
				t.Fatal(err)
			}
			took := time.Since(killed)
			t.Logf("the worker ended %v after its supervisor", took)
			if took > 100*time.Millisecond+loaded {
				t.Errorf("the worker ended %v after its supervisor", took)
			}
			_ = host.Close() // lets go of the Stop
		})
	}
}

// A start that ends the worker is refused, the rule id stays usable, and what
// else runs comes back.
func TestStartThatEndsTheWorker(t *testing.T) {
	t.Parallel()
	host, p := launch(t)
	dir := t.TempDir()
	file, switches := filepath.Join(dir, "record"), filepath.Join(dir, "switch")
	rule := probeSink(t, host, file, nil)
	if err := os.WriteFile(switches+".die", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := fakehost.Sink(unique("r"), "probe", map[string]any{
		"record": filepath.Join(dir, "bad"), "switch": switches, "requireAck": true, "password": "not-to-be-seen",
	})
	var refused *fakehost.RefusedError
	if _, err := host.OpenSink(c); !errors.As(err, &refused) || !strings.Contains(refused.Reply, "exit status 3") {
		t.Fatalf("got %v", err)
	}
	taken(t, rule, file, "after")
	if err := os.Remove(switches + ".die"); err != nil {
		t.Fatal(err)
	}
	again, err := host.OpenSink(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Collect([]byte("x"), limit); err != nil {
		t.Error(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if log := p.Log(); strings.Contains(log, "not-to-be-seen") || !strings.Contains(log, "rule="+c.Meta.RuleID) {
		t.Errorf("the log names the rule and no values:\n%s", log)
	}
}

// A running symbol that begins to end its workers is left out, at its start or
// right after, and the others run.
func TestReplayThatEndsTheWorker(t *testing.T) {
	t.Parallel()
	for _, when := range []string{".die", ".die-later"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			host, p := launch(t)
			dir := t.TempDir()
			file, switches := filepath.Join(dir, "record"), filepath.Join(dir, "switch")
			bad := probeSink(t, host, filepath.Join(dir, "bad"), map[string]any{"switch": switches})
			rule := probeSink(t, host, file, nil)
			if err := os.WriteFile(switches+when, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := p.KillWorker(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the culprit left out", func() bool { return strings.Contains(p.Log(), "left out") })
			listens(t, rule.Control)
			taken(t, rule, file, "after")
			for line := range strings.Lines(p.Log()) {
				if strings.Contains(line, "left out") && !strings.Contains(line, "rule="+bad.Control.Meta.RuleID) {
					t.Errorf("left out the wrong rule: %s", line)
				}
			}
			if err := host.Stop(bad.Control); err != nil {
				t.Errorf("stop of what was left out: %v", err)
			}
		})
	}
}

// A symbol whose start is refused when it is replayed is started again until
// it succeeds: it ran before. The host, which knows nothing of that, gets its
// acknowledgements then.
func TestReplayRefused(t *testing.T) {
	t.Parallel()
	for _, ack := range []bool{false, true} {
		t.Run(fmt.Sprint("requireAck ", ack), func(t *testing.T) {
			t.Parallel()
			host, p := launch(t)
			dir := t.TempDir()
			file, switches := filepath.Join(dir, "record"), filepath.Join(dir, "switch")
			rule := probeSink(t, host, file, map[string]any{"switch": switches, "requireAck": ack, "resendInterval": 20})
			if err := os.WriteFile(switches+".refuse", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := p.KillWorker(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the refusal", func() bool { return strings.Contains(p.Log(), "tried again") })
			if err := os.Remove(switches + ".refuse"); err != nil {
				t.Fatal(err)
			}
			if !ack {
				taken(t, rule, file, "after")
				return
			}
			if err := answered(rule, "after"); err != nil {
				t.Error(err)
			}
		})
	}
}

// The same where the whole plugin has died and the host, which starts it again,
// replays the starts: it is told, does nothing about it, and believes that the
// rule runs. A start that is new is refused for good.
func TestHostsReplayRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("nothing tells how old a pipe is")
	}
	host, p := launch(t)
	dir := t.TempDir()
	switches := filepath.Join(dir, "switch")
	rule := probeSink(t, host, filepath.Join(dir, "record"), map[string]any{"switch": switches, "requireAck": true, "resendInterval": 20})
	if err := rule.Collect([]byte("before"), limit); err != nil {
		t.Fatal(err)
	}
	// What has been there for a moment only may be new.
	socket := fmt.Sprintf("/tmp/%s_%s_0_ack.ipc", rule.Control.Meta.RuleID, rule.Control.Meta.OpID)
	if err := os.Chtimes(socket, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := p.KillPlugin(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(switches+".refuse", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := fakehost.Spawn(buildProbe(t), fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + host.Name()}})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Kill()
	if err := host.WaitPlugin(); err != nil {
		t.Fatal(err)
	}
	var refused *fakehost.RefusedError
	if err := host.Replay(); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	fresh := fakehost.Sink(unique("r"), "probe", rule.Control.Config)
	if _, err := host.OpenSink(fresh); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(switches + ".refuse"); err != nil {
		t.Fatal(err)
	}
	if err := answered(rule, "after"); err != nil {
		t.Errorf("%v\n%s", err, next.Log())
	}
	again, err := host.OpenSink(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(next.Log(), "it is tried again"); n != 1 {
		t.Errorf("%d starts are tried again, want 1\n%s", n, next.Log())
	}
}

// answered sends a message until it is acknowledged. The first answers may be
// errors: it came before the sink listened.
func answered(rule *fakehost.SinkConn, message string) error {
	var refused *fakehost.AckError
	err := rule.Collect([]byte(message), limit)
	for tries := 0; tries < 5 && errors.As(err, &refused); tries++ {
		err = rule.Collect([]byte(message), limit)
	}
	return err
}

// Whole process groups are told to end, as by Ctrl-C or a service manager:
// the end is in order all the same.
func TestTerminatedTogether(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM: hosts there only kill")
	}
	host, p := launch(t)
	file := filepath.Join(t.TempDir(), "record")
	rule := probeSink(t, host, file, map[string]any{"requireAck": true})
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Fatal(err)
	}
	worker, err := p.WorkerPid()
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.FindProcess(worker)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Signal(os.Interrupt), p.Signal(os.Interrupt)); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(limit); err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
	if got := recorded(t, file); strings.Count(got, `"event":"close"`) != 1 || strings.Contains(p.Log(), "takes its place") {
		t.Errorf("recorded\n%s", got)
	}
	if processes.Runs(worker) {
		t.Error("the worker runs on")
	}
}

// A supervisor goes on with its own program when the file has become another.
func TestExecutableReplaced(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let a running executable be replaced")
	}
	exe := filepath.Join(t.TempDir(), "probe")
	copyFile(t, buildProbe(t), exe)
	name := unique("p")
	host, err := fakehost.New(name)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	p, err := host.Launch(exe, fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + name}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	former, err := p.WorkerPid()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(exe)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(exe), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := p.KillWorker(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		// There is no way to start the old one: the plugin says so and ends.
		if _, err := p.Wait(limit); err != nil || !strings.Contains(p.Log(), "has been replaced") {
			t.Errorf("%v: %s", err, p.Log())
		}
		return
	}
	if _, err := p.WaitWorker(former); err != nil {
		t.Fatal(err)
	}
	rule := probeSink(t, host, filepath.Join(t.TempDir(), "record"), map[string]any{"requireAck": true})
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Error(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// One process is enough where somebody wants that.
func TestWithoutSupervisor(t *testing.T) {
	t.Parallel()
	name := unique("p")
	host, err := fakehost.New(name)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	p, err := host.Launch(buildProbe(t), fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + name, "EKUIPER_PLUGIN_SUPERVISOR=off"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	rule := probeSink(t, host, filepath.Join(t.TempDir(), "record"), map[string]any{"requireAck": true})
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Error(err)
	}
	if all := processes.Children(p.Pid()); len(all) != 0 {
		t.Errorf("children %v", all)
	}
}
