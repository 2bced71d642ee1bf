//go:build !windows

package connection

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// trusted tells whether a user may be at the other end of a socket: the one
// that runs this process, as which the host has started it, and root, who may
// do anything. Tests replace it.
var trusted = func(uid uint32) bool {
	return uid == 0 || int(uid) == os.Geteuid() || int(uid) == os.Getuid()
}

// vet returns an error that is ErrStranger where another user is at the other
// end of conn. It asks the kernel: what lies at the path may change at any
// time. Where the system does not tell, there is no error.
func vet(conn net.Conn) error {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var uid uint32
	var unknown error
	if err := raw.Control(func(fd uintptr) { uid, unknown = peerOf(int(fd)) }); err != nil {
		return err
	}
	if unknown != nil || trusted(uid) {
		return nil
	}
	return fmt.Errorf("user %d is at the other end: %w", uid, ErrStranger)
}

// vetFile returns an error that is ErrStranger where another user has made
// what lies at p: a socket, or a link that leads to one.
func vetFile(p string) error {
	info, err := os.Lstat(p)
	if err != nil {
		return nil // who dials or listens is told
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || trusted(st.Uid) {
		return nil
	}
	return fmt.Errorf("user %d has made %s: %w", st.Uid, p, ErrStranger)
}

// privateMode is of a socket's file: the host runs as the same user, nobody
// else has business there.
const privateMode = 0o600

// private makes the file of a socket that is not bound yet one of privateMode,
// whatever the umask, from its first moment on. Only Linux can.
func private(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), privateMode) })
}

// protect gives a socket's file privateMode where private could not. It
// follows no link: in a folder without the sticky bit anybody may have put one
// in its place.
func protect(p string, file fs.FileInfo) {
	if file.Mode().Perm() != privateMode {
		_ = unix.Fchmodat(unix.AT_FDCWD, p, privateMode, unix.AT_SYMLINK_NOFOLLOW)
	}
}

// Exposed tells what is wrong with the folder that all addresses are in, "" if
// nothing is: where everybody may write, only the sticky bit keeps one user from
// taking away another's socket and putting one of their own there.
func Exposed() string { return exposed(folder) }

func exposed(dir string) string {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o002 == 0 || info.Mode()&fs.ModeSticky != 0 {
		return ""
	}
	return fmt.Sprintf("every user of this machine may replace the sockets in %s (%v): chmod +t %[1]s", dir, info.Mode())
}

// taken says of an address that is in use who has it, where it is a stranger.
func taken(p string, err error) error {
	if e := vetFile(p); errors.Is(e, ErrStranger) {
		return fmt.Errorf("%w: %w", err, e)
	}
	return err
}
