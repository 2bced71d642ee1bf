package delivery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// The ledger is a table beside the rows' own that says, for each journal, up
// to which row everything is stored or set aside. Each transaction moves that
// position on, from the value that this process knows, before it writes rows;
// so a batch whose COMMIT was not answered cannot be stored twice, and a
// transaction of a process that is gone, still under way at the server,
// either comes first or finds another epoch and does nothing.

// Ledger asks for delivery exactly once.
type Ledger struct {
	Table   string   // its name, in the database of the rows
	Journal [16]byte // whose rows these are
	// Opened is the number that the queue's next row had when the queue was
	// opened: no row from there on can have been written by an earlier process.
	Opened uint64
	// Watermark returns the lowest row number that has no fate yet.
	Watermark func() uint64
	// Unread tells whether the queue has messages that it has not handed out.
	Unread func() bool
	Owner  string // rule, op and instance, for people
	Host   string // where the journal is, for people
}

// lane is the only one: rows are written in the order of their numbers. What
// the ledger holds is of this layout.
const (
	lane  = 0
	lanes = 1
)

// entry is a row of the ledger.
type entry struct {
	Lanes    uint16 `db:"lanes"`
	Position uint64 `db:"position"` // rows below are stored or set aside
	Digest   uint64 `db:"digest"`   // of the row below the position
	Epoch    uint64 `db:"epoch"`    // of the process that may move the position
}

// unproven is the digest of an entry as it was made, at the journal's
// watermark, which a power cut may since have set back: rows below the
// position are written again, as without the ledger they would be. No row has
// this digest, since none is empty.
const unproven = 0

// place is what this process knows of its entry.
type place struct {
	position uint64
	found    uint64 // the epoch that the entry is expected to have
	epoch    uint64 // this process's own
	missing  bool   // there is no entry

	// A server that has gone back shows the entry behind where this process
	// stood, and so does a node of a cluster that lags, after a failover. The
	// latter refuses the transaction that goes on from there: only one that is
	// committed makes it news.
	stood uint64 // the furthest; 0 where the entry was not found behind it
	news  string
}

// mendError is trouble that lasts until somebody mends it.
type mendError struct{ text string }

func (e *mendError) Error() string { return e.text }

// displacedError says that the entry is not as this process left it.
type displacedError struct {
	entry   entry
	missing bool // the entry
	noTable bool
}

func (e *displacedError) Error() string {
	if e.missing {
		return "the ledger has no entry of this journal"
	}
	return fmt.Sprintf("the ledger stands at row %d, epoch %d", e.entry.Position, e.entry.Epoch)
}

// beforeError is what failed before any row was sent.
type beforeError struct {
	doing string
	err   error
}

func (e *beforeError) Error() string { return e.doing + ": " + e.err.Error() }
func (e *beforeError) Unwrap() error { return e.err }

func (l *Ledger) doing() string { return "the ledger " + statement.Quote(l.Table) }

// name is the ledger's beside the rows' table.
func (l *Ledger) name(rows schema.Name) schema.Name {
	return schema.Name{Database: rows.Database, Table: l.Table}
}

// row is the condition that finds the entry of journal and lane.
func (l *Ledger) row() string {
	return fmt.Sprintf("journal = x'%x' AND lane = %d", l.Journal, lane)
}

// create is the statement that makes the ledger.
func (l *Ledger) create(rows schema.Name) string {
	return "CREATE TABLE IF NOT EXISTS " + statement.Table(l.name(rows)) + ` (
  journal BINARY(16) NOT NULL COMMENT 'the journal on the box',
  lane SMALLINT UNSIGNED NOT NULL,
  lanes SMALLINT UNSIGNED NOT NULL COMMENT 'of the journal',
  position BIGINT UNSIGNED NOT NULL COMMENT 'rows numbered below are stored, or set aside on the box',
  digest BIGINT UNSIGNED NOT NULL COMMENT 'of the row before position',
  epoch BIGINT UNSIGNED NOT NULL COMMENT 'which of the processes that served the journal may move position',
  owner VARCHAR(700) NOT NULL COMMENT 'rule, operator, instance',
  target VARCHAR(150) NOT NULL COMMENT 'table',
  host VARCHAR(255) NOT NULL COMMENT 'the box',
  claimed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'when the epoch began',
  PRIMARY KEY (journal, lane)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='of the eKuiper sink mysql: exactly once delivery'`
}

const noSuchTable = 1146

func isNoTable(err error) bool {
	number, _ := fault.Number(err)
	return number == noSuchTable
}

// look reads the entry, making the table first if need be.
func (l *Ledger) look(ctx context.Context, db *sqlx.DB, rows schema.Name) (e entry, missing bool, err error) {
	query := "SELECT lanes, position, digest, epoch FROM " + statement.Table(l.name(rows)) + " WHERE " + l.row()
	err = db.GetContext(ctx, &e, query)
	if isNoTable(err) {
		if _, err = db.ExecContext(ctx, l.create(rows)); err != nil {
			return e, false, &beforeError{"making " + l.doing() + " (an administrator may make it instead: " + strings.Join(strings.Fields(l.create(rows)), " ") + ")", err}
		}
		err = sql.ErrNoRows
	}
	if errors.Is(err, sql.ErrNoRows) {
		return e, true, l.check(ctx, db, rows)
	}
	if err != nil {
		return e, false, &beforeError{"reading " + l.doing(), err}
	}
	if e.Lanes != lanes {
		return e, false, &mendError{fmt.Sprintf("%s has %d lanes for this journal, this release writes one: install the release that wrote them", l.doing(), e.Lanes)}
	}
	return e, false, l.check(ctx, db, rows)
}

