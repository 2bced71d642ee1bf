package payload

import (
	"io"
	"unicode/utf8"
)

// Decoder yields the rows of one message. It accepts any sequence of JSON
// values, with or without white space between them, flattens arrays of any
// depth and yields each object: an object without members is a row without
// fields. An empty message, and an empty array, hold no rows. A byte order
// mark at the start is passed over.
//
// What is not an object (null included), and an object with text that is not
// UTF-8 or that escapes half of a surrogate pair, is an *ElementError: no
// column could hold it as it was meant. The elements after it follow. Escapes
// inside nested values are left to whoever reads those.
//
// Where the message stops being JSON, Next returns a *SyntaxError, after the
// rows before that place, and then io.EOF.
//
// It keeps no reference to a finished message. A Decoder is for one goroutine;
// its zero value is one without a message. Used again and again it allocates
// nothing, except for errors and for strings that hold escapes.
type Decoder struct {
	elements
	fields []Field // the last row's; reused
	used   int     // the most fields that a row of this message had
	arena  arena
}

// maxKept bounds in fields what a Decoder keeps for the next message.
const maxKept = 4096

// Reset starts on msg, which must not change while its rows are in use.
func (d *Decoder) Reset(msg []byte) {
	d.forget()
	d.reset(msg)
}

// forget lets go of the message.
func (d *Decoder) forget() {
	d.reset(nil)
	clear(d.fields[:d.used])
	d.used = 0
	if cap(d.fields) > maxKept {
		d.fields = nil
	}
	d.fields = d.fields[:0]
}

// Next returns the next row, or io.EOF after the last. The Row's Fields are
// valid until the next call of Next or Reset; what they and Raw point to lives as long as the message.
// A *SyntaxError ends the message; an element that is no row is an *ElementError and Next may be called again.
func (d *Decoder) Next() (Row, error) {
	found, fault := d.seek()
	if !found {
		if fault {
			return Row{}, d.fail(d.pos, d.pos)
		}
		d.forget()
		return Row{}, io.EOF
	}
	if d.msg[d.pos] == '{' {
		return d.row()
	}
	start := d.pos
	end, k, f := scanScalar(d.msg, start)
	if f&broken != 0 {
		return Row{}, d.fail(start, end)
	}
	d.passed(end)
	return Row{}, newElementError(d.msg, start, end, k, "a "+k.String()+" is no row")
}

// row reads the object at pos.
func (d *Decoder) row() (Row, error) {
	b, start := d.msg, d.pos
	d.fields = d.fields[:0]
	end, f := d.members(start)
	d.used = max(d.used, len(d.fields))
	if f&broken != 0 {
		return Row{}, d.fail(start, end)
	}
	d.passed(end)
	raw := b[start:end:end]
	if f&nonASCII != 0 && !utf8.Valid(raw) {
		return Row{}, newElementError(b, start, end, Object, "its text is not valid UTF-8")
	}
	if f&halfPair != 0 {
		return Row{}, newElementError(b, start, end, Object, `an escape such as \ud800 stands for half a character`)
	}
	return Row{Fields: d.fields, Raw: raw}, nil
}

// fail ends the message at the fault at offset i of the element at start.
func (d *Decoder) fail(start, i int) error {
	err := &SyntaxError{Offset: i, Start: start, Reason: explain(d.msg, start, i, d.open)}
	d.forget()
	return err
}

// members reads the object at i into fields, and returns the offset after it
// or, with broken set, that of the fault.
func (d *Decoder) members(i int) (int, textFlags) {
	b := d.msg
	if d.open >= maxDepth {
		return i, broken
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, 0
	}
	var all textFlags
	for {
		name, i2, f := d.name(i)
		all |= f
		if f&broken != 0 {
			return i2, all
		}
		var v Value
		v, i, f = d.value(space(b, i2))
		all |= f
		if f&broken != 0 {
			return i, all
		}
		d.fields = append(d.fields, Field{Name: name, Value: v})
		if i = space(b, i); i >= len(b) {
			return i, all | broken
		}
		if b[i] == '}' {
			return i + 1, all
		}
		if b[i] != ',' {
			return i, all | broken
		}
		i = space(b, i+1)
	}
}

// name reads a member's name at i and its colon.
func (d *Decoder) name(i int) (name []byte, end int, f textFlags) {
	b := d.msg
	if i >= len(b) || b[i] != '"' {
		return nil, i, broken
	}
	end, f = scanString(b, i+1)
	if f&broken != 0 {
		return nil, end, f
	}
	name = b[i+1 : end : end]
	if f&escaped != 0 {
		var bad textFlags
		name, bad = d.arena.unescape(name, len(b)-i)
		f |= bad
	}
	if end = space(b, end+1); end >= len(b) || b[end] != ':' {
		return nil, end, f | broken
	}
	return name, end + 1, f
}

// value reads a member's value at i.
func (d *Decoder) value(i int) (v Value, end int, f textFlags) {
	b := d.msg
	if i >= len(b) {
		return v, i, broken
	}
	switch b[i] {
	case '"':
		end, f = scanString(b, i+1)
		if f&broken != 0 {
			return v, end, f
		}
		v = Value{String, b[i+1 : end : end]}
		if f&escaped != 0 {
			var bad textFlags
			v.Text, bad = d.arena.unescape(v.Text, len(b)-i)
			f |= bad
		}
		return v, end + 1, f
	case '{', '[':
		end, f = skipNested(b, i, d.open+1)
		if f&broken != 0 {
			return v, end, f
		}
		k := Object
		if b[i] == '[' {
			k = Array
		}
		return Value{k, b[i:end:end]}, end, f
	default:
		var k Kind
		end, k, f = scanScalar(b, i)
		if f&broken != 0 {
			return v, end, f
		}
		if k == Null {
			return v, end, f
		}
		return Value{k, b[i:end:end]}, end, f
	}
}
