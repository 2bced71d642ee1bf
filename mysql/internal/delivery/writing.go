package delivery

import (
	"context"
	"errors"
	"time"

	"ekuiper-mysql/mysql/internal/fault"
)

// namedTwice is the error of a statement that names a column twice. MariaDB also gives
// it, in a table of 32 columns and more, for two whose names differ in accents alone.
const namedTwice = 1110

// writing is the writing of some rows of a batch, again and again until each is
// settled. Its steps say whether that is over; their errors mean that ctx is done.
type writing struct {
	*writer
	b        *batch
	lo, hi   int // of b's rows, those that are left
	patience int // how often an error that is in no table is tried again
	retry    *retry
	rebuilt  bool // b is, for the table as it is since it has changed
	unknown  bool // an answer was lost: the rows may be stored
	losses   int  // how many were, of a transaction with several rows
}

func (t *writing) step(ctx context.Context) (over bool, err error) {
	if t.b.outdated(t.setup.Load()) {
		return t.renew(ctx)
	}
	return t.attempt(ctx)
}

// healed says that the rows are settled, and nothing is wrong any more.
func (t *writing) healed() (over bool, err error) {
	t.retry.healed()
	return true, nil
}

// renew makes the batch fit a rule that has been edited, but for rows that are
// stored already.
func (t *writing) renew(ctx context.Context) (over bool, err error) {
	if t.lo, err = t.recall(ctx, t.b, t.lo, t.hi); err != nil {
		return false, t.later(ctx, t.retry, err)
	}
	if t.lo == t.hi {
		return t.healed()
	}
	return t.rebuildAs(ctx, errManner)
}

// rebuildAs makes the batch anew for the table and the rule as they are now.
func (t *writing) rebuildAs(ctx context.Context, cause error) (over bool, err error) {
	b, err := t.rebuild(ctx, t.b, t.lo, t.hi, cause)
	if err != nil {
		return false, err
	}
	t.b, t.lo, t.hi = b, 0, len(b.rows)
	if t.hi > 1 && !b.table.Atomic {
		return true, t.writeSingly(ctx, b, 0, t.hi, t.patience)
	}
	return t.hi == 0, nil
}

// attempt writes the rows, or finds out what to do about it.
func (t *writing) attempt(ctx context.Context) (over bool, err error) {
	start := time.Now()
	t.condition.sent.Store(start.UnixNano())
	err = t.execute(ctx, t.b, t.lo, t.hi)
	t.condition.sent.Store(0)
	torn := t.torn(t.b, err)
	sent := !errors.As(err, new(*beforeError))
	if sent {
		t.unsure = t.maybeStored(err)
	}
	t.doubt() // the ledger would have told, but the rule has done without since
	if d := (*displacedError)(nil); errors.As(err, &d) {
		sent = false
		if over, err = t.displaced(ctx, d); err == nil {
			return over, nil
		}
	}
	if _, duplicate := fault.DuplicateKey(err); duplicate && !torn && t.b.inDoubt(t.lo, t.hi) && t.b.inserts(t.lo, t.hi) {
		t.health.up()
		return true, t.reconcile(ctx, t.b, t.lo, t.hi, t.patience)
	}
	class := t.judge(err, torn)
	switch class {
	case fault.None:
		t.wrote(start)
		return true, nil
	case fault.Row, fault.TooLarge, fault.TooSlow:
		t.health.up() // it did answer
		if class != fault.Row {
			// The server may have closed the connection, or hold on to a
			// long value of the statement that it refused.
			t.disconnect()
		}
		if class != fault.TooSlow || t.hi-t.lo > 1 {
			return true, t.divide(ctx, t.b, t.lo, t.hi, err)
		}
	}
	if err := t.pause(ctx, class, err); err != nil {
		return false, err
	}
	if sent && t.maybeStored(err) && t.hi-t.lo > 1 {
		t.losses++
	}
	if t.losses >= maxLosses { // they may take longer than connections last
		return t.lessAtOnce(ctx)
	}
	if class == fault.SchemaChanged {
		return t.follow(ctx, err, torn)
	}
	return false, nil
}

// doubt marks the rows where they may be stored and no ledger tells: it decides how
// they are written again.
func (t *writing) doubt() {
	if t.unknown && t.place == nil {
		t.b.doubted(t.lo, t.hi)
	}
}

// displaced goes on after another row of the ledger was found than the one that
// this process left there. Without an error some rows are settled by it.
func (t *writing) displaced(ctx context.Context, d *displacedError) (over bool, err error) {
	from := t.lo
	t.lo, err = t.settleLedger(ctx, t.b, t.lo, t.hi, d)
	switch {
	case t.lo == t.hi:
		return t.healed()
	case err == nil && t.lo == from:
		err = d
	}
	return false, err
}

// judge is the class of err, and takes down what it says of the rows and of how
// many should go at once.
func (t *writing) judge(err error, torn bool) fault.Class {
	class := t.classify(err)
	if torn {
		class = fault.SchemaChanged
		t.b.doubted(t.lo, t.hi)
	}
	if number, _ := fault.Number(err); number == namedTwice && class == fault.SchemaChanged && t.rebuilt {
		class = fault.Row // the table is as it was read, and to wait would change nothing
	}
	t.unknown = t.unknown || t.maybeStored(err)
	t.doubt()
	if class == fault.Unlisted {
		if t.patience--; t.patience < 0 {
			class = fault.Row
		}
	}
	if class == fault.TooLarge || class == fault.TooSlow || fault.IsConflict(err) {
		t.trouble()
	}
	return class
}

// trouble makes statements smaller.
func (t *writing) trouble() {
	t.sizing.trouble(t.b.perStatement(t.hi-t.lo), t.setup.Load().options.MaxBatchRows)
}

// wrote counts the rows as what was begun at start has stored them.
func (t *writing) wrote(start time.Time) {
	t.health.up()
	t.retry.healed()
	took, n := time.Since(start), t.hi-t.lo
	t.meter.Committed(n, t.loading.used, start.Add(took), took)
	t.sized(t.b, n, took)
	t.written(t.b, t.lo, t.hi)
}

// pause waits until it is time for another try after err. A table that has
// changed is read again at once, unless it was for this batch already.
func (t *writing) pause(ctx context.Context, class fault.Class, err error) error {
	if class == fault.Operator || class == fault.Unlisted || !fault.Usable(err) && !errors.Is(err, errAltered) {
		t.lose()
	}
	if class == fault.SchemaChanged && !t.rebuilt {
		return nil
	}
	t.giveBack()
	return t.retry.wait(ctx, err)
}

// lessAtOnce writes the rows in halves, but for those that a lost answer was about
// and that are stored.
func (t *writing) lessAtOnce(ctx context.Context) (over bool, err error) {
	t.lo, err = t.recall(ctx, t.b, t.lo, t.hi)
	if err == nil && t.lo < t.hi {
		t.trouble()
		if err := t.halve(ctx, t.b, t.lo, t.hi, t.patience); err != nil {
			return false, err
		}
		t.lo = t.hi
	}
	if err != nil && t.lo < t.hi {
		return false, t.later(ctx, t.retry, err)
	}
	return t.healed()
}

// follow makes the rows fit a table that has changed.
func (t *writing) follow(ctx context.Context, cause error, torn bool) (over bool, err error) {
	t.rebuilt = true
	if over, err := t.rebuildAs(ctx, cause); over || err != nil {
		return over, err
	}
	if torn && t.b.table.Atomic {
		t.leaks = t.b.table
	}
	return false, nil
}
