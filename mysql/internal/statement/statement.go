// Package statement renders SQL text from a table's description. It is pure:
// the same input gives the same text, and nothing in a name can become SQL.
package statement

import (
	"strings"

	"ekuiper-mysql/mysql/internal/schema"
)

// Quote returns name as a quoted identifier. Between backquotes every
// character stands for itself, in every sql_mode, but the backquote, which is
// doubled. A NUL is kept: no server has such a name, so that it answers with an
// error; names that come from schema hold none.
func Quote(name string) string {
	if strings.IndexByte(name, '`') < 0 {
		return "`" + name + "`"
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// Table returns the quoted, if given qualified, name of a table.
func Table(name schema.Name) string {
	if name.Database == "" {
		return Quote(name.Table)
	}
	return Quote(name.Database) + "." + Quote(name.Table)
}

// Insert renders one INSERT of rows rows, at least one, into the columns cols
// (indexes into t.Columns). Where absent is not nil and reports true for a row
// and a position in cols, DEFAULT stands instead of the column's placeholder, or
// NULL where the server numbers the rows.
// Without columns every value is the column's default.
func Insert(t *schema.Table, cols []int, rows int, absent func(row, i int) bool) string {
	var b strings.Builder
	full := valueList(t, cols)
	b.Grow(64 + 24*len(cols) + rows*(len(full)+2))
	b.WriteString("INSERT INTO ")
	b.WriteString(Table(t.Name))
	b.WriteString(" (")
	writeNames(&b, t, cols)
	b.WriteString(") VALUES ")
	for row := range rows {
		if row > 0 {
			b.WriteByte(',')
		}
		if absent == nil {
			b.WriteString(full)
			continue
		}
		writeValues(&b, t, cols, func(i int) bool { return absent(row, i) })
	}
	return b.String()
}

// Load renders the LOAD DATA LOCAL of a file that the driver knows as file: a
// line per row, columns parted by tabs, with the escapes that are the default.
// Where a clause is the default already it is there all the same: nobody needs
// to know by heart which they are.
func Load(t *schema.Table, cols []int, file string) string {
	var b strings.Builder
	b.WriteString("LOAD DATA LOCAL INFILE 'Reader::" + file + "' INTO TABLE ")
	b.WriteString(Table(t.Name))
	b.WriteString(` CHARACTER SET utf8mb4 FIELDS TERMINATED BY 0x09 ENCLOSED BY '' ESCAPED BY 0x5c LINES TERMINATED BY 0x0a STARTING BY '' (`)
	writeNames(&b, t, cols)
	b.WriteByte(')')
	return b.String()
}

// valueList is a row with every value present.
func valueList(t *schema.Table, cols []int) string {
	var b strings.Builder
	writeValues(&b, t, cols, func(int) bool { return false })
	return b.String()
}

func writeValues(b *strings.Builder, t *schema.Table, cols []int, absent func(i int) bool) {
	b.WriteByte('(')
	for i, col := range cols {
		if i > 0 {
			b.WriteByte(',')
		}
		switch {
		case !absent(i):
			b.WriteString(t.Columns[col].Placeholder)
		case t.Columns[col].Numbered: // DEFAULT is 0 there, which is a value to the sink
			b.WriteString("NULL")
		default:
			b.WriteString("DEFAULT")
		}
	}
	b.WriteByte(')')
}

// Select renders a SELECT of the columns cols of the rows that have one of
// tuples values, at least one, of the columns key. cols and key are indexes
// into t.Columns, and neither is empty; each tuple takes the placeholders of
// its columns in the order of key.
func Select(t *schema.Table, cols, key []int, tuples int) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	writeNames(&b, t, cols)
	b.WriteString(" FROM ")
	b.WriteString(Table(t.Name))
	b.WriteString(" WHERE (")
	writeNames(&b, t, key)
	b.WriteString(") IN (")
	tuple := valueList(t, key)
	for i := range tuples {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(tuple)
	}
	b.WriteByte(')')
	return b.String()
}

func writeNames(b *strings.Builder, t *schema.Table, cols []int) {
	for i, col := range cols {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(Quote(t.Columns[col].Name))
	}
}
