//go:build linux

package main

import (
	"fmt"
	"time"

	"ekuiper-mysql/test/proc"
)

const (
	idleRules = 100
	manyRules = 1000
	idleFor   = 20 * time.Second
	// restsAfter is when a rule has nothing left to do after its start or its
	// last row: delivery gives back what it holds after 20 s.
	restsAfter = 25 * time.Second

	memoryGoal = 50e6             // bytes, of 100 idle rules
	cpuGoal    = 0.1              // percent of one core, of 100 idle rules
	startGoal  = 10 * time.Second // of 1,000 rules
)

const sensors = "id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, y DOUBLE, at DATETIME(3)"

func sensor(b []byte, i int) []byte {
	return fmt.Appendf(b, `{"at":%d,"id":%d,"name":"sensor-%d","x":%g,"y":%g}`, 1763634617123+int64(i), i, i%100, float64(i)*0.37, float64(i)*1.5)
}

// oneTable is where the rules of the idle figures write.
func oneTable(int) string { return "idle" }

// idle measures what rules cost that have nothing to do: before they ever had,
// and after.
func idle(s *stage, r *report) (err error) {
	if err := s.fresh("idle", sensors); err != nil {
		return err
	}
	p, err := s.launch()
	if err != nil {
		return err
	}
	defer p.close()
	defer func() { err = p.explain(err) }()
	none, err := p.memory()
	if err != nil {
		return err
	}
	if err := p.open(idleRules, oneTable, nil); err != nil {
		return err
	}
	if _, err := p.rest(r, "fresh", none); err != nil {
		return err
	}
	const messages = 20
	for m := range messages {
		for i, rule := range p.rules {
			b := []byte{'['}
			for row := range 10 {
				b = append(sensor(b, (m*len(p.rules)+i)*10+row), ',')
			}
			b[len(b)-1] = ']'
			if err := rule.Send(b); err != nil {
				return err
			}
		}
	}
	if err := s.count("idle", idleRules*messages*10); err != nil {
		return err
	}
	used, err := p.rest(r, "used", none)
	if err != nil {
		return err
	}
	r.ratio("ratio idle_memory %.2f goal 1 (%d rules, %.1f MB after rows)", memoryGoal/used.total(), idleRules, used.total()/1e6)
	return nil
}

// rest measures for a while in which nothing happens. The memory returned is
// that at its end.
func (p *plugin) rest(r *report, state string, none memory) (memory, error) {
	// What a rule keeps for a while, such as its connection, it gives back by
	// then: once is no cost of being idle.
	<-time.After(restsAfter)
	before, err := p.cpu()
	if err != nil {
		return memory{}, err
	}
	woken, err := p.wakes()
	if err != nil {
		return memory{}, err
	}
	<-time.After(idleFor)
	after, err := p.cpu()
	if err != nil {
		return memory{}, err
	}
	woken2, err := p.wakes()
	if err != nil {
		return memory{}, err
	}
	m, err := p.memory()
	if err != nil {
		return m, err
	}
	percent := max((after-before)/1e6/idleFor.Seconds()*100, 0.001)
	r.ratio("ratio idle_cpu_%s %.2f goal 1 (%d rules, %.3f %% of a core, %.1f wakes/s, load %s)",
		state, cpuGoal/percent, len(p.rules), percent, (woken2-woken)/idleFor.Seconds(), proc.Load())
	r.figure("figure idle_memory_%s %.1f MB: supervisor %.1f, worker %.1f, %.0f KB per rule over the %.1f MB of none; %d descriptors",
		state, m.total()/1e6, m.supervisor/1e6, m.worker/1e6, (m.total()-none.total())/1e3/float64(len(p.rules)), none.total()/1e6, proc.Descriptors(p.worker))
	return m, nil
}

// many starts a thousand rules, then gives each its first row: they share the
// connections that the server has.
func many(s *stage, r *report) (err error) {
	if err := s.fresh("idle", sensors); err != nil {
		return err
	}
	p, err := s.launch()
	if err != nil {
		return err
	}
	defer p.close()
	defer func() { err = p.explain(err) }()
	start := time.Now()
	if err := p.open(manyRules, oneTable, nil); err != nil {
		return err
	}
	took := time.Since(start)
	cpu, err := p.cpu()
	if err != nil {
		return err
	}
	r.ratio("ratio start_%d_rules %.2f goal 1 (%.2f s, %.2f ms of CPU time each, load %s)", manyRules, startGoal.Seconds()/took.Seconds(), took.Seconds(), cpu/1e3/manyRules, proc.Load())
	start = time.Now()
	for i, rule := range p.rules {
		if err := rule.Send(append(sensor([]byte{'['}, i), ']')); err != nil {
			return err
		}
	}
	for _, share := range []int{50, 90, 100} {
		if err := s.await(fmt.Sprintf("SELECT COUNT(*) >= %d FROM c.idle", manyRules*share/100), 1, 10*time.Millisecond); err != nil {
			return err
		}
		r.figure("figure first_rows_of_%d_rules %d %% after %.2f s", manyRules, share, time.Since(start).Seconds())
	}
	top, err := s.status("Max_used_connections")
	if err != nil {
		return err
	}
	refused, err := s.status("Connection_errors_max_connections")
	if err != nil {
		return err
	}
	m, err := p.memory()
	if err != nil {
		return err
	}
	r.figure("figure connections_of_%d_rules at most %d at a time, %d refused by the server; %.1f MB, %d descriptors",
		manyRules, top, refused, m.total()/1e6, proc.Descriptors(p.worker))
	return nil
}

func (s *stage) status(name string) (value int64, err error) {
	err = s.server.DB().QueryRow("SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(new(string), &value)
	return value, err
}
