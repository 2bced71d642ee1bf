package link

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"
)

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

// boundConn is a connection to a place that may stop being the right one
// without a word, while another does what it did.
type boundConn struct {
	complete
	cluster *Cluster
	place   place
	network string
	only    bool          // there was no other place
	recheck time.Duration // see Connector.Recheck
	asked   time.Time     // where it leads, the last time
}

// bind makes conn, which leads to p, one that knows where it leads.
func (s *survey) bind(conn driver.Conn, p place, only bool) driver.Conn {
	whole, ok := conn.(complete)
	if !ok { // another driver than the one that this is written for
		return conn
	}
	return &boundConn{whole, s.cluster, p, s.config.Net, only, s.recheck, time.Now()}
}

// ResetSession implements driver.SessionResetter, which a pool calls before
// the connection is used again: not once others are used to another place. It
// goes from hand to hand, so that only here is known how long ago it was asked.
func (c *boundConn) ResetSession(ctx context.Context) error {
	if c.elsewhere() {
		return driver.ErrBadConn
	}
	if err := c.complete.ResetSession(ctx); err != nil || c.recheck == 0 || time.Since(c.asked) < c.recheck {
		return err
	}
	if c.Ping(ctx) != nil {
		return driver.ErrBadConn
	}
	return nil
}

func (c *boundConn) elsewhere() bool {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	return c.cluster.current != c.place
}

// Ping implements driver.Pinger. A connection does not live on once its server
// takes no rows, which a user whom read_only does not bind would never be told,
// or once its name means another.
func (c *boundConn) Ping(ctx context.Context) error {
	c.asked = time.Now()
	if c.elsewhere() {
		return driver.ErrBadConn
	}
	if err := c.complete.Ping(ctx); err != nil {
		return err
	}
	if !c.only {
		state, err := c.cluster.examine(ctx, c.complete, func(string, ...any) {})
		if err != nil || state.fitness == unfit {
			return driver.ErrBadConn
		}
	}
	addresses, err := c.cluster.resolve(ctx, c.network, hostOf(c.place.host))
	if err == nil && !slices.Contains(addresses, c.place.address) { // where nobody answers, nothing has changed
		return driver.ErrBadConn
	}
	return nil
}
