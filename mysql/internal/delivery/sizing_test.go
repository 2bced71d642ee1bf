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
		if got := s.orFirst(s.size, c.most); got != c.want {
			t.Errorf("%s: %d rows, want %d", c.name, got, c.want)
		}
		if got := s.rows(c.most); s.trial == nil && got != c.want {
			t.Errorf("%s: %d rows in a batch, want %d", c.name, got, c.want)
		}
	}
}

// TestSizingSuitsWideRows: their statements begin with fewer rows, and grow where
// that is worth it.
func TestSizingSuitsWideRows(t *testing.T) {
	for columns, want := range map[int]int{1: 1000, 5: 1000, 8: 1000, 10: 768, 100: 80, 500: 16, 4096: 2} {
		s := &sizing{}
		s.suit(columns)
		if got := s.rows(10000); got != want {
			t.Errorf("%d columns: %d rows, want %d", columns, got, want)
		}
		s.fed(5*restful, 10000, 100*time.Microsecond, time.Duration(columns)*time.Microsecond)
		if got := s.orFirst(s.size, 10000); got != want {
			t.Errorf("%d columns: %d rows nearby, want %d", columns, got, want)
		}
	}
	s := &sizing{}
	s.suit(100)
	s.fed(10*restful, 324, 20*time.Millisecond, 100*time.Microsecond)
	if got := s.orFirst(s.size, 10000); got < 300 {
		t.Errorf("%d rows of 100 columns to a server far away", got)
	}
	for range wideFor { // narrow batches between the wide ones
		s.suit(5)
		s.fed(1, 324, 20*time.Millisecond, 100*time.Microsecond)
		if got := s.rows(10000); got < 160 {
			t.Fatalf("%d rows", got)
		}
	}
	for range 2 { // all of them narrow, and wide again: nothing is known of these
		s.suit(5)
	}
	s.fed(5*restful, 10000, 100*time.Microsecond, 5*time.Microsecond)
	if got := s.orFirst(s.size, 10000); got != 1000 {
		t.Errorf("%d rows of 5 columns where there were 100 before", got)
	}
	s.suit(500)
	s.wrote(130, time.Millisecond, 10000)
	if got := s.rows(10000); got != 16 {
		t.Errorf("%d rows of 500 columns where there were 5 before", got)
	}
}

// TestTroubleEndsSharing until batches are as large again as they began.
func TestTroubleEndsSharing(t *testing.T) {
	s := &sizing{}
	if !s.atEase(10000) || !s.atEase(30) {
		t.Error("no sharing at first")
	}
	s.trouble(1000, 10000)
	if s.atEase(10000) {
		t.Error("sharing after trouble")
	}
	s.fed(10*restful, 10000, 20*time.Millisecond, time.Microsecond)
	if !s.atEase(10000) {
		t.Error("no sharing though larger batches are well again")
	}
}

// TestLocksAreHeldForAllLots: what takes a server long is the transaction.
func TestLocksAreHeldForAllLots(t *testing.T) {
	w := &writer{Delivery: &Delivery{}, through: &setup{options: Options{MaxBatchRows: 10000}}}
	b := &batch{}
	b.reset(testTable())
	b.lot = 1000
	w.sized(b, 4000, longWrite-1)
	if !w.sizing.atEase(10000) {
		t.Error("trouble without a cause")
	}
	w.sized(b, 4000, longWrite+1)
	if w.sizing.atEase(10000) {
		t.Error("a transaction that holds its locks for too long is no trouble")
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
	if got := s.orFirst(s.size, 10000); got != firstRows {
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
	s.trouble(s.rows(10000), 10000)
	if got := s.rows(10000); got != 500 {
		t.Errorf("%d rows after trouble, want 500", got)
	}
	for range 20 {
		s.trouble(s.rows(10000), 10000)
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
	few.trouble(7, 7)
	if got := few.rows(7); got != 7 {
		t.Errorf("%d rows where 7 are allowed", got)
	}
}

// TestSizingIsBounded: where batches stay at one of a trial's sizes, fewer rows
// are allowed, or bytes and columns allow no batch to be as large as was tried,
// a trial takes no more memory, and ends in a size that batches can have.
func TestSizingIsBounded(t *testing.T) {
	far, near := 20*time.Millisecond, 100*time.Microsecond
	took := func(n int, apart time.Duration) time.Duration { return apart + time.Duration(n)*4*time.Microsecond }
	capped := func(s *sizing, batches, rows int, apart time.Duration) {
		for range batches {
			n := min(s.rows(8000), rows)
			s.wrote(n, took(n, apart), 8000)
		}
	}
	bounded := func(name string, s *sizing) {
		t.Helper()
		if s.trial != nil && len(s.trial.rates[0])+len(s.trial.rates[1]) > 2*enough {
			t.Errorf("%s: %d and %d rates", name, len(s.trial.rates[0]), len(s.trial.rates[1]))
		}
	}
	s := &sizing{}
	for range 10000 {
		s.wrote(1000, took(1000, near), 8000)
	}
	bounded("messages of 1000 rows", s)

	s = &sizing{}
	s.fed(agreed*2+3, 8000, far, 4*time.Microsecond)
	if s.trial == nil || s.trial.small != 2000 {
		t.Fatalf("no trial of 2000: %+v", s)
	}
	for range 10000 {
		s.wrote(1000, took(1000, far), 1000)
	}
	bounded("fewer allowed", s)
	if s.trial != nil {
		t.Errorf("a trial of more rows than are allowed: %+v", s.trial)
	}

	s = &sizing{}
	capped(s, 10*restful, 5957, far)
	if s.size < 5900 || s.size > 5957 {
		t.Errorf("%d rows where 5957 fit and the server is far", s.size)
	}
	capped(s, 10*restful, 5957, near)
	if s.size > 2*firstRows {
		t.Errorf("%d rows once the server is near", s.size)
	}
}

// TestSizingTroubleIsOfTheBatchThatHadIt: a trial's large batch that was too much
// ends the trial, whichever size is next.
func TestSizingTroubleIsOfTheBatchThatHadIt(t *testing.T) {
	for _, written := range []int{1, 2} {
		s := &sizing{}
		s.fed(written, 8000, 0, time.Microsecond)
		s.trouble(2000, 8000)
		if got := s.orFirst(s.size, 8000); got != 1000 || s.trial != nil || s.rows(8000) != 1000 {
			t.Errorf("%d rows after trouble with 2000", got)
		}
	}
}
