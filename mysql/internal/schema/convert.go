package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"ekuiper-mysql/mysql/internal/payload"
)

// Convert returns the argument for v in column c. Its errors are *ConvertError.
// It allocates nothing for numbers, plain text, times, decimals, JSON and bytes
// as long as room has room; room may be nil.
//
// Null is nil for every column. By the column's type:
//
//   - integers, BOOL, BIT: numbers and numeric strings that are integral (1.0
//     and 1e3 are) and in range; true is 1, false 0.
//   - DECIMAL: the same, with no more digits on either side of the point than
//     the column has, zeros at the ends not counted. The digits stay exact.
//   - FLOAT, DOUBLE: the same; the nearest number that the type holds.
//   - CHAR, VARCHAR, TEXT: strings; a number is its literal, a bool "true" or
//     "false", a nested value its JSON text.
//   - JSON: the value itself. A string becomes a JSON string, also where it
//     holds JSON text: '{"a":1}' in quotes is text to JSON, not an object.
//   - BINARY, VARBINARY, BLOB: base64 (standard alphabet, padded), as eKuiper
//     writes bytea.
//   - DATE, DATETIME, TIMESTAMP: see temporal.go, as for TIME and YEAR.
//   - ENUM, SET: a member by its text, never by its index; a SET takes an array too.
//   - spatial: WKT text or a GeoJSON geometry, in two dimensions.
//   - VECTOR: an array of numbers, or its text.
//   - any other type: as for TEXT; the server judges.
func (c *Column) Convert(v payload.Value, o *Options, room *Room) (Argument, error) {
	arg, reason := c.convert(v, o, room)
	if reason != "" {
		return Argument{}, &ConvertError{Column: c.Name, Type: c.Type, Value: shorten(string(v.Text[:min(len(v.Text), maxShown+utf8.UTFMax)])), Reason: reason}
	}
	return arg, nil
}

// convert returns why it failed, or "": the error is built once, by Convert.
func (c *Column) convert(v payload.Value, o *Options, room *Room) (arg Argument, reason string) {
	if v.Kind == payload.Null {
		return null(), ""
	}
	switch c.spec.family {
	case familyInteger:
		return c.spec.integer(v)
	case familyDecimal:
		return c.spec.decimal(v, room)
	case familyFloat, familyDouble:
		return c.spec.float(v)
	case familyBit:
		return c.spec.bit(v)
	case familyText:
		return c.spec.text(v, room)
	case familyJSON:
		return textArg(jsonText(v, room)), ""
	case familyBinary:
		return c.spec.binary(v, room)
	case familyEnum:
		return c.spec.enum(v)
	case familySet:
		return c.spec.set(v)
	case familyDate, familyDateTime, familyTimestamp:
		return c.spec.moment(v, o, room)
	case familyTime:
		return c.spec.timeOfDay(v, o, room)
	case familyYear:
		return c.spec.year(v, o)
	case familySpatial:
		return spatial(v)
	case familyVector:
		if v.Kind != payload.Array && v.Kind != payload.String {
			return Argument{}, "wants an array of numbers"
		}
	}
	return textArg(plainText(v, room)), ""
}

// ConvertError says which value does not fit which column, and why.
type ConvertError struct {
	Column string
	Type   string
	Value  string // shortened
	Reason string
}

func (e *ConvertError) Error() string {
	return fmt.Sprintf("column %q: %q does not fit %s", e.Column, e.Value, oneLine(shorten(e.Type)+": "+e.Reason))
}

// maxShown bounds a value in an error's text, in bytes.
const maxShown = 80

