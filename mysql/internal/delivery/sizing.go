package delivery

import (
	"sync/atomic"
	"time"
)

// The bounds of a batch that is sized by what the server makes of it.
const (
	firstRows = 1000            // where it begins, in rows, and in arguments:
	firstArgs = 8 << 10         // preparing a statement costs a packet for each
	leastRows = 50              // and how far trouble can bring it down
	mostRows  = 8000            // larger ones gain nothing that was ever measured, and cost the server memory
	longWrite = 2 * time.Second // a statement that holds its locks for longer is too much at once
)

const (
	worthwhile = 1.1 // how much faster twice the rows must go to be worth it
	agreed     = 5   // pairs of batches that decide a trial where all agree
	enough     = 15  // pairs that decide it in any case
	restful    = 200 // full batches between trials that have changed nothing
	wideFor    = 64  // batches for which a wide one counts
)

// sizing finds how many rows a batch should have, where more of them wait. It
// tries a size and its double in turns, batch by batch, so that whatever else
// goes on falls on both: more rows are worth it where each request takes its
// time, as to a server far away or one whose commits wait for a disk. Near a
// server at leisure they cost it its caches, so a size above the first has to
// prove its worth again from time to time. Sizes are halved on conflicts, on
// packets too large and on writes that take long. Its methods but rows, suit and
// atEase belong to the writer.
type sizing struct {
	start atomic.Int64 // rows of the first batch; 0 for firstRows
	limit atomic.Int64 // rows of the next batch; 0 stands for those of the first

	began int    // the first batch's rows that all below was found out with
	size  int    // rows of a batch where nothing is tried; 0 for those of the first
	trial *trial // nil where nothing is
	rest  int    // full batches until the next

	widest   int // columns of late
	narrower int // batches since
}

// trial compares batches of so many rows with such of twice as many.
type trial struct {
	small int
	rates [2][]float64 // rows/s of the small ones and of the large ones
	least int          // rows of a large one: bytes and columns may bound it
}

// rows is how many rows a batch may have now.
func (s *sizing) rows(most int) int { return s.orFirst(int(s.limit.Load()), most) }

// suit makes batches begin with as many rows as suit rows of so many columns,
// the most of the batches before: the next may well have as many again. It
// belongs to the feeder.
func (s *sizing) suit(columns int) {
	if s.narrower++; columns >= s.widest || s.narrower > wideFor {
		s.widest, s.narrower = columns, 0
	}
	first := int64(firstRows)
	if s.widest*firstRows > firstArgs {
		first = int64(rounded(max(firstArgs/s.widest, 1)))
	}
	if s.start.Load() != first {
		s.start.Store(first)
	}
}

// follow forgets what was found out with rows of other widths.
func (s *sizing) follow() {
	if first := s.first(); s.began != first {
		s.began, s.size, s.trial, s.rest = first, 0, nil, 0
		s.limit.Store(0)
	}
}

// atEase tells whether no trouble keeps batches smaller than they began.
func (s *sizing) atEase(most int) bool { return s.rows(most) >= min(s.first(), most)*3/4 }

func (s *sizing) first() int {
	if n := s.start.Load(); n > 0 {
		return int(n)
	}
	return firstRows
}

func (s *sizing) orFirst(size, most int) int {
	if size == 0 {
		size = s.first()
	}
	return min(size, most)
}

// wrote notes a batch that was stored, where a batch may have most rows.
func (s *sizing) wrote(rows int, took time.Duration, most int) {
	s.follow()
	size := s.orFirst(s.size, most)
	if s.trial != nil && 2*s.trial.small > most { // fewer are allowed now
		s.settle(size)
	}
	switch {
	case rows < size && (s.trial == nil || rows < s.trial.small):
		return // a batch that nobody waited for tells nothing of larger ones
	case took > longWrite:
		s.trouble(rows, most)
		return
	case s.rest > 0:
		s.rest--
		return
	case s.trial == nil:
		if s.trial = next(size, most, size > s.first()); s.trial == nil {
			s.rest = restful
			return
		}
	}
	t := s.trial
	t.note(rows, float64(rows)/max(took, 1).Seconds())
	won, decided := t.verdict()
	if !decided {
		s.limit.Store(int64(t.turn()))
		return
	}
	if !won {
		s.settle(t.small)
		return
	}
	s.settle(t.least)
	if s.trial = next(t.least, most, false); s.trial != nil {
		s.rest = 0
	}
}

// next is the trial to make of batches of size rows: whether half of them would
// do, or whether twice as many are worth it; nil if they cannot have as many.
func next(size, most int, half bool) *trial {
	switch {
	case half:
		return &trial{small: size / 2}
	case 2*size <= min(most, mostRows):
		return &trial{small: size}
	}
	return nil
}

// settle ends a trial.
func (s *sizing) settle(size int) {
	s.size, s.trial, s.rest = size, nil, restful
	s.limit.Store(int64(size))
}

// note takes down the rate of a batch. It counts where its like are not ahead:
// batches that are compared lie side by side.
func (t *trial) note(rows int, rate float64) {
	mine, other := 0, 1
	if rows > t.small {
		mine, other = 1, 0
	}
	if len(t.rates[mine]) > len(t.rates[other]) {
		return
	}
	t.rates[mine] = append(t.rates[mine], rate)
	if mine == 1 && (t.least == 0 || rows < t.least) {
		t.least = rows
	}
}

// turn is how many rows the next batch should have.
func (t *trial) turn() int {
	if len(t.rates[1]) < len(t.rates[0]) {
		return 2 * t.small
	}
	return t.small
}

// verdict tells whether the large size is worth it, once that is decided.
func (t *trial) verdict() (large, decided bool) {
	pairs := min(len(t.rates[0]), len(t.rates[1]))
	if pairs < agreed {
		return false, false
	}
	faster := 0
	for i := range pairs {
		if t.rates[1][i] >= worthwhile*t.rates[0][i] {
			faster++
		}
	}
	return 2*faster > pairs, faster == 0 || faster == pairs || pairs >= enough
}

// trouble notes a batch of so many rows that was too much for the server, or for
// its other clients.
func (s *sizing) trouble(rows, most int) {
	s.follow()
	size := s.orFirst(s.size, most)
	switch {
	case rows > size: // a trial
		s.settle(size)
	case size > leastRows:
		s.settle(max(size/2, leastRows))
	default:
		s.settle(s.size)
	}
}
