package schema

import (
	"slices"
	"strconv"
	"strings"
)

// Column is one column of a table.
type Column struct {
	Name        string
	Type        string // as the server names it, e.g. "decimal(10,2) unsigned"
	Nullable    bool
	Generated   bool   // its value is computed: never written
	Numbered    bool   // the server numbers rows that have no value for it; not known of a view's
	Required    bool   // a row without a value for it is refused: it has no default
	Charset     string // of text, lower case; empty of any other type
	Collation   string
	Placeholder string // what stands for its value in a statement: "?" or e.g. "ST_GeomFromText(?)"

	spec spec
}

// family is a group of types whose values convert alike.
type family uint8

// The zero family takes any value as text: a type that this package does not know.
const (
	familyUnknown family = iota
	familyInteger
	familyDecimal
	familyFloat
	familyDouble
	familyBit
	familyText
	familyJSON
	familyBinary
	familyEnum
	familySet
	familyDate
	familyTime
	familyDateTime
	familyTimestamp
	familyYear
	familySpatial
	familyVector
)

// spec is what conversion needs to know of a column's type.
type spec struct {
	family   family
	unsigned bool
	bits     uint8 // integers and BIT
	scale    int   // DECIMAL: digits after the point
	whole    int   // DECIMAL: digits before the point
	fraction int   // TIME, DATETIME, TIMESTAMP: digits of the second's fraction
	maxChars int64 // CHAR, VARCHAR; 0: no bound
	fixed    bool  // CHAR, BINARY: stored without spaces at the end, or filled up with zeros
	maxBytes int64 // BINARY, BLOB and, in a Unicode charset, TEXT; 0: no bound

	members      []string // ENUM, SET
	membersVague bool     // the server could not name every member: it must judge itself
}

var integerBits = map[string]uint8{
	"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64,
}

// textBytes bounds the types whose bound does not stand in their name.
var textBytes = map[string]int64{
	"tinytext": 1<<8 - 1, "text": 1<<16 - 1, "mediumtext": 1<<24 - 1, "longtext": 1<<32 - 1,
	"tinyblob": 1<<8 - 1, "blob": 1<<16 - 1, "mediumblob": 1<<24 - 1, "longblob": 1<<32 - 1,
}

var otherFamilies = map[string]family{
	"date": familyDate, "time": familyTime, "datetime": familyDateTime, "timestamp": familyTimestamp,
	"year": familyYear, "json": familyJSON, "enum": familyEnum, "set": familySet, "bit": familyBit,
	"float": familyFloat, "double": familyDouble, "real": familyDouble,
	"decimal": familyDecimal, "numeric": familyDecimal, "vector": familyVector,
	"bool": familyInteger, "boolean": familyInteger,
	"char": familyText, "varchar": familyText, "binary": familyBinary, "varbinary": familyBinary,
	"geometry": familySpatial, "point": familySpatial, "linestring": familySpatial, "polygon": familySpatial,
	"multipoint": familySpatial, "multilinestring": familySpatial, "multipolygon": familySpatial,
	"geometrycollection": familySpatial, "geomcollection": familySpatial,
}

// NewColumn returns a nullable column of a type as the server writes it, e.g.
// "enum('a','b')". A bound in bytes is taken to be that of utf8mb4.
func NewColumn(name, columnType string) Column {
	c := Column{Name: name, Type: columnType, Nullable: true, Placeholder: "?", spec: parseType(columnType)}
	if c.spec.family == familySpatial {
		c.Placeholder = "ST_GeomFromText(?)"
	}
	return c
}

// parseType reads a COLUMN_TYPE. What it does not understand widens the type,
// so that the server has the last word.
func parseType(columnType string) spec {
	base, args, attributes := splitType(columnType)
	s := spec{unsigned: strings.Contains(attributes, "unsigned") || strings.Contains(attributes, "zerofill")}
	if bits, ok := integerBits[base]; ok {
		s.family, s.bits = familyInteger, bits
		return s
	}
	if bytes, ok := textBytes[base]; ok {
		s.family, s.maxBytes = familyText, bytes
		if strings.HasSuffix(base, "blob") {
			s.family = familyBinary
		}
		return s
	}
	s.family = otherFamilies[base]
	numbers := parseNumbers(args)
	switch s.family {
	case familyInteger: // bool
		s.bits = 8
	case familyBit:
		s.bits = uint8(numberAt(numbers, 0, 1))
	case familyDecimal:
		precision := numberAt(numbers, 0, 10)
		s.scale = numberAt(numbers, 1, 0)
		s.whole = precision - s.scale
	case familyTime, familyDateTime, familyTimestamp:
		s.fraction = min(numberAt(numbers, 0, 0), 6)
	case familyText:
		s.maxChars, s.fixed = int64(numberAt(numbers, 0, 1)), base == "char"
	case familyBinary:
		s.maxBytes, s.fixed = int64(numberAt(numbers, 0, 1)), base == "binary"
	case familyEnum, familySet:
		s.members, s.membersVague = parseMembers(args)
		s.membersVague = s.membersVague || len(s.members) == 0
	}
	return s
}

// splitType cuts "decimal(10,2) unsigned" into "decimal", "10,2" and " unsigned".
func splitType(columnType string) (base, args, attributes string) {
	end := strings.IndexAny(columnType, "( /")
	if end < 0 {
		return strings.ToLower(columnType), "", ""
	}
	base, rest := strings.ToLower(columnType[:end]), columnType[end:]
	if rest[0] != '(' {
		return base, "", strings.ToLower(rest)
	}
	closing := closingParenthesis(rest)
	if closing < 0 {
		return base, "", ""
	}
	return base, rest[1:closing], strings.ToLower(rest[closing+1:])
}

// closingParenthesis finds the one that s's first character waits for: members of an ENUM may hold others.
func closingParenthesis(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '\'':
			quoted = !quoted
		case !quoted && s[i] == ')':
			return i
		}
	}
	return -1
}

func parseNumbers(args string) []int {
	var numbers []int
	for part := range strings.SplitSeq(args, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 0 {
			break
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func numberAt(numbers []int, i, otherwise int) int {
	if i < len(numbers) {
		return numbers[i]
	}
	return otherwise
}

// parseMembers reads 'a','b”c'. Servers differ in whether they write a
// backslash doubled: a member that has one is taken both ways. A character that
// the server's own charset lacks is shown as "?": such a list is vague.
func parseMembers(args string) (members []string, vague bool) {
	for args != "" {
		if args[0] != '\'' {
			return members, true
		}
		var raw, plain strings.Builder
		i := 1
	member:
		for {
			switch {
			case i >= len(args):
				return members, true
			case args[i] == '\'' && i+1 < len(args) && args[i+1] == '\'':
				raw.WriteByte('\'')
				plain.WriteByte('\'')
				i += 2
			case args[i] == '\'':
				i++
				break member
			case args[i] == '\\' && i+1 < len(args):
				raw.WriteString(args[i : i+2])
				plain.WriteByte(unescape(args[i+1]))
				i += 2
			default:
				raw.WriteByte(args[i])
				plain.WriteByte(args[i])
				i++
			}
		}
		vague = vague || strings.Contains(plain.String(), "?")
		members = append(members, plain.String())
		if raw.String() != plain.String() && !slices.Contains(members, raw.String()) {
			members = append(members, raw.String())
		}
		args = strings.TrimLeft(args[i:], ", ")
	}
	return members, vague
}

// unescape reads the character after a backslash as MySQL does in a string.
func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 26
	}
	return c
}
