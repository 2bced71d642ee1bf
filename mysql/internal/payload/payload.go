// Package payload turns the bytes that eKuiper hands to a sink into rows.
// Numbers stay literals, strings stay slices of the message wherever JSON's
// escapes allow it, nested values stay raw. It imports nothing of ours.
//
// The grammar is RFC 8259's for each value; a message may hold any number of
// values, see Decoder. Values may nest 10,000 deep.
//
// It is written here because no library does this work as fast without leaving
// out checks, nor goes on after a fault: test/bench/json compares five.
package payload

// Kind tells what a Value holds.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Object
	Array
)

var kindNames = [...]string{"null", "bool", "number", "string", "object", "array"}

// String returns JSON's own word for the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Value is one JSON value. Text is, by Kind: Bool "true" or "false"; Number
// its literal; String its text, unescaped; Object and Array their JSON text as
// it stood in the message; Null empty. Text may alias the message: read only.
type Value struct {
	Kind Kind
	Text []byte
}

// Field is one member of a row. Name is unescaped and may alias the message.
type Field struct {
	Name  []byte
	Value Value
}

// Row is one object of a message. Fields keep the message's order; of a
// repeated name the last counts. Raw is the object's own JSON text.
type Row struct {
	Fields []Field
	Raw    []byte
}
