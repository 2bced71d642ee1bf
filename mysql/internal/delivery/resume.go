package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ekuiper-mysql/mysql/internal/schema"
)

// resume finds out from the ledger which rows an earlier process has written
// already, and claims the entry for this one. Nothing of the queue is
// delivered before. An error means that ctx is done.
func (f *feeder) resume(ctx context.Context) error {
	retry := newRetry(f.Delivery, "resuming exactly once in")
	for {
		through := f.setup.Load()
		claimed, err := f.tryResume(ctx, through)
		switch {
		case claimed:
			f.health.up()
			retry.healed()
			return nil
		case err == nil || f.setup.Load() != through:
			continue // somebody was quicker, or the connections are closed
		}
		if err := retry.wait(ctx, err); err != nil {
			return err
		}
	}
}

func (f *feeder) tryResume(ctx context.Context, s *setup) (claimed bool, err error) {
	l, table := s.options.Ledger, s.options.Table
	if l == nil { // the rule has changed its mind
		return true, nil
	}
	e, missing, err := l.look(ctx, s.db, table)
	if err != nil {
		return false, err
	}
	watermark := l.Watermark()
	if !missing {
		if err := f.verify(ctx, l, table, e, watermark); err != nil {
			return false, err
		}
	}
	p, ok, err := l.claim(ctx, s.db, table, e, missing)
	if err != nil || !ok {
		return false, err
	}
	switch {
	case missing:
		f.tellOthers(ctx, s)
	case p.position < watermark && !f.letters.HoldsAll(p.position, watermark): // which the ledger passes with the next row that is stored
		f.log.Warnf("%s: the ledger stands at row %d, the journal at %d: unless the rows between were refused, dropped or lost, or the machine went off without warning, either the rule has run without exactlyOnce meanwhile, or the database has gone back, as from a backup, and has lost what the journal no longer holds",
			f.target(), p.position, watermark)
	case p.position > watermark && e.Digest != unproven:
		f.log.Infof("%s: up to %d rows were stored before the plugin ended and are not written again", f.target(), p.position-watermark)
		f.written = p.position
	}
	f.claimed.Store(&p)
	return true, nil
}

// verify makes sure that the rows below e's position are those that this
// journal holds. It reads as many messages as it takes into f.held.
func (f *feeder) verify(ctx context.Context, l *Ledger, table schema.Name, e entry, watermark uint64) error {
	if e.Position <= watermark || e.Digest == unproven {
		return nil // no row is to be passed over
	}
	other := &mendError{fmt.Sprintf("%s stands at row %d, of a journal that went another way than the one on this box: a copy of it is in use elsewhere, or it was restored from a backup. "+
		"Rows wait. If no other box uses a copy, make the waiting rows be written, perhaps some again, with: DELETE FROM %s WHERE %s", l.doing(), e.Position, l.name(table), l.row())}
	if e.Position > l.Opened {
		return other
	}
	last := e.Position - 1
	gone := func() error {
		f.log.Warnf("%s: row %d, the last that the ledger has, is no longer in the journal, so nothing proves that the rows before it are those that were stored", f.target(), last)
		return nil
	}
	for i := 0; ; i++ {
		for i == len(f.held) {
			m, ok := f.queue.Next()
			switch {
			case ok:
				f.held = append(f.held, m)
				continue
			case !l.Unread(): // it went with the journal's end, in a power cut
				return gone()
			}
			select {
			case <-ctx.Done():
				return errStopped
			case <-f.queue.Ready():
			}
		}
		m := f.held[i]
		if m.First > last {
			// The row was settled apart from those before it, or damage took it.
			return gone()
		}
		if raw, found := f.rawOf(m, last); found {
			if digest(raw) != e.Digest {
				return other
			}
			return nil
		}
	}
}

// rawOf returns the text of the row of that number, if m holds it.
func (f *feeder) rawOf(m Message, number uint64) (raw []byte, found bool) {
	f.decoder.Reset(m.Data)
	for n := m.First; n <= number; n++ {
		row, err := f.decoder.Next()
		if errors.Is(err, io.EOF) {
			return nil, false
		}
		if n == number {
			return row.Raw, true
		}
	}
	return nil, false
}

// tellOthers says so if this journal may stand in for one that was lost.
func (f *feeder) tellOthers(ctx context.Context, s *setup) {
	l := s.options.Ledger
	n, err := l.others(ctx, s.db, s.options.Table)
	switch {
	case err != nil:
		f.log.Debugf("looking for other journals in %s: %v", l.doing(), err)
	case n > 0:
		f.log.Warnf("%s: a new journal begins, but the ledger knows %d of this rule from host %q: if the plugin's data folder was lost, so were the rows that waited in it; if the journal was purged, or the rule's url has changed, all is well",
			f.target(), n, l.Host)
	}
}
