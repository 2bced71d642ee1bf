package storage

import "golang.org/x/sys/windows"

// Space returns how many bytes of the volume that dir is on are free to this
// process, and how many it has in all.
func Space(dir string) (free, size uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, &size, nil)
	return free, size, err
}
