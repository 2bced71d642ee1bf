package fault

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func server(number uint16, state string) error {
	e := &mysql.MySQLError{Number: number, Message: "text"}
	copy(e.SQLState[:], state)
	return e
}

func TestClassify(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		name string
		err  error
		want Class
	}{
		{"none", nil, None},
		{"duplicate key", server(1062, "23000"), Row},
		{"too long", server(1406, "22001"), Row},
		{"unknown column", server(1054, "42S22"), SchemaChanged},
		{"packet", server(1153, "08S01"), TooLarge},
		{"deadlock", server(1213, "40001"), Passing},
		{"read only", server(1290, "HY000"), Passing},
		{"no table", server(1146, "42S02"), Operator},
		{"access denied", server(1045, "28000"), Operator},
		{"a number nobody listed, of a listed state", server(65000, "22999"), Row},
		{"a number nobody listed, rollback", server(65000, "40999"), Passing},
		{"a number and a state nobody listed", server(65000, "HY000"), Unlisted},
		{"wrapped", fmt.Errorf("insert: %w", server(1062, "23000")), Row},
		{"driver's packet limit", mysql.ErrPktTooLarge, TooLarge},
		{"nothing written", driver.ErrBadConn, Passing},
		{"connection lost", mysql.ErrInvalidConn, OutcomeUnknown},
		{"end of stream", io.ErrUnexpectedEOF, OutcomeUnknown},
		{"timeout", os.ErrDeadlineExceeded, OutcomeUnknown},
		{"refused", dial, Passing},
		{"reset", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, OutcomeUnknown},
		{"name", &net.DNSError{Err: "no such host"}, Passing},
		{"cancelled", context.Canceled, OutcomeUnknown},
		{"no TLS", mysql.ErrNoTLS, Operator},
		{"anything", errors.New("anything"), Unlisted},
	} {
		if got := Classify(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOnlyConflictsKeepTheConnection(t *testing.T) {
	for number, class := range byNumber {
		if IsConflict(server(number, "HY000")) && class != Passing {
			t.Errorf("%d is a conflict and %v", number, class)
		}
	}
	if IsConflict(io.EOF) || IsConflict(server(1053, "08S01")) {
		t.Error("a lost connection passes for a conflict")
	}
}
