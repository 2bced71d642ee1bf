package delivery

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// server takes so long for a batch, apart from the rows' own time.
func (s *sizing) fed(batches, most int, apart, perRow time.Duration) {
	for range batches {
		n := s.rows(most)
		s.wrote(n, apart+time.Duration(n)*perRow, most)
	}
}

func TestSizing(t *testing.T) {
	for _, c := range []struct {
		name          string
		most          int
		apart, perRow time.Duration
		want          int
	}{
		{"a server nearby", 10000, 100 * time.Microsecond, 4 * time.Microsecond, 1000},
		{"a server far away", 10000, 20 * time.Millisecond, 4 * time.Microsecond, 8000},
		{"not as far", 10000, 2 * time.Millisecond, 4 * time.Microsecond, 4000},
		{"few rows allowed", 300, 20 * time.Millisecond, 4 * time.Microsecond, 300},
		{"more allowed", 3000, 20 * time.Millisecond, 4 * time.Microsecond, 2000},
		{"rows that take long", 10000, time.Millisecond, 3 * time.Millisecond, 500},
	} {
		s := &sizing{}
		s.fed(10*restful, c.most, c.apart, c.perRow)
		if got := orFirst(s.size, c.most); got != c.want {
			t.Errorf("%s: %d rows, want %d", c.name, got, c.want)
		}
		if got := s.rows(c.most); s.trial == nil && got != c.want {
			t.Errorf("%s: %d rows in a batch, want %d", c.name, got, c.want)
		}
	}
}

// TestSizingIsNotLedByNoise: on a machine where a batch takes from half to twice
// its time, for as long as it pleases, a server nearby gets batches that are no
// larger than they should be nearly all of the time, and one that is far away
// has large ones.
func TestSizingIsNotLedByNoise(t *testing.T) {
	for _, c := range []struct {
		name     string
		apart    time.Duration
		from, to float64 // rows of a batch, in the mean
	}{
		{"nearby", 100 * time.Microsecond, 1000, 1400},
		{"far away", 20 * time.Millisecond, 6000, 8000},
	} {
		rng := rand.New(rand.NewPCG(7, 7))
		s := &sizing{}
		sum, slow := 0, 1.0
		const batches = 100 * restful
		for range batches {
			if rng.IntN(50) == 0 {
				slow = math.Exp2(2*rng.Float64() - 1)
			}
			n := s.rows(10000)
			took := float64(c.apart) + float64(n)*4000*slow*math.Exp(0.2*rng.NormFloat64())
			s.wrote(n, time.Duration(took), 10000)
			sum += n
		}
		if mean := float64(sum) / batches; mean < c.from || mean > c.to {
			t.Errorf("%s: %.0f rows a batch, want %.0f to %.0f", c.name, mean, c.from, c.to)
		}
	}
}

// TestSizingComesDown: a size that was worth it is given up once it is not.
func TestSizingComesDown(t *testing.T) {
	s := &sizing{}
	s.fed(10*restful, 10000, 20*time.Millisecond, 4*time.Microsecond)
	s.fed(10*restful, 10000, 100*time.Microsecond, 4*time.Microsecond)
	if got := orFirst(s.size, 10000); got != firstRows {
		t.Errorf("%d rows", got)
	}
}

func TestSizingIgnoresBatchesThatAreNotFull(t *testing.T) {
	s := &sizing{}
	for range 100 {
		s.wrote(999, time.Second, 10000)
	}
	if got := s.rows(10000); got != firstRows {
		t.Errorf("%d rows", got)
	}
}

func TestSizingShrinksOnTroubleAndGrowsAgain(t *testing.T) {
	s := &sizing{}
	s.trouble(10000)
	if got := s.rows(10000); got != 500 {
		t.Errorf("%d rows after trouble, want 500", got)
	}
	for range 20 {
		s.trouble(10000)
	}
	if got := s.rows(10000); got != leastRows {
		t.Errorf("%d rows after lasting trouble, want %d", got, leastRows)
	}
	s.fed(restful, 10000, 20*time.Millisecond, time.Microsecond)
	if got := s.rows(10000); got != leastRows {
		t.Errorf("%d rows before the rest is over", got)
	}
	s.fed(100, 10000, 20*time.Millisecond, time.Microsecond)
	if got := s.rows(10000); got < 1000 {
		t.Errorf("%d rows when all is well again", got)
	}
	few := &sizing{}
	few.trouble(7)
	if got := few.rows(7); got != 7 {
		t.Errorf("%d rows where 7 are allowed", got)
	}
}
