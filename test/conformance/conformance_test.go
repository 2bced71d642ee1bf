// Package conformance runs one table of scenarios against the mock host and
// against a real eKuiper, with the probe plugin in both: what the mock does is
// what the real host does, or a scenario fails.
package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is an eKuiper with the probe installed.
type host interface {
	// folder is a folder that the plugin sees too.
	folder() string
	// rule makes a rule and waits until it runs, or has failed to start.
	rule(t *testing.T, s spec) rule
	// kill kills the plugin as the host itself does: its supervisor.
	kill(t *testing.T)
	// killWorker kills the plugin's worker, which the host does not notice.
	killWorker(t *testing.T)
	// revive starts it again, as the host does at the next occasion.
	revive(t *testing.T)
}

// spec describes a rule with the probe as its only sink.
type spec struct {
	id          string
	action      map[string]any
	concurrency int
	function    bool        // the rule doubles the field n by the plugin's function
	source      *sourceSpec // feeds the rule; without one, emit does
	refused     bool        // the sink's start is to be refused
}

type sourceSpec struct{ datasource, confKey string }

type rule interface {
	// emit makes each row a result of the rule.
	emit(t *testing.T, rows ...map[string]any)
	// sent is the number of messages that the host counts as taken by the
	// sink, exceptions that of errors.
	sent(t *testing.T) int
	exceptions(t *testing.T) int
	stop(t *testing.T)
	start(t *testing.T)
	// change replaces the rule's document and starts it.
	change(t *testing.T, s spec)
}

func TestMock(t *testing.T) { run(t, newMock(t, t.TempDir())) }

func TestReal(t *testing.T) { run(t, newReal(t, t.TempDir())) }

func run(t *testing.T, h host) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			s.run(t, &stage{host: h, id: s.name, dir: h.folder()})
		})
	}
}

// stage is what a scenario has at hand.
type stage struct {
	host
	id, dir string
}

// action returns an action's properties with the scenario's own record.
func (s *stage) action(more map[string]any) map[string]any {
	a := map[string]any{"record": string(s.record()), "switch": s.file("switch")}
	for k, v := range more {
		a[k] = v
	}
	return a
}

func (s *stage) record() record { return record(s.file("record")) }

func (s *stage) file(end string) string { return filepath.Join(s.dir, s.id+"."+end) }

