//go:build unix && !linux

package processes

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// Children are the running children of a process.
func Children(parent int) []int {
	text, err := exec.Command("pgrep", "-P", fmt.Sprint(parent)).Output()
	if err != nil {
		return nil
	}
	var pids []int
	for _, word := range strings.Fields(string(text)) {
		var pid int
		if _, err := fmt.Sscan(word, &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Runs reports whether a process runs.
func Runs(pid int) bool { return syscall.Kill(pid, 0) == nil }
