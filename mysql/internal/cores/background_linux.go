package cores

import (
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The scheduler's classes (sched.h) that count here.
const (
	normal = 0 // SCHED_OTHER
	batch  = 3 // SCHED_BATCH
)

// isNormal tells whether nobody has put the process into a class of its own.
func isNormal() bool {
	class, _, failed := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	return failed == 0 && class == normal
}

// setBackground puts the process's threads, and those that they will make, into
// the class for batch work, or back: a thread of that class that wakes up does
// not interrupt the one that runs, whose part of the time is otherwise the same.
// A thread in another class, such as a realtime one, stays there.
// Where a system forbids it, all keep theirs.
func setBackground(on bool) {
	from, to := uintptr(normal), uintptr(batch)
	if !on {
		from, to = to, from
	}
	// A thread may be made while the others are gone through.
	for range 3 {
		changed := false
		threads, _ := os.ReadDir("/proc/self/task")
		for _, t := range threads {
			tid, _ := strconv.Atoi(t.Name())
			changed = reclass(uintptr(tid), from, to) || changed
		}
		if !changed {
			return
		}
	}
}

// reclass reports whether the thread was of that class. sched_setscheduler, unlike
// sched_setattr, leaves the thread's nice value as it is.
func reclass(tid, from, to uintptr) bool {
	is, _, failed := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, tid, 0, 0)
	if failed != 0 || is != from {
		return false
	}
	var priority int32 // none in either
	_, _, failed = unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, tid, to, uintptr(unsafe.Pointer(&priority)))
	return failed == 0
}

// giveWay lets other threads run that wait for this core, if any do. The
// process's other goroutines do not run meanwhile: it is the process that gives way.
func giveWay() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
