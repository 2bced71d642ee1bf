// Package design draws up tables and columns for rows that have none: from a
// sample of the rows, or as the rule declares them. It is pure and talks to no
// server; package statement renders what it decides. A type is one of a list,
// taken apart and put together again here: no text of a rule or a row becomes
// SQL.
//
// What a sample says is a guess about the rows to come, so types are taken
// wide, and where two kinds of values meet, the one that holds both: rows of
// the sample always fit, whole.
package design

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/schema"
)

// Mode is whether tables or columns are made.
type Mode uint8

// The modes.
const (
	Off    Mode = iota
	DryRun      // only the log says what would be made
	On
)

// ParseMode reads false, dryRun or true; empty text is false.
func ParseMode(s string) (Mode, error) {
	switch strings.ToLower(s) {
	case "", "false":
		return Off, nil
	case "dryrun":
		return DryRun, nil
	case "true":
		return On, nil
	}
	return Off, fmt.Errorf("%q is none of false, dryRun, true", s)
}

// Plan is what a rule asks for. The zero value makes nothing.
type Plan struct {
	Create, Evolve Mode
	Declared       []Column // those of the key first; empty: the rows tell
	Key            []string // the columns of a new table's primary key; empty: none
	MaxColumns     int      // how many columns a table may be given in all
	UTC            bool     // times are written in UTC: one that ends in Z loses nothing
}

// Check says what of the plan has no sense together.
func (p *Plan) Check() error {
	var errs []error
	if p.Create == Off && p.Evolve == Off && len(p.Declared) > 0 {
		errs = append(errs, errors.New("property schema: nothing is made with it; allowed: autoCreate or autoEvolve beside it, or leave it out"))
	}
	if p.Create == Off && len(p.Key) > 0 {
		errs = append(errs, errors.New("property primaryKey: no table is made with it; allowed: autoCreate beside it, or leave it out"))
	}
	if len(p.Declared) > p.MaxColumns {
		errs = append(errs, fmt.Errorf("property schema: %d columns; allowed: maxColumns, %d, or fewer", len(p.Declared), p.MaxColumns))
	}
	if len(p.Declared) > 0 && p.Evolve != On {
		for _, k := range p.Key {
			if find(p.Declared, k) < 0 {
				errs = append(errs, fmt.Errorf("property primaryKey: column %q is not in schema; allowed: columns of schema", k))
			}
		}
	}
	return errors.Join(errs...)
}

// Column is a column to be made.
type Column struct {
	Name string
	Type Type
}

// MostColumns is what InnoDB takes.
const MostColumns = 1017

// ParseDeclaration reads a rule's columns, types by name, and the primary key
// of a new table. The order of the columns is that of the key, then of the
// names: JSON's objects have none. Its error tells all that is wrong.
func ParseDeclaration(types map[string]any, key []string) ([]Column, error) {
	var errs []error
	var columns []Column
	for _, name := range slices.Sorted(maps.Keys(types)) {
		text, ok := types[name].(string)
		if err := CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("property schema: column %q: %w; allowed: a name of 1 to 64 characters", name, err))
			continue
		}
		if !ok {
			errs = append(errs, fmt.Errorf("property schema: column %q: a value of type %T; allowed: a type as text, e.g. %q", name, types[name], "BIGINT UNSIGNED NOT NULL"))
			continue
		}
		t, err := ParseType(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("property schema: column %q: %q: %w", name, text, err))
			continue
		}
		if i := find(columns, name); i >= 0 {
			errs = append(errs, fmt.Errorf("property schema: columns %q and %q differ in letter case alone; allowed: one of them", columns[i].Name, name))
			continue
		}
		if t.counts && (len(key) == 0 || !schema.SameName(key[0], []byte(name))) {
			errs = append(errs, fmt.Errorf("property schema: column %q: AUTO_INCREMENT; allowed: of the first column of the primaryKey", name))
		}
		columns = append(columns, Column{name, t})
	}
	errs = append(errs, checkKey(columns, key)...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	rank := func(c Column) int {
		i := slices.IndexFunc(key, func(k string) bool { return schema.SameName(k, []byte(c.Name)) })
		if i < 0 {
			return len(key)
		}
		return i
	}
	slices.SortStableFunc(columns, func(a, b Column) int { return rank(a) - rank(b) })
	return columns, nil
}

func checkKey(columns []Column, key []string) (errs []error) {
	for i, k := range key {
		if err := CheckName(k); err != nil {
			errs = append(errs, fmt.Errorf("property primaryKey: column %q: %w; allowed: a name of 1 to 64 characters", k, err))
		}
		if slices.ContainsFunc(key[:i], func(other string) bool { return schema.SameName(other, []byte(k)) }) {
			errs = append(errs, fmt.Errorf("property primaryKey: column %q: twice; allowed: each column once", k))
		}
		if at := find(columns, k); at >= 0 && !columns[at].Type.keyed() {
			errs = append(errs, fmt.Errorf("property primaryKey: column %q: no server has a key of %s; allowed: numbers, times, CHAR, VARCHAR, BINARY, VARBINARY", k, columns[at].Type.text))
		}
	}
	return errs
}

