//go:build !windows

package check

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeBytes is what this user may still write on the disk of a folder.
func freeBytes(folder string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, err
	}
	blocks, block := uint64(s.Bavail), uint64(s.Bsize)
	if block != 0 && blocks > math.MaxInt64/block {
		return math.MaxInt64, nil
	}
	return int64(blocks * block), nil
}

// writable tells whether this user may make files in a folder.
func writable(folder string) bool { return unix.Access(folder, unix.W_OK|unix.X_OK) == nil }
