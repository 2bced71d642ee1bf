package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// real is a real eKuiper. Rows reach it by HTTP.
type real struct {
	*ekuiper.Host
	push   string // the address that rows are posted to
	client *http.Client
}

func newReal(t *testing.T, _ string) host {
	t.Helper()
	port := freePort(t)
	r := &real{
		Host:   ekuiper.Start(t, ekuiper.Options{Env: []string{"KUIPER__SOURCE__HTTPSERVERPORT=" + port}}),
		push:   "http://127.0.0.1:" + port,
		client: &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	if err := r.PutSourceConfig("httppush", "post", map[string]any{"method": "POST"}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(r.Base, "probe")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	exe := buildProbe(t, dir)
	if err := r.InstallPlugin("probe", packProbe(t, exe, filepath.Join(r.Base, "rows.record"))); err != nil {
		t.Fatal(err)
	}
	return r
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (h *real) folder() string { return h.Base }

func (h *real) kill(t *testing.T) {
	t.Helper()
	if err := h.KillSupervisor("probe"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.WaitLog(limit, `probe.* stops with error signal: killed`); err != nil {
		t.Fatal(err)
	}
}

func (h *real) killWorker(t *testing.T) {
	t.Helper()
	if err := h.KillWorker("probe"); err != nil {
		t.Fatal(err)
	}
}

// revive makes the host start the plugin again: it does so for the next rule
// that starts.
func (h *real) revive(t *testing.T) {
	t.Helper()
	r := h.rule(t, spec{id: "revive", action: map[string]any{"record": filepath.Join(h.Base, "revive.record")}})
	r.stop(t)
}

type realRule struct {
	h    *real
	spec spec
}

func (h *real) rule(t *testing.T, s spec) rule {
	t.Helper()
	if s.source == nil {
		statement := fmt.Sprintf(`CREATE STREAM %[1]s () WITH (TYPE="httppush", DATASOURCE="/%[1]s", CONF_KEY="post", FORMAT="json")`, s.id)
		if err := h.CreateStream(statement); err != nil {
			t.Fatal(err)
		}
	} else {
		conf := ""
		if s.source.confKey != "" {
			conf = fmt.Sprintf(`, CONF_KEY="%s"`, s.source.confKey)
		}
		statement := fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="probe_rows", DATASOURCE="%s", FORMAT="json"%s)`, s.id, s.source.datasource, conf)
		if err := h.CreateStream(statement); err != nil {
			t.Fatal(err)
		}
	}
	r := &realRule{h: h, spec: s}
	if err := h.CreateRule(r.document()); err != nil {
		t.Fatal(err)
	}
	r.awaitStart(t, 0)
	return r
}

func (r *realRule) document() map[string]any {
	fields := "*"
	if r.spec.function {
		fields = "probe_twice(n) AS n"
	}
	return map[string]any{
		"id": r.spec.id, "sql": "SELECT " + fields + " FROM " + r.spec.id + " WHERE isNull(primer)",
		"actions": []any{map[string]any{"probe": r.spec.action}},
		"options": map[string]any{"concurrency": max(1, r.spec.concurrency), "disableBufferFullDiscard": true},
	}
}

// record is where the rule's sink writes.
func (r *realRule) record() record {
	name, _ := r.spec.action["record"].(string)
	return record(name)
}

// awaitStart waits until the sink has been opened once more than before, or
// the rule has failed.
func (r *realRule) awaitStart(t *testing.T, before int) {
	t.Helper()
	if r.spec.refused {
		_, err := r.h.WaitRule(r.spec.id, limit, func(s ekuiper.RuleStatus) bool {
			return strings.Contains(s.State(), "stopped")
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	eventually(t, func() bool { return r.record().count(t, "open") > before },
		func() string { s, _ := r.h.RuleStatus(r.spec.id); return "the sink to be opened; " + s.String() })
	if r.spec.source == nil {
		r.prime(t)
	}
}

// prime posts rows that the rule filters out until its source counts one:
// the endpoint appears, and is joined to the rule, some time after the sink
// has started, and what comes in between is lost.
func (r *realRule) prime(t *testing.T) {
	t.Helper()
	arrived := func() int64 {
		s, err := r.h.RuleStatus(r.spec.id)
		if err != nil {
			t.Fatal(err)
		}
		return s.Sum("source_"+r.spec.id, "records_in_total")
	}
	before := arrived()
	err := ekuiper.Wait(limit, func() (bool, error) {
		if err := r.post(map[string]any{"primer": 1}); err != nil {
			return false, nil //nolint:nilerr // not there yet
		}
		return arrived() > before, nil
	})
	if err != nil {
		t.Fatalf("rows do not reach rule %s: %v", r.spec.id, err)
	}
}

func (r *realRule) post(row map[string]any) error {
	text, err := json.Marshal(row)
	if err != nil {
		return err
	}
	answer, err := r.h.client.Post(r.h.push+"/"+r.spec.id, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("post a row: %s", answer.Status)
	}
	return nil
}

func (r *realRule) emit(t *testing.T, rows ...map[string]any) {
	t.Helper()
	for _, row := range rows {
		if err := r.post(row); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *realRule) sent(t *testing.T) int {
	t.Helper()
	s, err := r.h.RuleStatus(r.spec.id)
	if err != nil {
		t.Fatal(err)
	}
	return int(s.SinkOut("probe"))
}

func (r *realRule) exceptions(t *testing.T) int {
	t.Helper()
	s, err := r.h.RuleStatus(r.spec.id)
	if err != nil {
		t.Fatal(err)
	}
	return int(s.SinkExceptions("probe"))
}

func (r *realRule) stop(t *testing.T) {
	t.Helper()
	if err := r.h.StopRule(r.spec.id); err != nil {
		t.Fatal(err)
	}
	_, err := r.h.WaitRule(r.spec.id, limit, func(s ekuiper.RuleStatus) bool { return strings.HasPrefix(s.State(), "stopped") })
	if err != nil {
		t.Error(err)
	}
}

func (r *realRule) start(t *testing.T) {
	t.Helper()
	before := r.record().count(t, "open")
	if err := r.h.StartRule(r.spec.id); err != nil {
		t.Fatal(err)
	}
	r.awaitStart(t, before)
}

func (r *realRule) change(t *testing.T, s spec) {
	t.Helper()
	r.spec = s
	before := r.record().count(t, "open")
	if err := r.h.UpdateRule(s.id, r.document()); err != nil {
		t.Fatal(err)
	}
	r.awaitStart(t, before)
}
