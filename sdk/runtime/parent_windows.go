package runtime

import (
	"context"
	"os"

	"golang.org/x/sys/windows"
)

// parent watches the process that started this one through a handle, which
// stays valid, and its own, whatever becomes of the process's number.
type parent struct{ handle windows.Handle }

// watchParent opens the parent. A process that started after this one has
// only inherited the number of a parent that is gone.
func watchParent() parent {
	const access = windows.SYNCHRONIZE | windows.PROCESS_QUERY_LIMITED_INFORMATION
	h, err := windows.OpenProcess(access, false, uint32(os.Getppid()))
	if err != nil {
		return parent{}
	}
	theirs, err1 := startedAt(h)
	ours, err2 := startedAt(windows.CurrentProcess())
	if err1 != nil || err2 != nil || theirs > ours {
		_ = windows.CloseHandle(h)
		return parent{}
	}
	return parent{handle: h}
}

func startedAt(h windows.Handle) (int64, error) {
	var created, exited, kernel, user windows.Filetime
	err := windows.GetProcessTimes(h, &created, &exited, &kernel, &user)
	return created.Nanoseconds(), err
}

// known is false where the parent could not be opened.
func (p parent) known() bool { return p.handle != 0 }

// gone reports whether the parent has ended.
func (p parent) gone() bool {
	if !p.known() {
		return false
	}
	event, err := windows.WaitForSingleObject(p.handle, 0)
	return err == nil && event == windows.WAIT_OBJECT_0
}

func (p parent) await(context.Context) {}
