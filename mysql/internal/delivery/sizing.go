package delivery

import (
	"slices"
	"sync/atomic"
	"time"
)

// The bounds of a batch that is sized by what the server makes of it.
const (
	firstRows = 1000            // where it begins, in rows
	leastRows = 50              // and how far trouble can bring it down
	mostRows  = 8000            // larger ones gain nothing that was ever measured, and cost the server memory
	longWrite = 2 * time.Second // a statement that holds its locks for longer is too much at once
)

const (
	sampled    = 5   // full batches until a size is judged
	worthwhile = 1.1 // how much faster twice the rows must go to be kept
	restful    = 200 // full batches before a larger size is tried again
)

// sizing finds how many rows a batch should have, where more of them wait: it
// doubles the number as long as the rate grows with it, as it does where the
// server is far, and halves it on conflicts, on packets too large and on
// writes that take long. Its methods but rows belong to the writer.
type sizing struct {
	limit atomic.Int64

	rates []float64 // rows/s of full batches of this size
	half  float64   // the rate at half the size; 0 not known
	rest  int       // full batches before the size may grow
}

// rows is how many rows a batch may have now.
func (s *sizing) rows(most int) int {
	limit := int(s.limit.Load())
	if limit == 0 {
		limit = firstRows
	}
	return min(limit, most)
}

// wrote notes a batch that was stored, where a batch may have most rows.
func (s *sizing) wrote(rows int, took time.Duration, most int) {
	size := s.rows(most)
	if rows < size {
		return // a batch that nobody waited for tells nothing of larger ones
	}
	if took > longWrite {
		s.trouble(most)
		return
	}
	if s.rest > 0 {
		s.rest--
		return
	}
	s.rates = append(s.rates, float64(rows)/max(took, 1).Seconds())
	if len(s.rates) < sampled {
		return
	}
	slices.Sort(s.rates)
	rate := s.rates[sampled/2]
	s.rates = s.rates[:0]
	switch {
	case s.half > 0 && rate < s.half*worthwhile:
		s.limit.Store(int64(size / 2))
		s.half, s.rest = 0, restful
	case 2*size <= min(most, mostRows):
		s.limit.Store(int64(2 * size))
		s.half = rate
	default:
		s.half, s.rest = 0, restful
	}
}

// trouble notes a batch that was too much for the server, or for its other clients.
func (s *sizing) trouble(most int) {
	size := s.rows(most)
	if size > leastRows {
		s.limit.Store(int64(max(size/2, leastRows)))
	}
	s.rates, s.half, s.rest = s.rates[:0], 0, restful
}