// check makes sure that the ledger itself keeps to transactions.
func (l *Ledger) check(ctx context.Context, db *sqlx.DB, rows schema.Name) error {
	t, err := schema.Load(ctx, db, l.name(rows))
	if err != nil {
		return &beforeError{"reading " + l.doing(), err}
	}
	if !t.Atomic {
		return &mendError{fmt.Sprintf("%s: its engine %s has no transactions; delivery \"exactlyOnce\" needs one that has, such as InnoDB", l.doing(), t.Engine)}
	}
	return nil
}

// claim takes the entry over, if it is still as e, or makes one. It reports
// whether it did.
func (l *Ledger) claim(ctx context.Context, db *sqlx.DB, rows schema.Name, e entry, missing bool) (p place, ok bool, err error) {
	table := statement.Table(l.name(rows))
	owner, host := cut(l.Owner, 700), cut(l.Host, 255)
	var result sql.Result
	if missing {
		p = place{position: l.Watermark(), found: 1, epoch: 1}
		result, err = db.ExecContext(ctx, "INSERT INTO "+table+" (journal, lane, lanes, position, digest, epoch, owner, target, host) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			l.Journal[:], lane, lanes, p.position, unproven, p.epoch, owner, cut(rows.String(), 150), host)
		if _, duplicate := fault.DuplicateKey(err); duplicate {
			return p, false, nil
		}
	} else {
		p = place{position: e.Position, found: e.Epoch + 1, epoch: e.Epoch + 1}
		result, err = db.ExecContext(ctx, "UPDATE "+table+" SET epoch = ?, owner = ?, host = ?, claimed = CURRENT_TIMESTAMP WHERE "+l.row()+" AND position = ? AND epoch = ?",
			p.epoch, owner, host, e.Position, e.Epoch)
	}
	if err != nil {
		return p, false, &beforeError{"writing " + l.doing(), err}
	}
	n, err := result.RowsAffected()
	return p, n == 1, err
}

// others counts the entries of other journals that the same rule on the same
// host has had for the same table: journals that are no more, perhaps.
func (l *Ledger) others(ctx context.Context, db *sqlx.DB, rows schema.Name) (n int, err error) {
	query := "SELECT COUNT(*) FROM " + statement.Table(l.name(rows)) + " WHERE owner = ? AND target = ? AND host = ? AND NOT (" + l.row() + ")"
	err = db.GetContext(ctx, &n, query, cut(l.Owner, 700), cut(rows.String(), 150), cut(l.Host, 255))
	return n, err
}

// cut returns at most n bytes of s, whole characters.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// advance moves the entry on to behind the last of the rows that the
// transaction is about to write. A *displacedError says how it was found
// instead.
func (l *Ledger) advance(ctx context.Context, s *session, rows schema.Name, p place, last rowRef) error {
	table := statement.Table(l.name(rows))
	if p.missing {
		_, err := s.conn.ExecContext(ctx, "INSERT INTO "+table+" (journal, lane, lanes, position, digest, epoch, owner, target, host) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			l.Journal[:], lane, lanes, last.number+1, digest(last.raw), p.epoch, cut(l.Owner, 700), cut(rows.String(), 150), cut(l.Host, 255))
		if _, duplicate := fault.DuplicateKey(err); duplicate {
			return l.displaced(ctx, s, table)
		}
		return l.before(err)
	}
	if s.advance == nil {
		stmt, err := s.conn.PrepareContext(ctx, "UPDATE "+table+" SET position = ?, digest = ?, epoch = ? WHERE "+l.row()+" AND position = ? AND epoch = ?")
		if err != nil {
			return l.before(err)
		}
		s.advance = stmt
	}
	result, err := s.advance.ExecContext(ctx, last.number+1, digest(last.raw), p.epoch, p.position, p.found)
	if err != nil {
		return l.before(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return l.displaced(ctx, s, table)
}

// displaced reads the entry as it is now, not as it was when a snapshot was taken.
func (l *Ledger) displaced(ctx context.Context, s *session, table string) error {
	d := &displacedError{}
	err := s.conn.QueryRowContext(ctx, "SELECT lanes, position, epoch FROM "+table+" WHERE "+l.row()+" FOR UPDATE").
		Scan(&d.entry.Lanes, &d.entry.Position, &d.entry.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		d.missing, err = true, nil
	}
	if err != nil {
		return l.before(err)
	}
	return d
}

func (l *Ledger) before(err error) error {
	switch {
	case err == nil:
		return nil
	case isNoTable(err):
		return &displacedError{missing: true, noTable: true}
	}
	return &beforeError{"writing " + l.doing(), err}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digest recognises a row again: its length and checksum.
func digest(raw []byte) uint64 {
	return uint64(uint32(len(raw)))<<32 | uint64(crc32.Checksum(raw, castagnoli))
}