// oneLine puts spaces in the place of control characters, as a member of an
// ENUM may have them.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// shorten cuts text to what an error shows, at a character's border.
func shorten(s string) string {
	if len(s) > maxShown {
		end := maxShown
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// view is b as a string without a copy. A message never changes once it is
// received, and the string keeps it alive: that is payload.Decoder's contract.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// plainText is what a value is in a text column.
func plainText(v payload.Value, room *Room) string {
	if v.Kind == payload.Object || v.Kind == payload.Array {
		return undoHTMLEscapes(v.Text, room)
	}
	return view(v.Text)
}

func (s *spec) text(v payload.Value, room *Room) (Argument, string) {
	t := plainText(v, room)
	if s.maxBytes > 0 && int64(len(t)) > s.maxBytes {
		return Argument{}, fmt.Sprintf("%d bytes, the column holds %d", len(t), s.maxBytes)
	}
	// Characters are never more than bytes: most values need no count.
	if s.maxChars > 0 && int64(len(t)) > s.maxChars {
		if n := int64(utf8.RuneCountInString(t)); n > s.maxChars {
			return Argument{}, fmt.Sprintf("%d characters, the column holds %d", n, s.maxChars)
		}
	}
	if s.fixed { // as it is stored: with them it might not be found again
		t = strings.TrimRight(t, " ")
	}
	return textArg(t), ""
}

func (s *spec) binary(v payload.Value, room *Room) (Argument, string) {
	if v.Kind != payload.String {
		return Argument{}, "a binary column takes a string of base64"
	}
	size := base64.StdEncoding.DecodedLen(len(v.Text))
	if s.fixed {
		size = max(size, int(s.maxBytes))
	}
	b := room.take(size)
	b = b[:cap(b)]
	n, err := base64.StdEncoding.Strict().Decode(b, v.Text)
	if err != nil {
		return Argument{}, "not base64, which is how binary columns are fed (plain text belongs into CHAR or TEXT)"
	}
	if s.maxBytes > 0 && int64(n) > s.maxBytes {
		return Argument{}, fmt.Sprintf("%d bytes, the column holds %d", n, s.maxBytes)
	}
	if s.fixed { // as it is stored: without them it would not be found again
		clear(b[n:])
		n = max(n, int(s.maxBytes))
	}
	return textArg(room.keep(b[:n])), ""
}

// jsonText is v as JSON.
func jsonText(v payload.Value, room *Room) string {
	switch v.Kind {
	case payload.String:
		return quoteJSON(v.Text, room)
	case payload.Object, payload.Array:
		return undoHTMLEscapes(v.Text, room)
	default:
		return view(v.Text)
	}
}

// quoteJSON is text as a JSON string, escaped no further than JSON demands.
func quoteJSON(text []byte, room *Room) string {
	const hex = "0123456789abcdef"
	size := len(text) + 2
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			size++
		case c < ' ':
			size += len(`\u0000`) - 1
		}
	}
	b := append(room.take(size), '"')
	start := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(append(b, text[start:]...), '"')
	return room.keep(b)
}

// undoHTMLEscapes takes back what eKuiper's encoder does to <, > and & inside
// nested values: they are text to a reader of the table.
func undoHTMLEscapes(raw []byte, room *Room) string {
	s := view(raw)
	if !strings.Contains(s, `\u00`) {
		return s
	}
	b := room.take(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b = append(b, s[i])
			continue
		}
		if i+6 <= len(s) {
			if c := htmlEscaped(s[i : i+6]); c != 0 {
				b = append(b, c)
				i += 5
				continue
			}
		}
		// The next byte may be a backslash that this one escapes.
		b = append(b, s[i], s[i+1])
		i++
	}
	return room.keep(b)
}

func htmlEscaped(escape string) byte {
	switch {
	case strings.EqualFold(escape, `\u003c`):
		return '<'
	case strings.EqualFold(escape, `\u003e`):
		return '>'
	case strings.EqualFold(escape, `\u0026`):
		return '&'
	}
	return 0
}

func (s *spec) enum(v payload.Value) (Argument, string) {
	if v.Kind == payload.Object || v.Kind == payload.Array {
		return Argument{}, "wants the text of one member: " + s.allowed()
	}
	if reason := s.checkMember(view(v.Text)); reason != "" {
		return Argument{}, reason
	}
	return textArg(view(v.Text)), ""
}

func (s *spec) set(v payload.Value) (Argument, string) {
	switch v.Kind {
	case payload.Object:
		return Argument{}, "wants members as an array, or as text with commas: " + s.allowed()
	case payload.Array:
		var elements []*string // null would leave a string as it was
		if err := json.Unmarshal(v.Text, &elements); err != nil || slices.Contains(elements, nil) {
			return Argument{}, "an array of members holds strings only"
		}
		chosen := make([]string, len(elements))
		for i, e := range elements {
			chosen[i] = *e
		}
		for _, m := range chosen {
			if strings.Contains(m, ",") {
				return Argument{}, "no member of a SET holds a comma"
			}
		}
		return s.membersOf(chosen)
	}
	if len(v.Text) == 0 {
		return textArg(""), ""
	}
	return s.membersOf(strings.Split(view(v.Text), ","))
}

// membersOf is a SET of these members in the type's order, as it is stored and
// found again.
func (s *spec) membersOf(chosen []string) (Argument, string) {
	for _, m := range chosen {
		if reason := s.checkMember(m); reason != "" {
			return Argument{}, reason
		}
	}
	place := func(member string) int {
		if i := slices.Index(s.members, member); i >= 0 {
			return i
		}
		return slices.IndexFunc(s.members, func(m string) bool { return strings.EqualFold(m, member) })
	}
	slices.SortStableFunc(chosen, func(a, b string) int { return place(a) - place(b) })
	return textArg(strings.Join(slices.Compact(chosen), ",")), ""
}

// checkMember keeps the server from taking digits for an index, and from
// refusing a whole batch. Letter case is the collation's affair.
func (s *spec) checkMember(text string) string {
	for _, m := range s.members {
		if m == text {
			return ""
		}
	}
	for _, m := range s.members {
		if strings.EqualFold(m, text) {
			return ""
		}
	}
	if _, number := parseNumeral([]byte(text)); s.membersVague && !number {
		return ""
	}
	return "not among " + s.allowed()
}

// allowed lists the members for an error.
func (s *spec) allowed() string {
	return "'" + shorten(strings.Join(s.members, "', '")) + "'"
}
