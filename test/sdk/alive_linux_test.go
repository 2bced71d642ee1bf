package sdk

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of its orphaned descendants, as
// a service supervisor or a container's shim does: the plugin's new parent is
// then not process 1.
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// alive reports whether an adopted process runs.
func alive(pid int) bool {
	var status syscall.WaitStatus
	got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	if err != nil { // not adopted
		return syscall.Kill(pid, 0) == nil
	}
	return got == 0
}
