package conformance

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// mock is the mock host.
type mock struct {
	*fakehost.Host
	dir    string
	exe    string
	plugin *fakehost.Process
	funcs  sync.Mutex
	twice  *fakehost.FuncConn
}

var mocks atomic.Int64

func newMock(t *testing.T, dir string) host {
	t.Helper()
	name := fmt.Sprintf("c%d_%d", os.Getpid(), mocks.Add(1))
	h, err := fakehost.New(name)
	if err != nil {
		t.Fatal(err)
	}
	m := &mock{Host: h, dir: dir, exe: buildProbe(t, dir)}
	t.Cleanup(func() {
		if m.twice != nil {
			_ = m.twice.Close()
		}
		_ = h.Close()
		if m.plugin != nil {
			_ = m.plugin.Kill()
			if t.Failed() {
				t.Logf("the probe's log:\n%s", m.plugin.Log())
			}
		}
	})
	m.revive(t)
	return m
}

func (m *mock) folder() string { return m.dir }

func (m *mock) revive(t *testing.T) {
	t.Helper()
	p, err := m.Launch(m.exe, fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + m.Name()}})
	if err != nil {
		t.Fatal(err)
	}
	m.plugin = p
}

func (m *mock) kill(t *testing.T) {
	t.Helper()
	if err := m.plugin.Kill(); err != nil {
		t.Fatal(err)
	}
}

func (m *mock) killWorker(t *testing.T) {
	t.Helper()
	if _, err := m.plugin.KillWorker(); err != nil {
		t.Fatal(err)
	}
}

// mockRule is a rule, with what feeds it.
type mockRule struct {
	m       *mock
	spec    spec
	control fakehost.Control
	rules   []*fakehost.Rule // one per instance
	next    atomic.Int64
	source  *fakehost.SourceConn
	fed     chan struct{} // closed when the source has ended
}

func (m *mock) rule(t *testing.T, s spec) rule {
	t.Helper()
	// Socket names are shared by everything that runs on the machine.
	r := &mockRule{m: m, spec: s, control: fakehost.Sink(m.Name()+s.id, "probe", s.action)}
	r.start(t)
	return r
}

func (r *mockRule) start(t *testing.T) {
	t.Helper()
	r.rules = nil
	for i := range max(1, r.spec.concurrency) {
		c := r.control
		c.Meta.InstanceID = i
		running, err := r.m.RunRule(c)
		var refused *fakehost.RefusedError
		if r.spec.refused && errors.As(err, &refused) {
			return
		}
		if err != nil || r.spec.refused {
			t.Fatalf("start rule %s: %v", r.spec.id, err)
		}
		r.rules = append(r.rules, running)
	}
	if r.spec.source != nil {
		r.feed(t)
	}
}

// feed joins a source of the plugin to the sink.
func (r *mockRule) feed(t *testing.T) {
	t.Helper()
	packaged, two := sourceConfigs(filepath.Join(r.m.dir, "rows.record"))
	if r.spec.source.confKey == "two" {
		maps.Copy(packaged, two)
	}
	packaged["datasource"] = r.spec.source.datasource
	in, err := r.m.OpenSource(fakehost.Source(r.control.Meta.RuleID, "probe_rows", packaged))
	if err != nil {
		t.Fatal(err)
	}
	r.source, r.fed = in, make(chan struct{})
	go func() {
		defer close(r.fed)
		for {
			row, err := in.Read(limit)
			if err != nil {
				return
			}
			if err := r.rules[0].Emit(row.Message); err != nil {
				return
			}
		}
	}()
}

func (r *mockRule) emit(t *testing.T, rows ...map[string]any) {
	t.Helper()
	for _, row := range rows {
		if r.spec.function {
			row = r.m.double(t, row)
		}
		n := int(r.next.Add(1)) % len(r.rules)
		if err := r.rules[n].Emit(row); err != nil {
			t.Fatal(err)
		}
	}
}

// double applies the plugin's function to the field n.
func (m *mock) double(t *testing.T, row map[string]any) map[string]any {
	t.Helper()
	m.funcs.Lock()
	defer m.funcs.Unlock()
	if m.twice == nil {
		f, err := m.OpenFunc(m.Name() + "_twice")
		if err != nil {
			t.Fatal(err)
		}
		m.twice = f
		if o, err := f.Validate(map[string]any{}); err != nil || !o.State {
			t.Fatalf("validate: %v, %v", o, err)
		}
	}
	o, err := m.twice.Exec(fakehost.Meta{}, 0, row["n"])
	if err != nil || !o.State {
		t.Fatalf("call: %v, %v", o, err)
	}
	return map[string]any{"n": o.Result}
}

func (r *mockRule) sent(*testing.T) int {
	n := 0
	for _, rule := range r.rules {
		n += rule.Counts().Out
	}
	return n
}

func (r *mockRule) exceptions(*testing.T) int {
	n := 0
	for _, rule := range r.rules {
		n += rule.Counts().Exceptions
	}
	return n
}

func (r *mockRule) stop(t *testing.T) {
	t.Helper()
	if r.source != nil {
		if err := r.source.Close(); err != nil {
			t.Error(err)
		}
		<-r.fed
		r.source = nil
	}
	for _, rule := range r.rules {
		if err := rule.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func (r *mockRule) change(t *testing.T, s spec) {
	t.Helper()
	r.stop(t)
	r.spec, r.control.Config = s, s.action
	r.start(t)
}
