//go:build linux

package main

import (
	"fmt"
	"os"
	"time"

	"ekuiper-mysql/test/proc"
)

// backlog is what the plugin collects while the server is away and writes
// when it is back, against the same rows with a server that stays.
type backlog struct{ *stage }

// withBacklog is that alone.
func withBacklog(s *stage, _ options) []measurement { return []measurement{backlog{s}} }

func (backlog) title() string { return "backlog_drain backlog_memory" }

func (b backlog) run(o options) ([]result, error) {
	plain := b.plugin(100, nil)
	// Both begin with a server that has just started.
	p, err := alternate("backlog", b.drain, func(rows int) (sample, error) {
		if err := b.server.Restart(); err != nil {
			return sample{}, err
		}
		return plain(rows)
	}, o.backlog, options{pairs: o.backlogPairs}, nil)
	if err != nil {
		return nil, err
	}
	drain := p.result("backlog_drain", 0.9, faster)
	drain.note = p.ours[len(p.ours)-1].note
	const most = 100.0 // MB
	memory := p.result("backlog_memory", 1, func(ours, _ sample) float64 { return most / ours.memory })
	memory.ours = fmt.Sprintf("%.0f MB", medianOf(p.ours, func(s sample) float64 { return s.memory }))
	memory.against = fmt.Sprintf("%g MB at most", most)
	return []result{drain, memory}, nil
}

// drain collects the rows while the server is away, brings it back, and
// measures from the first row's being visible to the last one's.
func (b backlog) drain(rows int) (sample, error) {
	rows -= rows % 1000
	messages := b.render(rows, 100)
	f, err := b.launch(nil)
	if err != nil {
		return sample{}, err
	}
	defer f.end()
	// With the first row the plugin has met the server, as it has in life.
	if err := f.send(messages[:1], 0); err != nil {
		return sample{}, err
	}
	if err := b.await(100); err != nil {
		return sample{}, err
	}
	worker, err := f.plugin.WorkerPid()
	if err != nil {
		return sample{}, err
	}
	if err := b.server.Kill(); err != nil {
		return sample{}, err
	}
	collect, err := measured(worker, func() error { return f.send(messages[1:], 0) })
	if err != nil {
		return sample{}, fmt.Errorf("collect: %w", err)
	}
	if err := b.server.Restart(); err != nil {
		return sample{}, err
	}
	var first int
	wait, err := measured(worker, func() error { first, err = b.grown(100, nil); return err })
	if err != nil {
		return sample{}, err
	}
	before, err := treeCPU(f.plugin.Pid())
	if err != nil {
		return sample{}, err
	}
	drain, err := measured(worker, func() error { return b.await(rows) })
	if err != nil {
		return sample{}, err
	}
	cpu, err := treeCPU(f.plugin.Pid())
	if err != nil {
		return sample{}, err
	}
	if err := f.close(); err != nil {
		return sample{}, err
	}
	left := float64(rows - first)
	return sample{
		rate: left / drain.took.Seconds(), cpu: (cpu - before) / left,
		memory: max(collect.memory, wait.memory, drain.memory),
		note: fmt.Sprintf("last time: collected at %.0f rows/s with %.0f MB, the first row %v after the server was back, written with %.0f MB",
			float64(rows-100)/collect.took.Seconds(), collect.memory, wait.took.Round(time.Millisecond), max(wait.memory, drain.memory)),
	}, b.check(rows)
}

// phase is a part of a run.
type phase struct {
	took   time.Duration
	memory float64 // MB that the process had resident at most
}

// measured runs a part and asks the kernel for the most memory of a process
// meanwhile, which misses nothing between two looks.
func measured(pid int, part func() error) (phase, error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return phase{}, fmt.Errorf("forget the most memory so far: %w", err)
	}
	start := time.Now()
	if err := part(); err != nil {
		return phase{}, err
	}
	took := time.Since(start)
	memory, err := mostResident(pid)
	return phase{took, memory}, err
}

// mostResident is the most memory that a process has had resident since that
// was last forgotten, in MB.
func mostResident(pid int) (float64, error) {
	bytes, err := proc.PeakMemory(pid)
	return bytes / 1e6, err
}
