package supervisor

import (
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is by how much the kernel may be late with the worker's timers,
// where it has no other cause to look at them; 50 us is usual.
//
// For a millisecond after every pause the Go runtime has a thread look after
// the others each 20 us, which cost a worker that gets a message now and then
// up to a fifth of its CPU time. That thread exists before any code of ours
// runs, and only its parent's slack reaches it. The price: a pause, as of the
// writer between two small batches, may take so much longer; a thread that waits
// for the disk keeps others off its core for two of that thread's looks; and on
// several cores, one thread takes over what another has just made ready only
// after a pause of 3 us that is as late. Fifty busy rules were no slower.
const timerSlack = time.Millisecond

// launch starts a worker with that slack, as far as the system lets it: a process
// has that of the thread that made it.
func launch(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack.Nanoseconds()), 0, 0, 0) == nil {
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // the usual one
	}
	return cmd.Start()
}
