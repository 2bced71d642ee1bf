package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset lies beyond all content, so that the holder's number can be read.
const lockOffset = 1 << 30

func lockFile(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: lockOffset})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errHeld
	}
	return err
}

// syncDir has nothing to do: NTFS keeps names in its own journal, and a folder cannot be flushed.
func syncDir(string) error { return nil }

// who names the user of the process, for an error about permissions.
func who() string {
	if name := os.Getenv("USERNAME"); name != "" {
		return "user " + name
	}
	return "this user"
}

func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
