package payload

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// arena is memory for strings that differ from the message's text. Bytes once
// given out are never written again, so they live as long as anybody holds
// them, over any number of messages; one chunk holds many strings.
type arena struct {
	chunk []byte // its length is what has been given out
}

// The sizes of chunks in bytes, unless one string needs more. A chunk stays in
// memory while one string of it does: that is why they are small.
const (
	minChunk = 512
	maxChunk = 16 << 10
)

// unescape returns the text that s, the inside of a valid string, stands for.
// rest is the length in bytes of the message from s on: a guess at what will
// be asked for next.
func (a *arena) unescape(s []byte, rest int) ([]byte, textFlags) {
	// No escape is shorter than what it stands for.
	if len(s) > cap(a.chunk)-len(a.chunk) {
		size := max(len(s), min(max(rest, minChunk), maxChunk))
		a.chunk = make([]byte, 0, size)
	}
	start := len(a.chunk)
	var f textFlags
	a.chunk, f = appendUnescaped(a.chunk, s)
	return a.chunk[start:len(a.chunk):len(a.chunk)], f
}

// appendUnescaped appends what s, the inside of a valid string, stands for.
func appendUnescaped(out, s []byte) ([]byte, textFlags) {
	var f textFlags
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			break
		}
		out = append(out, s[:i]...)
		s = s[i:]
		if s[1] != 'u' {
			out = append(out, plainEscape(s[1]))
			s = s[2:]
			continue
		}
		r := hex4(s, 2)
		s = s[6:]
		if utf16.IsSurrogate(r) {
			r = secondHalf(r, s)
			if r == utf8.RuneError {
				f |= halfPair
			} else {
				s = s[6:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return append(out, s...), f
}

// secondHalf joins the surrogate r with the one that s begins with, and
// returns utf8.RuneError if that makes no pair.
func secondHalf(r rune, s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return utf8.RuneError
	}
	return utf16.DecodeRune(r, hex4(s, 2))
}

// plainEscape returns what a backslash and c stand for.
func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default: // quote, backslash, slash
		return c
	}
}
