//go:build unix

package control

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// checkPrivate returns an error unless dir is a folder, not a link to one, that
// belongs to this user, or to anybody where this is root, and that only its
// owner can enter.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is no folder", dir)
	case !ok || int(owner.Uid) != os.Geteuid() && os.Geteuid() != 0:
		return fmt.Errorf("%s: %w", dir, os.ErrPermission)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may enter %s: chmod 700 it", dir)
	}
	return nil
}

// addressOf returns the socket's address. A path that is too long for one is
// gone by way of the open folder, where the system has that, until way is closed.
func addressOf(dir string) (address string, way io.Closer, err error) {
	address = filepath.Join(dir, socketName)
	if len(address) <= maxAddress {
		return address, nil, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, tooLong(dir)
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), socketName), f, nil
}

func refused(error) bool { return false }
