package check

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// freeBytes is what this user may still write on the disk of a folder.
func freeBytes(folder string) (int64, error) {
	path, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, err
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &total, &all); err != nil {
		return 0, err
	}
	return int64(min(free, math.MaxInt64)), nil
}

// writable tells whether this user may make files in a folder. Nothing but
// trying tells that on Windows.
func writable(folder string) bool {
	f, err := os.CreateTemp(folder, "check")
	if err != nil {
		return false
	}
	_ = f.Close()
	return os.Remove(f.Name()) == nil
}
