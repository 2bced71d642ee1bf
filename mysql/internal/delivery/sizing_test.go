package delivery

import (
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
		{"not as far", 10000, 2 * time.Millisecond, 4 * time.Microsecond, 2000},
		{"few rows allowed", 300, 20 * time.Millisecond, 4 * time.Microsecond, 300},
		{"more allowed", 3000, 20 * time.Millisecond, 4 * time.Microsecond, 2000},
		{"rows that take long", 10000, time.Millisecond, 3 * time.Millisecond, 500},
	} {
		s := &sizing{}
		s.fed(10*restful, c.most, c.apart, c.perRow)
		// A larger size may be on trial just now.
		if got := s.rows(c.most); got != c.want && got != 2*c.want {
			t.Errorf("%s: %d rows, want %d", c.name, got, c.want)
		}
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
