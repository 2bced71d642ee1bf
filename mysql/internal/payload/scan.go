package payload

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file read one token each, from b at offset i, and
// allocate nothing. They report a fault by its offset alone; the words for it
// are found later, off the hot path.

// space returns the offset of the first byte at or after i that is not white
// space.
func space(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	return spaceRun(b, i)
}

func spaceRun(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return i
}

// textFlags tell what a string, or all strings of a value, hold.
type textFlags uint8

const (
	escaped  textFlags = 1 << iota // a backslash
	nonASCII                       // a byte above 0x7f, not yet checked to be UTF-8
	halfPair                       // an escape of half a surrogate pair: no character
	broken                         // not JSON: the fault is at the returned offset
)

const (
	lows       = 0x0101010101010101
	highs      = 0x8080808080808080
	quotes     = '"' * lows
	backslants = '\\' * lows
	blanks     = ' ' * lows
)

// scanString reads the string whose first byte after the opening quote is at
// i, and returns the offset of its closing quote.
func scanString(b []byte, i int) (int, textFlags) {
	var f textFlags
	for {
		var high uint64
		// Eight bytes at once: a byte of hit is set where one of w is a quote, a
		// backslash or below a blank. Above the lowest such byte, borrows may set
		// others wrongly; below it all is exact.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			hit := (((w ^ quotes) - lows) | ((w ^ backslants) - lows) | (w - blanks)) &^ w & highs
			if hit == 0 {
				high |= w
				i += 8
				continue
			}
			high |= w & ((hit & -hit) - 1)
			i += bits.TrailingZeros64(hit) / 8
			break
		}
		// At most seven bytes are left unless the loop above stopped at a hit.
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
			high |= uint64(b[i])
			i++
		}
		if high&highs != 0 {
			f |= nonASCII
		}
		if i >= len(b) || b[i] < ' ' {
			return i, f | broken
		}
		if b[i] == '"' {
			return i, f
		}
		n := escapeLen(b, i)
		if n == 0 {
			return i, f | broken
		}
		f |= escaped
		i += n
	}
}

// escapeLen returns the length of the escape at i, where a backslash stands,
// or 0 if it is none.
func escapeLen(b []byte, i int) int {
	if i+1 >= len(b) {
		return 0
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hex4(b, i+2) >= 0 {
			return 6
		}
	}
	return 0
}

// hex4 returns the value of the four hexadecimal digits at i, or -1.
func hex4(b []byte, i int) rune {
	if i+4 > len(b) {
		return -1
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// scanNumber reads the number at i, where a digit or a minus stands, and
// returns the offset after it; ok is false if a digit is missing there.
func scanNumber(b []byte, i int) (end int, ok bool) {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i, ok = digits(b, i); !ok {
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		if i, ok = digits(b, i+1); !ok {
			return i, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i, ok = digits(b, i); !ok {
			return i, false
		}
	}
	return i, true
}

// digits returns the offset after the digits at i; ok is false without any.
func digits(b []byte, i int) (end int, ok bool) {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i, i > start
}

// scanScalar reads the string, number, bool or null at i, and returns the
// offset after it, or, with broken set, that of the fault.
func scanScalar(b []byte, i int) (end int, k Kind, f textFlags) {
	switch c := b[i]; c {
	case '"':
		end, f = scanString(b, i+1)
		if f&broken == 0 {
			end++
		}
		return end, String, f
	case 't':
		return scanWord(b, i, "true", Bool)
	case 'f':
		return scanWord(b, i, "false", Bool)
	case 'n':
		return scanWord(b, i, "null", Null)
	default:
		if c != '-' && c-'0' > 9 {
			return i, Null, broken
		}
		end, ok := scanNumber(b, i)
		if !ok {
			return end, Number, broken
		}
		return end, Number, 0
	}
}

func scanWord(b []byte, i int, word string, k Kind) (int, Kind, textFlags) {
	if i+len(word) <= len(b) && string(b[i:i+len(word)]) == word {
		return i + len(word), k, 0
	}
	for j := range len(word) {
		if i+j >= len(b) || b[i+j] != word[j] {
			return i + j, k, broken
		}
	}
	return i, k, broken
}
