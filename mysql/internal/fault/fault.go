// Package fault says what to do next after an error of the server, the driver
// or the network, and what the error tells of the row: its column, the key it
// doubles. Everything is a pure function of the error; the package imports
// nothing of ours.
package fault

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Class is what an error asks for.
type Class uint8

// The classes. An error that is in no table is Unlisted.
const (
	None           Class = iota // no error
	Row                         // a row cannot be stored as it is: find it, set it aside, write the others
	SchemaChanged               // the table is no longer as it was read: read it again, once, and retry
	TooLarge                    // fewer rows at a time may do: split the batch
	TooSlow                     // the server's time limit cut the statement: split the batch, a single row waits
	Passing                     // heals by itself: wait and retry; nothing was stored
	Operator                    // heals when somebody mends it: say so once, wait longer, retry; nothing was stored
	OutcomeUnknown              // the answer was lost: the rows may or may not be stored
	Unlisted                    // retry a few times, then take it for a row's fault
)

func (c Class) String() string {
	names := [...]string{"none", "row", "schema changed", "too large", "too slow", "passing", "operator", "outcome unknown", "unlisted"}
	if int(c) < len(names) {
		return names[c]
	}
	return "invalid class"
}

// Flavour is the kind of server, for the numbers that mean one thing here and
// another there. The zero value is a server not known, and does for most.
type Flavour uint8

// The flavours. Forks (Percona, Aurora, ...) count as what they were forked from.
const (
	AnyServer Flavour = iota
	MySQL
	MariaDB
	TiDB
)

// FlavourOf returns the flavour that version, the server's VERSION(), names.
func FlavourOf(version string) Flavour {
	version = strings.ToLower(version)
	switch {
	case version == "":
		return AnyServer
	case strings.Contains(version, "tidb"):
		return TiDB
	case strings.Contains(version, "mariadb"):
		return MariaDB
	}
	return MySQL
}

// Classifier classifies errors of one server for one rule. The zero value has
// no overrides and knows no flavour. It must not be changed while in use; any
// number of goroutines may use it.
type Classifier struct {
	Overrides Overrides
	Flavour   Flavour
}

// Classify returns err's class without overrides, for a server not known.
func Classify(err error) Class { return Classifier{}.Classify(err) }

// Classify returns err's class: by the overrides, number before SQLSTATE, then
// by the tables, number before SQLSTATE.
func (c Classifier) Classify(err error) Class {
	if err == nil {
		return None
	}
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return classifyClient(err)
	}
	if class, ok := c.Overrides.numbers[server.Number]; ok {
		return class
	}
	if class, ok := c.Overrides.states[string(server.SQLState[:])]; ok {
		return class
	}
	if e, ok := lookup(server.Number, c.Flavour); ok {
		return e.refine(server.Message)
	}
	return classifyState(string(server.SQLState[:]))
}

// IsConflict tells whether err is only about this transaction and others: the
// connection and the server are well, and trying again soon is right.
func IsConflict(err error) bool { return traitsOf(err)&conflict != 0 }

// Usable tells whether the connection that gave err may be used again, after a
// ROLLBACK. It may not when the server has closed it, when nobody can tell
// what state it is in, and when another one may lead to a better server, as
// after a failover. A nil error leaves it usable.
func Usable(err error) bool {
	if err == nil {
		return true
	}
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return usableClient(err)
	}
	if _, ok := lookup(server.Number, AnyServer); ok {
		return traitsOf(err)&gone == 0
	}
	switch string(server.SQLState[:2]) {
	case "08", "25", "28":
		return false
	}
	return true
}

// MaybeStored tells whether rows may be stored in spite of err. It holds for a
// transactional table; in another one every error may leave rows behind.
func MaybeStored(err error) bool { return Classify(err) == OutcomeUnknown }

// Number returns the server's error number and SQLSTATE, or 0 and "" where err
// is not the server's.
func Number(err error) (number uint16, state string) {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return 0, ""
	}
	if server.SQLState != [5]byte{} {
		state = string(server.SQLState[:])
	}
	return server.Number, state
}

func traitsOf(err error) traits {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return 0
	}
	e, _ := lookup(server.Number, AnyServer)
	return e.traits
}
