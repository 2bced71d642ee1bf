// Package mapping says which value of a row goes to which column, where that
// is not just the field of the column's name: fields under other names, values
// inside nested ones, constants, what is known of a row, and a column that
// takes the rest. A Plan is what a rule asks for, read once; a Mapper makes of
// each row the one that the table is to get, whose fields are named like
// columns. Without a Plan nobody comes here.
//
// It is pure: rows in, rows out. It knows payload, and of the table only where
// a name leads.
package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/payload"
)

// Options are the properties that make a Plan.
type Options struct {
	Columns      map[string]any // by column: its source, see parseSource
	IgnoreOthers bool           // fields that Columns does not use go to no column
	SnakeCase    bool           // a field without a column goes to that of its name in snake_case
	Rest         string         // the column that takes the fields without a column, as one JSON object
	WholeRow     bool           // Rest takes the row as it came instead
	IgnoreExtra  bool           // what is left without a column is dropped, not an error of its row
	// Pass is a field that is wanted under its own name, whatever becomes of
	// it: it says what to do with the row. One of Columns may take its place.
	Pass string
}

// Plan is what Options ask for. It does not change: any number of goroutines may use it.
type Plan struct {
	columns      []column // sorted by name
	fields       map[string]*uses
	paths        int // columns that come from inside a value: their slots
	rest         []byte
	wholeRow     bool
	ignoreOthers bool
	snakeCase    bool
	ignoreExtra  bool
	pass         string // empty where a column takes its place
	instead      string // that column, which need not be one of the table's
	facts        bool   // some column takes metadata
}

// column is one that has a source.
type column struct {
	name []byte
	source
	slot int // of a path with steps
}

// uses is what a field is wanted for.
type uses struct {
	whole []int          // columns that take its value
	paths *payload.Paths // to those that take what is inside; nil if none do
}

