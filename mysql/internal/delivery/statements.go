package delivery

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"math/bits"

	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/statement"
)

// The bounds of the prepared statements of one connection. The server has a
// limit for all of its clients (max_prepared_stmt_count, 16,382), and keeps
// some 470 bytes for each argument (measured on MariaDB 10.11).
const (
	maxStatements = 64
	maxArguments  = 3 << 15 // for one of the largest and one of half its rows, which sizing tries in turns
)

// recalled is how many batches back a number of rows counts as one that recurs.
const recalled = 16

// prepared is a statement of the driver's own: database/sql would copy and
// check every argument of it, at the price of what it checks.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
}

// shapeKey names a statement: what it does, by which of the table's keys, its
// columns, four bytes each, and its rows.
type shapeKey struct {
	kind plan.Kind
	key  uint8
	cols string
	rows int
}

// statements are the prepared INSERTs of one connection into one table.
type statements struct {
	kept      map[shapeKey]*keptStatement
	arguments int
	uses      uint64
	key       []byte // the columns of the batch that is being written

	recent [recalled]int // rows of the batches before
	next   int
}

type keptStatement struct {
	prepared
	arguments int
	used      uint64
}

// turnTo makes s choose for rows of b.
func (s *statements) turnTo(b *batch) {
	s.key = s.key[:0]
	for _, c := range b.cols {
		s.key = binary.LittleEndian.AppendUint32(s.key, uint32(c))
	}
}

// size returns how many of n rows, at least one, the next statement takes. Few
// sizes are prepared unasked; one that recurs, or is there already, is taken as it is: a batch
// of one statement needs no transaction around it, and costs the server less.
func (s *statements) size(n int) int {
	return s.sizeOf(n, 0, 0)
}

func (s *statements) sizeOf(n int, kind plan.Kind, key uint8) int {
	if _, ok := s.kept[shapeKey{kind, key, string(s.key), n}]; ok || n <= mostRows && (n%firstRows == 0 || s.recurs(n)) {
		return n
	}
	return rounded(n)
}

// note remembers the number of rows of a batch.
func (s *statements) note(n int) {
	s.recent[s.next%recalled] = n
	s.next++
}

func (s *statements) recurs(n int) bool {
	for _, r := range s.recent {
		if r == n {
			return true
		}
	}
	return false
}

// rounded is n without what its three highest bits do not hold, so that nearly
// all of any number of rows goes in one statement of few sizes.
func rounded(n int) int {
	if n >= mostRows {
		return mostRows
	}
	low := max(bits.Len(uint(n))-3, 0)
	return n >> low << low
}

// get returns the INSERT of so many rows of b on c, the driver's connection.
func (s *statements) get(ctx context.Context, c any, b *batch, rows int) (prepared, error) {
	s.uses++
	if p, ok := s.kept[shapeKey{cols: string(s.key), rows: rows}]; ok {
		p.used = s.uses
		return p, nil
	}
	key := shapeKey{cols: string(s.key), rows: rows}
	return s.prepare(ctx, c, key, rows*len(b.cols), statement.Insert(b.table, b.cols, rows, nil))
}

// prepare makes text, with so many arguments, the statement of that key.
func (s *statements) prepare(ctx context.Context, c any, key shapeKey, arguments int, text string) (prepared, error) {
	preparer, ok := c.(driver.ConnPrepareContext)
	if !ok {
		return nil, errDriver
	}
	for len(s.kept) > 0 && (len(s.kept) >= maxStatements || s.arguments+arguments > maxArguments) {
		s.dropOldest()
	}
	stmt, err := preparer.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p, ok := stmt.(prepared)
	if !ok {
		return nil, errDriver
	}
	if s.kept == nil {
		s.kept = map[shapeKey]*keptStatement{}
	}
	kept := &keptStatement{p, arguments, s.uses}
	s.kept[key] = kept
	s.arguments += arguments
	return kept, nil
}

// errDriver cannot be: the driver is the one that this is built with.
var errDriver = errors.New("the driver lacks prepared statements with contexts")

func (s *statements) dropOldest() {
	var oldest shapeKey
	least := uint64(0)
	for key, p := range s.kept {
		if least == 0 || p.used < least {
			oldest, least = key, p.used
		}
	}
	p := s.kept[oldest]
	_ = p.Close()
	s.arguments -= p.arguments
	delete(s.kept, oldest)
}

// drop closes all.
func (s *statements) drop() {
	for _, p := range s.kept {
		_ = p.Close()
	}
	clear(s.kept)
	s.arguments = 0
}
