// Package connections shares the few connections that a server has among all
// rules of the process: with a thousand rules on a server that takes 151, each
// gets one while it has rows to write. One that leads to the same place is lent
// from rule to rule as it is, without being made anew. It imports nothing of ours.
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
	limit  int
	wanted chan struct{} // without room: a token goes from one who waits to one who can do without

	mu      sync.Mutex
	taken   int       // places, each by a connection
	freed   uint64    // places and connections that went to others, so far
	waiting []*waiter // for a place, or a connection with its place, the first comes first
	resting []*conn   // those in their pools, the one that rests for longest first
}

// waiter is who waits for a place.
type waiter struct {
	target string
	given  chan complete // one slot: a connection to its target, or nil for a place alone
}

// New returns a bound of limit connections, at least one.
func New(limit int) *Server {
	return &Server{limit: max(limit, 1), wanted: make(chan struct{})}
}

// Wanted receives when somebody waits for a connection: who has one and does
// not use it at the moment, and receives, is to lend or close it. Who has none must
// not receive.
func (s *Server) Wanted() <-chan struct{} { return s.wanted }

// Connector makes c wait for a place before it connects. The place is free
// again when the connection is closed. One that rests in its pool is given up
// when others wait.
//
// Connections of the same target are as good as each other: one that is lent
// goes to whoever waits for the same. So the target must tell all that makes
// them differ, as the user and what was set in the session; those of an empty
// target are never lent. It may hold secrets: it is only compared.
func (s *Server) Connector(c driver.Connector, target string) driver.Connector {
	return &connector{c, s, target}
}

type connector struct {
	driver.Connector
	server *Server
	target string
}

// Connect implements driver.Connector. Where the server has no connection
// left, others of this process are asked to give theirs up before the error
// is returned.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	s := c.server
	lent, placed, err := s.take(ctx, c.target)
	if err != nil {
		return nil, err
	}
	if lent != nil {
		if lent.ResetSession(ctx) == nil {
			return c.wrap(lent, placed), nil
		}
		_ = lent.Close() // it died while nobody used it
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
	return c.wrap(whole, placed), nil
}

func (c *connector) wrap(plain complete, placed bool) *conn {
	return &conn{complete: plain, server: c.server, target: c.target, placed: placed}
}

// take waits for a place, or for a connection to target that has one. It
// reports whether it got a place: it waits no longer when none becomes free.
func (s *Server) take(ctx context.Context, target string) (lent complete, placed bool, err error) {
	s.mu.Lock()
	if s.taken < s.limit {
		s.taken++
		s.mu.Unlock()
		return nil, true, nil
	}
	w := &waiter{target, make(chan complete, 1)}
	s.waiting = append(s.waiting, w)
	freed := s.freed
	s.mu.Unlock()

	again := time.NewTimer(0)
	defer again.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	var wanted chan struct{}
	for {
		select {
		case lent := <-w.given:
			return lent, true, nil
		case wanted <- struct{}{}:
			wanted = nil
		case <-again.C:
			// Who was asked may have made room for another: ask anew.
			if wanted = s.wanted; s.evict() {
				wanted = nil
			}
			again.Reset(askAgain)
		case <-late.C:
			s.mu.Lock()
			moved := s.freed != freed
			freed = s.freed
			s.mu.Unlock()
			if !moved && s.withdraw(w) {
				return nil, false, nil
			}
			late.Reset(patience)
		case <-ctx.Done():
			if !s.withdraw(w) { // it was just given: another has use for it
				s.pass(<-w.given, target)
			}
			return nil, false, ctx.Err()
		}
	}
}

// withdraw ends w's waiting. It reports whether nothing was given to it: if
// not, it is there.
func (s *Server) withdraw(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, w)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	return i >= 0
}

// leave gives a place to who waits first, or frees it.
func (s *Server) leave(placed bool) {
	if !placed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give(nil)
}

// give gives a place, and with it a connection or nil, to who waits first. mu is held.
func (s *Server) give(c complete) {
	s.freed++
	if len(s.waiting) == 0 {
		s.taken--
		return
	}
	s.waiting[0].given <- c
	s.waiting = slices.Delete(s.waiting, 0, 1)
}

// pass gives a connection that nobody uses and its place away: both to who
// waits first, if that is for the same target. Otherwise it is closed. A nil
// connection is a place alone.
func (s *Server) pass(c complete, target string) {
	s.mu.Lock()
	if c == nil || target != "" && len(s.waiting) > 0 && s.waiting[0].target == target {
		s.give(c)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	_ = c.Close()
	s.leave(true)
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

// evict gives the connection up that has rested for longest, if that is long
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
	c.Lend() // its pool finds out when it wants to use it
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
	target string
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

// Lend gives the connection to who waits for one to the same target, or closes
// it. It must be as it was when it was made: no transaction is open, no
// statement is kept, nothing else is set in its session. To its owner it is closed.
func (c *conn) Lend() {
	if !c.placed || !c.complete.IsValid() {
		_ = c.Close()
		return
	}
	if c.closed.Swap(true) {
		return
	}
	c.server.use(c)
	c.server.pass(c.complete, c.target)
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
