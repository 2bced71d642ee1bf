package cores

import (
	"time"

	"golang.org/x/sys/windows"
)

// used is the CPU time of the process so far, with that of the kernel for it.
func used() time.Duration {
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user) != nil {
		return 0
	}
	return spent(kernel) + spent(user)
}

// spent is a length of time, which the system counts in steps of 100 nanoseconds.
func spent(t windows.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}
