package design

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

// maxFields bounds the fields that a sample tells apart.
const maxFields = 2 * MostColumns

// Sample is what is known of some rows' fields. The zero value is empty.
type Sample struct {
	Pass string // a field that gets no column; "" for none

	fields []*field // in the order in which they came
	byName map[string]*field
	rows   int
}

// Rows is how many rows were added.
func (s *Sample) Rows() int { return s.rows }

// Add looks at a row. Fields whose names no column can have are passed over.
func (s *Sample) Add(row payload.Row) {
	s.rows++
	for i := range row.Fields {
		if f := s.field(row.Fields[i].Name); f != nil {
			f.look(row.Fields[i].Value)
		}
	}
}

// Without returns the sample without the fields that out tells, for reading only.
func (s *Sample) Without(out func(name string) bool) *Sample {
	fewer := *s
	fewer.fields = slices.DeleteFunc(slices.Clone(s.fields), func(f *field) bool { return out(f.name) })
	return &fewer
}

func (s *Sample) field(name []byte) *field {
	if f, ok := s.byName[string(name)]; ok {
		return f
	}
	var f *field
	for _, other := range s.fields {
		if schema.SameName(other.name, name) {
			f = other
			break
		}
	}
	if len(s.byName) >= maxFields {
		return f
	}
	if f == nil && CheckName(string(name)) == nil && (s.Pass == "" || s.Pass != string(name)) {
		f = &field{name: string(name), times: true}
		s.fields = append(s.fields, f)
	}
	if s.byName == nil {
		s.byName = map[string]*field{}
	}
	s.byName[string(name)] = f // nil too: it was checked
	return f
}

// kinds is a set of kinds of values.
type kinds uint8

const (
	integers kinds = 1 << iota
	reals          // numbers with a point or an exponent
	bools
	texts
	nested
)

// field is what is known of the values of one field.
type field struct {
	name string
	seen kinds // empty: nothing but null

	beyond  bool // an integer that BIGINT does not hold
	rounded bool // a number of which a DOUBLE would not keep all digits
	whole   int  // the most digits before the point
	scale   int  // and after it

	chars, bytes int // of the longest value as text

	times bool // all texts are dates with times
	zoned bool // some of them end in Z
	wall  bool // some have no zone
}

func (f *field) look(v payload.Value) {
	switch v.Kind {
	case payload.Null:
		return
	case payload.Bool:
		f.seen |= bools
	case payload.Number:
		f.number(v.Text)
	case payload.String:
		f.seen |= texts
		f.time(v.Text)
	default:
		f.seen |= nested
	}
	f.bytes = max(f.bytes, len(v.Text))
	f.chars = max(f.chars, utf8.RuneCount(v.Text))
}

func (f *field) number(text []byte) {
	digits, exponent := significant(text)
	whole, scale := max(exponent, 1), max(len(digits)-exponent, 0)
	f.whole, f.scale = max(f.whole, whole), max(f.scale, scale)
	if x, err := strconv.ParseFloat(string(text), 64); err != nil || math.IsInf(x, 0) {
		f.rounded = true
	} else if d, e := significant(strconv.AppendFloat(nil, x, 'e', -1, 64)); string(d) != string(digits) || e != exponent {
		f.rounded = true
	}
	if bytes.ContainsAny(text, ".eE") {
		f.seen |= reals
		return
	}
	f.seen |= integers
	if _, err := strconv.ParseInt(string(text), 10, 64); err != nil {
		f.beyond = true
	}
}

// significant returns a JSON number's digits without zeros at either end, and
// where the point is: that many digits from their start. A zero has none.
func significant(text []byte) (digits []byte, exponent int) {
	mantissa, power := text, 0
	if e := bytes.IndexAny(text, "eE"); e >= 0 {
		mantissa = text[:e]
		power, _ = strconv.Atoi(string(text[e+1:])) // one beyond an int is too large for a DOUBLE anyway
	}
	mantissa = bytes.TrimPrefix(mantissa, []byte("-"))
	before, after, _ := bytes.Cut(mantissa, []byte("."))
	digits = append(append(digits, before...), after...)
	exponent = len(before)
	leading := len(digits) - len(bytes.TrimLeft(digits, "0"))
	digits, exponent = bytes.TrimRight(digits[leading:], "0"), exponent-leading
	if len(digits) == 0 {
		return nil, 0
	}
	if power > math.MaxInt32 || power < math.MinInt32 {
		return digits, math.MaxInt32
	}
	return digits, exponent + power
}

// moment is what is taken for a time: a date with the time of day, whole, in
// no zone or in UTC, to the microsecond at most.
var moment = regexp.MustCompile(`^[1-9]\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z?)$`)

func (f *field) time(text []byte) {
	if !f.times {
		return
	}
	match := moment.FindSubmatch(text)
	if match == nil {
		f.times = false
		return
	}
	if _, err := time.Parse("2006-01-02 15:04:05", string(text[:10])+" "+string(text[11:19])); err != nil {
		f.times = false
		return
	}
	if len(match[2]) > 0 {
		f.zoned = true
	} else {
		f.wall = true
	}
}

const (
	usualWidth = 255 // characters of a VARCHAR
	mostShort  = 64  // characters of a sampled text for which that leaves room
	mostWide   = 48  // VARCHAR columns of that width in a table: a row may have 65,535 bytes, four to a character
	keyBytes   = 3072
	mostText   = 1 << 14 // bytes of a sampled text for which TEXT leaves room
)

// choose returns the type that holds all values seen, and most likely others
// like them. A key takes no TEXT; short says whether a VARCHAR has room in a row.
func (f *field) choose(utc, keyed bool, keyColumns int, short bool) Type {
	switch f.seen {
	case integers:
		return integerType(f)
	case reals, reals | integers:
		return realType(f)
	case bools:
		return Type{text: "BOOLEAN"}
	case nested:
		return Type{text: "JSON"}
	case texts:
		if f.times && f.zoned != f.wall && (f.wall || utc) {
			return Type{text: "DATETIME(6)"}
		}
	case 0:
		return Type{text: "TEXT"}
	}
	if f.seen&nested != 0 {
		return Type{text: "JSON"}
	}
	if keyed {
		if width := min(usualWidth, keyBytes/4/max(keyColumns, 1)); f.chars <= width {
			return Type{text: fmt.Sprintf("VARCHAR(%d)", width)}
		}
	}
	switch {
	case short && f.chars <= mostShort:
		return Type{text: fmt.Sprintf("VARCHAR(%d)", usualWidth), guessed: true}
	case f.bytes <= mostText:
		return Type{text: "TEXT"}
	}
	return Type{text: "LONGTEXT"}
}

func integerType(f *field) Type {
	switch {
	case !f.beyond:
		return Type{text: "BIGINT"}
	case f.whole <= 38:
		return Type{text: "DECIMAL(38,0)"}
	case f.whole <= 65:
		return Type{text: "DECIMAL(65,0)"}
	}
	return Type{text: "TEXT"}
}

func realType(f *field) Type {
	switch {
	case !f.rounded:
		return Type{text: "DOUBLE"}
	case f.whole <= 35 && f.scale <= 30:
		return Type{text: "DECIMAL(65,30)"}
	}
	return Type{text: "TEXT"}
}

// String lists the fields, for messages.
func (s *Sample) String() string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = strconv.Quote(f.name)
	}
	return strings.Join(names, ", ")
}
