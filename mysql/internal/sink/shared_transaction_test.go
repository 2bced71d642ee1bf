package sink

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// requests takes down what connections ask for, a letter each: A the ledger to
// be moved on, I rows to be inserted, L rows to be loaded, C a commit.
type requests struct {
	mu   sync.Mutex
	said strings.Builder
}

func (r *requests) saw(request []byte) bool {
	letter := byte(0)
	switch {
	case commits(request):
		letter = 'C'
	case loads(request):
		letter = 'L'
	case inserts(request):
		letter = 'I'
	case request[0] == execute: // an UPDATE of the ledger has no text
		letter = 'A'
	}
	if letter != 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said.WriteByte(letter)
	}
	return false
}

// since returns what was asked for since it was called last.
func (r *requests) since() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.said.Reset()
	return r.said.String()
}

// TestStatementsShareATransaction where it has requests of its own, and no
// statement gets larger by that.
func TestStatementsShareATransaction(t *testing.T) {
	uneven := strings.NewReplacer(`1.5}`, `1.5,"more":7}`) // of one row in ten
	for name, c := range map[string]struct {
		ddl   string
		props []any
		edit  func(string) string
		want  string
	}{
		"exactly once":  {keyless, []any{"delivery", "exactlyOnce"}, nil, "AIIIIC"},
		"fewer at once": {keyless, []any{"delivery", "exactlyOnce", "maxBatchRows", 500}, nil, "(AIC){8}"},
		"by the rule":   {keyless, []any{"delivery", "exactlyOnce", "maxBatchRows", 2000}, nil, "(AII?C){2}"},
		"uneven":        {"CREATE TABLE t (id BIGINT, name VARCHAR(20), x DOUBLE, more INT)", []any{"delivery", "exactlyOnce"}, uneven.Replace, "AIIIIC"},
		"one uneven":    {keyless, []any{"delivery", "exactlyOnce"}, func(s string) string { return strings.Replace(s, `,"x":1007.5`, "", 1) }, "AIIIIC"},
		"upserts": {
			"CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)",
			[]any{"delivery", "exactlyOnce", "mode", "upsert"},
			nil, "AIIIIC",
		},
		"at least once": {keyless, nil, nil, "I{2,4}"},
		"loaded":        {keyless, []any{"road", "load"}, nil, "LC"},
		"loaded once":   {keyless, []any{"road", "load", "delivery", "exactlyOnce"}, nil, "ALC"},
	} {
		t.Run(name, func(t *testing.T) {
			takingFiles(t, true)
			b := newBundle(t, c.ddl)
			asked := &requests{}
			s := b.openLossy(&lossy{what: asked.saw, every: 1 << 40}, b.props("", "t", c.props...))
			const rows, messages = 4000, 3 // after the first larger statements are tried, once
			for i := range messages {
				asked.since()
				message := numbered(i*rows, i*rows+rows)
				if c.edit != nil {
					message = c.edit(message)
				}
				b.collect(s, message)
				b.settle(s)
			}
			if got := asked.since(); !regexp.MustCompile("^(" + c.want + ")$").MatchString(got) {
				t.Errorf("asked for %q, want %q", got, c.want)
			}
			const all = messages * rows
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id), SUM(id) FROM t", fmt.Sprintf("%d,%d,%d", all, all, all*(all-1)/2))
			b.wantFate(s, all, 0)
		})
	}
}

// TestRefusedRowOfASharedTransaction is found among the rows of all statements,
// and those are stored once.
func TestRefusedRowOfASharedTransaction(t *testing.T) {
	for name, more := range map[string][]any{"exactly once": {"delivery", "exactlyOnce"}, "loaded": {"road", "load"}} {
		t.Run(name, func(t *testing.T) {
			takingFiles(t, true)
			b := newBundle(t, "CREATE TABLE t (id BIGINT, name VARCHAR(20), x DOUBLE CHECK (x <> 2777.5))")
			asked := &requests{}
			s := b.openLossy(&lossy{what: asked.saw, every: 1 << 40}, b.props("", "t", more...))
			b.collect(s, numbered(0, 4000))
			b.settle(s)
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "3999,3999")
			b.wantFate(s, 3999, 1)
			asked.since()
			b.collect(s, numbered(4000, 8000))
			b.settle(s)
			want := regexp.MustCompile("^AI{2,4}C$")
			if name == "loaded" { // but not now: the last was of no use
				want = regexp.MustCompile("^I{2,4}C$")
			}
			if got := asked.since(); !want.MatchString(got) {
				t.Errorf("asked for %q, want %q", got, want)
			}
			b.wantFate(s, 7999, 1)
		})
	}
}

// TestSharedTransactionsWhereAnyAnswerIsLost are stored whole or not at all.
func TestSharedTransactionsWhereAnyAnswerIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		what  func([]byte) bool
		every int64
	}{"advances": {advances, 4}, "inserts": {inserts, 11}, "commits": {commits, 3}} {
		t.Run(name, func(t *testing.T) {
			newBundle(t, keyless).wantOnce(&lossy{what: c.what, every: c.every}, 40000, 4000, 2)
		})
	}
}
