package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"ekuiper-mysql/mysql/internal/payload"
)

// numeral is a decimal number as written: sign, digits, power of ten. Its
// slices alias the text.
type numeral struct {
	neg         bool
	exponential bool   // written with an exponent
	whole, frac []byte // digits before and after the point
	exp         int    // both times ten to this
}

// maxExponent bounds what is read of an exponent: beyond any type's range,
// and far enough from int's that sums with lengths cannot overflow.
const maxExponent = 1 << 29

// parseNumeral reads what JSON calls a number, and a little more: a leading
// plus, leading zeros, and a point with digits on one side only.
func parseNumeral(t []byte) (n numeral, ok bool) {
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		n.neg = t[0] == '-'
		t = t[1:]
	}
	n.whole, t = cutDigits(t)
	if len(t) > 0 && t[0] == '.' {
		n.frac, t = cutDigits(t[1:])
	}
	if len(n.whole)+len(n.frac) == 0 {
		return numeral{}, false
	}
	if len(t) == 0 {
		return n, true
	}
	if t[0] != 'e' && t[0] != 'E' {
		return numeral{}, false
	}
	t = t[1:]
	n.exponential = true
	negative := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		negative = t[0] == '-'
		t = t[1:]
	}
	digits, rest := cutDigits(t)
	if len(digits) == 0 || len(rest) > 0 {
		return numeral{}, false
	}
	for _, d := range digits {
		n.exp = min(n.exp*10+int(d-'0'), maxExponent)
	}
	if negative {
		n.exp = -n.exp
	}
	return n, true
}

func cutDigits(t []byte) (digits, rest []byte) {
	i := 0
	for i < len(t) && '0' <= t[i] && t[i] <= '9' {
		i++
	}
	return t[:i], t[i:]
}

// digit returns the i-th digit, counted from the first written, or '0' beyond them.
func (n *numeral) digit(i int) byte {
	switch {
	case i < 0 || i >= len(n.whole)+len(n.frac):
		return '0'
	case i < len(n.whole):
		return n.whole[i]
	default:
		return n.frac[i-len(n.whole)]
	}
}

// span returns the indexes of the first significant digit, of the one after
// the last, and of the first digit behind the point. Of zero, first is end.
func (n *numeral) span() (first, end, point int) {
	end = len(n.whole) + len(n.frac)
	for first < end && n.digit(first) == '0' {
		first++
	}
	for end > first && n.digit(end-1) == '0' {
		end--
	}
	return first, end, len(n.whole) + n.exp
}

// magnitude returns the number without its sign where it is an integer of 64 bits.
func (n *numeral) magnitude() (m uint64, reason string) {
	first, end, point := n.span()
	switch {
	case first == end:
		return 0, ""
	case end > point:
		return 0, "not an integer"
	case point-first > 20:
		return 0, reasonRange
	}
	for i := first; i < point; i++ {
		high, low := bits.Mul64(m, 10)
		sum, carry := bits.Add64(low, uint64(n.digit(i)-'0'), 0)
		if high != 0 || carry != 0 {
			return 0, reasonRange
		}
		m = sum
	}
	return m, ""
}

// reasonRange is replaced by the type's range where it is known.
const reasonRange = "out of range"

// numeralOf reads the number that v stands for.
func numeralOf(v payload.Value) (n numeral, reason string) {
	switch v.Kind {
	case payload.Bool:
		n.whole = zeroDigit
		if isTrue(v) {
			n.whole = oneDigit
		}
		return n, ""
	case payload.Number, payload.String:
		n, ok := parseNumeral(v.Text)
		if !ok {
			return n, "not a number"
		}
		return n, ""
	}
	return n, "not a number but a nested value"
}

var zeroDigit, oneDigit = []byte("0"), []byte("1")

func isTrue(v payload.Value) bool { return len(v.Text) > 0 && v.Text[0] == 't' }

// integerOf returns sign and magnitude of the integer that v stands for.
func integerOf(v payload.Value) (neg bool, m uint64, reason string) {
	if v.Kind == payload.Number {
		if neg, m, ok := shortInteger(v.Text); ok {
			return neg, m, ""
		}
	}
	n, reason := numeralOf(v)
	if reason != "" {
		return false, 0, reason
	}
	m, reason = n.magnitude()
	return n.neg && m != 0, m, reason
}

// shortInteger reads plain digits that cannot overflow: nearly all there are.
func shortInteger(t []byte) (neg bool, m uint64, ok bool) {
	if len(t) > 0 && t[0] == '-' {
		neg = true
		t = t[1:]
	}
	if len(t) == 0 || len(t) > 19 {
		return false, 0, false
	}
	for len(t) >= 8 {
		n, ok := eightDigits(binary.LittleEndian.Uint64(t))
		if !ok {
			return false, 0, false
		}
		m, t = m*1e8+n, t[8:]
	}
	for _, c := range t {
		if c < '0' || c > '9' {
			return false, 0, false
		}
		m = m*10 + uint64(c-'0')
	}
	return neg && m != 0, m, true
}

// eightDigits reads eight digits at once, the first in the lowest byte: pairs are
// made into numbers below 100, pairs of these into such below 10,000, and so on.
func eightDigits(w uint64) (n uint64, ok bool) {
	const (
		zeros = 0x3030303030303030
		high  = 0xf0f0f0f0f0f0f0f0
		six   = 0x0606060606060606 // makes what is above 9 seen in the high half
	)
	if w&high != zeros || (w+six)&high != zeros {
		return 0, false
	}
	w -= zeros
	w = (w*10 + w>>8) & 0x00ff00ff00ff00ff
	w = (w*100 + w>>16) & 0x0000ffff0000ffff
	return (w*10000 + w>>32) & 0xffffffff, true
}

