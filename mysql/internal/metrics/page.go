package metrics

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Labels tell one action's figures from another's.
type Labels struct {
	Rule, Op string
	Instance int
	Table    string
	Queue    string // disk or memory
}

func (l Labels) String() string {
	return fmt.Sprintf(`{rule="%s",op="%s",instance="%d",table="%s",queue="%s"}`, escape(l.Rule), escape(l.Op), l.Instance, escape(l.Table), l.Queue)
}

// escape makes text fit between the quotes of a label's value.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// Page shows the figures of all actions in the text format of Prometheus,
// version 0.0.4. Its methods may be called from any goroutine.
type Page struct {
	Orphans Orphans

	mu    sync.Mutex
	rules map[Labels]*Rule
}

// Show adds the figures of an action, in place of any with the same labels.
func (p *Page) Show(l Labels, r *Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rules == nil {
		p.rules = map[Labels]*Rule{}
	}
	p.rules[l] = r
}

// Hide takes r away again, unless others have its place.
func (p *Page) Hide(l Labels, r *Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rules[l] == r {
		delete(p.rules, l)
	}
}

// figures are all that a Snapshot holds, by name.
var figures = []struct {
	name, kind, help string
	of               func(Snapshot) float64
}{
	{"rows_received_total", "counter", "Rows accepted from eKuiper. They are stored, superseded, set aside, dropped, lost or pending.", func(s Snapshot) float64 { return float64(s.Received) }},
	{"rows_stored_total", "counter", "Rows that the server has committed.", func(s Snapshot) float64 { return float64(s.Stored) }},
	{"rows_superseded_total", "counter", "Rows in whose place the table has a newer or equal one.", func(s Snapshot) float64 { return float64(s.Superseded) }},
	{"rows_set_aside_total", "counter", "Rows that are dead letters.", func(s Snapshot) float64 { return float64(s.SetAside) }},
	{"rows_dropped_total", "counter", "Rows given up by a policy that the rule chose.", func(s Snapshot) float64 { return float64(s.Dropped) }},
	{"rows_lost_total", "counter", "Rows accepted and gone: a damaged file, a power cut.", func(s Snapshot) float64 { return float64(s.Lost) }},
	{"rows_pending", "gauge", "Rows that wait for the table.", func(s Snapshot) float64 { return float64(s.Pending) }},
	{"messages_too_large_total", "counter", "Messages too large to be received; their rows are in no other figure.", func(s Snapshot) float64 { return float64(s.TooLarge) }},
	{"extra_fields_total", "counter", "Fields dropped because the table has no such column.", func(s Snapshot) float64 { return float64(s.ExtraFields) }},
	{"batches_total", "counter", "Batches that the server has committed.", func(s Snapshot) float64 { return float64(s.Batches) }},
	{"batches_loaded_total", "counter", "Those of the batches that went by LOAD DATA LOCAL; the others went by INSERT.", func(s Snapshot) float64 { return float64(s.Loaded) }},
	{"retries_total", "counter", "Attempts that were repeated.", func(s Snapshot) float64 { return float64(s.Retries) }},
	{"connects_total", "counter", "Connections made for writing.", func(s Snapshot) float64 { return float64(s.Connects) }},
	{"schema_loads_total", "counter", "Times that the table's columns were read.", func(s Snapshot) float64 { return float64(s.SchemaLoads) }},
	{"blocked_seconds_total", "counter", "Time that eKuiper was made to wait for room.", func(s Snapshot) float64 { return s.BlockedSeconds }},
}

const prefix = "ekuiper_mysql_"

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	type shown struct {
		labels  string
		figures Snapshot
	}
	var all []shown
	p.mu.Lock()
	for l, r := range p.rules {
		all = append(all, shown{l.String(), r.Snapshot()})
	}
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b shown) int { return strings.Compare(a.labels, b.labels) })
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	out := bufio.NewWriter(w)
	defer out.Flush() // an error is the reader's, who has gone
	for _, f := range figures {
		fmt.Fprintf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, f.name, f.help, prefix, f.name, f.kind)
		for _, s := range all {
			fmt.Fprintf(out, "%s%s%s %v\n", prefix, f.name, s.labels, f.of(s.figures))
		}
	}
	journals, rows := p.Orphans.Get()
	fmt.Fprintf(out, "# HELP %[1]sorphan_journals Journals with rows that no rule uses.\n# TYPE %[1]sorphan_journals gauge\n%[1]sorphan_journals %[2]d\n", prefix, journals)
	fmt.Fprintf(out, "# HELP %[1]sorphan_rows Rows in journals that no rule uses.\n# TYPE %[1]sorphan_rows gauge\n%[1]sorphan_rows %[2]d\n", prefix, rows)
}
