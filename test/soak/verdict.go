//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// point is a figure at a moment.
type point struct {
	at    time.Duration
	value float64
}

// bound is what a figure may grow by before that is growth: a part of what it
// was, and so much, whichever is more.
type bound struct {
	part, least float64
	foreign     bool // not ours to judge
}

// trend compares the thirds of a curve.
type trend struct {
	name          string
	unit          string  // "MiB" or empty for a number
	first, last   float64 // medians of the first and the last third
	rise          float64 // by the slope of all points over the whole time
	allowed       float64
	points        int
	foreign       bool
	judged, grows bool
}

// fewest is how many points a curve needs to be judged.
const fewest = 30

// judge tells whether a curve rises: the median of the last third is above
// that of the first by more than the bound, and the slope says the same. One
// of the two alone is a wave: a day has a backlog, and memory follows it.
func judge(name, unit string, points []point, b bound) trend {
	t := trend{name: name, unit: unit, points: len(points), foreign: b.foreign}
	if len(points) == 0 {
		return t
	}
	third := max(len(points)/3, 1)
	t.first, t.last = median(points[:third]), median(points[len(points)-third:])
	t.rise = slope(points) * float64(points[len(points)-1].at-points[0].at)
	t.allowed = max(t.first*b.part, b.least)
	t.judged = len(points) >= fewest && !b.foreign
	t.grows = t.judged && t.last-t.first > t.allowed && t.rise > t.allowed
	return t
}

func median(points []point) float64 {
	values := make([]float64, len(points))
	for i, p := range points {
		values[i] = p.value
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// slope is that of the line with the least squares, per nanosecond.
func slope(points []point) float64 {
	var at, value float64
	for _, p := range points {
		at += float64(p.at)
		value += p.value
	}
	n := float64(len(points))
	at, value = at/n, value/n
	var both, square float64
	for _, p := range points {
		d := float64(p.at) - at
		both += d * (p.value - value)
		square += d * d
	}
	if square == 0 {
		return 0
	}
	return both / square
}

func (t trend) show(v float64) string {
	if t.unit == "MiB" {
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	}
	return fmt.Sprintf("%.0f", v)
}

func (t trend) verdict() string {
	switch {
	case !t.judged:
		return "not judged"
	case t.grows:
		return "growing"
	}
	return "flat"
}

// result is all that a run has shown.
type result struct {
	calendar calendar
	start    time.Time
	calmFrom time.Duration // since the start: from here on one worker lives
	samples  []sample
	deeds    deeds
	trends   []trend
	workers  int // how many there were since calmFrom, in which there should be one
}

// judge makes the trends: of the worker from when one lives on, of the others
// after the first day, in which everything is new.
func (r *result) judge() {
	inMemory, handful := bound{part: 0.10, least: 4 << 20}, bound{part: 0.10, least: 4}
	threads := bound{part: 0.10, least: 8} // Go keeps those that a busy moment has needed
	for _, f := range []struct {
		name, unit string
		from       time.Duration
		of         func(sample) float64
		bound      bound
	}{
		{"worker memory", "MiB", r.calmFrom, func(s sample) float64 { return s.worker.memory }, inMemory},
		{"worker files", "", r.calmFrom, func(s sample) float64 { return s.worker.files }, handful},
		{"worker threads", "", r.calmFrom, func(s sample) float64 { return s.worker.threads }, threads},
		{"worker goroutines", "", r.calmFrom, func(s sample) float64 { return s.goroutines }, handful},
		{"supervisor memory", "MiB", r.calmFrom, func(s sample) float64 { return s.supervisor.memory }, inMemory},
		{"supervisor files", "", r.calmFrom, func(s sample) float64 { return s.supervisor.files }, handful},
		{"supervisor threads", "", r.calmFrom, func(s sample) float64 { return s.supervisor.threads }, threads},
		{"data folder", "MiB", r.calendar.day, func(s sample) float64 { return s.disk }, bound{part: 0.10, least: 32 << 20}},
		{"eKuiper's memory", "MiB", r.calendar.day, func(s sample) float64 { return s.host.memory }, bound{foreign: true}},
	} {
		var points []point
		for _, s := range r.samples {
			if v := f.of(s); s.at >= f.from && v >= 0 {
				points = append(points, point{s.at, v})
			}
		}
		r.trends = append(r.trends, judge(f.name, f.unit, points, f.bound))
	}
	pids := map[int]bool{}
	for _, s := range r.samples {
		if s.at >= r.calmFrom && s.worker.pid != 0 {
			pids[s.worker.pid] = true
		}
	}
	r.workers = len(pids)
}

func (r *result) growing() bool {
	return slices.ContainsFunc(r.trends, func(t trend) bool { return t.grows })
}

const tooShort = "too short to judge"

// restarted tells whether a worker ended that nobody has killed: what it had
// taken until then is not to be seen in the next.
func (r *result) restarted() bool { return r.calendar.calm > 0 && r.workers > 1 }

// word is the verdict on the whole run. It is flat where every figure was seen
// for long enough, in one worker.
func (r *result) word() string {
	switch {
	case r.restarted():
		return fmt.Sprintf("%d workers where one should live on", r.workers)
	case r.growing():
		return "growing"
	}
	for _, t := range r.trends {
		if t.points == 0 && r.calendar.calm > 0 {
			return t.name + " was never seen"
		}
		if !t.judged && !t.foreign {
			return tooShort
		}
	}
	return "flat"
}

// wrong is an error where the verdict is one that nobody may overlook. A run
// that is too short is no error.
func (r *result) wrong() error {
	if word := r.word(); word != "flat" && word != tooShort {
		return fmt.Errorf("not flat: %s", r.line())
	}
	return nil
}

// line is the whole run in one line.
func (r *result) line() string {
	d := r.deeds
	var trends []string
	for _, t := range r.trends {
		if t.name == "worker memory" {
			trends = append(trends, fmt.Sprintf("%s %s in the first third, %s in the last, slope %s", t.name, t.show(t.first), t.show(t.last), t.show(t.rise)))
		}
		if t.grows {
			trends = append(trends, t.name+" growing")
		}
	}
	return fmt.Sprintf("soak: %d rows, none lost, %d refused, %d worker kills, %d updates, %d database kills, %d cuts, %s: %s",
		d.rows, d.refused, d.workers, d.updates, d.databases, d.cuts, strings.Join(trends, ", "), r.word())
}
