package sink

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"
	"sync"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/payload"
)

// removeAtOnce is how many letters one write removes: so many, and those of
// the batch being written, are stored and still letters if a replay is killed.
const removeAtOnce = 1000

// errNoRow is of a letter that holds nothing to store.
var errNoRow = errors.New("it holds no row")

// Replayed is what became of the letters of a replay.
type Replayed struct {
	Stored  int
	Refused int // and kept
	Damaged int // pieces of files, passed over
}

// Replay takes letters back to a table: those that match filter and whose id
// is not above last, oldest first, so that what is set aside meanwhile is not
// taken too. A letter is removed once its row is stored. One that is refused
// again stays, and refused is told the reason; it is called by one goroutine
// at a time. On an error, letters that are stored may be letters still, and
// would be stored again; the counts hold all the same.
func (t *Target) Replay(ctx context.Context, r *deadletter.Reader, filter deadletter.Filter, last uint64, refused func(deadletter.Letter, error)) (Replayed, error) {
	next, stop := iter.Pull2(r.Letters(filter))
	defer stop()
	q := &replay{
		letters: r, next: next, last: last, refused: refused, progress: t.progress,
		idle: make(chan struct{}), empty: make(chan struct{}),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q.fail = cancel
	err := t.transfer(ctx, q, q, nil, q.origin, true, q.empty)
	return q.done, errors.Join(err, q.remove())
}

// replay is letters as a queue, which remembers those that are on their way.
type replay struct {
	letters  *deadletter.Reader
	next     func() (deadletter.Letter, error, bool)
	last     uint64
	refused  func(deadletter.Letter, error)
	progress func(Replayed) // may be nil
	fail     context.CancelCauseFunc
	idle     chan struct{} // never receives: letters do not come later

	mu     sync.Mutex
	row    uint64      // number of the next letter's first row
	away   []traveller // ascending by row
	ended  bool        // there are no more letters
	empty  chan struct{}
	stored []uint64 // ids to remove
	done   Replayed
}

// traveller is a letter on its way to the table.
type traveller struct {
	letter   deadletter.Letter // without its row
	from, to uint64            // its rows: one, as a rule
	left     uint64            // rows without a fate
	reason   error             // of the first that was refused
	origin   *mapping.Origin   // nil until it is asked for
}

// Next implements delivery.Queue.
func (q *replay) Next() (delivery.Message, bool) {
	for {
		l, err, ok := q.next()
		var corrupt *deadletter.CorruptError
		q.mu.Lock()
		switch {
		case !ok || err == nil && l.ID > q.last:
			q.end()
			q.mu.Unlock()
			return delivery.Message{}, false
		case errors.As(err, &corrupt):
			q.done.Damaged++
			q.mu.Unlock()
			continue
		case err != nil:
			q.fail(err)
			q.mu.Unlock()
			return delivery.Message{}, false
		}
		m, ok := q.depart(l)
		q.mu.Unlock()
		if ok {
			return m, true
		}
	}
}

// depart notes that a letter is on its way. mu is held.
func (q *replay) depart(l deadletter.Letter) (delivery.Message, bool) {
	raw := l.Raw
	l.Raw = nil
	rows := uint64(payload.Count(raw))
	if rows == 0 {
		q.keep(l, errNoRow)
		return delivery.Message{}, false
	}
	m := delivery.Message{First: q.row, Data: raw, Replayed: true}
	if !l.Accepted.IsZero() {
		m.Accepted = uint32(l.Accepted.Unix())
	}
	q.away = append(q.away, traveller{letter: l, from: q.row, to: q.row + rows, left: rows})
	q.row += rows
	return m, true
}

// keep tells of a letter that stays. mu is held.
func (q *replay) keep(l deadletter.Letter, reason error) {
	q.done.Refused++
	q.refused(l, reason)
}

// end notes that no letter follows. mu is held.
func (q *replay) end() {
	q.ended = true
	if len(q.away) == 0 {
		select {
		case <-q.empty:
		default:
			close(q.empty)
		}
	}
}

// Ready implements delivery.Queue.
func (q *replay) Ready() <-chan struct{} { return q.idle }

// Holds implements delivery.DeadLetters: that a row is a letter is no reason
// to pass it over here.
func (q *replay) Holds(uint64) bool { return false }

// HoldsAll implements delivery.DeadLetters.
func (q *replay) HoldsAll(uint64, uint64) bool { return false }

// SetAside implements delivery.DeadLetters: the row is a letter already.
func (q *replay) SetAside(_ context.Context, r delivery.Refused) (kept func() error, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := q.find(r.Number); i < len(q.away) && q.away[i].reason == nil {
		q.away[i].reason = r.Reason
	}
	return func() error { return nil }, nil
}

// find returns the index of the letter that row belongs to. mu is held.
func (q *replay) find(row uint64) int {
	return sort.Search(len(q.away), func(i int) bool { return q.away[i].to > row })
}

// origin is a delivery.Origins: rows come from where they came from before
// they were letters.
func (q *replay) origin(row uint64) (*mapping.Origin, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.find(row)
	if i == len(q.away) {
		return nil, 0
	}
	a := &q.away[i]
	if a.origin == nil {
		l := &a.letter
		a.origin = &mapping.Origin{Rule: l.Rule, Op: l.Op, Instance: l.Instance, Host: hostName(), Journal: l.Place.Journal}
	}
	return a.origin, a.letter.Place.Record + row - a.from
}

// Settle implements delivery.Queue. SetAside was called for rows that are set
// aside; all others are in the table.
func (q *replay) Settle(_ delivery.Fate, from, to uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := q.find(from); i < len(q.away) && q.away[i].from < to; i++ {
		a := &q.away[i]
		a.left -= min(to, a.to) - max(from, a.from)
		switch {
		case a.left > 0:
		case a.reason != nil:
			q.keep(a.letter, a.reason)
		default:
			q.done.Stored++
			q.stored = append(q.stored, a.letter.ID)
		}
	}
	n := 0
	for n < len(q.away) && q.away[n].left == 0 {
		n++
	}
	q.away = append(q.away[:0], q.away[n:]...)
	if len(q.stored) >= removeAtOnce {
		if err := q.remove(); err != nil {
			q.fail(err)
			return
		}
	}
	if q.progress != nil {
		q.progress(q.done)
	}
	if q.ended {
		q.end()
	}
}

// remove takes the letters out whose rows are stored. mu is held, or nothing moves any more.
func (q *replay) remove() error {
	if len(q.stored) == 0 {
		return nil
	}
	if err := q.letters.Remove(q.stored); err != nil {
		return fmt.Errorf("%d letters are stored, and would be stored again: %w", len(q.stored), err)
	}
	q.stored = q.stored[:0]
	return nil
}
