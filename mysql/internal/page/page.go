// Package page is the web page of the running plugin and what it asks for: how
// rows flow, what waits, which rows were refused and why, and bringing those
// back. It is served beside the metrics.
//
// Who may see what: how the plugin does is for everybody who reaches the
// address, as the metrics are. Rows are the customer's data: they, and reasons
// with values of theirs, are only for who bears the token, and so is bringing
// dead letters back. Everything that comes from rows, rules or servers is text
// to the page, never markup.
package page

import (
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"regexp"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/sink"
	"ekuiper-mysql/mysql/internal/status"
)

//go:embed page.html
var document []byte

// Replays brings dead letters back, as *sink.Replays does.
type Replays interface {
	Begin(sink.ReplayOrder) error
	Stop()
	State() sink.Replaying
}

// Options are what a page shows. Status is required.
type Options struct {
	Status  func() status.Plugin
	Letters func() *deadletter.Store // nil, or returning nil: there are none
	Replays Replays                  // nil: none can be brought back
	Token   string                   // empty: rows are not shown, and nothing is brought back
	Listen  string                   // host:port that the page is served at: the host may be asked for by that name
}

// page answers everything but /metrics.
type page struct {
	Options
	policy  string // the document's Content-Security-Policy
	keeper  *keeper
	hosts   hosts
	reading chan struct{} // a slot for each request that may read letters
	counted counted
}

// readers is how many requests may read letters at the same time.
const readers = 2

// New returns the handler of the page and of all below /api.
func New(o Options) http.Handler {
	name, _ := os.Hostname()
	p := &page{Options: o, policy: policyOf(document), keeper: newKeeper(o.Token), hosts: hostsOf(o.Listen, name), reading: make(chan struct{}, readers)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.document)
	mux.HandleFunc("GET /api/status", p.status)
	mux.HandleFunc("GET /api/access", p.access)
	mux.HandleFunc("GET /api/deadletters", p.letters)
	mux.HandleFunc("GET /api/deadletters/counts", p.counts)
	mux.HandleFunc("GET /api/deadletters/replay", p.trusted(p.replaying))
	mux.HandleFunc("POST /api/deadletters/replay", p.trusted(p.replay))
	mux.HandleFunc("DELETE /api/deadletters/replay", p.trusted(p.stop))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "there is nothing here") })
	return p.guard(mux)
}

// policyOf allows a document its own style and script, and requests to where
// it came from, and nothing else.
func policyOf(document []byte) string {
	return "default-src 'none'; style-src " + hashOf(document, "style") + "; script-src " + hashOf(document, "script") +
		"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// hashOf returns the hash of an element's text, as a policy has it.
func hashOf(document []byte, element string) string {
	found := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindSubmatch(document)
	if found == nil {
		return "'none'"
	}
	sum := sha256.Sum256(found[1])
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *page) document(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	_, _ = w.Write(document) // an error is the reader's, who has gone
}

// status answers GET /api/status with a status.Plugin.
func (p *page) status(w http.ResponseWriter, r *http.Request) {
	s := p.Status()
	if s.Rules == nil {
		s.Rules = []status.Rule{}
	}
	for i := range s.Rules {
		if e := s.Rules[i].LastError; e != nil && !bearer(r) {
			shown := *e // a server's error may quote a row
			shown.Text = withoutValues(e.Text, false)
			s.Rules[i].LastError = &shown
		}
	}
	answer(w, http.StatusOK, s)
}

// access says what the reader may do, so that the page offers nothing else.
type access struct {
	Token  bool `json:"token"`  // a token is set
	Rows   bool `json:"rows"`   // the request bears it
	Replay bool `json:"replay"` // and letters can be brought back
}

func (p *page) access(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, access{Token: p.keeper.set, Rows: bearer(r), Replay: bearer(r) && p.Replays != nil})
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, code int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // an error is the reader's, who has gone
}

// refuse answers with one error in words.
func refuse(w http.ResponseWriter, code int, text string) {
	answer(w, code, struct {
		Error string `json:"error"`
	}{text})
}
