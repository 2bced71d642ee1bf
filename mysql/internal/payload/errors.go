package payload

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError says where a message stops being JSON. The rows before Start
// were good and have been yielded; what follows cannot be told apart.
type SyntaxError struct {
	Offset int    // byte at which the text cannot go on
	Start  int    // byte at which the element it stands in begins
	Reason string // what was expected, or what is wrong
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON at byte %d: %s", e.Offset, e.Reason)
}

// ElementError says that an element of a message is no row: it is not an
// object, or an object whose text no string can hold. The elements after it
// are not touched by that.
type ElementError struct {
	Offset int    // byte at which the element begins
	Kind   Kind   // what it is
	Text   string // its JSON text, shortened, safe to print
	Reason string // why it is no row
	Raw    []byte // its JSON text; aliases the message
}

func (e *ElementError) Error() string {
	return fmt.Sprintf("element at byte %d: %s: %s", e.Offset, e.Reason, e.Text)
}

func newElementError(msg []byte, start, end int, k Kind, reason string) *ElementError {
	raw := msg[start:end:end]
	return &ElementError{Offset: start, Kind: k, Text: shorten(raw), Reason: reason, Raw: raw}
}

// maxShown bounds in bytes what an error quotes of a message.
const maxShown = 64

// shorten returns the beginning of raw as valid UTF-8.
func shorten(raw []byte) string {
	cut := raw
	if len(cut) > maxShown {
		cut = cut[:maxShown]
		for len(cut) > maxShown-utf8.UTFMax && !utf8.RuneStart(raw[len(cut)]) {
			cut = cut[:len(cut)-1]
		}
	}
	s := strings.ToValidUTF8(string(cut), "\uFFFD")
	if len(cut) < len(raw) {
		s += "..."
	}
	return s
}

// explain says why b cannot be read on at offset i. The element at start, with
// outer arrays around it, was good up to there.
func explain(b []byte, start, i, outer int) string {
	if i >= len(b) {
		return "the message ends inside a value"
	}
	switch c := b[i]; {
	case c == '\\':
		return "unknown or incomplete escape"
	case c < ' ' || c == 0x7f:
		return fmt.Sprintf("control character 0x%02x", c)
	case c >= utf8.RuneSelf:
		return fmt.Sprintf("unexpected byte 0x%02x", c)
	case (c == '{' || c == '[') && outer+openAt(b, start, i) >= maxDepth:
		return fmt.Sprintf("nested deeper than %d levels", maxDepth)
	default:
		return fmt.Sprintf("unexpected %q", c)
	}
}

// openAt counts the objects and arrays that are open at end.
func openAt(b []byte, start, end int) int {
	n := 0
	for i := start; i < end; i++ {
		switch b[i] {
		case '"':
			i, _ = scanString(b, i+1)
		case '{', '[':
			n++
		case '}', ']':
			n--
		}
	}
	return n
}
