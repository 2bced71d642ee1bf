package sdk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"
)

// A worker that stands still is ended at the first command that it does not
// answer. What it was to stop has stopped, the rest runs again.
func TestWorkerStandsStill(t *testing.T) {
	t.Parallel()
	host, p := launch(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "record")
	rule, other := probeSink(t, host, file, nil), probeSink(t, host, filepath.Join(dir, "other"), nil)
	worker, err := p.WorkerPid()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(worker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := host.Stop(other.Control); err != nil {
		t.Error(err)
	}
	took := time.Since(before)
	t.Logf("answered after %v", took)
	if took > 5*time.Second+loaded {
		t.Errorf("answered after %v", took)
	}
	taken(t, rule, file, "after")
	if processes.Runs(worker) {
		t.Error("the worker that stood still is there")
	}
}

// What the kernel shows of the two processes.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	host, p := launch(t)
	worker, err := p.WorkerPid()
	if err != nil {
		t.Fatal(err)
	}
	read := func(pid int, name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	score := func(pid int) (n int) {
		if _, err := fmt.Sscan(read(pid, "oom_score_adj"), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the worker offered first when memory runs out", func() bool { return score(worker) > score(p.Pid()) })
	probeSink(t, host, filepath.Join(t.TempDir(), "record"), map[string]any{"password": "not-to-be-seen", "ballast": strings.Repeat("x", 1<<20)})
	for _, pid := range []int{p.Pid(), worker} {
		if shown := read(pid, "cmdline") + read(pid, "environ"); strings.Contains(shown, "not-to-be-seen") {
			t.Errorf("process %d shows a configuration", pid)
		}
	}
	for line := range strings.Lines(read(p.Pid(), "status")) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil && kib > 15_000 {
			t.Errorf("the supervisor took %d KiB", kib)
		}
	}
}
