//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pair is the plugin's two processes.
type pair struct{ supervisor, worker int }

// cpu is the CPU time that both have used, in microseconds, to the
// scheduler's nanosecond.
func (p pair) cpu() (float64, error) {
	sum := 0.0
	for _, pid := range []int{p.supervisor, p.worker} {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(tasks) == 0 {
			return 0, fmt.Errorf("no tasks of process %d: %v", pid, err)
		}
		for _, task := range tasks {
			text, err := os.ReadFile(task)
			if err != nil {
				continue // the thread has ended
			}
			nanos, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
			if err != nil {
				return 0, err
			}
			sum += nanos / 1e3
		}
	}
	return sum, nil
}

// wakes is how often threads of both have gone to sleep by themselves.
func (p pair) wakes() (float64, error) {
	sum := 0.0
	for _, pid := range []int{p.supervisor, p.worker} {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil {
			return 0, err
		}
		for _, task := range tasks {
			if n, err := field(task, "voluntary_ctxt_switches:"); err == nil {
				sum += n
			}
		}
	}
	return sum, nil
}

// memory is what both take, in bytes: what they share with each other, as the
// executable's pages, counts once, and what nobody else uses in full.
type memory struct{ supervisor, worker float64 }

func (m memory) total() float64 { return m.supervisor + m.worker }

func (p pair) memory() (m memory, err error) {
	if m.supervisor, err = pss(p.supervisor); err == nil {
		m.worker, err = pss(p.worker)
	}
	return m, err
}

// pss is a process's proportional set size in bytes.
func pss(pid int) (float64, error) {
	kib, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
	return kib * 1024, err
}

// peak is the most resident memory that a process has had, in bytes.
func peak(pid int) (float64, error) {
	kib, err := field(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	return kib * 1024, err
}

// field reads the first number behind a name at the beginning of a line.
func field(file, name string) (float64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseFloat(strings.Fields(rest)[0], 64)
		}
	}
	return 0, fmt.Errorf("no %s in %s", name, file)
}

// load is what the machine does, for the reader of the figures.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// descriptors is how many files a process has open.
func descriptors(pid int) int {
	all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(all)
}
