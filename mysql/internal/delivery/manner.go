package delivery

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// Manner is how rows are written where it is not by plain inserts. Columns go
// by their names.
type Manner struct {
	Mode plan.Kind
	Key  []string // what finds a row; empty: the table's primary key, or another unique one
	// KindField is a field that says what its row does; empty: all do as Mode
	// says, and so do rows without the field.
	KindField string
	// Assign says what upserts and updates make of columns; Others is for those
	// that it does not name.
	Assign  map[string]statement.Expression
	Others  statement.Expression
	Version string // the column whose greater value wins; empty: the last row does
	// Strict leaves an insert an insert where it may have been stored already,
	// since nothing that follows it makes up for what is there.
	Strict bool
}

// manner is a Manner for one table.
type manner struct {
	*Manner
	keys    []schema.Key // to be tried in this order
	unique  []bool       // of each key: no two rows have the same
	given   bool         // the rule has named the key
	assign  []statement.Expression
	version int             // index into the table's columns; -1 none
	free    bool            // rows of different keys do not depend on their order
	strict  bool            // an upsert could be caught by another key than its own
	alias   bool            // the server knows new rows by an alias
	tied    []bool          // by column: it is of a unique key, perhaps
	linked  bool            // rows of the table refer to others of it
	fields  []payload.Field // of a row, without those that are not stored
}

// noKey is the place of a row that finds no key and needs none.
const noKey = 255

// Check reads the keys of t into it and says whether its rows can be written
// in this manner.
func (m *Manner) Check(ctx context.Context, q sqlx.QueryerContext, t *schema.Table) error {
	if m == nil {
		return nil
	}
	if err := t.LoadUnique(ctx, q); err != nil {
		return err
	}
	_, err := m.resolve(t, false)
	return err
}

// resolve finds what m names in t. Its error is for a person to mend.
func (m *Manner) resolve(t *schema.Table, alias bool) (*manner, error) {
	if m == nil {
		return nil, nil
	}
	r := &manner{Manner: m, version: -1, alias: alias, given: len(m.Key) > 0}
	if err := r.findKeys(t); err != nil {
		return nil, &mendError{err.Error()}
	}
	if err := r.findColumns(t); err != nil {
		return nil, &mendError{err.Error()}
	}
	r.linked, r.strict = t.Unique.Linked, t.Unique.More
	r.tied = make([]bool, len(t.Columns))
	for _, k := range t.Unique.Keys {
		for _, c := range k.Columns {
			r.tied[c] = true
		}
		if len(r.keys) == 0 || !sameColumns(k.Columns, r.keys[0].Columns) {
			r.strict = true
		}
	}
	if t.Unique.More {
		for c := range r.tied {
			r.tied[c] = true
		}
	}
	r.free = !r.strict && !r.linked
	return r, nil
}

func (m *manner) needsKey() bool { return m.Mode.Keyed() || m.KindField != "" }

func (m *manner) findKeys(t *schema.Table) error {
	if m.given {
		key := schema.Key{NotNull: true}
		for _, name := range m.Key {
			c := t.Lookup([]byte(name))
			if c < 0 {
				return fmt.Errorf("keyField %q: table %q has no such column", name, t.Name.Table)
			}
			if !t.Columns[c].Identifies() {
				return fmt.Errorf("keyField %q: a column of type %s finds no row again", name, t.Columns[c].Type)
			}
			if slices.Contains(key.Columns, c) {
				return fmt.Errorf("keyField %q: it is named twice", name)
			}
			key.Columns = append(key.Columns, c)
			key.NotNull = key.NotNull && !t.Columns[c].Nullable
		}
		unique := slices.ContainsFunc(t.Unique.Keys, func(k schema.Key) bool { return k.NotNull && sameColumns(k.Columns, key.Columns) })
		if m.Mode == plan.Upsert && !unique {
			return fmt.Errorf("keyField %q: an upsert finds its row by a unique key, and table %q has none of just these columns that is NOT NULL: add one, or name the columns of one", strings.Join(m.Key, ", "), t.Name.Table)
		}
		m.keys, m.unique = []schema.Key{key}, []bool{unique}
		return nil
	}
	for _, k := range t.Unique.Keys {
		usable := !slices.ContainsFunc(k.Columns, func(c int) bool { return !t.Columns[c].Identifies() })
		if k.NotNull && usable {
			m.keys, m.unique = append(m.keys, k), append(m.unique, true)
		}
	}
	if len(m.keys) == 0 && m.needsKey() {
		return fmt.Errorf("table %q has no primary key, nor a unique key that is NOT NULL, to find rows by: add one, or name the columns for update and delete in keyField", t.Name.Table)
	}
	return nil
}

