package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

// largeBatch is from how many bytes on a batch's memory is given back as soon as no
// more rows wait.
const largeBatch = 16 << 20

// maxUnlisted is how often a statement is tried whose error nobody listed.
const maxUnlisted = 3

// maxLosses is how often the answer to the same rows is lost until they are
// written in parts.
const maxLosses = 3

// writer writes batches over one connection. All of it belongs to one goroutine.
type writer struct {
	*Delivery
	session *session
	through *setup // that session was made with
	used    time.Time
	turn    turn
	decoder payload.Decoder
	keys    [][]int // the table's unique keys, as indexes into its columns
	keysOf  *schema.Table
	place   *place // where the ledger stands; nil without one
	lost    bool   // the session before was lost, not given up
	unsure  bool   // the answer to what was sent last was lost
	glance  glance
	leaks   *schema.Table // has transactions, but others that are written with it have none, as by a trigger
	loading loading
	bulky   bool // a large batch's memory has not been given back
}

func newWriter(d *Delivery) *writer { return &writer{Delivery: d} }

func (w *writer) run(ctx context.Context) {
	defer w.disconnect()
	rest := time.NewTimer(idleRelease)
	defer rest.Stop()
	idle := time.NewTimer(lull)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
			w.release()
		case <-idle.C:
			if w.turn.idle = !w.feeding.Load(); !w.turn.idle {
				idle.Reset(lull) // the box is slow
			}
		case <-w.wanted():
			w.lend(ctx)
		case b := <-w.batches:
			w.bulky = w.bulky || b.bytes >= largeBatch
			w.condition.writing.Store(int64(len(b.rows)))
			if w.write(ctx, b, 0, len(b.rows), maxUnlisted) != nil {
				return
			}
			w.condition.writing.Store(0)
			w.giveBack()
			b.reset(b.table)
			if w.bulky && !w.feeding.Load() {
				// An idle rule would keep the memory of its last large rows until it
				// is used again. One that gets more of them would have to ask for it
				// anew each time, page by page.
				w.bulky = false
				debug.FreeOSMemory()
			}
			select {
			case w.free <- b:
			default:
				w.ration.drop(b)
			}
			rest.Reset(idleRelease)
			w.turn.batches++
			if w.turn.idle = false; w.through != nil && w.through.options.Wanted != nil {
				idle.Reset(lull)
			}
		}
	}
}

// release gives back what an idle rule need not hold: its connection, and the
// memory of its batches.
func (w *writer) release() {
	defer resting.note()
	w.disconnect()
	w.decoder, w.keys, w.keysOf = payload.Decoder{}, nil, nil
	for len(w.free) > 0 {
		select {
		case b := <-w.free:
			w.ration.drop(b)
		default:
		}
	}
	select {
	case w.rest <- struct{}{}:
	default: // the feeder has work
	}
}

// write settles the rows lo to hi of b: stored, or set aside. It retries as
// long as it takes, but only patience times after an error that is in no
// table; an error means that ctx is done.
func (w *writer) write(ctx context.Context, b *batch, lo, hi, patience int) error {
	if !b.table.Atomic && hi-lo > 1 {
		return w.writeSingly(ctx, b, lo, hi, patience)
	}
	t := &writing{writer: w, b: b, lo: lo, hi: hi, patience: patience, retry: newRetry(w.Delivery, "writing to")}
	for {
		if over, err := t.step(ctx); over || err != nil {
			return err
		}
	}
}

// torn tells whether rows of b may have been left where they are by the ROLLBACK
// after err.
func (w *writer) torn(b *batch, err error) bool {
	return errors.As(err, new(*tornError)) && w.leaks != b.table
}

// later waits until it is time to ask again what has failed with err.
func (w *writer) later(ctx context.Context, retry *retry, err error) error {
	if !fault.Usable(err) {
		w.lose()
	}
	w.giveBack()
	return retry.wait(ctx, err)
}

// sized lets sizing know what writing n rows of b has taken. What it sizes is a
// statement, which gets its part of the time; but locks are held for all of it.
func (w *writer) sized(b *batch, n int, took time.Duration) {
	w.distance.note(b.long && n == len(b.rows) && b.bytes <= 2*buffered, took)
	lot := b.perStatement(n)
	if lot < n && took > longWrite {
		w.sizing.trouble(lot, w.through.options.MaxBatchRows)
		return
	}
	w.sizing.wrote(lot, took*time.Duration(lot)/time.Duration(n), w.through.options.MaxBatchRows)
}

// writeSingly is write, a row at a time: a failed statement of many rows would
// leave some of them in the table, and nobody could tell which.
func (w *writer) writeSingly(ctx context.Context, b *batch, lo, hi, patience int) error {
	for ; lo < hi; lo++ {
		if err := w.write(ctx, b, lo, lo+1, patience); err != nil {
			return err
		}
	}
	return nil
}

// written settles rows that were just written. Of some the server tells how many
// have changed nothing, not which: the sums are what counts.
func (w *writer) written(b *batch, lo, hi int) {
	passed := min(w.session.passed, hi-lo)
	w.settle(Stored, b, lo, hi-passed)
	w.settle(Superseded, b, hi-passed, hi)
}

func (w *writer) stored(b *batch, lo, hi int) { w.settle(Stored, b, lo, hi) }

