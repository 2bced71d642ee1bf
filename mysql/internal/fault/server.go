package fault

import (
	"strconv"
	"strings"
)

// byNumber finds an entry's place in table; a number that servers use
// differently has several.
var byNumber = func() map[uint16][]entry {
	m := make(map[uint16][]entry, len(table))
	for _, e := range table {
		m[e.number] = append(m[e.number], e)
	}
	return m
}()

// lookup returns what number means on a server of flavour f. Where the flavour
// is not known, the first entry of the table wins.
func lookup(number uint16, f Flavour) (entry, bool) {
	for _, e := range byNumber[number] {
		if e.on&f.servers() != 0 {
			return e, true
		}
	}
	return entry{}, false
}

func (f Flavour) servers() servers {
	switch f {
	case MySQL:
		return onMySQL
	case MariaDB:
		return onMariaDB
	case TiDB:
		return onTiDB
	}
	return everywhere
}

// Codes of the operating system and the storage engines, which some messages
// hold as their first number, in whatever language: "Got error 28 ...".
const (
	codeNoSpace        = 28  // ENOSPC
	codeMessageTooLong = 90  // EMSGSIZE: Galera's write set exceeds its limit
	codeRowTooBig      = 139 // HA_ERR_TO_BIG_ROW
)

// refine returns e's class, or a better one that the message gives away.
func (e entry) refine(message string) Class {
	switch e.number {
	case 1030: // GET_ERRNO
		switch firstNumber(message) {
		case codeNoSpace:
			return Operator
		case codeRowTooBig:
			return Row
		}
	case 1105: // UNKNOWN_ERROR
		if strings.Contains(message, "undetermined") { // TiDB lost its store's answer to a commit
			return OutcomeUnknown
		}
	case 1180: // ERROR_DURING_COMMIT
		if firstNumber(message) == codeMessageTooLong {
			return TooLarge
		}
	}
	return e.class
}

// firstNumber returns the first number in text, or -1.
func firstNumber(text string) int {
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return -1
	}
	text = text[start:]
	if end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		text = text[:end]
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// states classifies by SQLSTATE what is in no other table: the whole state, or
// its first two characters, which the SQL standard calls its class.
var states = map[string]Class{
	"01":    Row, // a warning that a strict mode turned into an error
	"02":    Row, // no data: in a trigger
	"08":    OutcomeUnknown,
	"08001": Passing, // the connection was not made
	"08004": Passing, // the connection was refused
	"0A":    Operator,
	"0L":    Operator,
	"0P":    Operator,
	"20":    Row, // a trigger's CASE without a match
	"21":    Row, // a trigger's query of more than one row
	"21S01": SchemaChanged,
	"22":    Row, // data exception
	"23":    Row, // integrity constraint
	"25":    Passing,
	"28":    Operator,
	"3D":    Operator,
	"40":    Passing, // the transaction was rolled back
	"40002": Row,     // ... by an integrity constraint
	"40003": OutcomeUnknown,
	"42":    Operator, // syntax or access rule: no value of a row has a part in it
	"42S01": SchemaChanged,
	"42S21": SchemaChanged,
	"42S22": SchemaChanged,
	"44":    Row, // a view's WITH CHECK OPTION
	"45":    Row, // a trigger's SIGNAL
	"70":    Passing,
	"HY001": Passing, // memory
	"SR":    Row,     // MySQL: spatial reference systems
	"SU":    Row,     // MySQL: units of length
	"XA":    Passing,
}

func classifyState(state string) Class {
	if class, ok := states[state]; ok {
		return class
	}
	if class, ok := states[state[:2]]; ok {
		return class
	}
	return Unlisted
}