// sameColumns tells whether two keys have the same columns, in whatever order.
func sameColumns(a, b []int) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(c int) bool { return !slices.Contains(b, c) })
}

func (m *manner) findColumns(t *schema.Table) error {
	m.assign = make([]statement.Expression, len(t.Columns))
	for i := range m.assign {
		m.assign[i] = m.Others
	}
	for name, as := range m.Assign {
		c := t.Lookup([]byte(name))
		if c < 0 {
			return fmt.Errorf("updateFields or keepFields: table %q has no column %q", t.Name.Table, name)
		}
		column := &t.Columns[c]
		if as == statement.Add && !column.Numeric() || (as == statement.Max || as == statement.Min) && !column.Ordered() {
			return fmt.Errorf("updateFields: column %q of type %s takes no such expression; allowed: set, coalesce, keep", name, column.Type)
		}
		m.assign[c] = as
	}
	if m.Version == "" {
		return nil
	}
	m.version = t.Lookup([]byte(m.Version))
	if m.version < 0 {
		return fmt.Errorf("versionField %q: table %q has no such column", m.Version, t.Name.Table)
	}
	if !t.Columns[m.version].Ordered() {
		return fmt.Errorf("versionField %q: of two values of type %s none is the newer; allowed: numbers, dates and times, text", m.Version, t.Columns[m.version].Type)
	}
	if slices.ContainsFunc(m.keys, func(k schema.Key) bool { return slices.Contains(k.Columns, m.version) }) {
		return fmt.Errorf("versionField %q: it is part of the key that finds rows", m.Version)
	}
	return nil
}

// errManner is why rows are converted anew that wait while their rule changes.
var errManner = errors.New("the rule writes its rows in another manner now")

// outdated tells whether the rule that s is of writes in another manner than b.
func (b *batch) outdated(s *setup) bool {
	return b.options != nil && b.options != &s.options && !reflect.DeepEqual(b.options.Manner, s.options.Manner)
}

// kindError says that a row's kind is none.
type kindError struct{ field, value string }

func (e *kindError) Error() string {
	return fmt.Sprintf("field %q: %s says not what to do with the row; allowed: insert, update, upsert, delete, or no such field", e.field, e.value)
}

// lacksError says that a row lacks what finds its place.
type lacksError struct {
	kind  plan.Kind
	field string
	why   string
}

func (e *lacksError) Error() string {
	return fmt.Sprintf("%v: the row has no value for %q, %s", e.kind, e.field, e.why)
}

// kindOf reads what row is to do.
func (m *manner) kindOf(row payload.Row) (plan.Kind, error) {
	kind := m.Mode
	if m.KindField == "" {
		return kind, nil
	}
	for i := range row.Fields { // the last one counts
		f := &row.Fields[i]
		if string(f.Name) != m.KindField {
			continue
		}
		kind = m.Mode
		if f.Value.Kind == payload.Null {
			continue
		}
		switch k, ok := plan.Parse(string(f.Value.Text)); {
		case f.Value.Kind != payload.String, !ok, k == plan.InsertIgnore, k == plan.Replace:
			return 0, &kindError{m.KindField, fmt.Sprintf("%.40q", f.Value.Text)}
		default:
			kind = k
		}
	}
	return kind, nil
}

