package delivery

import (
	"context"
	"errors"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
)

// What is altered in a table while a rule writes to it is not always an error of the
// next statement: a key more, and an upsert finds another row; a narrower type, and
// the server rounds; another engine, and a ROLLBACK leaves rows. So before a batch the table's
// definition is asked for, one short question, if that was not done within MinReload.

// glance is when a writer last saw that a table was still as it was read.
type glance struct {
	at    time.Time
	every time.Duration
	wrong *schema.Table // what was found to be altered the last time, and was read again
}

// errAltered says that a table is no longer as it was read.
var errAltered = errors.New("its definition is another one")

// altered returns a *beforeError of errAltered if the table of b is no longer as it was
// read, or another if the connection has failed.
func (w *writer) altered(ctx context.Context, b *batch) error {
	g := &w.glance
	was, read, replaced := w.tables.definition(b.table)
	if replaced { // after the rows were converted
		return &beforeError{"look at the table", errAltered}
	}
	least := w.through.options.MinReload
	g.every = max(g.every, least)
	if was == "" || time.Since(read) < g.every || time.Since(g.at) < g.every {
		return nil
	}
	is, err := schema.Definition(ctx, w.session.conn, w.through.options.Table)
	if err != nil {
		w.lose()
		return &beforeError{"look at the table", err}
	}
	g.at = time.Now()
	if is == was || is == "" { // dropped, or not to be seen any more: the next statement says so
		g.wrong, g.every = nil, least
		return nil
	}
	// What has changed may be nothing that counts, such as a comment. If it is another
	// one each time, the question is asked less often.
	if g.wrong == b.table {
		g.every = min(2*g.every, maxAge)
	}
	g.wrong = b.table
	return &beforeError{"look at the table", errAltered}
}
