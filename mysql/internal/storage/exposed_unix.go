//go:build !windows

package storage

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Exposed tells, a sentence for each of dirs, which of them other users of the
// machine can change: what lies there could be taken away, or made up, by
// them. One that is not there is none. A group that may write is the
// operator's to choose.
func Exposed(dirs ...string) (troubles []string) {
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		if uid, ok := owner(info); ok && uid != 0 && int(uid) != os.Geteuid() {
			troubles = append(troubles, fmt.Sprintf("the folder %s belongs to user %d, who can change what is kept there: chown it to user %d, or choose another by %s", dir, uid, os.Geteuid(), Setting))
		}
		if info.Mode().Perm()&everybody != 0 {
			troubles = append(troubles, fmt.Sprintf("every user of this machine can change what is kept in %s (%v): chmod o-w it", dir, info.Mode()))
		}
		above, err := os.Stat(filepath.Dir(dir))
		if err == nil && above.Mode().Perm()&everybody != 0 && above.Mode()&fs.ModeSticky == 0 {
			troubles = append(troubles, fmt.Sprintf("every user of this machine can put another folder in the place of %s (%v above it): chmod o-w %s", dir, above.Mode(), filepath.Dir(dir)))
		}
	}
	return troubles
}

// everybody is the right to write of who is neither the owner nor in the group.
const everybody = 0o002

func owner(info fs.FileInfo) (uint32, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}
