package link

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn counts how many are open.
type fakeConn struct {
	driver.Conn
	open *atomic.Int32
}

func (c fakeConn) Close() error {
	c.open.Add(-1)
	return nil
}

// lane is what one attempt does.
type lane struct {
	after time.Duration // 0: at once; negative: never answers
	fit   fitness       // 0: an error
}

func TestRaces(t *testing.T) {
	const ms = time.Millisecond
	cases := []struct {
		name  string
		lanes []lane
		want  int // -1: none
		took  time.Duration
		tried int
	}{
		{"the first is fit", []lane{{10 * ms, fit}, {0, fit}}, 0, 10 * ms, 1},
		{"the first is refused", []lane{{5 * ms, unfit}, {5 * ms, fit}, {0, fit}}, 1, 10 * ms, 2},
		{"the first is dead", []lane{{-1, fit}, {10 * ms, fit}, {0, fit}}, 1, 2*stagger + 10*ms, 2},
		{"the first is slow, yet preferred", []lane{{stagger + 50*ms, fit}, {10 * ms, fit}}, 0, stagger + 50*ms, 2},
		{"a slow one is no good", []lane{{stagger + 50*ms, unfit}, {10 * ms, fit}}, 1, stagger + 50*ms, 2},
		{"none is fit", []lane{{5 * ms, unfit}, {5 * ms, unfit}}, -1, 10 * ms, 2},
		{"a poor one where no other is", []lane{{5 * ms, poor}, {5 * ms, unfit}, {5 * ms, poor}}, 0, 15 * ms, 3},
		{"a fit one after a poor one", []lane{{5 * ms, poor}, {5 * ms, fit}}, 1, 10 * ms, 2},
		{"two are dead", []lane{{-1, fit}, {-1, fit}, {10 * ms, fit}}, 2, 3*stagger + 10*ms, 3},
		{"alone", []lane{{time.Second, fit}}, 0, time.Second, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open, tried atomic.Int32
				start := time.Now()
				got, errs := race(t.Context(), len(c.lanes), func(ctx context.Context, i int) (finding, error) {
					tried.Add(1)
					l := c.lanes[i]
					if l.after < 0 {
						<-ctx.Done()
						return finding{}, ctx.Err()
					}
					select {
					case <-time.After(l.after): // synctest's clock
					case <-ctx.Done():
						return finding{}, ctx.Err()
					}
					if l.fit == unfit {
						return finding{}, fmt.Errorf("error %d", i)
					}
					open.Add(1)
					return finding{fakeConn{open: &open}, place{host: fmt.Sprint(i)}, l.fit}, nil
				})
				if took := time.Since(start); took != c.took || int(tried.Load()) != c.tried {
					t.Errorf("%v and %d attempts, want %v and %d", took, tried.Load(), c.took, c.tried)
				}
				if c.want < 0 {
					if got.conn != nil || slices.Contains(errs, nil) || open.Load() != 0 {
						t.Errorf("%v, %v, %d open", got, errs, open.Load())
					}
				} else if got.place.host != fmt.Sprint(c.want) || open.Load() != 1 {
					t.Errorf("%s, want %d; %d open", got.place.host, c.want, open.Load())
				}
			})
		})
	}
}

// TestRaceEndsWithItsContext: nothing goes on, and every attempt that was made has an error.
func TestRaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, errs := race(ctx, 2, func(ctx context.Context, _ int) (finding, error) {
			<-ctx.Done()
			return finding{}, ctx.Err()
		})
		if got.conn != nil || !errors.Is(errs[0], context.DeadlineExceeded) || !errors.Is(errs[1], context.DeadlineExceeded) {
			t.Errorf("%v, %v", got, errs)
		}
	})
}