// Compile returns the plan for o, nil if there is nothing to do, or every
// problem at once, each naming the property, the value and what is allowed.
func Compile(o Options) (*Plan, error) {
	if len(o.Columns) == 0 && !o.SnakeCase && o.Rest == "" {
		if o.IgnoreOthers {
			return nil, errors.New(`property otherFields: "ignore" without columns or restField leaves nothing to store; allowed: byName, or columns beside it`)
		}
		if o.WholeRow {
			return nil, errNoRestField
		}
		return nil, nil
	}
	p := &Plan{
		fields: map[string]*uses{}, rest: []byte(o.Rest), wholeRow: o.WholeRow,
		ignoreOthers: o.IgnoreOthers, snakeCase: o.SnakeCase, ignoreExtra: o.IgnoreExtra,
	}
	var errs []error
	if o.WholeRow && o.Rest == "" {
		errs = append(errs, errNoRestField)
	}
	given := map[string]string{} // by name in lower case
	for _, name := range slices.Sorted(maps.Keys(o.Columns)) {
		low := strings.ToLower(name)
		if first, twice := given[low]; twice {
			errs = append(errs, fmt.Errorf("property columns: %q and %q are the same column; allowed: each once", first, name))
			continue
		}
		given[low] = name
		if err := p.add(name, o.Columns[name]); err != nil {
			errs = append(errs, fmt.Errorf("property columns: column %q: %w", name, err))
		}
	}
	if o.Rest != "" {
		if err := checkColumn(o.Rest); err != nil {
			errs = append(errs, fmt.Errorf("property restField: %q: %w", o.Rest, err))
		}
		if name, ok := given[strings.ToLower(o.Rest)]; ok {
			errs = append(errs, fmt.Errorf("property restField: %q has a value in columns as well, as %q; allowed: a column of its own", o.Rest, name))
		}
	}
	if err := p.letPass(o.Pass, given); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// letPass takes up the field that says what to do with a row. given are the columns
// by their names in lower case.
func (p *Plan) letPass(field string, given map[string]string) error {
	name, taken := given[strings.ToLower(field)]
	switch {
	case field == "":
	case strings.EqualFold(field, string(p.rest)):
		return fmt.Errorf("property restField: %q is the rowkindField; allowed: another column", p.rest)
	case taken && name != field:
		return fmt.Errorf("property columns: column %q differs from the rowkindField %q in letter case alone; allowed: the same, or another", name, field)
	case taken:
		p.instead = field
	default:
		p.pass = field
	}
	return nil
}

var errNoRestField = errors.New(`property restContent: "row" without restField; allowed: restField beside it, or leave it out`)

// add takes up one column of the property.
func (p *Plan) add(name string, v any) error {
	if err := checkColumn(name); err != nil {
		return err
	}
	s, err := parseSource(v)
	if err != nil {
		return err
	}
	at := len(p.columns)
	c := column{name: []byte(name), source: s}
	p.facts = p.facts || s.meta != none
	if s.path != nil {
		u := p.fields[s.path.field]
		if u == nil {
			u = &uses{}
			p.fields[s.path.field] = u
		}
		if len(s.path.steps) == 0 {
			u.whole = append(u.whole, at)
		} else {
			if u.paths == nil {
				u.paths = &payload.Paths{}
			}
			c.slot = p.paths
			p.paths++
			u.paths.Add(c.slot, s.path.steps...)
		}
	}
	p.columns = append(p.columns, c)
	return nil
}

// checkColumn refuses what no server takes as a column's name.
func checkColumn(name string) error {
	const most = 64
	switch n := utf8.RuneCountInString(name); {
	case name == "":
		return errors.New("an empty name; allowed: a column's name")
	case !utf8.ValidString(name):
		return errors.New("a name that is not UTF-8; allowed: a column's name")
	case n > most:
		return fmt.Errorf("a name of %d characters; allowed: up to %d", n, most)
	case strings.ContainsRune(name, 0):
		return errors.New("a NUL character; allowed: a column's name")
	case strings.HasSuffix(name, " "):
		return errors.New("a space at its end; allowed: a column's name")
	}
	return nil
}

// Columns are at most how many columns a row may get beside those of its own
// fields. A nil Plan has none.
func (p *Plan) Columns() int {
	if p == nil {
		return 0
	}
	return len(p.columns) + min(len(p.rest), 1)
}

// NeedsFacts tells whether some column takes metadata.
func (p *Plan) NeedsFacts() bool { return p != nil && p.facts }

// NeedsJournal returns the metadata that only a journal on disk has, of those
// that columns take; "" if they take none.
func (p *Plan) NeedsJournal() string {
	if p != nil {
		for i := range p.columns {
			if m := p.columns[i].meta; m == journal || m == number {
				return m.String()
			}
		}
	}
	return ""
}

// Missing returns those of the plan's columns that the table lacks, each with
// the property that names it.
func (p *Plan) Missing(t Table) []string {
	if p == nil {
		return nil
	}
	var missing []string
	for i := range p.columns {
		if name := p.columns[i].name; t.Lookup(name) < 0 && string(name) != p.instead {
			missing = append(missing, fmt.Sprintf("%q (columns)", p.columns[i].name))
		}
	}
	if len(p.rest) > 0 && t.Lookup(p.rest) < 0 {
		missing = append(missing, fmt.Sprintf("%q (restField)", p.rest))
	}
	return missing
}

// Source says what of the plan gives a column its value, as an error tells it:
// "columns: from payload.t" or the like; "" if the field of its name does.
func (p *Plan) Source(column string) string {
	if p == nil {
		return ""
	}
	for i := range p.columns {
		if strings.EqualFold(string(p.columns[i].name), column) {
			return p.sourceOf(i)
		}
	}
	if column != "" && strings.EqualFold(string(p.rest), column) {
		return p.sourceOf(len(p.columns))
	}
	return ""
}

// sourceOf is Source of a column by its number, the rest's being the last.
func (p *Plan) sourceOf(i int) string {
	if i == len(p.columns) {
		return "restField"
	}
	return "columns: " + p.columns[i].source.String()
}
