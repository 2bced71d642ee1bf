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
// and a position in cols, DEFAULT stands instead of the column's placeholder.
// Without columns every value is the column's default.
func Insert(t *schema.Table, cols []int, rows int, absent func(row, i int) bool) string {
	var b strings.Builder
	full := valueList(t, cols)
	b.Grow(64 + 24*len(cols) + rows*(len(full)+2))
	b.WriteString("INSERT INTO ")
	b.WriteString(Table(t.Name))
	b.WriteString(" (")
	for i, col := range cols {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(Quote(t.Columns[col].Name))
	}
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
		if absent(i) {
			b.WriteString("DEFAULT")
		} else {
			b.WriteString(t.Columns[col].Placeholder)
		}
	}
	b.WriteByte(')')
}