// settle gives the rows their fate, as few spans of numbers as there are.
func (w *writer) settle(fate Fate, b *batch, lo, hi int) {
	for lo < hi {
		from := b.rows[lo].number
		to := from + 1
		for lo++; lo < hi && b.rows[lo].number == to; lo++ {
			to++
		}
		w.queue.Settle(fate, from, to)
	}
}

// divide finds the rows that err is about by halving, so that one bad row in
// n costs about 2 log2(n) statements and the others are written.
func (w *writer) divide(ctx context.Context, b *batch, lo, hi int, err error) error {
	if hi-lo == 1 {
		return w.setAside(ctx, b.rows[lo], err)
	}
	w.meter.Retried(w.classify(err).String())
	return w.halve(ctx, b, lo, hi, 0)
}

func (w *writer) halve(ctx context.Context, b *batch, lo, hi, patience int) error {
	mid := lo + (hi-lo)/2
	if err := w.write(ctx, b, lo, mid, patience); err != nil {
		return err
	}
	return w.write(ctx, b, mid, hi, patience)
}

// rebuild reads the table again and converts the rows to what it is now; rows
// that no longer fit are set aside.
func (w *writer) rebuild(ctx context.Context, b *batch, lo, hi int, cause error) (*batch, error) {
	w.log.Infof("%s is not as it was read (%v): reading it again", w.target(), cause)
	w.tables.drop(b.table)
	w.disconnect() // reading takes a connection, and the user may have no second one
	sample := func(_ context.Context, t mapping.Table) (*design.Sample, error) {
		return w.sampleOf(b.rows[lo:hi], t), nil
	}
	t, err := w.current(ctx, sample)
	if err == nil && w.through.options.Design.Evolve == design.On {
		t, _, err = w.evolve(ctx, t, sample)
	}
	nb := &batch{barred: &w.barred}
	defer func() { nb.lot = b.lot }()
	for err == nil && nb.prepare(t, &w.setup.Load().options, w.rowAlias.Load()) != nil {
		w.tables.drop(t) // the rule has changed meanwhile, and needs to know more of it
		t, err = w.current(ctx, sample)
	}
	switch {
	case errors.Is(err, schema.ErrNoTable):
		return nb, w.setAllAside(ctx, b.rows[lo:hi], err)
	case errors.Is(err, design.ErrNothing): // what was not looked at may tell more
		mid := min(lo+sampleRows, hi)
		if err := w.setAllAside(ctx, b.rows[lo:mid], err); err != nil || mid == hi {
			return nb, err
		}
		return w.rebuild(ctx, b, mid, hi, cause)
	case err != nil:
		return nil, err
	}
	for _, r := range b.rows[lo:hi] {
		w.decoder.Reset(r.raw)
		row, err := w.decoder.Next()
		if err == nil {
			_, err = nb.add(r, row, &w.setup.Load().options)
		}
		if err != nil {
			err = w.setAside(ctx, r, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return nb, nil
}

func (w *writer) setAllAside(ctx context.Context, rows []rowRef, reason error) error {
	for _, r := range rows {
		if err := w.setAside(ctx, r, reason); err != nil {
			return err
		}
	}
	return nil
}

// execute writes the rows lo to hi in one transaction.
func (w *writer) execute(ctx context.Context, b *batch, lo, hi int) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	w.used = time.Now()
	if err := w.altered(ctx, b); err != nil {
		return err
	}
	w.loading.used = w.loads(b, lo, hi)
	if w.loading.used {
		err := w.transact(ctx, b, lo, hi, func() error { return w.load(ctx, b, lo, hi) })
		if w.byLoad(err) || w.session == nil || w.torn(b, err) {
			return describe("LOAD DATA", hi-lo, err)
		}
		w.loading.used = false
	}
	if w.place == nil {
		// A statement that is no part of a transaction must be one by itself.
		if err := w.session.hold(ctx, false); err != nil {
			return w.checked(err)
		}
	}
	if b.manner != nil {
		return w.executeKeyed(ctx, b, lo, hi)
	}
	if w.place == nil {
		return describe("INSERT", hi-lo, w.checked(w.session.insert(ctx, b, lo, hi)))
	}
	return describe("INSERT", hi-lo, w.transact(ctx, b, lo, hi, func() error { return w.session.insertRows(ctx, b, lo, hi) }))
}

// executeKeyed is execute for rows that are written in a manner of their own.
func (w *writer) executeKeyed(ctx context.Context, b *batch, lo, hi int) error {
	if w.place == nil {
		return w.checked(w.session.writeKeyed(ctx, b, lo, hi, true))
	}
	return w.transact(ctx, b, lo, hi, func() error { return w.session.writeGroups(ctx, b, b.groups(lo, hi, false)) })
}

// transact does write, which writes the rows lo to hi of b, in a transaction:
// the ledger's if there is one.
func (w *writer) transact(ctx context.Context, b *batch, lo, hi int, write func() error) error {
	w.session.turnTo(b)
	if err := w.session.hold(ctx, true); err != nil {
		return w.checked(err)
	}
	if w.place == nil {
		return w.checked(w.session.transaction(ctx, write))
	}
	return w.checked(w.writeOnce(ctx, b, lo, hi, write))
}

// checked gives up a connection of which nobody knows where it stands.
func (w *writer) checked(err error) error {
	if w.session.broken {
		w.lose()
	}
	return err
}

func describe(statement string, rows int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of %d rows: %w", statement, rows, err)
}
