package processes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Children are the running children of a process.
func Children(parent int) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, file := range files {
		if pid, ppid, state := stat(file); ppid == parent && state != 'Z' && state != 'X' {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Runs reports whether a process runs.
func Runs(pid int) bool {
	_, _, state := stat(fmt.Sprintf("/proc/%d/stat", pid))
	return state != 0 && state != 'Z' && state != 'X'
}

// stat reads what the kernel says of a process; the state is 0 if there is none.
func stat(file string) (pid, parent int, state byte) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, 0
	}
	_, _ = fmt.Sscan(string(text), &pid)
	end := bytes.LastIndexByte(text, ')') // the name before it may hold anything
	_, _ = fmt.Sscanf(string(text[end+1:]), " %c %d", &state, &parent)
	return pid, parent, state
}
