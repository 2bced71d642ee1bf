package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Do carries out a command of the host; commands come one at a time. An
// error is a *RefusedError if it is the worker's own.
func (s *Supervisor) Do(ctx context.Context, c Command) error {
	s.drop(c.Key)
	if c.Start {
		return s.start(ctx, c)
	}
	return s.stop(ctx, c)
}

// start starts c in the worker and keeps it alive from then on.
func (s *Supervisor) start(ctx context.Context, c Command) error {
	e := &start{Command: c}
	err := s.try(ctx, e)
	if err != nil && c.Again && ctx.Err() == nil {
		e.refused, e.due = 1, time.Now().Add(s.limits.Retry)
		s.add(e, nil)
		c.Log.Warn("it ran before: it is tried again", "next_try_in", s.limits.Retry)
	}
	return err
}

// try starts e in the worker.
func (s *Supervisor) try(ctx context.Context, e *start) error {
	c, kind := e.Command, Order
	if c.Again {
		kind = Again
	}
	timer := time.NewTimer(s.limits.Wait)
	defer timer.Stop()
	for tries := 1; ; tries++ {
		w, err := s.claim(ctx, timer.C)
		switch {
		case err != nil:
			return err
		case w == nil:
			c.Log.Warn("taken, and started when the worker is back", "waited", s.limits.Wait)
			e.blamed = tries - 1
			s.add(e, nil)
			return nil
		}
		err = s.call(ctx, w, kind, c, s.limits.Start)
		if err == nil {
			s.add(e, w)
		}
		<-s.turn
		if !errors.Is(err, errDied) {
			return err
		}
		s.mu.Lock()
		w.blame = true
		s.mu.Unlock()
		if tries > 1 {
			return fmt.Errorf("at this start, tried twice, %w", err)
		}
		c.Log.Warn("the worker ended at this start, which is tried once more", "worker", w.Pid(), "fate", w.Fate())
	}
}

// claim waits for a worker and for the turn with it, which the caller gives
// back. It returns nil without either when late comes first.
func (s *Supervisor) claim(ctx context.Context, late <-chan time.Time) (*worker, error) {
	for {
		s.mu.Lock()
		w, changed := s.worker, s.changed
		s.mu.Unlock()
		turn := s.turn
		if w == nil || w.dead() {
			turn = nil
		}
		select {
		case turn <- struct{}{}:
			if !w.dead() {
				return w, nil
			}
			<-s.turn
		case <-changed:
		case <-late:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (w *worker) dead() bool {
	select {
	case <-w.Dead():
		return true
	default:
		return false
	}
}

// stop stops what has c's key, in the worker if there is one.
func (s *Supervisor) stop(ctx context.Context, c Command) error {
	s.mu.Lock()
	w := s.worker
	s.mu.Unlock()
	if w == nil {
		c.Log.Info("stopped while there is no worker")
		return nil
	}
	began := time.Now()
	timer := time.NewTimer(s.limits.Stop)
	defer timer.Stop()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-w.Dead():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		c.Log.Error("the worker is busy for too long and is killed", "worker", w.Pid(), "limit", s.limits.Stop)
		s.kill(w)
		return nil
	}
	err := s.call(ctx, w, Order, c, max(s.limits.Stop-time.Since(began), 0))
	if errors.Is(err, errDied) || errors.Is(err, errHung) {
		c.Log.Warn("stopped by the worker's end", "worker", w.Pid(), "reason", err)
		return nil
	}
	return err
}

// add makes e live, in place of an earlier one with its key. It runs in w, or
// nowhere yet.
func (s *Supervisor) add(e *start, w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.on = w; w != nil {
		e.since = time.Now()
		w.latest = e
	}
	s.live = append(s.live, e)
	s.signal()
}

// drop forgets what has the key.
func (s *Supervisor) drop(key any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(e *start) bool { return e.Key == key })
}
