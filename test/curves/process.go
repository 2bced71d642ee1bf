//go:build linux

package main

import "ekuiper-mysql/test/proc"

// pair is the plugin's two processes.
type pair struct{ supervisor, worker int }

// sum adds up what of reads of both.
func (p pair) sum(of func(pid int) (float64, error)) (float64, error) {
	a, err := of(p.supervisor)
	if err != nil {
		return 0, err
	}
	b, err := of(p.worker)
	return a + b, err
}

// cpu is the CPU time that both have used, in microseconds.
func (p pair) cpu() (float64, error) { return p.sum(proc.CPU) }

// wakes is how often threads of both have gone to sleep by themselves.
func (p pair) wakes() (float64, error) { return p.sum(proc.Sleeps) }

// memory is what both take, in bytes: what they share with each other, as the
// executable's pages, counts once, and what nobody else uses in full.
type memory struct{ supervisor, worker float64 }

func (m memory) total() float64 { return m.supervisor + m.worker }

func (p pair) memory() (m memory, err error) {
	if m.supervisor, err = proc.Memory(p.supervisor); err == nil {
		m.worker, err = proc.Memory(p.worker)
	}
	return m, err
}
