package integration

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClasses: a worker that has little to do becomes background work, and so does
// its successor, from the normal class on; the supervisor stays in that.
func TestClasses(t *testing.T) {
	const batch = 3 // SCHED_BATCH
	class := func(pid int) int {
		got, _, failed := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(pid), 0, 0)
		if failed != 0 {
			t.Fatalf("the class of process %d: %v", pid, failed)
		}
		return int(got)
	}
	if got := class(0); got != 0 {
		t.Skipf("the tests run in class %d", got)
	}
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
		if got := class(supervisor); got != 0 {
			t.Errorf("the supervisor is in class %d, and the workers after this one", got)
		}
		former, err = b.plugin.KillWorker()
		b.must(err)
	}
}
