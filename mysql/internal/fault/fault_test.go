package fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
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

func server(number uint16, state string) error { return message(number, state, "text") }

func message(number uint16, state, text string) error {
	e := &mysql.MySQLError{Number: number, Message: text}
	copy(e.SQLState[:], state)
	return e
}

func TestClassify(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
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
		{"auto-increment exhausted, so for every row", server(1467, "HY000"), Operator},
		{"wrapped", fmt.Errorf("insert: %w", server(1062, "23000")), Row},
		{"joined", errors.Join(errors.New("a"), server(1062, "23000")), Row},

		{"state only", server(65000, "22999"), Row},
		{"state only, rollback", server(65000, "40999"), Passing},
		{"state only, rollback by a constraint", server(65000, "40002"), Row},
		{"state only, connection", server(65000, "08S01"), OutcomeUnknown},
		{"state only, access rule", server(65000, "42000"), Operator},
		{"state only, no column", server(65000, "42S22"), SchemaChanged},
		{"neither number nor state", server(65000, "HY000"), Unlisted},
		{"no state at all", server(65000, ""), Unlisted},

		{"engine's disk is full", message(1030, "HY000", `Got error 28 "No space left on device" from storage engine Aria`), Operator},
		{"engine's row is too big, in German", message(1030, "HY000", `Fehler 139 "..." von Speicher-Engine`), Row},
		{"engine's own", message(1030, "HY000", "Got error 168 - 'Unknown' from storage engine"), Unlisted},
		{"no digits", message(1030, "HY000", "?"), Unlisted},
		{"too many digits", message(1030, "HY000", "28888888888888888888888888"), Unlisted},
		{"TiDB's lost commit", message(1105, "HY000", "[global:2]execution result undetermined"), OutcomeUnknown},
		{"anything unknown", message(1105, "HY000", "no idea"), Unlisted},
		{"Galera's write set too large", message(1180, "HY000", `Got error 90 "Message too long" during COMMIT`), TooLarge},
		{"Galera without quorum", message(1180, "HY000", `Got error 6 "No such device or address" during COMMIT`), OutcomeUnknown},

		{"driver's packet limit", mysql.ErrPktTooLarge, TooLarge},
		{"nothing written", driver.ErrBadConn, Passing},
		{"nothing written, the driver's own", fmt.Errorf("commit: %w", errors.New("bad connection")), Passing},
		{"connection given up", sql.ErrConnDone, Passing},
		{"connection lost", mysql.ErrInvalidConn, OutcomeUnknown},
		{"packets out of order", mysql.ErrPktSync, OutcomeUnknown},
		{"end of stream", io.ErrUnexpectedEOF, OutcomeUnknown},
		{"timeout", os.ErrDeadlineExceeded, OutcomeUnknown},
		{"cancelled", context.Canceled, OutcomeUnknown},
		{"bare errno", fmt.Errorf("write: %w", syscall.EPIPE), OutcomeUnknown},
		{"value of a type nobody converts", errors.New("sql: converting argument $1 type: unsupported type chan int, a chan"), Row},
		{"year", errors.New("year is not in the range [1, 9999]: 10000"), Row},
		{"anything", errors.New("anything"), Unlisted},

		{"refused", dial(syscall.ECONNREFUSED), Passing},
		{"dial timeout", dial(os.ErrDeadlineExceeded), Passing},
		{"dial cancelled", dial(context.DeadlineExceeded), Passing},
		{"socket file not ours", dial(&os.SyscallError{Syscall: "connect", Err: os.ErrPermission}), Operator},
		{"no port", dial(&net.AddrError{Err: "missing port in address", Addr: "x"}), Operator},
		{"reset", &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}, OutcomeUnknown},
		{"name", dial(&net.DNSError{Err: "no such host", IsNotFound: true}), Passing},

		{"no TLS", mysql.ErrNoTLS, Operator},
		{"certificate of another host", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}}, Operator},
		{"unknown authority", x509.UnknownAuthorityError{}, Operator},
		{"expired", x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}, Operator},
		{"not TLS", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, Operator},
		{"alert", &net.OpError{Op: "remote error", Err: tls.AlertError(42)}, Operator},
		{"versions", errors.New("tls: server selected unsupported protocol version 301"), Operator},
		{"TLS connection closed", errors.New("tls: use of closed connection"), OutcomeUnknown},
	} {
		if got := Classify(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := MaybeStored(c.err); got != (c.want == OutcomeUnknown) {
			t.Errorf("%s: maybe stored is %v", c.name, got)
		}
	}
}

