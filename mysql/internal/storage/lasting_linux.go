package storage

import "syscall"

// kindOf is the number of the file system that a folder is on, 0 if it cannot
// be told.
func kindOf(dir string) uint32 {
	var about syscall.Statfs_t
	if err := syscall.Statfs(dir, &about); err != nil {
		return 0
	}
	return uint32(about.Type) // of another width on each architecture, some of them signed
}
