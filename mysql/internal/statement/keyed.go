package statement

import (
	"slices"
	"strings"

	"ekuiper-mysql/mysql/internal/schema"
)

// Expression is what a column becomes where its row is there already.
type Expression uint8

// The expressions. What is NULL, on either side, is nothing to Add, Max and
// Min, and the other side stays.
const (
	Set      Expression = iota // the new value
	Add                        // the old plus the new
	Max                        // the greater of both
	Min                        // the lesser
	Coalesce                   // the new, or the old where the new is NULL
	Keep                       // the old
)

// Terms is how often an expression names the new value, which takes as many
// arguments in an UPDATE.
func (e Expression) Terms() int {
	switch e {
	case Keep:
		return 0
	case Add, Max, Min:
		return 2
	}
	return 1
}

// render writes the expression of a column.
func (e Expression) render(b *strings.Builder, old, new string) {
	switch e {
	case Set:
		b.WriteString(new)
	case Add:
		b.WriteString("COALESCE(" + old + " + " + new + ", " + new + ", " + old + ")")
	case Max:
		b.WriteString("IF(" + old + " IS NULL OR " + old + " < " + new + ", " + new + ", " + old + ")")
	case Min:
		b.WriteString("IF(" + old + " IS NULL OR " + old + " > " + new + ", " + new + ", " + old + ")")
	case Coalesce:
		b.WriteString("COALESCE(" + new + ", " + old + ")")
	case Keep:
		b.WriteString(old)
	}
}

// Assignment is what a column of a row that is there becomes.
type Assignment struct {
	Column int // index into the table's columns
	As     Expression
}

// Change is what happens to rows that are there already.
type Change struct {
	Key    []int // the columns that find a row
	Assign []Assignment
	// Version, unless it is negative, is the column whose value decides: a row
	// changes only what has a lower one, or none. It must not be in Assign.
	Version int
	// Strict makes an upsert fail with error 1048, 1264 or 1292 of a key's column where the row that is there
	// is another one than that of the key, caught by another unique key.
	Strict bool
	Alias  bool // the server knows new rows by an alias, and does not like VALUES()
}

// incoming is the alias of new rows.
const incoming = "`ekuiper_incoming`"

// Upsert renders the INSERT of rows rows, at least one, into the columns cols
// that changes the rows that are there already. Absent is as of Insert.
func Upsert(t *schema.Table, cols []int, rows int, absent func(row, i int) bool, c *Change) string {
	var b strings.Builder
	b.WriteString(Insert(t, cols, rows, absent))
	if c.Alias {
		b.WriteString(" AS " + incoming)
	}
	b.WriteString(" ON DUPLICATE KEY UPDATE ")
	table := Table(t.Name) + "."
	old := func(col int) string { return table + Quote(t.Columns[col].Name) }
	fresh := func(col int) string {
		name := Quote(t.Columns[col].Name)
		if c.Alias {
			return incoming + "." + name
		}
		return "VALUES(" + name + ")"
	}
	n := 0
	assign := func(col int, value func()) {
		if n > 0 {
			b.WriteString(", ")
		}
		n++
		b.WriteString(old(col) + " = ")
		value()
	}
	if c.Strict {
		for _, col := range c.Key {
			assign(col, func() {
				b.WriteString("IF(" + old(col) + " <=> " + fresh(col) + ", " + old(col) + ", " + impossible(&t.Columns[col]) + ")")
			})
		}
	}
	newer := ""
	if c.Version >= 0 {
		newer = "IF(" + old(c.Version) + " IS NULL OR " + old(c.Version) + " < " + fresh(c.Version) + ", "
	}
	set := func(col int, as Expression) {
		assign(col, func() {
			b.WriteString(newer)
			as.render(&b, old(col), fresh(col))
			if newer != "" {
				b.WriteString(", " + old(col) + ")")
			}
		})
	}
	for _, a := range c.Assign {
		if a.As != Keep {
			set(a.Column, a.As)
		}
	}
	if c.Version >= 0 {
		set(c.Version, Set) // last: the others look at it
	}
	if n == 0 { // nothing changes, and a duplicate is no error
		col := slices.IndexFunc(t.Columns, func(c schema.Column) bool { return !c.Generated })
		assign(col, func() { b.WriteString(old(col)) })
	}
	return b.String()
}