func TestTableIsConsistent(t *testing.T) {
	for i, e := range table {
		if e.symbol == "" || e.class == None || e.on == 0 {
			t.Errorf("incomplete: %+v", e)
		}
		if e.traits&conflict != 0 && (e.class != Passing || e.traits&gone != 0) {
			t.Errorf("%d is a conflict, %v and traits %b", e.number, e.class, e.traits)
		}
		for _, other := range table[:i] {
			if other.number == e.number && other.on&e.on != 0 {
				t.Errorf("%d is there twice for one server", e.number)
			}
		}
		if e.class == Row && e.traits&gone != 0 {
			t.Errorf("%d is a row's fault and costs the connection", e.number)
		}
	}
}

func TestOnlyConflictsKeepTheConnection(t *testing.T) {
	if !IsConflict(fmt.Errorf("w: %w", server(1213, "40001"))) || !IsConflict(server(9007, "HY000")) {
		t.Error("a deadlock or a write conflict is none")
	}
	if IsConflict(io.EOF) || IsConflict(server(1053, "08S01")) || IsConflict(nil) {
		t.Error("a lost connection passes for a conflict")
	}
}

func TestUsable(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"none", nil, true},
		{"duplicate key", server(1062, "23000"), true},
		{"deadlock", server(1213, "40001"), true},
		{"lock wait", server(1205, "HY000"), true},
		{"no table", server(1146, "42S02"), true},
		{"shutdown", server(1053, "08S01"), false},
		{"killed", server(1927, "70100"), false},
		{"packet too large", server(1153, "08S01"), false},
		{"read only: another may be the primary now", server(1290, "HY000"), false},
		{"password", server(1045, "28000"), false},
		{"unlisted, of a connection's state", server(65000, "08000"), false},
		{"unlisted", server(65000, "HY000"), true},
		{"driver's packet limit: nothing was sent", mysql.ErrPktTooLarge, true},
		{"invalid connection", mysql.ErrInvalidConn, false},
		{"cancelled", context.Canceled, false},
		{"anything", errors.New("anything"), false},
	} {
		if got := Usable(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFlavourDecidesWhereNumbersClash(t *testing.T) {
	for _, c := range []struct {
		number   uint16
		flavour  Flavour
		want     Class
		whatItIs string
	}{
		{4025, AnyServer, Row, "MariaDB's check constraint"},
		{4025, MariaDB, Row, ""},
		{4025, MySQL, Unlisted, "MySQL's AUTOEXTEND_SIZE, which no writer meets"},
		{4031, AnyServer, Passing, "MySQL's idle client"},
		{4031, MariaDB, Unlisted, "MariaDB's trigger that does not exist"},
		{4135, TiDB, Operator, "TiDB's sequence at its end"},
		{4135, MariaDB, Unlisted, "MariaDB's versioned table"},
		{8028, TiDB, SchemaChanged, ""},
		{8028, MySQL, Unlisted, ""},
		{1062, TiDB, Row, ""},
	} {
		if got := (Classifier{Flavour: c.flavour}).Classify(server(c.number, "HY000")); got != c.want {
			t.Errorf("%d on flavour %d (%s): %v, want %v", c.number, c.flavour, c.whatItIs, got, c.want)
		}
	}
	for version, want := range map[string]Flavour{
		"": AnyServer, "8.0.11-TiDB-v8.5.0": TiDB, "5.5.5-10.11.6-MariaDB-0+deb12u1": MariaDB, "9.7.0": MySQL, "8.0.35-27.1": MySQL,
	} {
		if got := FlavourOf(version); got != want {
			t.Errorf("version %q: %v, want %v", version, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	if n, state := Number(fmt.Errorf("w: %w", server(1062, "23000"))); n != 1062 || state != "23000" {
		t.Errorf("got %d, %q", n, state)
	}
	if n, state := Number(io.EOF); n != 0 || state != "" {
		t.Errorf("got %d, %q", n, state)
	}
	if n, state := Number(server(1040, "")); n != 1040 || state != "" {
		t.Errorf("got %d, %q", n, state)
	}
}
