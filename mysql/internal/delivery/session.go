package delivery

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// session is one connection and its prepared statements. It belongs to the writer.
type session struct {
	conn    *sqlx.Conn
	table   *schema.Table // what the statements were rendered for
	manner  *manner       // and how
	inserts statements
	boxes   boxes
	advance *sql.Stmt // moves the ledger on; nil until it is first needed
	asked   time.Time // when it was last known to lead to the right server
	broken  bool      // nobody knows whether a transaction is open, or whether the next statement begins one
	holds   bool      // a statement begins a transaction; if not, it is one by itself
	passed  int       // of the rows written last, those in whose place the table has others
}

func newSession(conn *sqlx.Conn) *session { return &session{conn: conn, asked: time.Now()} }

// stale tells whether it is time to ask the connection where it leads.
func (s *session) stale(recheck time.Duration) bool {
	return recheck > 0 && time.Since(s.asked) > recheck
}

// turnTo makes the session write to the table of b, as b is to be written.
func (s *session) turnTo(b *batch) {
	if s.table != b.table || s.manner != b.manner {
		s.forget()
		s.table, s.manner = b.table, b.manner
	}
	s.passed = 0
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

// lend gives the connection to another rule that wants one like it, as it was
// when it was made. Only after what succeeded: otherwise see close.
func (s *session) lend(ctx context.Context) {
	_ = s.hold(ctx, false) // or it is broken
	s.forget()
	if s.advance != nil {
		_ = s.advance.Close()
	}
	_ = s.conn.Raw(func(c any) error {
		if l, ok := c.(interface{ Lend() }); ok && !s.broken {
			l.Lend()
		}
		return driver.ErrBadConn // to us it is gone
	})
	_ = s.conn.Close()
}

// giveBack leaves the connection, which is well, to others.
func (s *session) giveBack() {
	if s.broken || s.holds {
		s.close()
		return
	}
	s.forget()
	_ = s.conn.Close()
}

func (s *session) forget() {
	_ = s.conn.Raw(func(any) error {
		s.inserts.drop()
		return nil
	})
	s.inserts = statements{} // where Raw has nothing left to call, nothing is left to close
}

// insert writes the rows lo to hi of b: all or, in a transactional table, none.
func (s *session) insert(ctx context.Context, b *batch, lo, hi int) error {
	s.turnTo(b)
	s.inserts.turnTo(b)
	if n := hi - lo; n == b.perStatement(n) && (b.gaps(lo, hi) && (n == 1 || b.fillsGaps()) || n == s.inserts.size(n)) {
		return s.insertRows(ctx, b, lo, hi) // one statement
	}
	return s.transaction(ctx, func() error { return s.insertRows(ctx, b, lo, hi) })
}

// transaction does work in a transaction, which is committed if it succeeds.
func (s *session) transaction(ctx context.Context, work func() error) error {
	// Plain statements, not sql.Tx: that would prepare every statement anew
	// for the transaction.
	if !s.holds {
		if _, err := s.conn.ExecContext(ctx, "START TRANSACTION"); err != nil {
			return &beforeError{"begin a transaction", err}
		}
	}
	err := work()
	if err == nil {
		_, err = s.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// Also after a COMMIT that was refused, as by a proxy: the next
		// transaction to begin would commit what this one has left.
		if _, e := s.conn.ExecContext(ctx, "ROLLBACK"); e != nil {
			s.broken = true
		} else if s.keptRows(ctx) {
			err = &tornError{err}
		}
	}
	return err
}

// tornError is the error of a transaction that was not taken back as a whole.
type tornError struct{ err error }

func (e *tornError) Error() string { return e.err.Error() }
func (e *tornError) Unwrap() error { return e.err }

// keptRows tells whether a ROLLBACK that has just been done has left rows where
// they are, as in a table that has another engine now.
func (s *session) keptRows(ctx context.Context) (kept bool) {
	rows, err := s.conn.QueryContext(ctx, "SHOW WARNINGS")
	if err != nil {
		s.broken = true
		return false
	}
	defer rows.Close()
	for rows.Next() {
		var level, text string
		var number int
		if rows.Scan(&level, &number, &text) == nil && number == rollbackIncomplete {
			kept = true
		}
	}
	s.broken = s.broken || rows.Err() != nil
	return kept
}

// rollbackIncomplete is the number of the server's warning.
const rollbackIncomplete = 1196

// hold makes each transaction begin with its first statement, where all
// batches need one, or each statement one by itself again, as it is with a new
// session: that saves the request that begins it. None may be open.
func (s *session) hold(ctx context.Context, holds bool) error {
	if s.holds == holds {
		return nil
	}
	text := "SET autocommit = 1"
	if holds {
		text = "SET autocommit = 0"
	}
	if _, err := s.conn.ExecContext(ctx, text); err != nil {
		s.broken = true
		return &beforeError{"begin a transaction", err}
	}
	s.holds = holds
	return nil
}

// insertRows writes the rows in few statements, of few sizes; rows of which
// some lack columns in one for each lot.
func (s *session) insertRows(ctx context.Context, b *batch, lo, hi int) error {
	s.inserts.turnTo(b)
	for lo < hi {
		n, insert := b.perStatement(hi-lo), s.insertLot
		if b.gaps(lo, lo+n) {
			insert = s.insertUneven
			if !b.fillsGaps() {
				n = 1
			}
		}
		if err := insert(ctx, b, lo, lo+n); err != nil {
			return err
		}
		lo += n
	}
	return nil
}

func (s *session) insertLot(ctx context.Context, b *batch, lo, hi int) error {
	defer s.inserts.note(hi - lo)
	for lo < hi {
		n := s.inserts.size(hi - lo)
		if err := s.insertChunk(ctx, b, lo, lo+n); err != nil {
			return err
		}
		lo += n
	}
	return nil
}

func (s *session) insertChunk(ctx context.Context, b *batch, lo, hi int) error {
	cells := b.slice(lo, hi)
	defer s.boxes.forget(len(cells))
	args := s.boxes.of(cells)
	return s.conn.Raw(func(c any) error {
		stmt, err := s.inserts.get(ctx, c, b, hi-lo)
		if err != nil {
			return err
		}
		_, err = stmt.ExecContext(ctx, args)
		return err
	})
}

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