// NoTime is what a Strict upsert would make of a key that is a TIMESTAMP: error 1292 shows it.
const NoTime = "the time of another row"

// impossible is a value that a column that is NOT NULL refuses. An integer may
// be AUTO_INCREMENT, which makes a number of NULL, and a TIMESTAMP may make the
// time of it.
func impossible(c *schema.Column) string {
	switch {
	case c.Integral():
		return "1000000000000000000000000000000"
	case c.Clocked():
		return "'" + NoTime + "'"
	}
	return "NULL"
}

// Replace is Insert that takes the place of rows that are there.
func Replace(t *schema.Table, cols []int, rows int, absent func(row, i int) bool) string {
	return "REPLACE" + strings.TrimPrefix(Insert(t, cols, rows, absent), "INSERT")
}

// Update renders the UPDATE of the rows that have one of rows keys, at least
// one. Its arguments are, for each assignment and then the version, for each
// row the key, if there are several, and the value as often as the expression
// has Terms; then, for each row, the key and the version.
func Update(t *schema.Table, rows int, c *Change) string {
	var b strings.Builder
	b.WriteString("UPDATE " + Table(t.Name) + " SET ")
	first := true
	assign := func(col int, as Expression) {
		if as == Keep {
			return
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		name := Quote(t.Columns[col].Name)
		b.WriteString(name + " = ")
		writeCase(&b, t, rows, c.Key, name, func() { as.render(&b, name, newValue(&t.Columns[col], as, rows)) })
	}
	for _, a := range c.Assign {
		assign(a.Column, a.As)
	}
	if c.Version >= 0 {
		assign(c.Version, Set) // last: it may be asked for in the others
	}
	writeWhere(&b, t, rows, c)
	return b.String()
}

// newValue is the placeholder of a column's new value.
func newValue(c *schema.Column, as Expression, rows int) string {
	if as == Set && (rows == 1 || c.Temporal()) { // of a cast, sql_mode may make NULL
		return c.Placeholder
	}
	return c.Typed()
}

// writeCase chooses by the key among the values of several rows.
func writeCase(b *strings.Builder, t *schema.Table, rows int, key []int, old string, value func()) {
	if rows == 1 {
		value()
		return
	}
	simple := len(key) == 1 && !t.Columns[key[0]].Nullable
	b.WriteString("CASE")
	if simple {
		b.WriteString(" " + Quote(t.Columns[key[0]].Name))
	}
	for range rows {
		b.WriteString(" WHEN ")
		if simple {
			b.WriteString(t.Columns[key[0]].Compared())
		} else {
			writeMatch(b, t, key)
		}
		b.WriteString(" THEN ")
		value()
	}
	b.WriteString(" ELSE " + old + " END")
}

// Delete renders the DELETE of the rows that have one of rows keys, at least
// one. Its arguments are, for each row, the key and the version.
func Delete(t *schema.Table, rows int, c *Change) string {
	var b strings.Builder
	b.WriteString("DELETE FROM " + Table(t.Name))
	writeWhere(&b, t, rows, c)
	return b.String()
}

// writeWhere finds rows by their keys, and those that are older.
func writeWhere(b *strings.Builder, t *schema.Table, rows int, c *Change) {
	b.WriteString(" WHERE ")
	if column := &t.Columns[c.Key[0]]; len(c.Key) == 1 && !column.Nullable && c.Version < 0 {
		b.WriteString(Quote(column.Name) + " IN (" + column.Compared())
		b.WriteString(strings.Repeat(","+column.Compared(), rows-1))
		b.WriteByte(')')
		return
	}
	for i := range rows {
		if i > 0 {
			b.WriteString(" OR ")
		}
		writeMatch(b, t, c.Key)
		if c.Version >= 0 {
			column := &t.Columns[c.Version]
			name := Quote(column.Name)
			b.WriteString(" AND (" + name + " IS NULL OR " + name + " < " + column.Typed() + ")")
		}
	}
}

// writeMatch compares the key with one row's. NULL is equal to NULL.
func writeMatch(b *strings.Builder, t *schema.Table, key []int) {
	for i, k := range key {
		if i > 0 {
			b.WriteString(" AND ")
		}
		column, equal := &t.Columns[k], " = "
		if column.Nullable {
			equal = " <=> "
		}
		b.WriteString(Quote(column.Name) + equal + column.Compared())
	}
}
