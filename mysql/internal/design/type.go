package design

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Type is a column's type as it is rendered: only ParseType and a sample make one.
type Type struct {
	text    string // with its arguments, e.g. "BIGINT UNSIGNED"
	collate string // a collation's name, or ""
	notNull bool
	value   string // the DEFAULT as SQL, or ""
	counts  bool   // AUTO_INCREMENT
	guessed bool   // a VARCHAR that the rows tell of: TEXT holds them as well
}

// SQL is the text that declares a column of the type, of a primary key or not.
// Whether it takes NULL always stands there: what a TIMESTAMP is without
// differs between servers.
func (t Type) SQL(key bool) string {
	text := t.text
	if t.collate != "" {
		text += " COLLATE " + t.collate
	}
	if t.notNull || key {
		text += " NOT NULL"
	} else {
		text += " NULL"
	}
	if t.value != "" && !(t.value == "NULL" && (t.notNull || key)) {
		text += " DEFAULT " + t.value
	}
	if t.counts {
		text += " AUTO_INCREMENT"
	}
	return text
}

// keyed tells whether a column of the type can be in a key.
func (t Type) keyed() bool {
	word, _, _ := strings.Cut(t.text, "(")
	word, _, _ = strings.Cut(word, " ")
	return kindsOfTypes[word].key
}

// bound is a type's argument: how large it may be.
type bound struct{ least, most int }

// typeKind says how a type is written.
type typeKind struct {
	args     []bound
	needed   int  // of args
	unsigned bool // UNSIGNED may follow
	members  bool // ENUM, SET
	key      bool // may be in a primary key
	text     bool // COLLATE may follow
}

var kindsOfTypes = map[string]typeKind{
	"TINYINT": {unsigned: true, key: true}, "SMALLINT": {unsigned: true, key: true}, "MEDIUMINT": {unsigned: true, key: true},
	"INT": {unsigned: true, key: true}, "INTEGER": {unsigned: true, key: true}, "BIGINT": {unsigned: true, key: true},
	"BOOL": {key: true}, "BOOLEAN": {key: true}, "BIT": {args: []bound{{1, 64}}, key: true},
	"DECIMAL": {args: []bound{{1, 65}, {0, 30}}, unsigned: true, key: true}, "NUMERIC": {args: []bound{{1, 65}, {0, 30}}, unsigned: true, key: true},
	"FLOAT": {unsigned: true, key: true}, "DOUBLE": {unsigned: true, key: true},
	"DATE": {key: true}, "YEAR": {key: true},
	"TIME": {args: []bound{{0, 6}}, key: true}, "DATETIME": {args: []bound{{0, 6}}, key: true}, "TIMESTAMP": {args: []bound{{0, 6}}, key: true},
	"CHAR": {args: []bound{{0, 255}}, key: true, text: true}, "VARCHAR": {args: []bound{{0, 16383}}, needed: 1, key: true, text: true},
	"BINARY": {args: []bound{{0, 255}}, key: true}, "VARBINARY": {args: []bound{{0, 65532}}, needed: 1, key: true},
	"TINYTEXT": {text: true}, "TEXT": {text: true}, "MEDIUMTEXT": {text: true}, "LONGTEXT": {text: true},
	"TINYBLOB": {}, "BLOB": {}, "MEDIUMBLOB": {}, "LONGBLOB": {},
	"ENUM": {members: true, key: true, text: true}, "SET": {members: true, key: true, text: true},
	"JSON": {}, "VECTOR": {args: []bound{{1, 16383}}, needed: 1},
	"GEOMETRY": {}, "POINT": {}, "LINESTRING": {}, "POLYGON": {},
	"MULTIPOINT": {}, "MULTILINESTRING": {}, "MULTIPOLYGON": {}, "GEOMETRYCOLLECTION": {},
}

// allowedTypes is for errors.
const allowedTypes = "a type such as BIGINT UNSIGNED, DOUBLE, DECIMAL(10,2), BOOLEAN, VARCHAR(255), TEXT, JSON, DATETIME(6), VARBINARY(16) or ENUM('a','b'), " +
	"then NOT NULL, DEFAULT with a number, a text, NULL or CURRENT_TIMESTAMP, COLLATE, AUTO_INCREMENT"

// ParseType reads a column's type as SQL writes it; see allowedTypes.
func ParseType(text string) (Type, error) {
	words, err := lex(text)
	if err != nil {
		return Type{}, fmt.Errorf("%w; allowed: %s", err, allowedTypes)
	}
	p := &typeParser{rest: words}
	t, err := p.parse()
	if err != nil {
		return Type{}, fmt.Errorf("%w; allowed: %s", err, allowedTypes)
	}
	return t, nil
}

// word is a piece of a type's text.
type word struct {
	text   string // upper case, unless quoted
	quoted bool
}

