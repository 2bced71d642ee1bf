package delivery

import (
	"math"
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

// Those of a statement of long rows, in bytes. The driver keeps a buffer of up to
// 256 KiB. What is larger it gets anew for each statement, in steps that add up
// to five times what is sent; so it begins with what fits there also with the
// quarter that batch.isLong lets it have more, with what arguments add, and where
// the buffer has grown by a quarter more than it had to.
const (
	firstBytes = 128 << 10
	leastBytes = 16 << 10
)

// unit is what a sizing counts in.
type unit uint8

const (
	inRows unit = iota
	inBytes
)

var bounds = [...]struct{ first, least, most int }{
	inRows:  {firstRows, leastRows, mostRows},
	inBytes: {firstBytes, leastBytes, math.MaxInt32},
}

const (
	worthwhile = 1.1 // how much faster twice the rows must go to be worth it
	worthLong  = 1.3 // and twice the bytes that the driver keeps a buffer for: they cost the box a quarter more
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
// packets too large and on writes that take long. Another one does all this with
// the bytes of a statement, where rows are so long that these bound it. Its methods but
// allowed, suit and atEase belong to the writer.
type sizing struct {
	unit  unit         // of all sizes
	start atomic.Int64 // of the first batch; 0 for the unit's
	limit atomic.Int64 // of the next batch; 0 stands for that of the first

	began int    // the first batch's size that all below was found out with
	size  int    // of a batch where nothing is tried; 0 for that of the first
	trial *trial // nil where nothing is
	rest  int    // full batches until the next

	widest   int // columns of late
	narrower int // batches since
}

// trial compares batches of a size with such of twice that.
type trial struct {
	small int
	rates [2][]float64 // units/s of the small ones and of the large ones
	least int          // size of a large one: columns may bound it
}

// allowed is how much a batch may have now, where the rule allows most.
func (s *sizing) allowed(most int) int { return s.orFirst(int(s.limit.Load()), most) }

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
func (s *sizing) atEase(most int) bool { return s.allowed(most) >= min(s.first(), most)*3/4 }

func (s *sizing) first() int {
	if n := s.start.Load(); n > 0 {
		return int(n)
	}
	return bounds[s.unit].first
}

func (s *sizing) orFirst(size, most int) int {
	if size == 0 {
		size = s.first()
	}
	return min(size, most)
}

// wrote notes a batch of a size that was stored, where the rule allows most.
func (s *sizing) wrote(n int, took time.Duration, most int) {
	s.follow()
	size := s.orFirst(s.size, most)
	if s.trial != nil && 2*s.trial.small > most { // fewer are allowed now
		s.settle(size)
	}
	switch {
	case n < size && (s.trial == nil || n < s.trial.small):
		return // a batch that nobody waited for tells nothing of larger ones
	case took > longWrite:
		s.trouble(n, most)
		return
	case s.rest > 0:
		s.rest--
		return
	case s.trial == nil:
		if s.trial = s.next(size, most, size > s.first()); s.trial == nil {
			s.rest = restful
			return
		}
	}
	t := s.trial
	t.note(n, float64(n)/max(took, 1).Seconds())
	won, decided := t.verdict(s.worth(t))
	if !decided {
		s.limit.Store(int64(t.turn()))
		return
	}
	if !won {
		s.settle(t.small)
		return
	}
	s.settle(t.least)
	if s.trial = s.next(t.least, most, false); s.trial != nil {
		s.rest = 0
	}
}

// worth is how much faster the large batches of t must go.
func (s *sizing) worth(t *trial) float64 {
	if s.unit == inBytes && 2*t.small > s.first() {
		return worthLong
	}
	return worthwhile
}

// next is the trial to make of batches of a size: whether half of it would do, or
// whether twice as much is worth it; nil if they cannot have as much.
func (s *sizing) next(size, most int, half bool) *trial {
	switch {
	case half:
		return &trial{small: size / 2}
	case size <= min(most, bounds[s.unit].most)/2:
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
func (t *trial) note(n int, rate float64) {
	mine, other := 0, 1
	if n > t.small {
		mine, other = 1, 0
	}
	if len(t.rates[mine]) > len(t.rates[other]) {
		return
	}
	t.rates[mine] = append(t.rates[mine], rate)
	if mine == 1 && (t.least == 0 || n < t.least) {
		t.least = n
	}
}

// turn is how much the next batch should have.
func (t *trial) turn() int {
	if len(t.rates[1]) < len(t.rates[0]) {
		return 2 * t.small
	}
	return t.small
}

// verdict tells whether large batches are so many times faster, once that is decided.
func (t *trial) verdict(worth float64) (large, decided bool) {
	pairs := min(len(t.rates[0]), len(t.rates[1]))
	if pairs < agreed {
		return false, false
	}
	faster := 0
	for i := range pairs {
		if t.rates[1][i] >= worth*t.rates[0][i] {
			faster++
		}
	}
	return 2*faster > pairs, faster == 0 || faster == pairs || pairs >= enough
}

// trouble notes a batch of a size that was too much for the server, or for its
// other clients.
func (s *sizing) trouble(n, most int) {
	s.follow()
	size, least := s.orFirst(s.size, most), bounds[s.unit].least
	switch {
	case n > size: // a trial
		s.settle(size)
	case size > least:
		s.settle(max(size/2, least))
	default:
		s.settle(s.size)
	}
}
