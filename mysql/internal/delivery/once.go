package delivery

import (
	"context"
	"errors"
	"fmt"

	"ekuiper-mysql/mysql/internal/statement"
)

// writeOnce writes the rows lo to hi of b by write and moves the ledger on, both or
// neither.
func (w *writer) writeOnce(ctx context.Context, b *batch, lo, hi int, write func() error) error {
	s, l := w.session, w.through.options.Ledger
	s.turnTo(b)
	last := b.rows[hi-1]
	// What the position passes must be stored, or on the box's disk.
	if err := w.refusals.await(ctx, last.number); err != nil {
		return err
	}
	err := s.transaction(ctx, func() error {
		// The ledger first: its row is the lock that keeps another process, or
		// an earlier transaction of this one, from writing the same rows.
		w.brief.begin()
		err := l.advance(ctx, s, b.table.Name, *w.place, last)
		if w.brief.end(); err != nil {
			return err
		}
		return write()
	})
	if p := w.place; p.news != "" && (err == nil || w.maybeStored(err)) {
		w.log.Warnf("%s: %s", w.target(), p.news)
		p.news = ""
	}
	if err == nil {
		*w.place = place{position: last.number + 1, found: w.place.epoch, epoch: w.place.epoch}
	}
	return err
}

// settleLedger takes note of where the ledger really stands and settles what
// it says is stored, after a transaction whose answer was lost. It returns the
// first row that is still to be written; its error is for a person to mend.
func (w *writer) settleLedger(ctx context.Context, b *batch, lo, hi int, d *displacedError) (int, error) {
	p, l := w.place, w.through.options.Ledger
	known := p.position
	w.log.Debugf("%s: %v, and not at row %d", w.target(), d, known)
	switch {
	case d.noTable:
		w.log.Warnf("%s: %s is gone; it is made anew, at row %d", w.target(), l.doing(), known)
		// The connection may have broken while the transaction was taken back.
		if err := w.connect(ctx); err != nil {
			return lo, err
		}
		if _, err := w.session.conn.ExecContext(ctx, l.create(b.table.Name)); err != nil {
			return lo, &beforeError{"making " + l.doing(), err}
		}
		p.missing = true
	case d.missing:
		p.behind(known, fmt.Sprintf("the ledger's entry of this journal was gone; it is made anew, at row %d. If the database has gone back, it has lost what the journal no longer holds", known))
		p.missing = true
	case d.entry.Epoch > p.epoch:
		return lo, &mendError{"another process delivers rows of a copy of this journal, as " + l.row() + " in " + l.doing() + " shows: end it, then restart this rule"}
	case d.entry.Epoch < p.epoch || d.entry.Position < known:
		p.behind(known, fmt.Sprintf("the database has gone back, from row %d to %d, as after a failover that lost its last transactions; what the journal no longer holds of them is lost", max(p.stood, known), d.entry.Position))
		p.position, p.found, p.missing = d.entry.Position, d.entry.Epoch, false
	default:
		if d.entry.Position >= p.stood {
			p.stood, p.news = 0, "" // the server only lagged
		}
		p.position, p.found, p.missing = d.entry.Position, d.entry.Epoch, false
		from := lo
		for lo < hi && b.rows[lo].number < p.position {
			lo++
		}
		if lo > from {
			w.health.up()
			w.stored(b, from, lo)
		}
	}
	w.unsure = false
	return lo, nil
}

// recall settles those of the rows lo to hi that are stored although the answer
// was lost, before they are looked at in another way: who no longer fits may
// be among them. It returns the first that is not.
func (w *writer) recall(ctx context.Context, b *batch, lo, hi int) (int, error) {
	if !w.unsure {
		return lo, nil
	}
	if err := w.connect(ctx); err != nil {
		return lo, err
	}
	if w.place == nil { // nothing tells
		b.doubted(lo, hi)
		w.unsure = false
		return lo, nil
	}
	if err := w.session.hold(ctx, true); err != nil {
		return lo, w.checked(err)
	}
	l, p := w.through.options.Ledger, w.place
	// In a transaction the question waits for the one that went unanswered.
	err := w.checked(w.session.transaction(ctx, func() error {
		return l.displaced(ctx, w.session, statement.Table(l.name(b.table.Name)))
	}))
	d := (*displacedError)(nil)
	switch {
	case !errors.As(err, &d):
		return lo, err
	case d.missing: // nothing tells
		b.doubted(lo, hi)
	case d.entry.Position == p.position && (d.entry.Epoch == p.epoch || d.entry.Epoch == p.found):
		w.unsure = false // nothing is stored
		return lo, nil
	}
	return w.settleLedger(ctx, b, lo, hi, d)
}

// behind notes that the entry is not where it stood, to be told once a
// transaction has shown that the server means it.
func (p *place) behind(known uint64, news string) {
	p.stood, p.news = max(p.stood, known), news
}
