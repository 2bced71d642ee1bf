// Package statement renders SQL text from a table's description. It is pure:
// the same input gives the same text, and nothing in a name can become SQL.
package statement

import "ekuiper-mysql/mysql/internal/schema"

// Quote returns name as a quoted identifier.
func Quote(name string) string { panic("stub") }

// Table returns the quoted, if given qualified, name of a table.
func Table(name schema.Name) string { panic("stub") }

// Insert renders one INSERT of rows rows into the columns cols (indexes into
// t.Columns). Where absent is not nil and reports true for a row and a
// position in cols, DEFAULT stands instead of the column's placeholder.
func Insert(t *schema.Table, cols []int, rows int, absent func(row, i int) bool) string {
	panic("stub")
}
