//go:build unix

package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// trusted returns an error if anybody but this user and root could have
// written the file.
func trusted(info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("others may write to it: chmod go-w it")
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d: chown it to %d, which eKuiper runs as, or to root", s.Uid, os.Geteuid())
	}
	return nil
}

// secluded tells whether nobody but its owner can read the file.
func secluded(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
