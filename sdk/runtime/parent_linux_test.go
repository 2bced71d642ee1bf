package runtime

import (
	gocontext "context"
	"os/exec"
	"testing"
	"time"
)

// awaiting reports when awaitEnd has returned.
func awaiting(ctx gocontext.Context, pid int) <-chan struct{} {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		awaitEnd(ctx, pid, func() bool { return false })
	}()
	return returned
}

// TestAwaitEnd: it waits for as long as the process runs and no longer,
// whether that ends before or after.
func TestAwaitEnd(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := gocontext.WithCancel(t.Context())
	first, second := awaiting(ctx, cmd.Process.Pid), awaiting(t.Context(), cmd.Process.Pid)
	select {
	case <-second:
		t.Fatal("it returns while the process runs: does this kernel know pidfd_open?")
	case <-time.After(50 * time.Millisecond): // too short proves nothing, and fails nothing
	}
	cancel()
	if !within(patient, first) {
		t.Fatal("it waits on although its context has ended")
	}
	_ = in.Close() // ends it; nobody has reaped it then
	if !within(patient, second) {
		t.Fatal("it waits on although the process has ended")
	}
	if !within(patient, awaiting(t.Context(), cmd.Process.Pid)) {
		t.Fatal("it waits for a process that has ended before")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t.Context(), cmd.Process.Pid, func() bool { return true }) // nobody has the number
}
