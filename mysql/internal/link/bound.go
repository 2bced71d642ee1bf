package link

import (
	"context"
	"database/sql/driver"
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

// boundConn is a connection to one of several places. Once others are written
// to, it is of no use to who takes it from a pool.
type boundConn struct {
	complete
	cluster *Cluster
	place   place
}

// bind makes conn, which leads to p, one that knows where it leads.
func (c *Cluster) bind(conn driver.Conn, p place) driver.Conn {
	whole, ok := conn.(complete)
	if !ok { // another driver than the one that this is written for
		return conn
	}
	return &boundConn{whole, c, p}
}

// ResetSession implements driver.SessionResetter, which a pool calls before
// the connection is used again.
func (c *boundConn) ResetSession(ctx context.Context) error {
	c.cluster.mu.Lock()
	elsewhere := c.cluster.current != c.place
	c.cluster.mu.Unlock()
	if elsewhere {
		return driver.ErrBadConn
	}
	return c.complete.ResetSession(ctx)
}
