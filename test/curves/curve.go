//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"ekuiper-mysql/test/proc"
)

// curve is how the cost of something changes along one axis.
type curve struct {
	name   string // of its ratio
	title  string
	axis   string // what the points differ in
	unit   string // what the cost is of, which is to be the same everywhere
	points []point
}

// point is one place on the axis.
type point struct {
	at    string
	units float64 // per row
	work  func() work
}

// work is what the rules of one run get.
type work struct {
	columns  string // of each rule's table, which has the column id
	rules    int
	rows     int                     // of each rule, numbered from 0 in its table
	times    int                     // so often, each time with a new plugin
	first    []byte                  // a message of the row -1, which each rule gets before
	messages func(rule int) [][]byte // in order
}

// measured is one run, or several of the same work.
type measured struct {
	runs   int64
	rows   float64
	took   time.Duration // from the first sent to the last one visible
	micros float64       // of the plugin's CPU time
	peak   float64       // bytes: the most that the worker has had in memory

	inserts, prepares, connects int64 // what the server was asked for
}

func (m *measured) add(o measured) {
	m.runs, m.rows, m.took, m.micros = m.runs+o.runs, m.rows+o.rows, m.took+o.took, m.micros+o.micros
	m.peak = max(m.peak, o.peak)
	m.inserts, m.prepares, m.connects = m.inserts+o.inserts, m.prepares+o.prepares, m.connects+o.connects
}

// rate is in rows per second, cpu in microseconds per row.
func (m measured) rate() float64 { return m.rows / m.took.Seconds() }
func (m measured) cpu() float64  { return m.micros / m.rows }

// passes is how often each point is measured. The machine swings, for minutes
// at a time: what a point costs is what it costs beside the others of its pass.
const passes = 5

// gentle is how little cheaper a point may be than one to its right. What
// grows no faster than this is taken for linear.
const gentle = 0.8

// keep leaves only the point of that name, unless it is empty.
func (c *curve) keep(at string) {
	c.points = slices.DeleteFunc(c.points, func(p point) bool { return at != "" && p.at != at })
}

func (c curve) run(s *stage, r *report) error {
	all := make([][]measured, len(c.points)) // by point and pass
	for pass := range passes {
		for k := range c.points {
			i := k
			if pass%2 == 1 { // so that a machine that slows down is no curve
				i = len(c.points) - 1 - k
			}
			var m measured
			for w := c.points[i].work(); w.times > 0; w.times-- {
				one, err := s.measure(w)
				if err != nil {
					return fmt.Errorf("%s %s: %w", c.axis, c.points[i].at, err)
				}
				m.add(one)
			}
			all[i] = append(all[i], m)
		}
	}
	c.tell(all, r)
	return nil
}

func (c curve) tell(all [][]measured, r *report) {
	r.title(c.title)
	r.line("| %s | rows/s | CPU of a row, us | CPU of %s | most memory, MB | rows per insert | prepared | connected |", c.axis, c.unit)
	r.line("|--:|--:|--:|--:|--:|--:|--:|--:|")
	cost := c.costs(all)
	for i, runs := range all {
		var sum measured
		rate := 0.0
		for _, m := range runs {
			sum.add(m)
			rate = max(rate, m.rate())
		}
		r.line("| %s | %.0f | %.2f | %.1f ns | %.0f | %.0f | %d | %d |", c.points[i].at, rate, cost[i]*c.points[i].units/1e3, cost[i], sum.peak/1e6,
			sum.rows/float64(max(sum.inserts, 1)), (sum.prepares+sum.runs-1)/sum.runs, (sum.connects+sum.runs-1)/sum.runs)
	}
	left, right := steepest(cost)
	if r.line(""); len(cost) < 2 {
		return
	}
	r.ratio("ratio linear_%s %.2f goal %.2f (%s: %.1f ns at %s, %.1f ns at %s, load %s)", c.name, cost[left]/cost[right], gentle,
		c.unit, cost[left], c.points[left].at, cost[right], c.points[right].at, proc.Load())
}

