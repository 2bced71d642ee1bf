package delivery

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// maxStatements bounds the prepared statements of one connection; the server
// has a limit for all of its clients (max_prepared_stmt_count, 16,382).
const maxStatements = 64

// session is one connection and its prepared statements. It belongs to the writer.
type session struct {
	conn     *sql.Conn
	table    *schema.Table // what the statements were rendered for
	prepared map[shapeKey]prepared
	key      []byte
	boxes    boxes
	advance  *sql.Stmt // moves the ledger on; nil until it is first needed
	broken   bool      // a transaction may be open that could not be rolled back
}

// prepared is a statement of the driver's own: database/sql would copy and
// check every argument of it, at the price of what it checks.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
}

// shapeKey names a statement: its columns, four bytes each, and its rows.
type shapeKey struct {
	cols string
	rows int
}

func newSession(conn *sql.Conn) *session {
	return &session{conn: conn, prepared: map[shapeKey]prepared{}}
}

// turnTo makes the session write to t.
func (s *session) turnTo(t *schema.Table) {
	if s.table != t {
		s.forget()
		s.table = t
	}
}

// close gives up the connection for good: after an error nobody can tell what
// state it is in.
func (s *session) close() {
	s.forget()
	if s.advance != nil {
		_ = s.advance.Close()
	}
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}

func (s *session) forget() {
	_ = s.conn.Raw(func(any) error {
		for _, p := range s.prepared {
			_ = p.Close()
		}
		return nil
	})
	clear(s.prepared)
}

// insert writes the rows lo to hi of b: all or, in a transactional table, none.
func (s *session) insert(ctx context.Context, b *batch, lo, hi int) error {
	s.turnTo(b.table)
	if n := hi - lo; !b.full || n == chunk(n) {
		return s.insertRows(ctx, b, lo, hi) // one statement
	}
	return s.transaction(ctx, func() error { return s.insertRows(ctx, b, lo, hi) })
}

// transaction does work in a transaction, which is committed if it succeeds.
func (s *session) transaction(ctx context.Context, work func() error) error {
	// Plain statements, not sql.Tx: that would prepare every statement anew
	// for the transaction.
	if _, err := s.conn.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return &beforeError{"begin a transaction", err}
	}
	if err := work(); err != nil {
		if _, e := s.conn.ExecContext(ctx, "ROLLBACK"); e != nil {
			s.broken = true
		}
		return err
	}
	_, err := s.conn.ExecContext(ctx, "COMMIT")
	return err
}

// insertRows writes the rows in few statements, of few sizes; rows of which
// some lack columns in one.
func (s *session) insertRows(ctx context.Context, b *batch, lo, hi int) error {
	if !b.full {
		return s.insertUneven(ctx, b, lo, hi)
	}
	for lo < hi {
		n := chunk(hi - lo)
		if err := s.insertChunk(ctx, b, lo, lo+n); err != nil {
			return err
		}
		lo += n
	}
	return nil
}

// chunk returns how many of n rows the next statement takes: few sizes, so
// that few statements are prepared, and each batch is few statements.
func chunk(n int) int {
	size := 1
	if n >= firstRows {
		size = firstRows
	}
	for size*2 <= min(n, mostRows) {
		size *= 2
	}
	return size
}

func (s *session) insertChunk(ctx context.Context, b *batch, lo, hi int) error {
	cells := b.slice(lo, hi)
	defer s.boxes.forget(len(cells))
	args := s.boxes.of(cells)
	return s.conn.Raw(func(c any) error {
		stmt, err := s.prepare(ctx, c, b, hi-lo)
		if err != nil {
			return err
		}
		_, err = stmt.ExecContext(ctx, args)
		return err
	})
}

// prepare returns the statement for so many rows of b on c, the driver's connection.
func (s *session) prepare(ctx context.Context, c any, b *batch, rows int) (prepared, error) {
	s.key = s.key[:0]
	for _, c := range b.cols {
		s.key = binary.LittleEndian.AppendUint32(s.key, uint32(c))
	}
	if p, ok := s.prepared[shapeKey{string(s.key), rows}]; ok {
		return p, nil
	}
	if len(s.prepared) >= maxStatements {
		for key, p := range s.prepared {
			_ = p.Close()
			delete(s.prepared, key)
		}
	}
	preparer, ok := c.(driver.ConnPrepareContext)
	if !ok {
		return nil, errDriver
	}
	stmt, err := preparer.PrepareContext(ctx, statement.Insert(b.table, b.cols, rows, nil))
	if err != nil {
		return nil, err
	}
	p, ok := stmt.(prepared)
	if !ok {
		return nil, errDriver
	}
	s.prepared[shapeKey{string(s.key), rows}] = p
	return p, nil
}

// errDriver cannot be: the driver is the one that this is built with.
var errDriver = errors.New("the driver lacks prepared statements with contexts")

// insertUneven writes rows of which some lack columns: one statement of its
// own, with DEFAULT in the gaps.
func (s *session) insertUneven(ctx context.Context, b *batch, lo, hi int) error {
	cells := b.slice(lo, hi)
	width := len(b.cols)
	args := make([]any, 0, len(cells))
	for i := range cells {
		if cells[i].Kind() != schema.Absent {
			args = append(args, cells[i].Value())
		}
	}
	cols := b.cols
	missing := func(row, i int) bool { return cells[row*width+i].Kind() == schema.Absent }
	if hi-lo == 1 {
		// Alone a row can do without its missing columns altogether, which is
		// not the same to a trigger that fills them in.
		cols, missing = make([]int, 0, width), nil
		for i := range cells {
			if cells[i].Kind() != schema.Absent {
				cols = append(cols, b.cols[i])
			}
		}
	}
	text := statement.Insert(b.table, cols, hi-lo, missing)
	_, err := s.conn.ExecContext(ctx, text, args...)
	return err
}
