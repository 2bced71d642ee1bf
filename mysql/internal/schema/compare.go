package schema

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// AppendComparable appends v in a form in which equal values of this column
// are equal bytes, and unequal ones are not. v is an argument that Convert
// returned, or what the driver reads from the column when it parses no times.
// The form says where it ends, so that those of several columns can follow
// each other. It reports false where the two cannot be compared: of a spatial
// or vector column, and of a value that is neither.
func (c *Column) AppendComparable(b []byte, v any) ([]byte, bool) {
	if v == nil {
		return append(b, 'n'), true
	}
	start := len(b)
	b = append(b, 'v', 0, 0, 0, 0)
	b, ok := c.appendComparable(b, v)
	if !ok {
		return b[:start], false
	}
	n := len(b) - start - 5
	b[start+1], b[start+2], b[start+3], b[start+4] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return b, true
}

func (c *Column) appendComparable(b []byte, v any) ([]byte, bool) {
	switch c.spec.family {
	case familySpatial, familyVector:
		return b, false
	case familyFloat, familyDouble:
		return c.spec.appendFloat(b, v)
	case familyBit:
		return appendBit(b, v)
	}
	text, ok := textOf(v)
	if !ok {
		return b, false
	}
	switch c.spec.family {
	case familyInteger, familyDecimal, familyYear:
		n, ok := parseNumeral(text)
		if !ok {
			return b, false
		}
		return n.appendComparable(b), true
	case familyText:
		if c.spec.fixed {
			text = bytes.TrimRight(text, " ") // it was stored with them, and is read without
		}
	case familyBinary:
		if c.spec.fixed {
			text = bytes.TrimRight(text, "\x00") // it is stored filled up with them
		}
	case familyEnum:
		text = bytes.ToLower(text)
	case familySet:
		return appendSet(b, text), true
	case familyDate, familyDateTime, familyTimestamp, familyTime:
		if bytes.IndexByte(text, '.') >= 0 {
			text = bytes.TrimRight(bytes.TrimRight(text, "0"), ".")
		}
	case familyJSON:
		return appendJSON(b, text)
	case familyUnknown:
		if slices.Contains(caseless, strings.ToLower(c.Type)) {
			text = bytes.ToLower(text)
		}
		if strings.EqualFold(c.Type, "uuid") {
			text = bytes.ReplaceAll(text, []byte("-"), nil)
		}
	}
	return append(b, text...), true
}

// caseless are types of digits that are letters in either case.
var caseless = []string{"uuid", "inet6"}

// textOf is v as the server would write it.
func textOf(v any) ([]byte, bool) {
	switch v := v.(type) {
	case []byte:
		return v, true
	case string:
		return []byte(v), true
	case int64:
		return strconv.AppendInt(nil, v, 10), true
	case uint64:
		return strconv.AppendUint(nil, v, 10), true
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), true
	case float32:
		return strconv.AppendFloat(nil, float64(v), 'g', -1, 32), true
	}
	return nil, false
}

// appendComparable writes the number's significant digits and their power of
// ten, so that 1.50, 1.5 and 15e-1 are alike.
func (n *numeral) appendComparable(b []byte) []byte {
	first, end, point := n.span()
	if first == end {
		return append(b, '0')
	}
	if n.neg {
		b = append(b, '-')
	}
	for i := first; i < end; i++ {
		b = append(b, n.digit(i))
	}
	b = append(b, 'e')
	return strconv.AppendInt(b, int64(point-end), 10)
}

func (s *spec) appendFloat(b []byte, v any) ([]byte, bool) {
	var f float64
	switch v := v.(type) {
	case float64:
		f = v
	case float32:
		f = float64(v)
	default:
		text, ok := textOf(v)
		if !ok {
			return b, false
		}
		var err error
		if f, err = strconv.ParseFloat(view(text), 64); err != nil {
			return b, false
		}
	}
	if s.family == familyFloat {
		f = float64(float32(f))
	}
	if f == 0 {
		f = 0 // of the two zeros, the one without a sign
	}
	return strconv.AppendUint(b, math.Float64bits(f), 16), true
}

// appendBit takes a number, or the bytes of one, as BIT columns are read.
func appendBit(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case uint64:
		return strconv.AppendUint(b, v, 10), true
	case int64:
		return strconv.AppendInt(b, v, 10), true
	case []byte:
		var n uint64
		for _, c := range v {
			n = n<<8 | uint64(c)
		}
		return strconv.AppendUint(b, n, 10), true
	}
	return b, false
}

// appendSet sorts the members: the server stores them in the type's order.
func appendSet(b, text []byte) []byte {
	members := strings.Split(strings.ToLower(string(text)), ",")
	slices.Sort(members)
	return append(b, strings.Join(slices.Compact(members), ",")...)
}

// appendJSON writes the document anew, with sorted names and one spelling of
// each number: MySQL stores a document, not its text.
func appendJSON(b, text []byte) ([]byte, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return b, false
	}
	out, err := json.Marshal(plainNumbers(v))
	return append(b, out...), err == nil
}

// plainNumbers replaces each number of v by one spelling: its digits where it
// is whole and has 64 bits, a double otherwise, as MySQL's type holds them.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	case json.Number:
		n, ok := parseNumeral([]byte(v))
		if !ok {
			return v
		}
		if m, reason := n.magnitude(); reason == "" {
			return json.Number(sign(n.neg && m != 0) + strconv.FormatUint(m, 10))
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
	}
	return v
}

func sign(negative bool) string {
	if negative {
		return "-"
	}
	return ""
}

// Comparable tells whether AppendComparable can judge the column's values.
func (c *Column) Comparable() bool {
	return c.spec.family != familySpatial && c.spec.family != familyVector
}
