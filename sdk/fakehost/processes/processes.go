// Package processes finds and ends the processes of a plugin under test, which
// are two: the supervisor that the host starts, and its child, the worker.
package processes

import (
	"fmt"
	"os"
	"time"
)

// Kill ends a process (SIGKILL) and waits until it is gone, for at most
// limit. A process that is not there is an error.
func Kill(pid int, limit time.Duration) error {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
		_ = p.Release()
	}
	if err != nil {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	return Gone(pid, limit)
}

// Gone waits until a process runs no more, for at most limit. One that only
// nobody has reaped yet is gone.
func Gone(pid int, limit time.Duration) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for Runs(pid) {
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("process %d runs on after %v", pid, limit)
		}
	}
	return nil
}

// Child waits for a process's only child other than the one given (0 for
// none) and returns it.
func Child(parent, other int, limit time.Duration) (int, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		if all := Children(parent); len(all) == 1 && all[0] != other {
			return all[0], nil
		}
		select {
		case <-tick.C:
		case <-end:
			return 0, fmt.Errorf("process %d has no child other than %d after %v", parent, other, limit)
		}
	}
}
