package sink

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/storage"
)

// lettersFolder is where the dead letters of all rules are, below the folder
// that outlives the plugin.
const lettersFolder = "deadletters"

// putAgain is how long to wait after the dead letters could not be written.
const putAgain = time.Second

// letters sets the rows of one rule aside: in the store, and a line in the log.
type letters struct {
	id      identity
	journal string            // the queue's name, for places
	store   *deadletter.Store // nil: only the log
	lines   *deadletter.Log
	log     api.Logger
	failing atomic.Bool            // the store takes nothing, and the log says so
	copier  atomic.Pointer[copier] // nil: to no table
}

// copyTo makes k what copies letters to a table, in place of what did before.
func (l *letters) copyTo(k *copier) { l.copier.Swap(k).finish() }

// Holds implements delivery.DeadLetters.
func (l *letters) Holds(number uint64) bool {
	return l.store != nil && l.store.Has(deadletter.Place{Journal: l.journal, Record: number})
}

// SetAside implements delivery.DeadLetters.
func (l *letters) SetAside(ctx context.Context, r delivery.Refused) (kept func() error, err error) {
	told := func() error {
		l.lines.SetAside(r.Raw, r.Reason)
		return nil
	}
	if l.store == nil {
		return told, nil
	}
	place := deadletter.Place{Journal: l.journal, Record: r.Number}
	if r.Replayed && l.store.Has(place) {
		return func() error { return nil }, nil // set aside just before the plugin ended
	}
	letter := l.letter(r, place)
	wait, err := l.store.Submit(ctx, letter)
	return func() error {
		if err == nil {
			err = wait()
		}
		if err != nil {
			err = l.insist(ctx, letter, err)
		}
		if err != nil {
			return err
		}
		l.copier.Load().notify()
		return told()
	}, nil
}

// insist goes on after err until the store has the letter or ctx is done.
func (l *letters) insist(ctx context.Context, letter deadletter.Letter, err error) error {
	for {
		switch {
		case err == nil:
			l.failing.Store(false)
			return nil
		case errors.Is(err, deadletter.ErrTooLarge):
			l.log.Errorf("a row of %d bytes is in the log alone: %v", len(letter.Raw), err)
			return nil
		case ctx.Err() != nil || errors.Is(err, deadletter.ErrClosed):
			return err
		case !l.failing.Swap(true):
			l.log.Errorf("rows cannot be set aside, and what is behind them waits: %v; trying again by itself", err)
		}
		timer := time.NewTimer(putAgain)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		err = l.store.Put(ctx, letter)
	}
}

func (l *letters) letter(r delivery.Refused, place deadletter.Place) deadletter.Letter {
	number, state := fault.Number(r.Reason)
	column := fault.Column(r.Reason)
	class := fault.Row
	var convert *schema.ConvertError
	if errors.As(r.Reason, &convert) {
		column = convert.Column
	} else if number != 0 {
		class = fault.Classify(r.Reason)
	}
	var accepted time.Time
	if r.Accepted != 0 {
		accepted = time.Unix(int64(r.Accepted), 0).UTC()
	}
	return deadletter.Letter{
		Time: time.Now(), Accepted: accepted, Rule: l.id.rule, Op: l.id.op, Instance: l.id.instance, Table: r.Table, Column: column,
		Number: number, SQLState: state, Class: class.String(), Text: r.Reason.Error(), Place: place, Raw: r.Raw,
	}
}

// openLetters returns the store of all rules, opening it first if need be, or
// nil where there is none to be had: the log then says why.
func (o *Outboxes) openLetters(log api.Logger) *deadletter.Store {
	if o.letters != nil {
		return o.letters
	}
	folder, err := o.folder()
	if err == nil {
		o.letters, err = deadletter.Open(deadletter.Options{Dir: filepath.Join(folder, lettersFolder), Logger: log})
	}
	if err != nil {
		log.Warnf("rows that are set aside go to the log alone: %v", err)
		return nil
	}
	o.shown.letters.Store(o.letters)
	tellPlace(folder, storage.Fleeting(folder), log)
	return o.letters
}

// tellPlace says where rows are kept, for who removes the plugin or looks for
// what it left. kind is the file system there, if that does not last.
func tellPlace(folder, kind string, log api.Logger) {
	const kept = "rows that wait and rows that were refused are kept in "
	switch kind {
	case "":
		log.Infof(kept+"%s, also when the plugin is updated or removed", folder)
	case "overlay":
		log.Warnf(kept+"%s, which is no volume (%s): they are lost with the container; mount a volume there", folder, kind)
	default:
		log.Warnf(kept+"%s, which is in memory (%s): they are lost when the container ends or the machine starts again; mount a volume there, or name another folder in eKuiper's environment variable %s", folder, kind, storage.Setting)
	}
}

// newLetters returns the dead letters of one outbox. Rows that were set aside
// just before the plugin ended are recognised when they come again.
func (o *Outboxes) newLetters(id identity, queue journal.Queue, log api.Logger) *letters {
	l := &letters{id: id, store: o.openLetters(log), lines: deadletter.NewLog(log), log: log}
	disk, ok := queue.(*journal.Disk)
	if !ok || l.store == nil {
		return l
	}
	name := disk.ID()
	l.journal = hex.EncodeToString(name[:])
	if queue.Counts().Pending > 0 {
		if err := l.store.Recall(l.journal, 0); err != nil {
			log.Warnf("rows that were set aside before may be set aside again: %v", err)
		}
	}
	return l
}
