package payload

import "bytes"

// bom is what some editors put in front of a text. It carries nothing, so it
// is passed over at the start of a message, though RFC 8259 forbids to send it.
var bom = []byte("\xef\xbb\xbf")

// place tells what may come next inside an array that is flattened.
type place uint8

const (
	first place = iota // a value, or the array's end
	next               // a value: a comma has been read
	after              // a comma or the array's end
)

// elements walks over a message's elements: the values that are left once
// arrays are opened. The caller reads each element and reports where it ends.
type elements struct {
	msg   []byte
	pos   int   // offset of what is read next
	open  int   // arrays open around pos
	place place // where pos is; counts only while open > 0
}

func (e *elements) reset(msg []byte) {
	*e = elements{msg: msg}
	if bytes.HasPrefix(msg, bom) {
		e.pos = len(bom)
	}
}

// seek moves pos to the next element. It returns false at the end of the
// message, and at a fault, which then is at pos.
func (e *elements) seek() (found, fault bool) {
	b := e.msg
	for {
		e.pos = space(b, e.pos)
		if e.pos >= len(b) {
			return false, e.open > 0
		}
		c := b[e.pos]
		switch {
		case e.open > 0 && c == ']' && e.place != next:
			e.open--
			e.place = after
			e.pos++
		case e.open > 0 && e.place == after:
			if c != ',' {
				return false, true
			}
			e.place = next
			e.pos++
		case c == '[':
			if e.open >= maxDepth {
				return false, true
			}
			e.open++
			e.place = first
			e.pos++
		default:
			return true, false
		}
	}
}

// passed says that the element at pos ends at end.
func (e *elements) passed(end int) {
	e.pos = end
	e.place = after
}

// Count returns how many times Next would return something other than io.EOF
// on msg: its rows, its elements that are no rows, and one more if it is not
// JSON to its end. It checks the text as Next does and builds nothing.
func Count(msg []byte) int {
	var e elements
	e.reset(msg)
	for n := 0; ; n++ {
		found, fault := e.seek()
		if fault {
			return n + 1
		}
		if !found {
			return n
		}
		var end int
		var f textFlags
		if msg[e.pos] == '{' {
			var flat bool
			if end, flat = skipFlat(msg, e.pos); !flat || e.open >= maxDepth {
				end, f = skipNested(msg, e.pos, e.open)
			}
		} else {
			end, _, f = scanScalar(msg, e.pos)
		}
		if f&broken != 0 {
			return n + 1
		}
		e.passed(end)
	}
}
