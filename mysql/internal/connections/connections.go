// Package connections shares the few connections that a server has among all
// rules of the process: with a thousand rules on a server that takes 151, each
// gets one while it has rows to write. It imports nothing of ours.
package connections

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// Usual is how many connections the process has to one server at most: two
	// thirds of what MySQL and MariaDB take by default, 151 in all.
	Usual = 100
	// patience is how long a connection waits while no place becomes free. Then
	// it is made all the same: who holds a place may be waiting for a second
	// one, and the server knows best what it can take.
	patience = 2 * time.Second
	// askAgain is how long to wait for a place after somebody was asked to
	// give one up, before the next is asked.
	askAgain = 50 * time.Millisecond
	// noticeAfter is how long a server is given to notice that a connection
	// was closed.
	noticeAfter = 5 * time.Millisecond
	// restAtLeast is how long a connection is left in its pool in any case:
	// the next statement of the same work wants it.
	restAtLeast = 20 * time.Millisecond

	maxLimit = 100_000 // MySQL's own
)

// Setting is the environment variable that bounds the connections to one
// server. It is the operator's, who knows what else connects there.
const Setting = "EKUIPER_MYSQL_MAX_CONNECTIONS"

// ParseLimit reads Setting's value; where it is empty, or an error, the bound
// is the usual one.
func ParseLimit(text string) (int, error) {
	if text == "" {
		return Usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return Usual, fmt.Errorf("environment variable %s: %q is not a number of connections, 1 to %d: %d is used", Setting, text, maxLimit, Usual)
	}
	return n, nil
}

// Server bounds the connections to one server. Its methods may be called from
// any goroutine.
type Server struct {
	places chan struct{} // one token for each connection
	wanted chan struct{} // without room: a token goes from one who waits to one who can do without
	freed  atomic.Uint64 // places, so far

	mu      sync.Mutex
	resting []*conn // those in their pools, the one that rests for longest first
}

// New returns a bound of limit connections, at least one.
func New(limit int) *Server {
	return &Server{places: make(chan struct{}, max(limit, 1)), wanted: make(chan struct{})}
}

// Wanted receives when somebody waits for a connection: who has one and does
// not use it at the moment, and receives, is to close it. Who has none must
// not receive.
func (s *Server) Wanted() <-chan struct{} { return s.wanted }

// Connector makes c wait for a place before it connects. The place is free
// again when the connection is closed. One that rests in its pool is closed
// when others wait.
func (s *Server) Connector(c driver.Connector) driver.Connector { return &connector{c, s} }

type connector struct {
	driver.Connector
	server *Server
}

// Connect implements driver.Connector. Where the server has no connection
// left, others of this process are asked to give theirs up before the error
// is returned.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	s := c.server
	placed, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	plain, err := c.Connector.Connect(ctx)
	for crowded(err) && s.makeRoom(ctx, limit.C) {
		plain, err = c.Connector.Connect(ctx)
	}
	if err != nil {
		s.leave(placed)
		return nil, err
	}
	whole, ok := plain.(complete)
	if !ok { // another driver than the one that this is written for
		s.leave(placed)
		return plain, nil
	}
	return &conn{complete: whole, server: s, placed: placed}, nil
}

// take waits for a place. It reports whether it got one: it waits no longer
// when none becomes free.
func (s *Server) take(ctx context.Context) (placed bool, err error) {
	select {
	case s.places <- struct{}{}:
		return true, nil
	default:
	}
	again := time.NewTimer(0)
	defer again.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	freed := s.freed.Load()
	var wanted chan struct{}
	for {
		select {
		case s.places <- struct{}{}:
			return true, nil
		case wanted <- struct{}{}:
			wanted = nil
		case <-again.C:
			// Who was asked may have made room for another: ask anew.
			if wanted = s.wanted; s.evict() {
				wanted = nil
			}
			again.Reset(askAgain)
		case <-late.C:
			now := s.freed.Load()
			if now == freed {
				return false, nil
			}
			freed = now
			late.Reset(patience)
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (s *Server) leave(placed bool) {
	if placed {
		<-s.places
		s.freed.Add(1)
	}
}

// makeRoom waits until another connection of this process has been given up, or
// is about to be, and reports whether that is so.
func (s *Server) makeRoom(ctx context.Context, late <-chan time.Time) bool {
	if !s.evict() {
		select {
		case s.wanted <- struct{}{}:
		case <-late:
			return false
		case <-ctx.Done():
			return false
		}
	}
	notice := time.NewTimer(noticeAfter)
	defer notice.Stop()
	select {
	case <-notice.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// evict closes the connection that has rested for longest, if that is long
// enough, and reports whether there was one.
func (s *Server) evict() bool {
	s.mu.Lock()
	if len(s.resting) == 0 || time.Since(s.resting[0].since) < restAtLeast {
		s.mu.Unlock()
		return false
	}
	c := s.resting[0]
	s.resting = slices.Delete(s.resting, 0, 1)
	s.mu.Unlock()
	_ = c.Close() // its pool finds out when it wants to use it
	return true
}

// rest notes that a connection goes back to its pool.
func (s *Server) rest(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.resting, c) {
		return // it went from its pool to somebody who no longer wants it, and back
	}
	c.since = time.Now()
	s.resting = append(s.resting, c)
}

// use takes a connection from those that rest, and reports whether it did.
func (s *Server) use(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.resting, c)
	if i >= 0 {
		s.resting = slices.Delete(s.resting, i, i+1)
	}
	return i >= 0
}

// crowded tells whether err says that the server, or this user of it, has no
// connection left.
func crowded(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 1040, 1203, 1226: // too many connections; of this user; a limit of this user's
		return true
	}
	return false
}

// complete is all that the driver's connections can do, so that the one below
// hides nothing of it.
type complete interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// conn is a connection with a place.
type conn struct {
	complete
	server *Server
	placed bool
	closed atomic.Bool
	since  time.Time // when it went back to its pool; guarded by the server's mu
}

// Close implements driver.Conn. Closing twice is fine.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.server.use(c)
	err := c.complete.Close()
	c.server.leave(c.placed)
	return err
}

// IsValid implements driver.Validator, which a pool asks when the connection
// comes back to it.
func (c *conn) IsValid() bool {
	if !c.complete.IsValid() {
		return false
	}
	c.server.rest(c)
	return true
}

// ResetSession implements driver.SessionResetter, which a pool calls before
// the connection is used again.
func (c *conn) ResetSession(ctx context.Context) error {
	if !c.server.use(c) {
		return driver.ErrBadConn // it was closed meanwhile
	}
	return c.complete.ResetSession(ctx)
}