// stored is row without the fields that say what to do with it, and are no
// column, and of a deletion those that do not find its place.
func (m *manner) stored(t *schema.Table, row payload.Row, kind plan.Kind) payload.Row {
	if m.KindField == "" && kind != plan.Delete {
		return row
	}
	m.fields = m.fields[:0]
	for _, f := range row.Fields {
		if m.KindField != "" && string(f.Name) == m.KindField && t.Lookup(f.Name) < 0 {
			continue
		}
		if kind == plan.Delete && !m.finds(t.Lookup(f.Name)) {
			continue
		}
		m.fields = append(m.fields, f)
	}
	return payload.Row{Fields: m.fields, Raw: row.Raw}
}

// finds tells whether the column is part of what finds a row, or its version.
func (m *manner) finds(c int) bool {
	return c >= 0 && (c == m.version || slices.ContainsFunc(m.keys, func(k schema.Key) bool { return slices.Contains(k.Columns, c) }))
}

// place decides by which key a row of b, the last, finds its place.
func (m *manner) place(b *batch, kind plan.Kind) (key uint8, err error) {
	cells := b.slice(len(b.rows)-1, len(b.rows))
	there := func(c int, null bool) bool {
		at := b.at[c]
		return at >= 0 && cells[at].Kind() != schema.Absent && (cells[at].Kind() != schema.Null || null && b.table.Columns[c].Nullable)
	}
	key = noKey
	for i, k := range m.keys {
		null := m.given && kind != plan.Upsert && i == 0
		if !slices.ContainsFunc(k.Columns, func(c int) bool { return !there(c, null) }) {
			key = uint8(i)
			break
		}
	}
	if !kind.Keyed() {
		return key, nil
	}
	if key == noKey {
		missing := m.keys[0].Columns[slices.IndexFunc(m.keys[0].Columns, func(c int) bool { return !there(c, m.given && kind != plan.Upsert) })]
		return 0, &lacksError{kind, b.table.Columns[missing].Name, "which is of the key that finds its place"}
	}
	if kind == plan.Upsert && !m.unique[key] {
		return 0, &lacksError{kind, "a unique key", "by which alone it could find its place; keyField names none that is NOT NULL"}
	}
	if m.version >= 0 && !there(m.version, false) {
		return 0, &lacksError{kind, b.table.Columns[m.version].Name, "the versionField"}
	}
	return key, nil
}

// addInManner is add where the rule has a manner.
func (b *batch) addInManner(ref rowRef, row payload.Row, o *Options) (dropped int, err error) {
	m := b.manner
	if ref.kind, err = m.kindOf(row); err != nil {
		return 0, err
	}
	rows, size := len(b.rows), b.bytes
	dropped, err = b.addRow(ref, m.stored(b.table, row, ref.kind), o)
	if err != nil {
		return 0, err
	}
	if ref.kind == plan.Upsert {
		m.leaveOut(b)
	}
	b.rows[rows].key, err = m.place(b, ref.kind)
	if err != nil {
		b.cells, b.rows, b.bytes = b.cells[:rows*len(b.cols)], b.rows[:rows], size
		return 0, err
	}
	b.uniform = b.uniform && b.rows[rows].kind == b.rows[0].kind && b.rows[rows].key == b.rows[0].key
	return dropped, nil
}

// leaveOut makes the last row of b, an upsert, lack the columns for which it has
// null and which take none: where that stands for nothing to the column's
// expression, and where it asks for a number, which a row that is there already,
// found by another key, has.
func (m *manner) leaveOut(b *batch) {
	cells := b.slice(len(b.rows)-1, len(b.rows))
	for at, c := range b.cols {
		if cells[at].Kind() != schema.Null {
			continue
		}
		column := &b.table.Columns[c]
		nothing := !column.Nullable && m.assign[c] != statement.Set && m.assign[c] != statement.Keep
		if nothing || column.Numbered {
			cells[at], b.full = schema.Argument{}, false
		}
	}
}

// inserts tells whether the rows lo to hi are written by plain inserts alone.
func (b *batch) inserts(lo, hi int) bool {
	return b.manner == nil || !slices.ContainsFunc(b.rows[lo:hi], func(r rowRef) bool { return r.kind != plan.Insert })
}
