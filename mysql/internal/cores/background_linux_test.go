package cores

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// classes of the process's threads.
func classes(t *testing.T) map[uintptr]int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	found := map[uintptr]int{}
	for _, thread := range threads {
		tid, _ := strconv.Atoi(thread.Name())
		if class, _, failed := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0); failed == 0 {
			found[class]++
		}
	}
	return found
}

// TestBackground: all threads change their class, those that are made later have
// it too, and all of them come back.
func TestBackground(t *testing.T) {
	if !isNormal() {
		t.Skip("the tests run in a class of their own")
	}
	nice := func() int {
		n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	was := nice()
	setBackground(true)
	defer setBackground(false)
	made := make(chan struct{})
	go func() {
		defer close(made)
		runtime.LockOSThread() // and the next goroutine needs another
		second := make(chan struct{})
		go func() { runtime.LockOSThread(); close(second) }()
		<-second
		if got := classes(t); got[normal] > 0 {
			t.Errorf("in the background the threads are of the classes %v", got)
		}
	}()
	<-made
	giveWay()
	if got := nice(); got != was {
		t.Errorf("the nice value is %d, and was %d", got, was)
	}
	setBackground(false)
	if got := classes(t); got[batch] > 0 {
		t.Errorf("back again the threads are of the classes %v", got)
	}
}
