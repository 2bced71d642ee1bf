package statement

import (
	"slices"
	"strings"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/schema"
)

// CreateTable renders the statement that makes a table of columns, at least
// one, unless it is there. key holds names of columns, empty for no primary
// key. The engine and the character set are the ones that the sink's promises
// hold for.
func CreateTable(name schema.Name, columns []design.Column, key []string) string {
	keyed := func(c design.Column) bool {
		return slices.ContainsFunc(key, func(k string) bool { return schema.SameName(c.Name, []byte(k)) })
	}
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + Table(name) + " (")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quote(c.Name) + " " + c.Type.SQL(keyed(c)))
	}
	if len(key) > 0 {
		names := make([]string, len(key))
		for i, k := range key {
			names[i] = Quote(k)
		}
		b.WriteString(", PRIMARY KEY (" + strings.Join(names, ", ") + ")")
	}
	b.WriteString(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
	return b.String()
}

// AddColumns renders the statement that adds columns, at least one, to a table.
func AddColumns(name schema.Name, columns []design.Column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "ADD COLUMN " + Quote(c.Name) + " " + c.Type.SQL(false)
	}
	return "ALTER TABLE " + Table(name) + " " + strings.Join(parts, ", ")
}
