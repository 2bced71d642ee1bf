//go:build unix

package storage

import "golang.org/x/sys/unix"

// Space returns how many bytes of the file system that dir is on are free to
// this process, and how many it has in all.
func Space(dir string) (free, size uint64, err error) {
	var s unix.Statfs_t
	for {
		err = unix.Statfs(dir, &s)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, 0, err
	}
	block := uint64(s.Bsize)
	return uint64(s.Bavail) * block, uint64(s.Blocks) * block, nil
}
