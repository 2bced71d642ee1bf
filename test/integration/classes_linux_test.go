package integration

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClasses: a worker that has little to do becomes background work, and so does
// its successor, from the normal class on; all of the supervisor's threads stay in that.
func TestClasses(t *testing.T) {
	const batch = 3 // SCHED_BATCH
	classOf := func(pid int) (class int, ok bool) {
		got, _, failed := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(pid), 0, 0)
		return int(got), failed == 0
	}
	class := func(pid int) int {
		got, ok := classOf(pid)
		if !ok {
			t.Fatalf("process %d is gone", pid)
		}
		return got
	}
	if got := class(0); got != 0 {
		t.Skipf("the tests run in class %d", got)
	}
	t.Setenv("GOMAXPROCS", "") // which would decide
	b := newBundle(t)
	b.launch()
	supervisor, former := b.plugin.Pid(), 0
	for range 2 {
		worker, err := b.plugin.WaitWorker(former)
		b.must(err)
		deadline := time.Now().Add(30 * time.Second)
		for class(worker) != batch {
			if time.Now().After(deadline) {
				t.Fatalf("the worker is in class %d, want %d", class(worker), batch)
			}
			<-time.After(10 * time.Millisecond)
		}
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", supervisor))
		b.must(err)
		for _, thread := range threads {
			tid, err := strconv.Atoi(filepath.Base(thread))
			b.must(err)
			if got, ok := classOf(tid); ok && got != 0 {
				t.Errorf("a thread of the supervisor is in class %d, and the workers that it makes", got)
			}
		}
		former, err = b.plugin.KillWorker()
		b.must(err)
	}
}
