package link

import (
	"context"
	"database/sql/driver"
	"time"
)

// fitness tells how well a server serves.
type fitness uint8

const (
	unfit fitness = iota // it takes no rows
	poor                 // it does, or may, but another is better
	fit
)

// finding is a connection that was made.
type finding struct {
	conn    driver.Conn
	place   place
	fitness fitness
}

// arrival is what became of one attempt.
type arrival struct {
	i   int
	got finding
	err error
}

// race makes attempts 0 to n-1, each when the one before has failed or has
// not answered for a while, and returns the best connection: the first that
// is fit, where an earlier one is waited for a little longer. Others are
// closed, and nothing goes on when it returns. Without a connection, each
// attempt has an error.
func race(ctx context.Context, n int, attempt func(context.Context, int) (finding, error)) (best finding, errs []error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &runners{errs: make([]error, n), running: map[int]bool{}, arrived: make(chan arrival, n), best: n}
	next := time.NewTimer(stagger)
	defer next.Stop()
	start := func() {
		i := r.started
		r.started++
		r.running[i] = true
		next.Reset(stagger)
		go func() {
			got, err := attempt(ctx, i)
			r.arrived <- arrival{i, got, err}
		}()
	}
	start()
	for !r.decided() {
		if len(r.running) == 0 {
			start()
			continue
		}
		select {
		case a := <-r.arrived:
			r.note(a)
			if a.got.fitness == fit {
				next.Reset(stagger) // for those before it
			} else if r.started < n && r.found.fitness != fit {
				start()
			}
		case <-next.C:
			if r.found.fitness == fit {
				r.late = true
			} else if r.started < n {
				start()
			}
		}
	}
	cancel()
	for len(r.running) > 0 {
		r.note(<-r.arrived)
	}
	return r.found, r.errs
}

// runners are the attempts of a race.
type runners struct {
	started int
	running map[int]bool
	arrived chan arrival
	errs    []error
	found   finding // the best so far
	best    int     // whose that is; n where there is none
	late    bool    // no earlier one is waited for any more
}

// note takes an arrival, and keeps it if it is the best.
func (r *runners) note(a arrival) {
	delete(r.running, a.i)
	r.errs[a.i] = a.err
	if a.got.conn == nil {
		return
	}
	if a.got.fitness > r.found.fitness || a.got.fitness == r.found.fitness && a.i < r.best && !r.late {
		r.found, a.got, r.best = a.got, r.found, a.i
	}
	if a.got.conn != nil {
		_ = a.got.conn.Close()
	}
}

// decided tells whether no better one can come, or is waited for.
func (r *runners) decided() bool {
	if r.found.fitness != fit {
		return r.started == len(r.errs) && len(r.running) == 0
	}
	for i := range r.best {
		if r.running[i] && !r.late {
			return false
		}
	}
	return true
}