// costs is what a unit costs at each point, in nanoseconds of CPU time: the
// median of the passes, each compared with the mean of all points in its pass.
func (c curve) costs(all [][]measured) []float64 {
	level := make([]float64, passes) // geometric mean of a pass
	for pass := range level {
		for i := range all {
			level[pass] += math.Log(c.cost(i, all[i][pass])) / float64(len(all))
		}
	}
	usual := median(slices.Clone(level))
	costs := make([]float64, len(all))
	for i := range all {
		var beside []float64
		for pass, m := range all[i] {
			beside = append(beside, math.Log(c.cost(i, m))-level[pass])
		}
		costs[i] = math.Exp(median(beside) + usual)
	}
	return costs
}

func (c curve) cost(point int, m measured) float64 { return m.cpu() * 1e3 / c.points[point].units }

// median sorts v, of which there are an odd number.
func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// steepest returns the two points between which the cost rises most, or falls
// least.
func steepest(cost []float64) (left, right int) {
	worst := math.Inf(1)
	for i := range cost {
		for j := i + 1; j < len(cost); j++ {
			if q := cost[i] / cost[j]; q < worst {
				worst, left, right = q, i, j
			}
		}
	}
	return left, right
}

func ruleTable(rule int) string { return fmt.Sprintf("r%d", rule) }

// measure runs a new plugin.
func (s *stage) measure(w work) (m measured, err error) {
	for i := range w.rules {
		if err := s.fresh(ruleTable(i), w.columns); err != nil {
			return m, err
		}
	}
	p, err := s.launch()
	if err != nil {
		return m, err
	}
	defer p.close()
	defer func() { err = p.explain(err) }()
	if err := p.open(w.rules, ruleTable, nil); err != nil {
		return m, err
	}
	messages := make([][][]byte, w.rules)
	for i := range messages {
		messages[i] = w.messages(i)
	}
	// What a rule does once, at its first row, is not what this is about.
	for _, r := range p.rules {
		if err := r.Send(w.first); err != nil {
			return m, err
		}
	}
	for i := range w.rules {
		if err := s.last(ruleTable(i), -1); err != nil {
			return m, err
		}
	}
	asked, err := s.asked()
	if err != nil {
		return m, err
	}
	before, err := p.cpu()
	if err != nil {
		return m, err
	}
	start := time.Now()
	if err := p.send(messages); err != nil {
		return m, err
	}
	for i := range w.rules {
		if err := s.last(ruleTable(i), int64(w.rows-1)); err != nil {
			return m, err
		}
	}
	m.took = time.Since(start)
	after, err := p.cpu()
	if err != nil {
		return m, err
	}
	now, err := s.asked()
	if err != nil {
		return m, err
	}
	m.inserts, m.prepares, m.connects = now[0]-asked[0], now[1]-asked[1], now[2]-asked[2]
	if m.peak, err = proc.PeakMemory(p.worker); err != nil {
		return m, err
	}
	for i := range w.rules {
		if err := s.count(ruleTable(i), int64(w.rows+1)); err != nil {
			return m, err
		}
	}
	m.runs, m.rows, m.micros = 1, float64(w.rows*w.rules), after-before
	return m, nil
}

// asked is how many inserts, preparations and connections the server has seen.
func (s *stage) asked() (n [3]int64, err error) {
	for i, names := range [3][]string{{"Com_insert", "Com_load"}, {"Com_stmt_prepare"}, {"Connections"}} {
		for _, name := range names {
			one, err := s.status(name)
			if err != nil {
				return n, err
			}
			n[i] += one
		}
	}
	return n, nil
}

// send gives all rules their messages at the same time.
func (p *plugin) send(messages [][][]byte) error {
	failed := make(chan error, len(messages))
	var all sync.WaitGroup
	for i, mine := range messages {
		all.Go(func() {
			for _, m := range mine {
				if err := p.rules[i].Send(m); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
