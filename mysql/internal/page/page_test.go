package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/sink"
	"ekuiper-mysql/mysql/internal/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "a token of some length"

// hostile is what a page must never run.
const hostile = `<script>alert(1)</script>"><img onerror=alert(1) src=x>`

// fakeReplays notes what it is asked.
type fakeReplays struct {
	ordered []sink.ReplayOrder
	stopped int
	err     error
	state   sink.Replaying
}

func (f *fakeReplays) Begin(o sink.ReplayOrder) error {
	f.ordered = append(f.ordered, o)
	return f.err
}
func (f *fakeReplays) Stop()                 { f.stopped++ }
func (f *fakeReplays) State() sink.Replaying { return f.state }

// bundle is a page with dead letters.
type bundle struct {
	*testing.T
	replays *fakeReplays
	store   *deadletter.Store
	handler http.Handler
}

func newBundle(t *testing.T, token string) *bundle {
	t.Helper()
	store, err := deadletter.Open(deadletter.Options{Dir: t.TempDir(), FsyncEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b := &bundle{T: t, store: store, replays: &fakeReplays{}}
	b.handler = New(Options{
		Status: func() status.Plugin {
			return status.Plugin{Version: "1.2.3", Rules: []status.Rule{{
				Rule: hostile, LastError: &status.Error{Class: "row", Text: "Duplicate entry 'Ann's secret' for key 'PRIMARY'"},
			}}}
		},
		Letters: func() *deadletter.Store { return store }, Replays: b.replays, Token: token, Listen: "plant.example:9112",
	})
	return b
}

// put keeps a letter for each row.
func (b *bundle) put(letters ...deadletter.Letter) {
	b.Helper()
	for _, l := range letters {
		if err := b.store.Put(b.Context(), l); err != nil {
			b.Fatal(err)
		}
	}
}

// request is one as a browser or curl sends it; header lines are "Name: value".
func request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:9112"
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	return r
}

func (b *bundle) ask(r *http.Request) (code int, body string, header http.Header) {
	b.Helper()
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

// get asks for JSON, with the token or without.
func (b *bundle) get(path string, with string, to any) {
	b.Helper()
	var header []string
	if with != "" {
		header = []string{"Authorization: Bearer " + with}
	}
	code, body, h := b.ask(request("GET", path, "", header...))
	if code != http.StatusOK || h.Get("Content-Type") != "application/json; charset=utf-8" {
		b.Fatalf("GET %s: %d %s %s", path, code, h.Get("Content-Type"), body)
	}
	if err := json.Unmarshal([]byte(body), to); err != nil {
		b.Fatalf("GET %s: %v: %s", path, err, body)
	}
}

type letterList struct {
	Letters []letter
	More    bool
	Rows    bool
}

func TestDocumentRunsNothingButItsOwn(t *testing.T) {
	b := newBundle(t, token)
	code, body, h := b.ask(request("GET", "/", ""))
	if code != http.StatusOK || !strings.HasPrefix(body, "<!doctype html>") || len(body) > 40<<10 {
		t.Fatalf("%d, %d bytes", code, len(body))
	}
	policy := h.Get("Content-Security-Policy")
	for _, part := range []string{
		"default-src 'none'; ", "style-src 'sha256-", "script-src 'sha256-", "connect-src 'self'; ", "frame-ancestors 'none'; ",
		"base-uri 'none'; ", "form-action 'none'; ", "require-trusted-types-for 'script'",
	} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %q: %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy allows too much: %s", policy)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
	// What a policy cannot see: assets of others, and ways from text to markup.
	for _, part := range []string{"http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", " style=", "onclick=\"", "srcdoc"} {
		if strings.Contains(strings.ReplaceAll(body, "http://www.w3.org/2000/svg", ""), part) {
			t.Errorf("the page holds %q", part)
		}
	}
	if n := len(regexp.MustCompile(`<(script|style)`).FindAllString(body, -1)); n != 2 {
		t.Errorf("%d scripts and styles, want one of each", n)
	}
}

func TestStatusIsAnsweredWithoutValues(t *testing.T) {
	b := newBundle(t, token)
	for with, text := range map[string]string{"": "Duplicate entry …", token: "Duplicate entry 'Ann's secret' for key 'PRIMARY'"} {
		var s status.Plugin
		b.get("/api/status", with, &s)
		if s.Version != "1.2.3" || len(s.Rules) != 1 || s.Rules[0].Rule != hostile || s.Rules[0].LastError.Text != text {
			t.Errorf("with %q: %+v", with, s)
		}
	}
	_, body, _ := b.ask(request("GET", "/api/status", ""))
	if strings.Contains(body, "<script>") {
		t.Error("JSON holds markup as it is")
	}
}

func TestAccessTellsWhatThereIs(t *testing.T) {
	for _, c := range []struct {
		set, given string
		want       access
	}{{"", "", access{}}, {token, "", access{Token: true}}, {token, token, access{true, true, true}}} {
		var got access
		newBundle(t, c.set).get("/api/access", c.given, &got)
		if got != c.want {
			t.Errorf("token %q, given %q: %+v, want %+v", c.set, c.given, got, c.want)
		}
	}
}

func TestLettersComeWithoutRowsUnlessTrusted(t *testing.T) {
	b := newBundle(t, token)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b.put(
		deadletter.Letter{Time: at, Rule: hostile, Op: "op", Table: "t", Column: "c", Number: 1062, SQLState: "23000", Class: "row", Text: "Duplicate entry 'Ann's secret' for key 'PRIMARY'", Raw: []byte(`{"name":"secret"}`)},
		deadletter.Letter{Time: at, Rule: "r", Table: "t", Text: `column "x": "secret" does not fit int(11): not a number`, Raw: []byte(`{"x":"secret"}`)},
		deadletter.Letter{Time: at, Rule: "r", Table: "t", Number: 1644, SQLState: "45000", Text: "the secret is not welcome", Raw: []byte("\xff\xfesecret")},
		deadletter.Letter{Time: at, Rule: "r", Table: "t", Text: "not JSON", Raw: bytes.Repeat([]byte("secret"), maxRow)},
	)
	var without, with letterList
	b.get("/api/deadletters", "", &without)
	b.get("/api/deadletters", token, &with)
	if len(without.Letters) != 4 || len(with.Letters) != 4 || without.Rows || !with.Rows || without.More || with.More {
		t.Fatalf("%+v\n%+v", without, with)
	}
	for i, reason := range []string{"not JSON", "…", "column … does not fit int(11): not a number", "Duplicate entry …"} {
		l := without.Letters[i]
		if l.Reason != reason || l.Row != nil || l.RowBase64 != "" || l.Bytes != with.Letters[i].Bytes || !l.Time.Equal(at) {
			t.Errorf("%d: %+v", i, l)
		}
	}
	if text := fmt.Sprintf("%+v", without); strings.Contains(text, "secret") {
		t.Errorf("a value is told: %s", text)
	}
	whole := with.Letters[3]
	if whole.Rule != hostile || whole.Op != "op" || whole.Table != "t" || whole.Column != "c" || whole.Number != 1062 || whole.SQLState != "23000" ||
		whole.Class != "row" || whole.Reason != "Duplicate entry 'Ann's secret' for key 'PRIMARY'" || *whole.Row != `{"name":"secret"}` {
		t.Errorf("%+v", whole)
	}
	if l := with.Letters[1]; l.RowBase64 != "//5zZWNyZXQ=" || l.Row != nil {
		t.Errorf("%+v", l)
	}
	if l := with.Letters[0]; l.Row != nil || l.RowBase64 != "" || l.Bytes != 6*maxRow {
		t.Errorf("a long row is told: %d bytes", l.Bytes)
	}
}

func TestLettersAreAskedFor(t *testing.T) {
	b := newBundle(t, token)
	for i := range 120 {
		b.put(deadletter.Letter{Rule: fmt.Sprint("r", i%2), Number: uint16(1000 + i%3), Raw: []byte("{}")})
	}
	seen := 0
	for query := "limit=50"; query != ""; {
		var page letterList
		b.get("/api/deadletters?"+query, "", &page)
		seen += len(page.Letters)
		if query = ""; page.More {
			query = fmt.Sprintf("limit=50&before=%d", page.Letters[len(page.Letters)-1].ID)
		}
	}
	if seen != 120 {
		t.Errorf("%d letters on all pages, want 120", seen)
	}
	var some letterList
	b.get("/api/deadletters?rule=r1&error=1001&limit=200", "", &some)
	if len(some.Letters) != 20 || some.Letters[0].Rule != "r1" || some.Letters[0].Number != 1001 {
		t.Errorf("%d letters, %+v", len(some.Letters), some.Letters[0])
	}
	var counts struct{ Counts []count }
	b.get("/api/deadletters/counts", "", &counts)
	if len(counts.Counts) != 6 || counts.Counts[0].Letters != 20 {
		t.Errorf("%+v", counts)
	}
	for query, part := range map[string]string{
		"limit=0": "allowed: 1 to 200", "limit=201": "allowed: 1 to 200", "limit=x": "limit", "before=0": "the id of a dead letter", "before=-1": "before",
		"error=70000": "0 to 65535", "table=x": "allowed: rule, error, before, limit",
	} {
		if code, body, _ := b.ask(request("GET", "/api/deadletters?"+query, "")); code != http.StatusBadRequest || !strings.Contains(body, part) {
			t.Errorf("%s: %d %s", query, code, body)
		}
	}
}

// stuck is a reader who takes nothing of the answer until released.
type stuck struct {
	httptest.ResponseRecorder
	begun   func()
	release chan struct{}
}

func (w *stuck) Write(b []byte) (int, error) {
	w.begun()
	<-w.release
	return len(b), nil
}

// TestASlowReaderKeepsNobodyWaiting: of what few may do at once, answering is
// no part, since anybody may ask and then not read.
func TestASlowReaderKeepsNobodyWaiting(t *testing.T) {
	for _, path := range []string{"/api/deadletters", "/api/deadletters/counts"} {
		b := newBundle(t, token)
		b.put(deadletter.Letter{Rule: "r", Raw: []byte("{}")})
		release := make(chan struct{})
		var begun, ended sync.WaitGroup
		for range readers {
			begun.Add(1)
			ended.Go(func() {
				b.handler.ServeHTTP(&stuck{*httptest.NewRecorder(), sync.OnceFunc(begun.Done), release}, request("GET", path, ""))
			})
		}
		begun.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // only ends a test that fails
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, request("GET", path, "").WithContext(ctx))
		if ctx.Err() != nil || w.Body.Len() == 0 {
			t.Errorf("%s waits for slow readers of others", path)
		}
		cancel()
		close(release)
		ended.Wait()
	}
}

func TestNoLetters(t *testing.T) {
	for name, letters := range map[string]func() *deadletter.Store{"none are kept": nil, "no rule has run": func() *deadletter.Store { return nil }} {
		t.Run(name, func(t *testing.T) {
			b := &bundle{T: t, handler: New(Options{Status: func() status.Plugin { return status.Plugin{} }, Letters: letters, Token: token})}
			var list letterList
			b.get("/api/deadletters", "", &list)
			if list.Letters == nil || len(list.Letters) != 0 {
				t.Errorf("%+v", list)
			}
			var counts struct{ Counts []count }
			b.get("/api/deadletters/counts", "", &counts)
			if counts.Counts == nil || len(counts.Counts) != 0 {
				t.Errorf("%+v", counts)
			}
			if _, body, _ := b.ask(request("GET", "/api/status", "")); !strings.Contains(body, `"rules":[]`) {
				t.Error(body)
			}
			for _, method := range []string{"GET", "POST", "DELETE"} {
				if code, _, _ := b.ask(request(method, "/api/deadletters/replay", "{}", "Authorization: Bearer "+token)); code != http.StatusForbidden {
					t.Errorf("%s is answered %d", method, code)
				}
			}
		})
	}
}

const asJSON, bears = "Content-Type: application/json", "Authorization: Bearer " + token

func TestReplayIsOrdered(t *testing.T) {
	b := newBundle(t, token)
	code, body, _ := b.ask(request("POST", "/api/deadletters/replay", `{"rule":"r","ids":[1,2],"errors":[1406,0]}`, asJSON, bears))
	if code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	if got := fmt.Sprintf("%+v", b.replays.ordered); got != "[{Rule:r IDs:[1 2] Numbers:[1406 0]}]" {
		t.Errorf("ordered %s", got)
	}
	b.replays.state = sink.Replaying{
		Order: sink.ReplayOrder{Rule: "r"}, Started: time.Unix(1, 0), Ended: time.Unix(2, 0), Chosen: 5, PassedOver: 1,
		Replayed: sink.Replayed{Stored: 3, Refused: 1, Damaged: 2}, Refusals: []sink.Refusal{{ID: 7, Number: 1062, Reason: hostile}}, Err: errors.New("why"),
	}
	var p progress
	b.get("/api/deadletters/replay", token, &p)
	if p.Rule != "r" || p.Running || p.Chosen != 5 || p.PassedOver != 1 || p.Stored != 3 || p.Refused != 1 || p.Damaged != 2 || p.Error != "why" ||
		len(p.Refusals) != 1 || p.Refusals[0] != (refusal{7, 1062, hostile}) || !p.Ended.Equal(time.Unix(2, 0)) {
		t.Errorf("%+v", p)
	}
	if code, _, _ := b.ask(request("DELETE", "/api/deadletters/replay", "", bears)); code != http.StatusOK || b.replays.stopped != 1 {
		t.Errorf("stop: %d, stopped %d times", code, b.replays.stopped)
	}
	for err, want := range map[error]int{deadletter.ErrReplaying: 409, sink.ErrNotRunning: 409, sink.ErrNoLetters: 409, io.ErrUnexpectedEOF: 500} {
		b.replays.err = fmt.Errorf("replay: %w", err)
		if code, body, _ := b.ask(request("POST", "/api/deadletters/replay", `{"rule":"r"}`, asJSON, bears)); code != want || !strings.Contains(body, err.Error()) {
			t.Errorf("%v: %d %s", err, code, body)
		}
	}
}

// TestReplayIsRefused to whom may not, and for what is no order; nothing begins.
func TestReplayIsRefused(t *testing.T) {
	many := `{"rule":"r","ids":[` + strings.Repeat("1,", maxIDs) + `1]}`
	for name, c := range map[string]struct {
		body   string
		header []string
		code   int
		part   string
	}{
		"no token":                 {`{"rule":"r"}`, []string{asJSON}, 401, "Authorization: Bearer"},
		"another scheme":           {`{"rule":"r"}`, []string{asJSON, "Authorization: Basic " + token}, 401, "Authorization: Bearer"},
		"a wrong token":            {`{"rule":"r"}`, []string{asJSON, bears + "x"}, 401, "wrong"},
		"no type":                  {`{"rule":"r"}`, []string{bears}, 415, "application/json"},
		"a form's type":            {`{"rule":"r"}`, []string{bears, "Content-Type: text/plain"}, 415, "text/plain"},
		"another site":             {`{"rule":"r"}`, []string{asJSON, bears, "Origin: https://evil.example"}, 403, "another site"},
		"another site, as told":    {`{"rule":"r"}`, []string{asJSON, bears, "Sec-Fetch-Site: cross-site"}, 403, "another site"},
		"a frame without origin":   {`{"rule":"r"}`, []string{asJSON, bears, "Origin: null"}, 403, "another site"},
		"no JSON":                  {`rule=r`, []string{asJSON, bears}, 400, "body"},
		"nothing":                  {``, []string{asJSON, bears}, 400, "body"},
		"another field":            {`{"rule":"r","table":"x"}`, []string{asJSON, bears}, 400, "table"},
		"two orders":               {`{"rule":"r"}{"rule":"s"}`, []string{asJSON, bears}, 400, "one JSON object"},
		"no rule":                  {`{"ids":[1]}`, []string{asJSON, bears}, 400, "the id of a running rule"},
		"a number that is none":    {`{"rule":"r","errors":[70000]}`, []string{asJSON, bears}, 400, "errors"},
		"too many ids":             {many, []string{asJSON, bears}, 400, "at most 1000"},
		"an order that is too big": {`{"rule":"` + strings.Repeat("r", maxOrder) + `"}`, []string{asJSON, bears}, 400, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, token)
			code, body, _ := b.ask(request("POST", "/api/deadletters/replay", c.body, c.header...))
			if code != c.code || !strings.Contains(body, c.part) {
				t.Errorf("%d %s; want %d with %q", code, body, c.code, c.part)
			}
			if len(b.replays.ordered) != 0 {
				t.Errorf("it began: %+v", b.replays.ordered)
			}
		})
	}
	b := newBundle(t, "")
	for _, method := range []string{"GET", "POST", "DELETE"} {
		if code, body, _ := b.ask(request(method, "/api/deadletters/replay", `{"rule":"r"}`, asJSON, "Authorization: Bearer ")); code != http.StatusForbidden || !strings.Contains(body, "no token is set") {
			t.Errorf("%s without a token set: %d %s", method, code, body)
		}
	}
	if len(b.replays.ordered)+b.replays.stopped != 0 {
		t.Error("it began")
	}
}

