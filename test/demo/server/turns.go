package main

import (
	"context"
	"sync"

	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
)

// turns lets one statement run at a time. The engine's tables in memory know
// no concurrency: at the end of a statement a session puts back every table
// that it touched, read or written, and what another has inserted meanwhile is
// lost. Transactions of several writers would still undo each other; the demo
// has one writer.
type turns struct {
	mysql.Handler
	turn sync.Mutex
}

func inTurns(h mysql.Handler) (mysql.Handler, error) {
	return &turns{Handler: h}, nil
}

func (t *turns) ComQuery(ctx context.Context, c *mysql.Conn, query string, callback mysql.ResultSpoolFn) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.Handler.ComQuery(ctx, c, query, callback)
}

func (t *turns) ComMultiQuery(ctx context.Context, c *mysql.Conn, query string, callback mysql.ResultSpoolFn) (string, error) {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.Handler.ComMultiQuery(ctx, c, query, callback)
}

func (t *turns) ComStmtExecute(ctx context.Context, c *mysql.Conn, prepare *mysql.PrepareData, callback func(*sqltypes.Result) error) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.Handler.ComStmtExecute(ctx, c, prepare, callback)
}
