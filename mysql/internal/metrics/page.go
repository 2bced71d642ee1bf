package metrics

import (
	"bufio"
	"cmp"
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
	Server   string // with the database: a rule that moves leaves a queue behind, whose sums are not those of the next
	Queue    string // disk or memory
}

func (l Labels) String() string {
	return fmt.Sprintf(`rule="%s",op="%s",instance="%d",table="%s",server="%s",queue="%s",`, escape(l.Rule), escape(l.Op), l.Instance, escape(l.Table), escape(l.Server), l.Queue)
}

// escape makes text fit between the quotes of a label's value.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// Page shows the figures of all actions in the text format of Prometheus,
// version 0.0.4. Its methods may be called from any goroutine.
type Page struct {
	Orphans Orphans

	mu     sync.Mutex
	rules  map[Labels]*Rule
	plugin func() Plugin
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

// Describe sets where it is read what is not of one action.
func (p *Page) Describe(plugin func() Plugin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plugin = plugin
}

// shown is one action's figures on their way to a reader.
type shown struct {
	labels  string
	figures Snapshot
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	rules := map[Labels]*Rule{}
	p.mu.Lock()
	for l, r := range p.rules {
		rules[l] = r
	}
	read := p.plugin
	p.mu.Unlock()
	var all []shown // read without the lock: a journal may be busy
	for l, r := range rules {
		all = append(all, shown{l.String(), r.Snapshot()})
	}
	slices.SortFunc(all, func(a, b shown) int { return cmp.Compare(a.labels, b.labels) })
	var plugin Plugin
	if read != nil {
		plugin = read()
	}
	plugin.process = readProcess()
	plugin.orphanJournals, plugin.orphanRows = p.Orphans.Get()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	out := bufio.NewWriter(w)
	defer out.Flush() // an error is the reader's, who has gone
	for _, f := range ruleFigures {
		s := series{out: out, name: prefix + f.name}
		s.head(f.kind, f.help)
		for i := range all {
			s.rule = all[i].labels
			f.samples(&s, &all[i].figures)
		}
	}
	for _, f := range pluginFigures {
		s := series{out: out, name: f.name}
		s.head(f.kind, f.help)
		f.samples(&s, &plugin)
	}
}
