//go:build unix

package command

import (
	"fmt"
	"os"
	"syscall"
)

// forOwner refuses to write as root where a folder is another user's: what
// root makes there the plugin, which runs as that user, could not open.
func forOwner(dir string) error { return forOwnerAs(os.Geteuid(), dir) }

func forOwnerAs(euid int, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil // told where it matters
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || euid != 0 || s.Uid == 0 {
		return nil
	}
	return fmt.Errorf("%s belongs to user %d, who could not open what root makes there, and neither could the plugin: run this as that user, as with sudo -u '#%d'; where eKuiper runs as root, chown -R the plugin's data folder to root first", dir, s.Uid, s.Uid)
}
