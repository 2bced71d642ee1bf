package fault

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// formats say where a message names a column: between before and after. In a
// server of another language than English the words differ; then only a name
// that stands first in quotes is found.
var formats = map[uint16]struct {
	before, after string
	first         bool // nothing in quotes precedes the name; otherwise a value does, which may hold anything
}{
	1048: {"Column ", " cannot be null", true},
	1054: {"Unknown column ", " in ", true},
	1060: {"Duplicate column name ", "", true},
	1110: {"Column ", " specified twice", true},
	1143: {" for column ", " in table ", false},
	1166: {"Incorrect column name ", "", true},
	1263: {" column ", " at row ", true},
	1264: {" for column ", " at row ", true},
	1265: {" for column ", " at row ", true},
	1292: {" for column ", " at row ", false},
	1364: {"Field ", " doesn't have a default value", true},
	1366: {" for column ", " at row ", false},
	1406: {" for column ", " at row ", true},
	1906: {" generated column ", " in table ", true},
	3105: {" generated column ", " in table ", true},
	3140: {" in value for column ", ".", false},
	3155: {" from column ", " at row ", false},
	3156: {" from column ", " at row ", false},
	3643: {" the SRID of the column ", ". The SRID of the geometry is ", true},
	3673: {"Column ", " cannot be null", true},
	4078: {" in assignment of ", "", false},
}

// Column returns the column that the server's message names, as the reason of
// err, or "".
func Column(err error) string {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return ""
	}
	switch server.Number {
	case 1451, 1452:
		return foreignKeyColumn(server.Message)
	case 4025:
		return checkedColumn(server.Message)
	}
	f, ok := formats[server.Number]
	if !ok {
		return ""
	}
	find := strings.LastIndex
	if f.first {
		find = strings.Index
	}
	if name := cut(server.Message, f.before, f.after, find); name != "" {
		return lastPart(server.Number, unquote(name))
	}
	if f.first {
		return lastPart(server.Number, firstQuoted(server.Message))
	}
	return ""
}

// cut returns what stands between before, which find finds, and the last after
// behind it.
func cut(text, before, after string, find func(text, part string) int) string {
	start := find(text, before)
	if start < 0 {
		return ""
	}
	text = text[start+len(before):]
	if after == "" {
		return text
	}
	end := strings.LastIndex(text, after)
	if end < 0 {
		return ""
	}
	return text[:end]
}

// unquote takes the last name of 'a', `a` or `database`.`table`.`a`.
func unquote(name string) []string {
	if len(name) >= 2 && name[0] == '\'' && name[len(name)-1] == '\'' {
		return []string{name[1 : len(name)-1]}
	}
	if name == "" || name[0] != '`' {
		return []string{name}
	}
	var parts []string
	for name != "" && name[0] == '`' {
		part, rest, ok := quotedName(name)
		if !ok {
			return nil
		}
		parts = append(parts, part)
		name = strings.TrimPrefix(rest, ".")
	}
	return parts
}

// quotedName splits `a“b`rest into a`b and rest.
func quotedName(s string) (name, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '`' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			b.WriteByte('`')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}

func lastPart(number uint16, parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	name := parts[len(parts)-1]
	if number == 3140 { // 'table.column'
		if _, column, ok := strings.Cut(name, "."); ok {
			return column
		}
	}
	return name
}

// firstQuoted returns what stands first between apostrophes or backquotes.
func firstQuoted(text string) []string {
	start := strings.IndexAny(text, "'`")
	if start < 0 {
		return nil
	}
	if text[start] == '`' {
		return unquote(text[start:])
	}
	name, _, ok := strings.Cut(text[start+1:], "'")
	if !ok {
		return nil
	}
	return []string{name}
}

// foreignKeyColumn finds the column of a foreign key that has only one.
func foreignKeyColumn(text string) string {
	_, rest, ok := strings.Cut(text, " FOREIGN KEY (")
	if !ok || rest == "" || rest[0] != '`' {
		return ""
	}
	name, rest, ok := quotedName(rest)
	if !ok || !strings.HasPrefix(rest, ")") {
		return ""
	}
	return name
}

// checkedColumn finds the column of a MariaDB column's own check, which the
// message calls `table.column`: "CONSTRAINT `t.c` failed for `d`.`t`".
func checkedColumn(text string) string {
	constraint := unquote(cut(text, "CONSTRAINT ", " failed for ", strings.Index))
	table := unquote(cut(text, " failed for ", "", strings.LastIndex))
	if len(constraint) != 1 || len(table) != 2 {
		return ""
	}
	column, ok := strings.CutPrefix(constraint[0], table[1]+".")
	if !ok {
		return ""
	}
	return column
}

// DuplicateKey tells whether err says that a row with the same key exists, and
// which key: its name as the schema has it, "PRIMARY" for the primary key, ""
// where the message does not say. MySQL 8 and TiDB write table.key; of a name
// with points in it the last part is returned.
func DuplicateKey(err error) (key string, ok bool) {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return "", false
	}
	switch server.Number {
	case 1022, 1169: // they name the table
		return "", true
	case 1062, 1586, 1859, 8147:
	default:
		return "", false
	}
	text := server.Message
	if start := strings.LastIndex(text, " for key '"); start >= 0 {
		text = text[start+len(" for key '"):]
		if end := strings.LastIndex(text, "'"); end >= 0 {
			key = text[:end]
		}
	} else if parts := strings.Split(text, "'"); len(parts) >= 3 { // another language
		key = parts[len(parts)-2]
	}
	if point := strings.LastIndexByte(key, '.'); point >= 0 {
		key = key[point+1:]
	}
	return key, true
}
