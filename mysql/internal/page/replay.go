package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/sink"
)

// Bounds on an order.
const (
	maxOrder = 64 << 10 // bytes
	maxIDs   = 1000
)

// order is the body of POST /api/deadletters/replay.
type order struct {
	Rule   string   `json:"rule"`
	IDs    []uint64 `json:"ids"`
	Errors []uint16 `json:"errors"`
}

// progress is a replay as the page shows it.
type progress struct {
	Rule       string     `json:"rule"`
	Running    bool       `json:"running"`
	Started    *time.Time `json:"started,omitempty"` // absent: there was none
	Ended      *time.Time `json:"ended,omitempty"`
	Chosen     int        `json:"chosen"`
	Stored     int        `json:"stored"`
	Refused    int        `json:"refused"` // again, and kept
	PassedOver int        `json:"passedOver"`
	Damaged    int        `json:"damaged"`
	Refusals   []refusal  `json:"refusals"` // the first of them
	Error      string     `json:"error,omitempty"`
}

// refusal is a letter that was refused again.
type refusal struct {
	ID     uint64 `json:"id"`
	Number uint16 `json:"error"`
	Reason string `json:"reason"`
}

func progressOf(s sink.Replaying) progress {
	p := progress{
		Rule: s.Order.Rule, Running: s.Running, Chosen: s.Chosen, Stored: s.Stored, Refused: s.Refused,
		PassedOver: s.PassedOver, Damaged: s.Damaged, Refusals: []refusal{},
	}
	if !s.Started.IsZero() {
		p.Started = &s.Started
	}
	if !s.Ended.IsZero() {
		p.Ended = &s.Ended
	}
	for _, r := range s.Refusals {
		p.Refusals = append(p.Refusals, refusal(r))
	}
	if s.Err != nil {
		p.Error = s.Err.Error()
	}
	return p
}

// replaying answers GET /api/deadletters/replay: how far it is, or how the last one ended.
func (p *page) replaying(w http.ResponseWriter, _ *http.Request) {
	if p.Replays == nil {
		refuse(w, http.StatusForbidden, errNoReplays)
		return
	}
	answer(w, http.StatusOK, progressOf(p.Replays.State()))
}

const errNoReplays = "nothing can be brought back here"

// replay answers POST /api/deadletters/replay: it begins one and does not wait for it.
func (p *page) replay(w http.ResponseWriter, r *http.Request) {
	if p.Replays == nil {
		refuse(w, http.StatusForbidden, errNoReplays)
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "header Content-Type: "+fmt.Sprintf("%.40q", r.Header.Get("Content-Type"))+"; allowed: application/json")
		return
	}
	o, err := readOrder(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	err = p.Replays.Begin(sink.ReplayOrder{Rule: o.Rule, IDs: o.IDs, Numbers: o.Errors})
	switch {
	case err == nil:
		answer(w, http.StatusAccepted, progressOf(p.Replays.State()))
	case errors.Is(err, deadletter.ErrReplaying), errors.Is(err, sink.ErrNotRunning), errors.Is(err, sink.ErrNoLetters):
		refuse(w, http.StatusConflict, err.Error())
	default:
		refuse(w, http.StatusInternalServerError, err.Error())
	}
}

// readOrder reads the body of an order.
func readOrder(body io.Reader) (o order, err error) {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return o, fmt.Errorf(`body: %w; allowed: {"rule":"...","ids":[...],"errors":[...]}`, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return o, errors.New("body: more than one value; allowed: one JSON object")
	}
	switch {
	case o.Rule == "":
		return o, errors.New("rule: empty; allowed: the id of a running rule")
	case len(o.IDs) > maxIDs:
		return o, fmt.Errorf("ids: %d of them; allowed: at most %d, or none for all of the rule", len(o.IDs), maxIDs)
	case len(o.Errors) > maxIDs:
		return o, fmt.Errorf("errors: %d of them; allowed: at most %d, or none for all", len(o.Errors), maxIDs)
	}
	return o, nil
}

// stop answers DELETE /api/deadletters/replay.
func (p *page) stop(w http.ResponseWriter, _ *http.Request) {
	if p.Replays == nil {
		refuse(w, http.StatusForbidden, errNoReplays)
		return
	}
	p.Replays.Stop()
	answer(w, http.StatusOK, progressOf(p.Replays.State()))
}