// TestNamesOfOthersAreRefused: a site whose name leads here for its own
// scripts to read what is answered.
func TestNamesOfOthersAreRefused(t *testing.T) {
	b := newBundle(t, token)
	for host, own := range map[string]bool{
		"127.0.0.1:9112": true, "192.168.1.7": true, "[::1]:9112": true, "[fe80::1]": true, "localhost": true, "LocalHost:80": true, "localhost.:9112": true,
		"plant.example:9112": true, "PLANT.example": true, "evil.example": false, "evil.example:9112": false, "127.0.0.1.evil.example": false,
		"localhost.evil.example": false, "": false, "2130706433": false, "0x7f000001": false, "evil.example.:9112": false, "127.0.0.1@evil.example": false,
	} {
		for _, path := range []string{"/api/status", "/api/access", "/api/deadletters", "/api/deadletters/counts", "/api/deadletters/replay", "/api/none"} {
			code, body, _ := b.ask(request("GET", path, "", "Host: "+host))
			if refused := code == http.StatusForbidden; refused == own {
				t.Errorf("%s of %q: %d %s", path, host, code, body)
			}
		}
		if code, _, _ := b.ask(request("GET", "/api/status", "", "Host: "+host, bears)); code != http.StatusOK {
			t.Errorf("%q with the token: %d", host, code)
		}
	}
}

func TestOnlyWhatThereIs(t *testing.T) {
	b := newBundle(t, token)
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/api", 404},
		{"GET", "/page.html", 404},
		{"GET", "/../page.go", 404},
		{"GET", "/api/deadletters/1", 404},
		{"POST", "/", 404},
		{"PUT", "/api/deadletters/replay", 404},
		{"DELETE", "/api/deadletters", 404},
		{"HEAD", "/", 200},
		{"GET", "/metrics", 404},
	} {
		r := request(c.method, "/", "")
		r.URL.Path = c.path
		code, _, _ := b.ask(r)
		if code != c.code && !(c.code == 404 && (code == http.StatusMovedPermanently || code == http.StatusTemporaryRedirect || code == http.StatusMethodNotAllowed)) {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, code, c.code)
		}
	}
}
