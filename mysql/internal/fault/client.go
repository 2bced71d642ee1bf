package fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// sentinels classifies errors by identity. The driver returns ErrBadConn only
// where nothing reached the server; once something did, it is ErrInvalidConn
// or the error of the write. Errors of reads it logs and never returns, so a
// bare net error is of dialling, of the TLS handshake or of a write.
var sentinels = []struct {
	err   error
	class Class
}{
	{mysql.ErrPktTooLarge, TooLarge}, // checked before anything is written
	{driver.ErrBadConn, Passing},
	{sql.ErrConnDone, Passing}, // given up before this use
	{sql.ErrTxDone, Passing},
	{mysql.ErrInvalidConn, OutcomeUnknown},
	{mysql.ErrMalformPkt, OutcomeUnknown},
	{mysql.ErrPktSync, OutcomeUnknown},
	{mysql.ErrPktSyncMul, OutcomeUnknown},
	{mysql.ErrBusyBuffer, OutcomeUnknown},
	{mysql.ErrNoTLS, Operator},
	{mysql.ErrCleartextPassword, Operator},
	{mysql.ErrNativePassword, Operator},
	{mysql.ErrOldPassword, Operator},
	{mysql.ErrUnknownPlugin, Operator},
	{mysql.ErrOldProtocol, Operator},
	{context.DeadlineExceeded, OutcomeUnknown},
	{context.Canceled, OutcomeUnknown},
	{os.ErrDeadlineExceeded, OutcomeUnknown},
	{net.ErrClosed, OutcomeUnknown},
	{io.ErrUnexpectedEOF, OutcomeUnknown},
	{io.ErrShortWrite, OutcomeUnknown},
	{io.ErrClosedPipe, OutcomeUnknown},
	{io.EOF, OutcomeUnknown},
}

// texts classifies by its beginning the innermost error where it has no
// identity to ask for: those that database/sql and the driver make on the spot.
var texts = []struct {
	begins string
	class  Class
}{
	{"bad connection", Passing}, // the driver's own ErrBadConn, before it is replaced
	{"sql: database is closed", Passing},
	{"sql: converting argument", Row},
	{"sql: expected ", Row},
	{"cannot convert type", Row},
	{"unsupported type ", Row},
	{"non-Value type ", Row},
	{"year is not in the range", Row},
	{"property ", Operator}, // a file or a variable that it names
	{"no host takes rows", Passing},
	{"unknown collation", Operator},
	{"unsupported protocol version", Operator},
	{"no pem data found", Operator}, // the server has no key for caching_sha2_password
	{"no Pem data found", Operator},
	{"unexpected resp from server for caching_sha2_password", Operator},
	{"invalid max_allowed_packet value", Passing},
	{"invalid compressed packet", OutcomeUnknown},
	{"unexpected read from socket", Passing}, // the check of an idle connection
	{"tls: use of closed connection", OutcomeUnknown},
	{"tls: protocol is shutdown", OutcomeUnknown},
	{"tls: ", Operator}, // versions, ciphers, certificates: of the handshake
	{"x509: ", Operator},
}

// classifyClient classifies what is not the server's error. The order matters:
// a dial that timed out is a deadline too.
func classifyClient(err error) Class {
	if class, ok := classifyNet(err); ok {
		return class
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.class
		}
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return OutcomeUnknown
	}
	text := root(err).Error()
	for _, t := range texts {
		if strings.HasPrefix(text, t.begins) {
			return t.class
		}
	}
	return Unlisted
}

// classifyNet classifies errors of names, certificates and connections.
func classifyNet(err error) (Class, bool) {
	if isCertificate(err) {
		return Operator, true
	}
	var header tls.RecordHeaderError
	if errors.As(err, &header) { // something that is not TLS answered
		return Operator, true
	}
	var dns *net.DNSError
	if errors.As(err, &dns) { // also "no such host": where there is no network, no host is found
		return Passing, true
	}
	var address *net.AddrError
	var network net.UnknownNetworkError
	if errors.As(err, &address) || errors.As(err, &network) {
		return Operator, true
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		return 0, false
	}
	switch op.Op {
	case "dial":
		if errors.Is(op, os.ErrPermission) { // a socket file's mode, a local firewall
			return Operator, true
		}
		return Passing, true
	case "remote error", "local error": // a TLS alert, of the handshake
		return Operator, true
	}
	return OutcomeUnknown, true
}

func isCertificate(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		roots        x509.SystemRootsError
		algorithm    x509.InsecureAlgorithmError
		critical     x509.UnhandledCriticalExtension
		constraint   x509.ConstraintViolationError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &roots) || errors.As(err, &algorithm) || errors.As(err, &critical) || errors.As(err, &constraint)
}

// usableClient tells whether a connection survives err, which is not the
// server's: only where nothing was sent over it.
func usableClient(err error) bool {
	switch classifyClient(err) {
	case Row, TooLarge:
		return true
	}
	return false
}

// root returns the innermost error that err wraps; of several joined, the first.
func root(err error) error {
	for {
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			inner := e.Unwrap()
			if inner == nil {
				return err
			}
			err = inner
		case interface{ Unwrap() []error }:
			all := e.Unwrap()
			if len(all) == 0 || all[0] == nil {
				return err
			}
			err = all[0]
		default:
			return err
		}
	}
}
