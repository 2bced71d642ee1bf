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
	setBackground(false)
	if got := classes(t); got[batch] > 0 {
		t.Errorf("back again the threads are of the classes %v", got)
	}
}

// TestBackgroundKeepsNiceValues: that of a thread is what somebody has made it,
// in either class.
func TestBackgroundKeepsNiceValues(t *testing.T) {
	if !isNormal() {
		t.Skip("the tests run in a class of their own")
	}
	const nicer = 3
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and the thread ends with the goroutine
		was, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Error(err)
			return
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 20-was+nicer); err != nil { // as the kernel counts: 20 minus the value
			t.Error(err)
			return
		}
		want := was - nicer
		for _, on := range []bool{true, false} {
			setBackground(on)
			if got, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || got != want {
				t.Errorf("with background %v the nice value is %d (%v), want %d", on, 20-got, err, 20-want)
			}
		}
	}()
	<-ended
}
