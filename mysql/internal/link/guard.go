package link

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// guarded is a connection on which an answer that the driver cannot read is an
// error. The driver believes what a server sends: one that is cut short, or
// tells of more columns than there can be, makes it panic, which would end all
// rules of the process.
type guarded struct {
	complete
	wire *greeted // nil where it is not known
}

// guard makes conn one that is guarded.
func guard(conn driver.Conn, wire *greeted) driver.Conn {
	whole, ok := conn.(complete)
	if !ok { // another driver than the one that this is written for
		return conn
	}
	return &guarded{whole, wire}
}

// unreadable is the error of a panic of the driver. What became of the rows
// nobody knows.
func unreadable(panicked any) error {
	return fmt.Errorf("the server's answer makes no sense (%v): %w", panicked, mysql.ErrMalformPkt)
}

// contain is to be deferred around what reads an answer. The connection is
// of no more use where that was nonsense.
func (g *guarded) contain(err *error) {
	if p := recover(); p != nil {
		_ = g.complete.Close()
		*err = unreadable(p)
	}
	if g.wire != nil && g.wire.excess != nil && *err != nil && !errors.Is(*err, driver.ErrBadConn) {
		*err = g.wire.excess // the driver tells of a lost connection
	}
}

// BeginTx implements driver.ConnBeginTx.
func (g *guarded) BeginTx(ctx context.Context, o driver.TxOptions) (tx driver.Tx, err error) {
	defer g.contain(&err)
	if tx, err = g.complete.BeginTx(ctx, o); err != nil {
		return nil, err
	}
	return &guardedTx{tx, g}, nil
}

// ExecContext implements driver.ExecerContext.
func (g *guarded) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (r driver.Result, err error) {
	defer g.contain(&err)
	return g.complete.ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext.
func (g *guarded) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	defer g.contain(&err)
	return g.rows(g.complete.QueryContext(ctx, query, args))
}

func (g *guarded) rows(rows driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, err
	}
	return &guardedRows{rows, g}, nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (g *guarded) PrepareContext(ctx context.Context, query string) (s driver.Stmt, err error) {
	defer g.contain(&err)
	if s, err = g.complete.PrepareContext(ctx, query); err != nil {
		return nil, err
	}
	whole, ok := s.(completeStatement)
	if !ok {
		return s, nil
	}
	return &guardedStatement{whole, g}, nil
}

// Ping implements driver.Pinger.
func (g *guarded) Ping(ctx context.Context) (err error) {
	defer g.contain(&err)
	return g.complete.Ping(ctx)
}

// completeStatement is all that the driver's statements can do.
type completeStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	driver.NamedValueChecker
}

type guardedStatement struct {
	completeStatement
	on *guarded
}

// ExecContext implements driver.StmtExecContext.
func (s *guardedStatement) ExecContext(ctx context.Context, args []driver.NamedValue) (r driver.Result, err error) {
	defer s.on.contain(&err)
	return s.completeStatement.ExecContext(ctx, args)
}

// QueryContext implements driver.StmtQueryContext.
func (s *guardedStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	defer s.on.contain(&err)
	return s.on.rows(s.completeStatement.QueryContext(ctx, args))
}

type guardedRows struct {
	driver.Rows
	on *guarded
}

// Next implements driver.Rows.
func (r *guardedRows) Next(cells []driver.Value) (err error) {
	defer r.on.contain(&err)
	return r.Rows.Next(cells)
}

// Close implements driver.Rows: it reads what is left.
func (r *guardedRows) Close() (err error) {
	defer r.on.contain(&err)
	return r.Rows.Close()
}

type guardedTx struct {
	driver.Tx
	on *guarded
}

// Commit implements driver.Tx.
func (t *guardedTx) Commit() (err error) {
	defer t.on.contain(&err)
	return t.Tx.Commit()
}

// Rollback implements driver.Tx.
func (t *guardedTx) Rollback() (err error) {
	defer t.on.contain(&err)
	return t.Tx.Rollback()
}