func (s *stage) flip(t *testing.T, name string, on bool) {
	t.Helper()
	var err error
	if path := s.file("switch." + name); on {
		err = os.WriteFile(path, nil, 0o600)
	} else {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// simple makes a rule with the given properties.
func (s *stage) simple(t *testing.T, more map[string]any) rule {
	t.Helper()
	return s.rule(t, spec{id: s.id, action: s.action(more)})
}

func n(numbers ...int) []map[string]any {
	var rows []map[string]any
	for _, i := range numbers {
		rows = append(rows, map[string]any{"n": i, "a": "<x>"})
	}
	return rows
}

var scenarios = []struct {
	name string
	run  func(t *testing.T, s *stage)
}{
	{"config", configArrives},
	{"form_default", form(nil, `[{"a":"\u003cx\u003e","n":1}]`, `[{"a":"\u003cx\u003e","n":2}]`, `[{"a":"\u003cx\u003e","n":3}]`)},
	{"form_single", form(map[string]any{"sendSingle": true},
		`{"a":"\u003cx\u003e","n":1}`, `{"a":"\u003cx\u003e","n":2}`, `{"a":"\u003cx\u003e","n":3}`)},
	{"form_batch", form(map[string]any{"batchSize": 3},
		`[[{"a":"\u003cx\u003e","n":1}],[{"a":"\u003cx\u003e","n":2}],[{"a":"\u003cx\u003e","n":3}]]`)},
	{"form_batch_single", form(map[string]any{"batchSize": 3, "sendSingle": true},
		`[{"a":"\u003cx\u003e","n":1},{"a":"\u003cx\u003e","n":2},{"a":"\u003cx\u003e","n":3}]`)},
	{"ack", ackOK},
	{"ack_resend", ackResent(map[string]any{"resendInterval": 50})},
	{"ack_cache", ackResent(map[string]any{"enableCache": true})},
	{"ack_drop", ackDropped},
	{"panic", panics},
	{"refused", refusedThenCorrected},
	{"drain", stopDrains},
	{"restart", restarts},
	{"source", sourceRuns},
	{"source_key", sourceWithKey},
	{"instances", instances},
	{"function", function},
	{"killed", killedAndBack},
	{"worker", workerKilled},
	{"blocked", stopWhileBlocked},
	{"blocked_ack", stopWhileBlockedWithAck},
}

func configArrives(t *testing.T, s *stage) {
	action := s.action(map[string]any{
		"url": "user:p@ss@tcp(localhost:3306)/db?a=b", "Table": "t", "n": 1, "big": int64(9007199254740991), "f": 1.5, "yes": true,
		"none": nil, "list": []any{1, "a", map[string]any{"b": false}}, "sendSingle": true,
		"template": "{{.id}}", "html": "<&>",
	})
	r := s.rule(t, spec{id: s.id, action: action})
	r.stop(t)
	events := s.record().events(t)
	names := []string{}
	for _, e := range events {
		names = append(names, e.Event)
	}
	if want := []string{"configure", "open", "close"}; !slices.Equal(names, want) {
		t.Fatalf("events %q, want %q", names, want)
	}
	if want := string(encode(t, action)); string(encode(t, events[0].Config)) != want {
		t.Errorf("configured with\n%s\nwant\n%s", encode(t, events[0].Config), want)
	}
	if events[1].Instance != 0 {
		t.Errorf("opened as %+v", events[1])
	}
}

func form(action map[string]any, want ...string) func(t *testing.T, s *stage) {
	return func(t *testing.T, s *stage) {
		r := s.simple(t, action)
		r.emit(t, n(1, 2, 3)...)
		s.record().await(t, want...)
		r.stop(t)
	}
}

// plain is the form of the scenarios that are not about the form.
func plain(more map[string]any) map[string]any {
	action := map[string]any{"sendSingle": true}
	for k, v := range more {
		action[k] = v
	}
	return action
}

func texts(numbers ...int) []string {
	var lines []string
	for _, i := range numbers {
		lines = append(lines, fmt.Sprintf(`{"a":"\u003cx\u003e","n":%d}`, i))
	}
	return lines
}

func ackOK(t *testing.T, s *stage) {
	r := s.simple(t, plain(map[string]any{"requireAck": true}))
	r.emit(t, n(1, 2, 3, 4, 5)...)
	s.record().await(t, texts(1, 2, 3, 4, 5)...)
	s.awaitSent(t, r, 5)
	if e := r.exceptions(t); e != 0 {
		t.Errorf("%d exceptions", e)
	}
	r.stop(t)
}

func (s *stage) awaitSent(t *testing.T, r rule, want int) {
	t.Helper()
	eventually(t, func() bool { return r.sent(t) >= want }, func() string { return fmt.Sprintf("%d sent, want %d", r.sent(t), want) })
}

func (s *stage) awaitExceptions(t *testing.T, r rule, want int) {
	t.Helper()
	eventually(t, func() bool { return r.exceptions(t) >= want },
		func() string { return fmt.Sprintf("%d exceptions, want %d", r.exceptions(t), want) })
}

var failing = map[string]any{"do": "please-fail"}

const failingText = `{"do":"please-fail"}`

func ackResent(how map[string]any) func(t *testing.T, s *stage) {
	return func(t *testing.T, s *stage) {
		s.flip(t, "fail", true)
		action := plain(how)
		action["requireAck"] = true
		r := s.simple(t, action)
		r.emit(t, n(1)...)
		r.emit(t, failing)
		r.emit(t, n(2)...)
		s.awaitExceptions(t, r, 1)
		s.record().await(t, texts(1)...)
		s.flip(t, "fail", false)
		s.record().await(t, append(append(texts(1), failingText), texts(2)...)...)
		r.stop(t)
	}
}

func ackDropped(t *testing.T, s *stage) {
	s.flip(t, "fail", true)
	r := s.simple(t, plain(map[string]any{"requireAck": true}))
	r.emit(t, n(1)...)
	r.emit(t, failing)
	r.emit(t, n(2)...)
	s.record().await(t, texts(1, 2)...)
	s.awaitExceptions(t, r, 1)
	s.awaitSent(t, r, 2)
	r.stop(t)
}

// A panic in one rule's sink is that rule's alone, and only for the message.
func panics(t *testing.T, s *stage) {
	r := s.simple(t, plain(map[string]any{"requireAck": true}))
	r.emit(t, n(1)...)
	r.emit(t, map[string]any{"do": "please-panic"})
	r.emit(t, n(2)...)
	s.record().await(t, texts(1, 2)...)
	s.awaitExceptions(t, r, 1)
	r.stop(t)
}

func refusedThenCorrected(t *testing.T, s *stage) {
	bad := spec{id: s.id, action: s.action(map[string]any{"refuse": "has a wrong property"}), refused: true}
	r := s.rule(t, bad)
	good := spec{id: s.id, action: s.action(plain(map[string]any{"requireAck": true}))}
	r.change(t, good)
	r.emit(t, n(1, 2)...)
	s.record().await(t, texts(1, 2)...)
	s.awaitSent(t, r, 2)
	r.stop(t)
}

// queued is how many messages the host's own socket may hold that the host
// counts as sent; it drops them when it stops the rule.
const queued = 128 + 1

// What the host has handed to the kernel has been taken when the stop is
// answered: the messages have no gap, and none is missing but those that the
// host itself drops.
func stopDrains(t *testing.T, s *stage) {
	r := s.simple(t, plain(nil))
	const total = 300
	var want []int
	for i := range total {
		want = append(want, i)
	}
	r.emit(t, n(want...)...)
	s.awaitSent(t, r, total)
	r.stop(t)
	got := s.record().messages(t)
	if len(got) < total-queued || !slices.Equal(got, texts(want...)[:len(got)]) {
		t.Errorf("%d of %d messages: %q", len(got), total, got)
	}
	t.Logf("%d of %d messages", len(got), total)
	if events := s.record().events(t); events[len(events)-1].Event != "close" {
		t.Errorf("the last event is %+v", events[len(events)-1])
	}
}

func restarts(t *testing.T, s *stage) {
	r := s.simple(t, plain(map[string]any{"requireAck": true}))
	var want []int
	for i := range 3 {
		r.emit(t, n(i)...)
		want = append(want, i)
		s.record().await(t, texts(want...)...)
		r.stop(t)
		if got := s.record().count(t, "close"); got != i+1 {
			t.Errorf("closed %d times after %d stops", got, i+1)
		}
		r.start(t)
	}
	r.stop(t)
	if got := s.record().count(t, "configure"); got != 4 {
		t.Errorf("configured %d times", got)
	}
}

// sourceEvent returns what the probe's source was last configured with.
func (s *stage) sourceEvent(t *testing.T) event {
	t.Helper()
	var last event
	for _, e := range record(filepath.Join(s.dir, "rows.record")).events(t) {
		if e.Event == "configure" {
			last = e
		}
	}
	return last
}

func sourceRuns(t *testing.T, s *stage) {
	r := s.rule(t, spec{id: s.id, action: s.action(plain(nil)), source: &sourceSpec{datasource: "here"}})
	s.record().await(t, `{"n":1}`)
	r.stop(t)
	e := s.sourceEvent(t)
	packaged, _ := sourceConfigs(e.Config["record"].(string))
	for k, v := range packaged {
		if !reflect.DeepEqual(e.Config[k], v) {
			t.Errorf("property %s is %v, want %v", k, e.Config[k], v)
		}
	}
	if e.Source != "here" || e.Config["datasource"] != "here" {
		t.Errorf("datasource %q, %v", e.Source, e.Config["datasource"])
	}
}

func sourceWithKey(t *testing.T, s *stage) {
	r := s.rule(t, spec{id: s.id, action: s.action(plain(nil)), source: &sourceSpec{datasource: "there", confKey: "two"}})
	s.record().await(t, `{"n":2}`, `{"n":3}`)
	r.stop(t)
	e := s.sourceEvent(t)
	if _, two := sourceConfigs(""); !reflect.DeepEqual(e.Config["rows"], two["rows"]) || e.Config["flavour"] != "plain" || e.Source != "there" {
		t.Errorf("configured with %s, %v", e.Source, e.Config)
	}
}

// With several instances at work all rows arrive, in any order.
func instances(t *testing.T, s *stage) {
	r := s.rule(t, spec{id: s.id, action: s.action(plain(map[string]any{"requireAck": true})), concurrency: 2})
	var want []int
	for i := range 20 {
		want = append(want, i)
	}
	r.emit(t, n(want...)...)
	s.awaitSent(t, r, 20)
	got := s.record().messages(t)
	slices.Sort(got)
	sorted := texts(want...)
	slices.Sort(sorted)
	if !slices.Equal(got, sorted) {
		t.Errorf("messages %q", got)
	}
	r.stop(t)
}

func function(t *testing.T, s *stage) {
	r := s.rule(t, spec{id: s.id, action: s.action(plain(nil)), function: true})
	r.emit(t, map[string]any{"n": 4}, map[string]any{"n": 2.5})
	s.record().await(t, `{"n":8}`, `{"n":5}`)
	r.stop(t)
}

// After the plugin's death the host replays the starts, and rules go on.
func killedAndBack(t *testing.T, s *stage) {
	r := s.simple(t, plain(nil))
	r.emit(t, n(1)...)
	s.record().await(t, texts(1)...)
	s.kill(t)
	s.revive(t)
	r.emit(t, n(2, 3)...)
	s.record().await(t, texts(1, 2, 3)...)
	r.stop(t)
}

// After its worker's death the plugin starts everything again by itself, and
// the host goes on as if nothing had happened.
func workerKilled(t *testing.T, s *stage) {
	r := s.rule(t, spec{id: s.id, action: s.action(plain(nil)), function: true})
	r.emit(t, map[string]any{"n": 4})
	want := []string{`{"n":8}`}
	s.record().await(t, want...)
	for i := range 3 {
		s.killWorker(t)
		eventually(t, func() bool { return s.record().count(t, "open") == i+2 }, func() string { return "the sink to be opened again" })
		r.emit(t, map[string]any{"n": i})
		want = append(want, fmt.Sprintf(`{"n":%d}`, 2*i))
		s.record().await(t, want...)
	}
	r.stop(t)
	r.start(t)
	r.emit(t, map[string]any{"n": 9})
	s.record().await(t, append(want, `{"n":18}`)...)
	r.stop(t)
}

// A sink that blocks delays the stop of its rule, but not for ever, and the
// rule can start again.
func stopWhileBlocked(t *testing.T, s *stage) { blocked(t, s, false) }

func stopWhileBlockedWithAck(t *testing.T, s *stage) { blocked(t, s, true) }

func blocked(t *testing.T, s *stage, ack bool) {
	r := s.simple(t, plain(map[string]any{"requireAck": ack}))
	r.emit(t, n(1)...)
	s.record().await(t, texts(1)...)
	r.emit(t, map[string]any{"do": "please-block"})
	if ack {
		s.awaitExceptions(t, r, 1)
	} else {
		s.awaitSent(t, r, 2)
	}
	r.stop(t)
	s.flip(t, "go", true)
	r.start(t)
	r.emit(t, n(2)...)
	s.record().await(t, texts(1, 2)...)
	r.stop(t)
}
