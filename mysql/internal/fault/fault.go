// Package fault says what to do next after an error of the server, the driver
// or the network. It imports nothing of ours.
package fault

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// Class is what an error asks for.
type Class uint8

// The classes. An error that is in no table is Unlisted.
const (
	None           Class = iota // no error
	Row                         // a row cannot be stored as it is: find it, set it aside, write the others
	SchemaChanged               // the table is no longer as it was read: read it again, once, and retry
	TooLarge                    // the statement exceeds the server's packet limit: split it
	Passing                     // heals by itself: wait and retry
	Operator                    // heals when somebody mends it: say so once, wait longer, retry
	OutcomeUnknown              // the answer was lost: the rows may or may not be stored
	Unlisted                    // retry a few times, then take it for a row's fault
)

func (c Class) String() string {
	return [...]string{"none", "row", "schema changed", "too large", "passing", "operator", "outcome unknown", "unlisted"}[c]
}

// Classify returns err's class.
func Classify(err error) Class {
	if err == nil {
		return None
	}
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return classifyServer(server)
	}
	switch {
	case errors.Is(err, mysql.ErrPktTooLarge):
		return TooLarge
	case errors.Is(err, driver.ErrBadConn): // by the driver's contract nothing was written
		return Passing
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrPktSyncMul),
		errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrBusyBuffer), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return OutcomeUnknown
	case errors.Is(err, mysql.ErrNoTLS), errors.Is(err, mysql.ErrCleartextPassword), errors.Is(err, mysql.ErrNativePassword),
		errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrUnknownPlugin), errors.Is(err, mysql.ErrOldProtocol):
		return Operator
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return OutcomeUnknown
	}
	var dns *net.DNSError
	var op *net.OpError
	var errno syscall.Errno
	switch {
	case errors.As(err, &dns):
		return Passing
	case errors.As(err, &op):
		if op.Op == "dial" {
			return Passing
		}
		return OutcomeUnknown
	case errors.As(err, &errno):
		return OutcomeUnknown
	}
	return Unlisted
}

func classifyServer(e *mysql.MySQLError) Class {
	if c, ok := byNumber[e.Number]; ok {
		return c
	}
	// The SQLSTATE's class is the standard's own: 22 data exception, 23
	// integrity constraint, 08 connection, 28 authorisation, 40 rollback.
	switch string(e.SQLState[:2]) {
	case "22", "23":
		return Row
	case "08":
		return OutcomeUnknown
	case "28":
		return Operator
	case "40":
		return Passing
	}
	return Unlisted
}

// IsConflict tells whether err is only about this transaction and others: the
// connection and the server are well, and trying again soon is right.
func IsConflict(err error) bool {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return false
	}
	switch server.Number {
	case 1020, 1205, 1213, 1461, 1615, 3572, 8002, 8022, 9007:
		return true
	}
	return false
}