func find(columns []Column, name string) int {
	return slices.IndexFunc(columns, func(c Column) bool { return schema.SameName(c.Name, []byte(name)) })
}

// CheckName says why no column can have the name. Characters beyond the
// Unicode's basic plane have no place in the servers' names.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("an empty name")
	case !utf8.ValidString(name):
		return errors.New("a name that is not UTF-8")
	case utf8.RuneCountInString(name) > 64:
		return errors.New("a name of more than 64 characters")
	case strings.HasSuffix(name, " "):
		return errors.New("a name that ends in a space")
	case strings.ContainsFunc(name, func(r rune) bool { return r > 0xffff || r == utf8.RuneError || unicode.IsControl(r) }):
		return errors.New("a name with a character that no server takes in one")
	}
	return nil
}

// ErrNothing says that no row of a sample has a field to make a column of.
var ErrNothing = errors.New("the row has no field that a column could be made for")

// Table returns the columns of a new table, for rows like those of the sample,
// and how many of their fields get none because the table has enough.
func (p *Plan) Table(s *Sample) (columns []Column, over int, err error) {
	columns = slices.Clone(p.Declared)
	if len(p.Declared) == 0 || p.Evolve == On {
		fields := s.fields
		if p.Evolve == On { // what was null in all rows gets a column once it is something
			fields = slices.DeleteFunc(slices.Clone(fields), func(f *field) bool { return f.seen == 0 })
		}
		columns, over = p.extend(columns, nil, fields, p.Key)
	}
	if len(columns) == 0 {
		return nil, over, ErrNothing
	}
	for _, k := range p.Key {
		i := find(columns, k)
		if i < 0 {
			return nil, over, fmt.Errorf("property primaryKey: column %q: no row that waits has such a field, which tells its type; declare it in schema", k)
		}
		if !columns[i].Type.keyed() {
			return nil, over, fmt.Errorf("property primaryKey: column %q: as the rows are it would be %s, of which no server has a key; declare it in schema", k, columns[i].Type.text)
		}
	}
	return columns, over, nil
}

// Missing returns the columns that t lacks for the fields of the sample, and
// how many of the fields get none because the table has enough. A field that
// was null in all rows can wait.
func (p *Plan) Missing(t *schema.Table, s *Sample) (columns []Column, over int) {
	var fields []*field
	for _, f := range s.fields {
		if f.seen != 0 && t.Lookup([]byte(f.name)) < 0 {
			fields = append(fields, f)
		}
	}
	columns, over = p.extend(nil, t.Columns, fields, nil)
	for i := range columns {
		// What the table has already has no value for it.
		columns[i].Type.notNull, columns[i].Type.counts = false, false
	}
	return columns, over
}

// extend adds a column for each of fields that has none, as declared if it is,
// where the table has the others.
func (p *Plan) extend(columns []Column, others []schema.Column, fields []*field, key []string) (_ []Column, over int) {
	wide := 0
	for i := range others {
		wide += widthOf(others[i].Type)
	}
	for _, c := range columns {
		wide += widthOf(c.Type.text)
	}
	for _, f := range fields {
		if find(columns, f.name) >= 0 {
			continue
		}
		if len(others)+len(columns) >= p.MaxColumns {
			over++
			continue
		}
		c := Column{Name: f.name}
		if i := find(p.Declared, f.name); i >= 0 {
			c = p.Declared[i]
		} else {
			keyed := slices.ContainsFunc(key, func(k string) bool { return schema.SameName(k, []byte(f.name)) })
			c.Type = f.choose(p.UTC, keyed, len(key), wide+usualWidth <= mostWide*usualWidth)
		}
		wide += widthOf(c.Type.text)
		columns = append(columns, c)
	}
	return columns, over
}

// widthOf is how many characters a column of the type takes up in a row: what
// is longer stands beside the row.
func widthOf(text string) int {
	kind, width, _ := strings.Cut(text, "(")
	if kind = strings.ToLower(kind); kind != "varchar" && kind != "char" {
		return 0
	}
	width, _, _ = strings.Cut(width, ")")
	return max(atoi(width), 1)
}

// Narrow returns columns that take up less room in a row, and whether there are
// any: TEXT for a VARCHAR that was guessed from the rows.
func Narrow(columns []Column) (narrow []Column, can bool) {
	narrow = slices.Clone(columns)
	for i := range narrow {
		if t := &narrow[i].Type; t.guessed {
			*t, can = Type{text: "TEXT"}, true
		}
	}
	return narrow, can
}

// Spares tells whether a new table may do without the column.
func (p *Plan) Spares(name string) bool {
	return find(p.Declared, name) < 0 && !slices.ContainsFunc(p.Key, func(k string) bool { return schema.SameName(k, []byte(name)) })
}
