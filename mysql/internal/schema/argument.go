package schema

import (
	"math"
	"unsafe"
)

// ArgumentKind tells what an Argument holds.
type ArgumentKind uint8

// The kinds of arguments.
const (
	Absent ArgumentKind = iota // nothing: the column's default
	Null
	Int
	Uint
	Float
	Text // also the bytes of a binary column
)

// Argument is a value as a column takes it. The zero Argument is Absent. It is
// no interface, so that the hundreds of thousands that pass each second cost
// no allocation. Its text may share the memory of the message that it was
// converted from and that of the Room it was converted in.
type Argument struct {
	kind ArgumentKind
	bits uint64
	text string
}

// Kind tells what a holds.
func (a *Argument) Kind() ArgumentKind { return a.kind }

// Int is the number of an argument of kind Int.
func (a *Argument) Int() int64 { return int64(a.bits) }

// Uint is the number of an argument of kind Uint.
func (a *Argument) Uint() uint64 { return a.bits }

// Float is the number of an argument of kind Float.
func (a *Argument) Float() float64 { return math.Float64frombits(a.bits) }

// Text is the text of an argument of kind Text.
func (a *Argument) Text() string { return a.text }

// Value is what the driver takes for a: nil, int64, uint64, float64 or string.
// Of Absent it is nil, as of Null.
func (a *Argument) Value() any {
	switch a.kind {
	case Int:
		return a.Int()
	case Uint:
		return a.Uint()
	case Float:
		return a.Float()
	case Text:
		return a.text
	}
	return nil
}

// Parts are where a's number, as its 64 bits, and its text lie: for whoever
// must not copy them.
func (a *Argument) Parts() (number *uint64, text *string) { return &a.bits, &a.text }

func null() Argument               { return Argument{kind: Null} }
func intOf(n int64) Argument       { return Argument{kind: Int, bits: uint64(n)} }
func uintOf(n uint64) Argument     { return Argument{kind: Uint, bits: n} }
func floatOf(f float64) Argument   { return Argument{kind: Float, bits: math.Float64bits(f)} }
func textArg(text string) Argument { return Argument{kind: Text, text: text} }

// Room is where text lies that conversion writes anew, such as that of times:
// one allocation for many values. Its zero value is ready, and nil stands for
// one that is used once. A Room is for one goroutine.
type Room struct{ b []byte }

// The sizes of a Room, in bytes.
const (
	leastRoom = 4 << 10
	mostKept  = 1 << 20
)

// Reset makes the room free again: arguments that were converted in it must
// no longer be in use.
func (r *Room) Reset() {
	if cap(r.b) > mostKept {
		r.b = nil
	}
	r.b = r.b[:0]
}

// take returns an empty slice for at most n bytes, to be given to keep before
// anything else is taken.
func (r *Room) take(n int) []byte {
	if r == nil {
		return make([]byte, 0, n)
	}
	if cap(r.b)-len(r.b) < n {
		// Arguments keep what they have of the old one.
		r.b = make([]byte, 0, max(n, min(2*cap(r.b), mostKept), leastRoom))
	}
	end := len(r.b)
	return r.b[end : end : end+n]
}

// keep returns b, which take returned and which was filled up, as text.
func (r *Room) keep(b []byte) string {
	if r != nil {
		r.b = r.b[:len(r.b)+len(b)]
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Loadable tells whether LOAD DATA reads an argument of this column from text
// as INSERT takes it from a statement. It reads text in the file's charset, so
// bytes are none, and BIT, spatial and vector columns want functions.
func (c *Column) Loadable() bool {
	switch c.spec.family {
	case familyInteger, familyDecimal, familyFloat, familyDouble, familyText, familyJSON,
		familyDate, familyDateTime, familyTimestamp, familyTime, familyYear:
		return true
	}
	return false // nor ENUM and SET, of which digits may be taken for an index
}

// MayBend tells whether there are arguments of this column that Bends.
func (c *Column) MayBend() bool { return !c.Nullable || c.spec.family == familyYear }

// Bends tells whether LOAD DATA may make another value of a than INSERT does, or
// store what that refuses, and give no warning. A YEAR of 0 is 2000 as text;
// NULL in a column that takes none becomes the server's clock, if that is a
// TIMESTAMP, or 0 or ”, on MySQL where the table has a trigger before INSERT.
func (c *Column) Bends(a *Argument) bool {
	if a.kind == Null {
		return !c.Nullable
	}
	return c.spec.family == familyYear && a.kind == Int && a.bits == 0
}
