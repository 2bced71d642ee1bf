package payload

// Decoder yields the rows of one message. It accepts any sequence of JSON
// values, with or without white space between them, flattens arrays of any
// depth and yields each object. It keeps no reference to a finished message.
type Decoder struct{}

// Reset starts on msg, which must not change while its rows are in use.
func (d *Decoder) Reset(msg []byte) { panic("stub") }

// Next returns the next row, or io.EOF after the last. The Row's Fields are
// valid until the next call of Next or Reset; what they and Raw point to lives as long as the message.
// A *SyntaxError ends the message; an element that is not an object is an *ElementError and Next may be called again.
func (d *Decoder) Next() (Row, error) { panic("stub") }

// Count returns how many rows and other elements Next would yield from msg,
// without building them. 
func Count(msg []byte) int { panic("stub") }
