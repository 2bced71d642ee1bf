package sink

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"sync"
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
	journal string // the queue's name, for places
	lines   *deadletter.Log
	log     api.Logger
	failing atomic.Bool            // the store takes nothing, and the log says so
	copier  atomic.Pointer[copier] // nil: to no table

	mu     sync.Mutex
	store  *deadletter.Store                 // nil: only the log, or see open
	open   func() (*deadletter.Store, error) // asked until it has one or there can be none; nil: it is not asked
	recall *journal.Disk                     // of which rows may come that the store has; nil: of none
	tried  time.Time                         // when open failed last
	why    error                             // of that
}

// opened returns the store, nil where there is none to be had: the log has
// said why. On an error rows wait: another process writes there, or the disk is
// full. Without a journal, which takes as much, there may never be one.
func (l *letters) opened() (*deadletter.Store, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.store != nil || l.open == nil {
		return l.store, nil
	}
	if l.why != nil && time.Since(l.tried) < putAgain { // each of many rows asks
		return nil, l.why
	}
	store, err := l.open()
	l.tried, l.why = time.Now(), err
	switch {
	case err == nil:
	case l.journal != "", errors.Is(err, deadletter.ErrLocked), errors.Is(err, deadletter.ErrClosed):
		return nil, err
	default:
		l.log.Warnf("rows that are set aside go to the log alone: %v", err)
		l.open = nil
		return nil, nil
	}
	if l.recall != nil {
		recall(store, l.journal, l.recall)
	}
	l.store = store
	return store, nil
}

// recall has store know the rows of a journal that may come again: those that
// were there when it was opened, and have no fate.
func recall(store *deadletter.Store, name string, queue *journal.Disk) {
	store.Recall(name, queue.Watermark(), queue.OpenedAt())
}

// copyTo makes k what copies letters to a table, in place of what did before.
func (l *letters) copyTo(k *copier) { l.copier.Swap(k).finish() }

// Holds implements delivery.DeadLetters.
func (l *letters) Holds(number uint64) bool {
	store, _ := l.opened()
	return store != nil && store.Has(deadletter.Place{Journal: l.journal, Record: number})
}

// HoldsAll implements delivery.DeadLetters.
func (l *letters) HoldsAll(from, to uint64) bool {
	return l.holdAll(from, to, nil)
}

// holdAll is HoldsAll where rows may also be letters elsewhere.
func (l *letters) holdAll(from, to uint64, elsewhere map[uint64]bool) bool {
	store, _ := l.opened()
	if store == nil {
		return false
	}
	here, err := placesOf(store.Reader, l.journal)
	if err != nil {
		return false
	}
	for ; from < to && (here[from] || elsewhere[from]); from++ {
	}
	return from == to
}

// SetAside implements delivery.DeadLetters.
func (l *letters) SetAside(ctx context.Context, r delivery.Refused) (kept func() error, err error) {
	store, trouble := l.opened()
	if store == nil && trouble == nil {
		return func() error {
			l.lines.SetAside(r.Raw, r.Reason)
			return nil
		}, nil
	}
	place := deadletter.Place{Journal: l.journal, Record: r.Number}
	if r.Replayed && store != nil && store.Has(place) {
		return func() error { return nil }, nil // set aside just before the plugin ended
	}
	letter := l.letter(r, place)
	var wait func() error
	if trouble == nil {
		wait, trouble = store.Submit(ctx, letter)
	}
	return func() error {
		err := trouble
		if err == nil {
			err = wait()
		}
		err = l.insist(ctx, letter, err)
		if errors.Is(err, deadletter.ErrTooLarge) {
			l.log.Errorf("a row of %d bytes is in the log alone: %v", len(letter.Raw), err)
			l.lines.SetAside(r.Raw, r.Reason)
			return nil
		}
		if err != nil {
			return err
		}
		l.copier.Load().notify()
		l.lines.Kept(r.Raw, r.Reason)
		return nil
	}, nil
}

// insist goes on after err, if there is one, until the store has the letter, ctx is done,
// or it can never have it: deadletter.ErrTooLarge.
func (l *letters) insist(ctx context.Context, letter deadletter.Letter, err error) error {
	for {
		switch {
		case err == nil:
			l.failing.Store(false)
			return nil
		case ctx.Err() != nil, errors.Is(err, deadletter.ErrClosed), errors.Is(err, deadletter.ErrTooLarge):
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
		err = l.put(ctx, letter)
	}
}

// put keeps the letter, unless it is kept already: where the store could not
// be opened before, that shows only now.
func (l *letters) put(ctx context.Context, letter deadletter.Letter) error {
	store, err := l.opened()
	switch {
	case err != nil:
		return err
	case store == nil || store.Has(letter.Place):
		return nil
	}
	return store.Put(ctx, letter)
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

// openLetters returns the store of all rules, opening it first if need be. While
// another process writes there, such as a drain or a plugin that is about to
// end, the error is deadletter.ErrLocked.
func (o *Outboxes) openLetters(log api.Logger) (*deadletter.Store, error) {
	o.opening.Lock()
	defer o.opening.Unlock()
	if store := o.shown.letters.Load(); store != nil {
		return store, nil
	}
	select {
	case <-o.end:
		return nil, deadletter.ErrClosed
	default:
	}
	folder, err := o.folder()
	var store *deadletter.Store
	if err == nil {
		store, err = deadletter.Open(deadletter.Options{Dir: filepath.Join(folder, lettersFolder), Logger: log})
	}
	if err != nil {
		return nil, err
	}
	o.shown.letters.Store(store)
	tellPlace(folder, storage.Fleeting(folder), log)
	return store, nil
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
	l := &letters{id: id, lines: deadletter.NewLog(log), log: log}
	l.open = func() (*deadletter.Store, error) { return o.openLetters(log) }
	if disk, ok := queue.(*journal.Disk); ok {
		name := disk.ID()
		l.journal = hex.EncodeToString(name[:])
		if queue.Counts().Pending > 0 {
			l.recall = disk
		}
	}
	if _, err := l.opened(); err != nil && !errors.Is(err, deadletter.ErrLocked) && !errors.Is(err, deadletter.ErrClosed) {
		log.Warnf("a row that is refused will wait, and what is behind it, until this is mended: %v", err)
	}
	return l
}