func (s *spec) integer(v payload.Value) (Argument, string) {
	neg, m, reason := integerOf(v)
	if reason != "" {
		return Argument{}, s.integerReason(reason)
	}
	if s.unsigned {
		if neg || m > math.MaxUint64>>(64-s.bits) {
			return Argument{}, s.integerReason(reasonRange)
		}
		return uintOf(m), ""
	}
	limit := uint64(1) << (s.bits - 1) // the magnitude of the least
	if m > limit || m == limit && !neg {
		return Argument{}, s.integerReason(reasonRange)
	}
	if neg {
		return intOf(-int64(m)), "" // right for the least too: its negation is itself
	}
	return intOf(int64(m)), ""
}

func (s *spec) integerReason(reason string) string {
	if reason != reasonRange {
		return reason
	}
	if s.unsigned {
		return fmt.Sprintf("out of range 0..%d", uint64(math.MaxUint64)>>(64-s.bits))
	}
	most := int64(math.MaxInt64) >> (64 - s.bits)
	return fmt.Sprintf("out of range %d..%d", -most-1, most)
}

func (s *spec) bit(v payload.Value) (Argument, string) {
	neg, m, reason := integerOf(v)
	if reason == "" && (neg || m > math.MaxUint64>>(64-s.bits)) {
		reason = reasonRange
	}
	if reason == reasonRange {
		reason = fmt.Sprintf("out of range 0..%d", uint64(math.MaxUint64)>>(64-s.bits))
	}
	if reason != "" {
		return Argument{}, reason
	}
	return uintOf(m), ""
}

// maxPlainDecimal is the length of text that goes to the server as it is: its
// parser reads 65 digits, leading zeros not counted, and a few beyond.
const maxPlainDecimal = 65

func (s *spec) decimal(v payload.Value, room *Room) (Argument, string) {
	n, reason := numeralOf(v)
	if reason != "" {
		return Argument{}, reason
	}
	first, end, point := n.span()
	switch {
	case first == end:
		return textArg("0"), ""
	case n.neg && s.unsigned:
		return Argument{}, "negative in an unsigned column"
	case point-first > s.whole:
		return Argument{}, fmt.Sprintf("more than %d digits before the point", s.whole)
	case end-point > s.scale:
		return Argument{}, fmt.Sprintf("more than %d digits after the point: it would be rounded", s.scale)
	}
	if v.Kind == payload.Number && !n.exponential && len(v.Text) <= maxPlainDecimal {
		return textArg(view(v.Text)), ""
	}
	return textArg(n.plain(first, end, point, room)), ""
}

// plain writes the number without an exponent. The caller has bounded its digits.
func (n *numeral) plain(first, end, point int, room *Room) string {
	b := room.take(max(end, point) - min(first, point) + 3)
	if n.neg {
		b = append(b, '-')
	}
	if first >= point {
		b = append(b, '0')
	}
	for i := first; i < point; i++ {
		b = append(b, n.digit(i))
	}
	if end > point {
		b = append(b, '.')
		for i := point; i < end; i++ {
			b = append(b, n.digit(i))
		}
	}
	return room.keep(b)
}

// tens are the powers of ten that a float64 holds exactly.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat reads plain digits, with a point between them or without, which
// nearly all numbers are. Fifteen of them are a whole number that a float64
// holds exactly, as it does the power of ten; so the quotient of the two is
// the nearest there is.
func shortFloat(t []byte) (f float64, ok bool) {
	neg := len(t) > 0 && t[0] == '-'
	if neg {
		t = t[1:]
	}
	if len(t) == 0 || len(t) > len(tens) {
		return 0, false
	}
	m, point := uint64(0), -1
	for i, c := range t {
		switch {
		case c-'0' <= 9:
			m = m*10 + uint64(c-'0')
		case c == '.' && point < 0 && i > 0 && i < len(t)-1:
			point = i
		default:
			return 0, false
		}
	}
	f = float64(m)
	if point > 0 {
		f /= tens[len(t)-1-point]
	} else if len(t) == len(tens) {
		return 0, false // sixteen digits
	}
	if neg {
		f = -f
	}
	return f, true
}

func (s *spec) float(v payload.Value) (Argument, string) {
	var f float64
	switch v.Kind {
	case payload.Bool:
		if isTrue(v) {
			f = 1
		}
	case payload.Number, payload.String:
		var ok bool
		if f, ok = shortFloat(v.Text); ok {
			break
		}
		// ParseFloat also takes hexadecimal, "inf" and underscores; a number of
		// JSON is none of those.
		if v.Kind == payload.String {
			if _, ok := parseNumeral(v.Text); !ok {
				return Argument{}, "not a number"
			}
		}
		var err error
		if f, err = strconv.ParseFloat(view(v.Text), 64); err != nil {
			return Argument{}, "larger than the type's range"
		}
	default:
		return Argument{}, "not a number but a nested value"
	}
	if s.family == familyFloat && math.Abs(f) > math.MaxFloat32 {
		return Argument{}, "larger than the type's range"
	}
	if s.unsigned && f < 0 {
		return Argument{}, "negative in an unsigned column"
	}
	return floatOf(f), ""
}
