package supervisor

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLaunchGivesSlack: what is launched begins with the slack, the thread that
// launched it has its own again.
func TestLaunchGivesSlack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := func() int {
		n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		if err != nil {
			t.Skip("the system does not tell the slack:", err)
		}
		return n
	}
	before := own()
	var out strings.Builder
	cmd := exec.Command("cat", "/proc/self/timerslack_ns")
	cmd.Stdout = &out
	if err := launch(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Skip("the system does not tell the slack:", err)
	}
	if got, want := strings.TrimSpace(out.String()), fmt.Sprint(timerSlack.Nanoseconds()); got != want {
		t.Errorf("a slack of %s ns, want %s", got, want)
	}
	if after := own(); after != before {
		t.Errorf("the thread has a slack of %d ns now, %d before", after, before)
	}
}
