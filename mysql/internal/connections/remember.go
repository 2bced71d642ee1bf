package connections

import (
	"context"
	"database/sql/driver"
)

// The bounds of the statements that a connection remembers, by their texts:
// the server keeps some 470 bytes for each argument, which takes two here.
const (
	mostRemembered = 128
	mostText       = 128 << 10 // bytes, together
	longText       = 64 << 10  // is not remembered
)

// Remember makes the connections of c keep prepared statements after they are
// closed, for whoever prepares the same text next: for many who write few rows
// each over few connections.
func Remember(c driver.Connector) driver.Connector { return &rememberer{c} }

type rememberer struct{ driver.Connector }

// Connect implements driver.Connector.
func (r *rememberer) Connect(ctx context.Context) (driver.Conn, error) {
	plain, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := plain.(complete)
	if !ok {
		return plain, nil
	}
	return &forgetful{complete: whole, kept: map[string]*remembered{}, fresh: true}, nil
}

// forgetful is a connection that keeps the statements that were used last. As
// all connections it is one goroutine's at a time.
type forgetful struct {
	complete
	kept  map[string]*remembered
	text  int
	uses  uint64
	fresh bool
}

// Fresh tells, once, that the connection was just made.
func (c *forgetful) Fresh() bool {
	fresh := c.fresh
	c.fresh = false
	return fresh
}

// statement is what the driver's statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	driver.NamedValueChecker
}

// remembered is a statement whose end is put off.
type remembered struct {
	statement
	text string
	busy bool
	used uint64
}

// Close implements driver.Stmt.
func (r *remembered) Close() error {
	r.busy = false
	return nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *forgetful) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	c.uses++
	if r, ok := c.kept[text]; ok && !r.busy {
		r.busy, r.used = true, c.uses
		return r, nil
	}
	plain, err := c.complete.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	whole, ok := plain.(statement)
	if _, twice := c.kept[text]; !ok || twice || len(text) > longText {
		return plain, nil
	}
	for len(c.kept) >= mostRemembered || len(c.kept) > 0 && c.text+len(text) > mostText {
		if !c.forget() {
			return plain, nil
		}
	}
	r := &remembered{whole, text, true, c.uses}
	c.kept[text] = r
	c.text += len(text)
	return r, nil
}

// forget closes the statement that was not used for longest, and reports
// whether there was one that is not in use.
func (c *forgetful) forget() bool {
	var oldest *remembered
	for _, r := range c.kept {
		if !r.busy && (oldest == nil || r.used < oldest.used) {
			oldest = r
		}
	}
	if oldest == nil {
		return false
	}
	delete(c.kept, oldest.text)
	c.text -= len(oldest.text)
	_ = oldest.statement.Close()
	return true
}
