//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	usualDays   = 24
	shortestDay = 50 * time.Second
	// sampleEvery is how often the processes are looked at, where a day is not shorter.
	sampleEvery = 10 * time.Second
)

// calendar divides a run into days. The first of them kill workers and update
// the plugin; in the others one worker lives on, so that it can be seen
// whether it grows. Their number divides by three.
type calendar struct {
	day         time.Duration
	rough, calm int
}

func newCalendar(length time.Duration) calendar {
	c := calendar{day: max(length/usualDays, shortestDay)}
	days := max(int(length/c.day), 1)
	c.calm = days * 5 / 8 / 3 * 3
	c.rough = days - c.calm
	if length < shortestDay { // a try: one day that has all
		c.day = length
	}
	return c
}

func (c calendar) days() int { return c.rough + c.calm }

func (c calendar) sampleEvery() time.Duration { return min(sampleEvery, c.day/5) }

// event is something that happens at a moment of the day.
type event struct {
	at   float64 // part of the day
	name string
	do   func(*stage) error
}

// events are those of a day; day counts from 0.
func (c calendar) events(day int) []event {
	all := []event{
		{0.08, "connections cut", (*stage).cut},
		{0.15, "database killed", (*stage).killDatabase},
		{0.25, "database back", func(s *stage) error { return s.server.Restart() }},
		{0.33, "connections reset", (*stage).reset},
		{0.40, "rule made", func(s *stage) error { return s.makeGuest(day) }},
		{0.50, "rule edited", func(s *stage) error { return s.editGuest(day) }},
		{0.60, "rule deleted", func(s *stage) error { return s.deleteGuest(day) }},
		{0.65, "network silent", (*stage).silence},
		{0.70, "network back", func(s *stage) error { s.proxy.Pass(); return nil }},
		{0.82, "rows counted", (*stage).endDay},
	}
	if day >= c.rough {
		return all
	}
	all = append(all,
		event{0.20, "worker killed with a backlog", (*stage).killWorker},
		event{0.27, "worker killed while it drains", (*stage).killWorker},
		event{0.55, "worker killed", (*stage).killWorker},
		event{0.75, "plugin updated", (*stage).update},
	)
	slices.SortFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return all
}

// live goes through all days while rows flow and samples are taken.
func (s *stage) live(ctx context.Context, r *result) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(ctx, r)
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	for _, p := range s.pushers {
		s.pushing.Go(func() {
			if err := p.run(ctx); err != nil {
				cancel(fmt.Errorf("push rows: %w", err))
			}
		})
	}
	defer s.pushing.Wait()
	defer cancel(nil)
	for day := range r.calendar.days() {
		if day == r.calendar.rough {
			r.calmFrom = time.Since(r.start)
		}
		dawn := r.start.Add(time.Duration(day) * r.calendar.day)
		for _, e := range r.calendar.events(day) {
			if err := until(ctx, dawn.Add(time.Duration(e.at*float64(r.calendar.day)))); err != nil {
				return err
			}
			fmt.Printf("%7s day %2d: %s\n", time.Since(r.start).Round(time.Second), day+1, e.name)
			if err := e.do(s); err != nil {
				return fmt.Errorf("day %d: %s: %w", day+1, e.name, err)
			}
		}
		if err := until(ctx, dawn.Add(r.calendar.day)); err != nil {
			return err
		}
	}
	err := s.endDay()
	r.deeds = s.deeds
	return err
}

// until waits for a moment.
func until(ctx context.Context, when time.Time) error {
	timer := time.NewTimer(time.Until(when))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
