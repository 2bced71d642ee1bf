package page

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/deadletter"
)

const (
	usualLetters = 50              // of one answer
	mostLetters  = 200             // of one answer
	maxRow       = 16 << 10        // bytes; of longer rows only the size is told
	mostCounts   = 200             // lines
	countsLast   = 5 * time.Second // how long a count is good while letters change
)

// letter is a dead letter as the page shows it.
type letter struct {
	ID        uint64    `json:"id"`
	Time      time.Time `json:"time"`
	Rule      string    `json:"rule"`
	Op        string    `json:"op"`
	Instance  int       `json:"instance"`
	Table     string    `json:"table"`
	Column    string    `json:"column,omitempty"`
	Number    uint16    `json:"error"` // the server's, or 0
	SQLState  string    `json:"sqlstate,omitempty"`
	Class     string    `json:"class,omitempty"`
	Reason    string    `json:"reason"` // without values unless the request bears the token
	Bytes     int       `json:"bytes"`  // of the row
	Row       *string   `json:"row,omitempty"`
	RowBase64 string    `json:"rowBase64,omitempty"` // in place of row, where that is not UTF-8
}

// letters answers GET /api/deadletters?rule=&error=&before=&limit=: the newest
// first. The next page is before the last id of this one.
func (p *page) letters(w http.ResponseWriter, r *http.Request) {
	filter, before, limit, err := readQuery(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	out := struct {
		Letters []letter `json:"letters"`
		More    bool     `json:"more"`
		Rows    bool     `json:"rows"` // rows are shown, and reasons whole
	}{Letters: []letter{}, Rows: bearer(r)}
	store := p.store()
	if store == nil {
		answer(w, http.StatusOK, out)
		return
	}
	found, more, err := p.newest(r.Context(), store, filter, before, limit, out.Rows)
	if r.Context().Err() != nil {
		return // the reader has gone
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	out.More = more
	for i := range found {
		out.Letters = append(out.Letters, show(&found[i], out.Rows))
	}
	answer(w, http.StatusOK, out)
}

// newest reads letters, with their rows if those are asked for. What it has
// read is answered when others may read again: a reader may be slow.
func (p *page) newest(ctx context.Context, store *deadletter.Store, filter deadletter.Filter, before uint64, limit int, rows bool) (found []deadletter.Letter, more bool, err error) {
	release, err := p.enter(ctx)
	if err != nil {
		return nil, false, err
	}
	defer release()
	found, more, err = store.Newest(filter, before, limit, ctx.Err)
	if err == nil && rows {
		err = addRows(store.Reader, found)
	}
	return found, more, err
}

// store returns the dead letters, or nil.
func (p *page) store() *deadletter.Store {
	if p.Letters == nil {
		return nil
	}
	return p.Letters()
}

// enter waits for leave to read letters.
func (p *page) enter(ctx context.Context) (release func(), err error) {
	select {
	case p.reading <- struct{}{}:
		return func() { <-p.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readQuery reads what GET /api/deadletters may be asked.
func readQuery(q url.Values) (filter deadletter.Filter, before uint64, limit int, err error) {
	before, limit = deadletter.Latest, usualLetters
	for name, values := range q {
		value, wrong := values[len(values)-1], error(nil)
		switch name {
		case "rule":
			filter.Rule = value
		case "error":
			var n uint64
			if value == "" {
				break
			}
			if n, wrong = strconv.ParseUint(value, 10, 16); wrong == nil {
				filter.Numbers = []uint16{uint16(n)}
			}
		case "before":
			if before, wrong = strconv.ParseUint(value, 10, 64); before == 0 {
				wrong = errors.New("zero")
			}
		case "limit":
			if limit, wrong = strconv.Atoi(value); wrong == nil && (limit < 1 || limit > mostLetters) {
				wrong = errors.New("out of bounds")
			}
		default:
			return filter, 0, 0, fmt.Errorf("parameter %.40q: allowed: rule, error, before, limit", name)
		}
		if wrong != nil {
			return filter, 0, 0, fmt.Errorf("parameter %s: %.40q; allowed: %s", name, value, allowed[name])
		}
	}
	return filter, before, limit, nil
}

var allowed = map[string]string{
	"error":  "an error number from 0 to 65535",
	"before": "the id of a dead letter",
	"limit":  fmt.Sprintf("1 to %d", mostLetters),
}

// addRows reads the rows of letters that are not too long.
func addRows(reader *deadletter.Reader, letters []deadletter.Letter) error {
	at := map[uint64]int{}
	var ids []uint64
	for i, l := range letters {
		if l.Size <= maxRow {
			at[l.ID] = i
			ids = append(ids, l.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for l, err := range reader.Letters(deadletter.Filter{IDs: ids}) {
		var corrupt *deadletter.CorruptError
		switch {
		case errors.As(err, &corrupt):
		case err != nil:
			return err
		default:
			letters[at[l.ID]].Raw = l.Raw
		}
	}
	return nil
}

// show is a letter as a reader may see it.
func show(l *deadletter.Letter, whole bool) letter {
	s := letter{
		ID: l.ID, Time: l.Time, Rule: l.Rule, Op: l.Op, Instance: l.Instance, Table: l.Table, Column: l.Column,
		Number: l.Number, SQLState: l.SQLState, Class: l.Class, Reason: l.Text, Bytes: l.Size,
	}
	if !whole {
		s.Reason = reasonOf(l)
		return s
	}
	switch {
	case l.Raw == nil && l.Size > 0:
	case utf8.Valid(l.Raw):
		row := string(l.Raw)
		s.Row = &row
	default:
		s.RowBase64 = base64.StdEncoding.EncodeToString(l.Raw)
	}
	return s
}

// count is how many letters one rule has for one error number.
type count struct {
	Rule    string    `json:"rule"`
	Number  uint16    `json:"error"`
	Letters int64     `json:"letters"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// counted is the last count of all letters: it reads all their heads.
type counted struct {
	mu    sync.Mutex
	at    time.Time
	stats deadletter.Stats
	lines []count
}

// counts answers GET /api/deadletters/counts: the letters of each rule by
// error number, the most first, a few seconds old while they change.
func (p *page) counts(w http.ResponseWriter, r *http.Request) {
	out := struct {
		Counts []count `json:"counts"`
	}{[]count{}}
	store := p.store()
	if store == nil {
		answer(w, http.StatusOK, out)
		return
	}
	var err error
	if out.Counts, err = p.count(r.Context(), store); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, out)
}

// count counts letters, as newest reads them.
func (p *page) count(ctx context.Context, store *deadletter.Store) ([]count, error) {
	release, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return p.counted.read(ctx, store)
}

// read returns the lines of the last count, or counts anew.
func (c *counted) read(ctx context.Context, store *deadletter.Store) ([]count, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats, age := store.Stats(), time.Since(c.at)
	if c.lines != nil && (age < countsLast || stats == c.stats && age < time.Minute) {
		return c.lines, nil
	}
	counts, _, err := store.Count(deadletter.Filter{Match: func(*deadletter.Letter) bool { return ctx.Err() == nil }})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	lines := make([]count, len(counts))
	for i, n := range counts {
		lines[i] = count(n)
	}
	slices.SortStableFunc(lines, func(a, b count) int { return cmp.Compare(b.Letters, a.Letters) })
	c.at, c.stats, c.lines = time.Now(), stats, lines[:min(len(lines), mostCounts)]
	return c.lines, nil
}
