package sink

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
)

// lossy loses answers: after some number of requests that what finds, the
// server's answer to it is read and thrown away, and the connection is cut.
// The server has done what it was asked, and nobody knows.
type lossy struct {
	what  func(request []byte) bool
	every int64
	seen  atomic.Int64
	lost  atomic.Int64
	off   atomic.Bool
	hold  chan struct{} // answers are lost once it is closed; nil: at once
	said  []byte        // what comes instead, and the connection stays; nil: it is cut
}

// serverError is a packet that answers a request with an error.
func serverError(number uint16, state, text string) []byte {
	body := append([]byte{0xff, byte(number), byte(number >> 8), '#'}, state+text...)
	return append([]byte{byte(len(body)), 0, 0, 1}, body...)
}

var errLost = errors.New("connection reset by the test")

// through makes the connections of s lossy. It must be called before Open.
func (l *lossy) through(s *Sink) {
	s.config.Driver.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &lossyConn{Conn: conn, faults: l}, nil
	}
}

type lossyConn struct {
	net.Conn
	faults *lossy
	doomed bool
}

func (c *lossyConn) Write(b []byte) (int, error) {
	if len(b) > 4 && c.faults.what(b[4:]) && c.faults.seen.Add(1)%c.faults.every == 0 {
		c.doomed = true
	}
	return c.Conn.Write(b)
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.doomed && !c.faults.off.Load() {
		if c.faults.hold != nil {
			<-c.faults.hold
		}
		c.faults.lost.Add(1)
		if c.doomed = c.faults.said == nil; !c.doomed {
			return copy(b, c.faults.said), nil
		}
		_ = c.Conn.Close()
		return 0, errLost
	}
	return n, err
}

// The requests by their first byte: a statement as text, to prepare one, to
// execute one that is prepared.
const (
	query   = 0x03
	prepare = 0x16
	execute = 0x17
)

func commits(request []byte) bool { return request[0] == query && string(request[1:]) == "COMMIT" }

// begins finds what makes a connection begin transactions, once and for all.
func begins(request []byte) bool {
	return request[0] == query && string(request[1:]) == "SET autocommit = 0"
}

func prepares(request []byte) bool {
	return request[0] == prepare && (bytes.Contains(request, []byte("INSERT")) || bytes.Contains(request, []byte("UPDATE")))
}

func inserts(request []byte) bool {
	return request[0] == execute && bytes.Contains(request, []byte("row "))
}

// advances finds an UPDATE of the ledger, by what it is not: its arguments are numbers.
func advances(request []byte) bool {
	return request[0] == execute && !inserts(request) && !bytes.Contains(request, []byte("test"))
}

// openLossy is openRule over connections that lose answers.
func (b *bundle) openLossy(l *lossy, props map[string]any) *Sink {
	b.t.Helper()
	s := New(b.outboxes)
	if err := s.Configure(props); err != nil {
		b.t.Fatal(err)
	}
	l.through(s)
	if err := s.Open(b.context("rule")); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close(b.context("rule")) })
	return s
}

// fromTheFirst makes the first answer be lost: of what is asked once for each
// connection.
func (l *lossy) fromTheFirst() { l.seen.Store(l.every - 1) }

// wantLosses fails if nothing was lost: then nothing was tested.
func (l *lossy) wantLosses(t testing.TB, least int64) {
	t.Helper()
	if l.lost.Load() < least {
		t.Errorf("%d answers were lost, want at least %d: the test tested nothing", l.lost.Load(), least)
	}
}
