//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// comparison is of two roads by one measure.
type comparison struct {
	name          string
	ours, against road
	measure       func(ours, against sample) float64
	goal          float64
	rows          float64 // of a run, as a part of the usual number
}

// faster is our rate as a part of the other's.
func faster(ours, against sample) float64 { return ours.rate / against.rate }

// cheaper is the other's CPU time per row as a part of ours.
func cheaper(ours, against sample) float64 { return against.cpu / ours.cpu }

func (c comparison) title() string { return c.name }

func (c comparison) run(o options) ([]result, error) {
	return manifold{c.ours, c.against, c.rows, []line{{c.name, c.measure, c.goal}}}.run(o)
}

// manifold is of two roads by several measures, from the same runs.
type manifold struct {
	ours, against road
	rows          float64 // of a run, as a part of the usual number
	lines         []line
}

// line is one ratio of such a comparison.
type line struct {
	name    string
	measure func(ours, against sample) float64
	goal    float64
}

func (m manifold) title() string {
	var names []string
	for _, l := range m.lines {
		names = append(names, l.name)
	}
	return strings.Join(names, " ")
}

func (m manifold) run(o options) ([]result, error) {
	open := func(p pairs) bool { return slices.ContainsFunc(m.results(p), result.open) }
	p, err := alternate(m.title(), m.ours, m.against, int(float64(o.rows)*m.rows), o, open)
	if err != nil {
		return nil, err
	}
	return m.results(p), nil
}

func (m manifold) results(p pairs) (results []result) {
	for _, l := range m.lines {
		results = append(results, p.result(l.name, l.goal, l.measure))
	}
	return results
}

// pairs are the samples of two roads taken by turns.
type pairs struct{ ours, against []sample }

// alternate runs two roads by turns, more often than usual as long as it is open
// what they show. Whoever goes first finds another machine than the second, so
// that changes as well.
func alternate(name string, ours, against road, rows int, o options, open func(pairs) bool) (pairs, error) {
	var p pairs
	start := time.Now()
	for i := 0; i < o.pairs || i < o.mostPairs && (i > o.pairs && i%2 == 1 || open(p)); i++ {
		roads := [2]road{ours, against}
		if i%2 == 1 {
			roads[0], roads[1] = roads[1], roads[0]
		}
		var samples [2]sample
		for k, r := range roads {
			var err error
			if samples[k], err = r(rows); err != nil {
				return p, err
			}
		}
		if i%2 == 1 {
			samples[0], samples[1] = samples[1], samples[0]
		}
		p.ours, p.against = append(p.ours, samples[0]), append(p.against, samples[1])
		fmt.Fprintf(os.Stderr, "%s: pair %d, %.0f and %.0f rows/s, %.2f and %.2f us/row, %v\n",
			name, i+1, samples[0].rate, samples[1].rate, samples[0].cpu, samples[1].cpu, time.Since(start).Round(time.Second))
	}
	return p, nil
}

// result is what a measure makes of the pairs.
func (p pairs) result(name string, goal float64, measure func(ours, against sample) float64) result {
	var ratios []float64
	for i := range p.ours {
		ratios = append(ratios, measure(p.ours[i], p.against[i]))
	}
	r := resultOf(name, goal, ratios)
	r.ours, r.against = describe(p.ours), describe(p.against)
	return r
}

// describe is the medians of a road's samples.
func describe(samples []sample) string {
	return fmt.Sprintf("%.0f rows/s, %.2f us/row", medianOf(samples, rateOf), medianOf(samples, cpuOf))
}

func rateOf(s sample) float64 { return s.rate }

func cpuOf(s sample) float64 { return s.cpu }

func medianOf(samples []sample, figure func(sample) float64) float64 {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, figure(s))
	}
	return median(values)
}

// bound compares a figure of one road with the most that it may be: the ratio
// is the limit divided by what was measured.
type bound struct {
	name   string
	ours   road
	figure func(sample) float64
	limit  float64
	unit   string
	rows   float64 // of a run, as a part of the usual number
}

func (b bound) title() string { return b.name }

func (b bound) run(o options) ([]result, error) {
	var ratios, figures []float64
	for range o.pairs {
		s, err := b.ours(int(float64(o.rows) * b.rows))
		if err != nil {
			return nil, err
		}
		figures = append(figures, b.figure(s))
		ratios = append(ratios, b.limit/b.figure(s))
	}
	r := resultOf(b.name, 1, ratios)
	r.ours = fmt.Sprintf("%.2f %s", median(figures), b.unit)
	r.against = fmt.Sprintf("%g at most", b.limit)
	return []result{r}, nil
}

// trials is how often each of several ways to set a road up is run until one is
// chosen.
const trials = 3

// fastest is the best of several ways to set a road up, by the median of some
// runs in turns before the first that counts. The better one of each single run
// would be better than either is: one of them is always the luckier.
func fastest(roads ...road) road {
	var best road
	return func(rows int) (sample, error) {
		if best == nil {
			rates := make([][]float64, len(roads))
			for range trials {
				for i, r := range roads {
					s, err := r(rows)
					if err != nil {
						return sample{}, err
					}
					rates[i] = append(rates[i], s.rate)
				}
			}
			most := 0
			for i := range roads {
				if median(rates[i]) > median(rates[most]) {
					most = i
				}
			}
			best = roads[most]
			fmt.Fprintf(os.Stderr, "the fastest of %d ways to set it up is number %d: %.0f rows/s\n", len(roads), most+1, median(rates[most]))
		}
		return best(rows)
	}
}

// fewer is a road that is too slow for as many rows as the other.
func fewer(r road, part float64) road {
	return func(rows int) (sample, error) { return r(int(float64(rows) * part)) }
}