func lex(text string) (words []word, err error) {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
		case c == '(' || c == ')' || c == ',':
			words = append(words, word{text: string(c)})
			i++
		case c == '\'':
			s, length, err := quoted(text[i:])
			if err != nil {
				return nil, err
			}
			words = append(words, word{s, true})
			i += length
		case isWordByte(c):
			start := i
			for i < len(text) && isWordByte(text[i]) {
				i++
			}
			words = append(words, word{text: strings.ToUpper(text[start:i])})
		default:
			return nil, fmt.Errorf("%q has no place in a type", text[i:i+1])
		}
	}
	return words, nil
}

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// quoted reads a text in quotes, a quote inside doubled. A backslash means one
// thing to a server in one sql_mode and another in the next.
func quoted(text string) (s string, length int, err error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			b.WriteByte(c)
			i++
		case c == '\'':
			return strings.ToValidUTF8(b.String(), "\ufffd"), i + 1, nil
		case c == '\\' || c < ' ':
			return "", 0, errors.New("a backslash or a control character in a text")
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, errors.New("a quote is not closed")
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

type typeParser struct{ rest []word }

// take drops the next words if they are these.
func (p *typeParser) take(texts ...string) bool {
	if len(p.rest) < len(texts) {
		return false
	}
	for i, t := range texts {
		if p.rest[i].quoted || p.rest[i].text != t {
			return false
		}
	}
	p.rest = p.rest[len(texts):]
	return true
}

func (p *typeParser) next() word {
	if len(p.rest) == 0 {
		return word{}
	}
	w := p.rest[0]
	p.rest = p.rest[1:]
	return w
}

func (p *typeParser) parse() (t Type, err error) {
	base := p.next()
	kind, ok := kindsOfTypes[base.text]
	if !ok || base.quoted {
		return t, errors.New("no type that is known here")
	}
	t.text = base.text
	if kind.members {
		err = p.members(&t)
	} else {
		err = p.arguments(&t, kind)
	}
	if err != nil {
		return t, err
	}
	seen := map[string]bool{}
	for len(p.rest) > 0 {
		what, err := p.attribute(&t, kind)
		if err != nil {
			return t, err
		}
		if seen[what] {
			return t, fmt.Errorf("%s twice", what)
		}
		seen[what] = true
	}
	switch {
	case t.notNull && t.value == "NULL":
		return t, errors.New("NOT NULL with DEFAULT NULL")
	case t.counts && t.value != "":
		return t, errors.New("AUTO_INCREMENT with a DEFAULT")
	}
	return t, nil
}

func (p *typeParser) arguments(t *Type, kind typeKind) error {
	var args []string
	if p.take("(") {
		for {
			i, w := len(args), p.next()
			n, err := strconv.Atoi(w.text)
			if err != nil || w.quoted || i >= len(kind.args) || n < kind.args[i].least || n > kind.args[i].most {
				return fmt.Errorf("%s does not take %q in brackets", t.text, w.text)
			}
			args = append(args, strconv.Itoa(n))
			if p.take(")") {
				break
			}
			if !p.take(",") {
				return errors.New("a bracket is not closed")
			}
		}
	}
	if len(args) < kind.needed {
		return fmt.Errorf("%s needs its length in brackets", t.text)
	}
	if len(args) == 2 {
		if precision, _ := strconv.Atoi(args[0]); precision < atoi(args[1]) {
			return fmt.Errorf("%s has more digits after the point than in all", t.text)
		}
	}
	if len(args) > 0 {
		t.text += "(" + strings.Join(args, ",") + ")"
	}
	if kind.unsigned && p.take("UNSIGNED") {
		t.text += " UNSIGNED"
	}
	return nil
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (p *typeParser) members(t *Type) error {
	if !p.take("(") {
		return fmt.Errorf("%s needs its members in brackets", t.text)
	}
	var members []string
	for {
		w := p.next()
		if !w.quoted {
			return fmt.Errorf("a member of %s is not in quotes", t.text)
		}
		members = append(members, literal(w.text))
		if p.take(")") {
			t.text += "(" + strings.Join(members, ",") + ")"
			return nil
		}
		if !p.take(",") {
			return errors.New("a bracket is not closed")
		}
	}
}

// attribute reads one and returns what it is about.
func (p *typeParser) attribute(t *Type, kind typeKind) (what string, err error) {
	switch {
	case p.take("NOT", "NULL"):
		t.notNull = true
		return "NULL", nil
	case p.take("NULL"):
		return "NULL", nil
	case p.take("AUTO_INCREMENT"):
		if !strings.Contains(t.text, "INT") {
			return "", errors.New("AUTO_INCREMENT of what is no integer")
		}
		t.counts, t.notNull = true, true
		return "AUTO_INCREMENT", nil
	case kind.text && p.take("COLLATE"):
		w := p.next()
		if w.quoted || w.text == "" || strings.ContainsAny(w.text, ".-(),") {
			return "", errors.New("COLLATE without a collation's name")
		}
		t.collate = strings.ToLower(w.text)
		return "COLLATE", nil
	case p.take("DEFAULT"):
		t.value, err = p.value()
		return "DEFAULT", err
	}
	return "", fmt.Errorf("%q has no place there", p.rest[0].text)
}

// value reads a default.
func (p *typeParser) value() (string, error) {
	w := p.next()
	if w.quoted {
		return literal(w.text), nil
	}
	switch w.text {
	case "NULL", "TRUE", "FALSE":
		return w.text, nil
	case "CURRENT_TIMESTAMP", "NOW":
		if !p.take("(") {
			return "CURRENT_TIMESTAMP", nil
		}
		if p.take(")") {
			return "CURRENT_TIMESTAMP", nil
		}
		digits := p.next()
		if len(digits.text) != 1 || digits.text < "0" || digits.text > "6" || digits.quoted || !p.take(")") {
			return "", errors.New("CURRENT_TIMESTAMP takes 0 to 6 digits")
		}
		return "CURRENT_TIMESTAMP(" + digits.text + ")", nil
	}
	if !decimalNumber(w.text) {
		return "", fmt.Errorf("DEFAULT %q is none that is known here", w.text)
	}
	return w.text, nil
}

// decimalNumber tells whether s is a number of digits, with a point or a minus at most.
func decimalNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	before, after, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(before) && (!point || digits(after))
}
