//go:build !windows

package connection

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// staleWithin bounds the dial that tells a live listener from a file that a
// killed process left behind.
const staleWithin = 100 * time.Millisecond

// socketListener removes its file on Close only while the file is its own: a
// process that lingers must not unlink its successor's socket.
type socketListener struct {
	*net.UnixListener
	file fs.FileInfo
	path string
}

func listen(url string) (net.Listener, error) {
	p, err := path(url)
	if err != nil {
		return nil, err
	}
	ln, err := bind(p)
	if errors.Is(err, syscall.EADDRINUSE) && removeStale(p) {
		ln, err = bind(p)
	}
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("listen on %s: the path of %d bytes is longer than the system takes: shorten the rule id", p, len(p))
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", p, taken(p, err))
	}
	ln.SetUnlinkOnClose(false)
	file, err := os.Lstat(p)
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("listen on %s: %w", p, err)
	}
	protect(p, file)
	return &socketListener{UnixListener: ln, file: file, path: p}, nil
}

func bind(p string) (*net.UnixListener, error) {
	ln, err := (&net.ListenConfig{Control: private}).Listen(context.Background(), "unix", p)
	if err != nil {
		return nil, err
	}
	return ln.(*net.UnixListener), nil
}

func (l *socketListener) Close() error {
	err := l.UnixListener.Close()
	if now, e := os.Lstat(l.path); e == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path)
	}
	return err
}

// inUse reports whether err says that another listens on the address.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// removeStale removes a socket file that nobody listens on.
func removeStale(p string) bool {
	if !isSocket(p) {
		return false
	}
	conn, err := net.DialTimeout("unix", p, staleWithin)
	if err == nil {
		_ = conn.Close()
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED) && os.Remove(p) == nil
}

func isSocket(p string) bool {
	st, err := os.Lstat(p)
	return err == nil && st.Mode().Type() == fs.ModeSocket
}

func dial(url string) (net.Conn, error) {
	p, err := path(url)
	if err != nil {
		return nil, err
	}
	if err := vetFile(p); err != nil {
		return nil, err
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: p, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := vet(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// SocketFile tells one socket file from its successors of the same name. The
// zero value is none.
type SocketFile struct {
	path string
	info fs.FileInfo
}

// LookUpSocket returns the socket file of url, if there is one.
func LookUpSocket(url string) SocketFile {
	p, err := path(url)
	if err != nil || !isSocket(p) {
		return SocketFile{}
	}
	info, err := os.Lstat(p)
	if err != nil {
		return SocketFile{}
	}
	return SocketFile{path: p, info: info}
}

// Identity returns a number that another listener of the same name will not
// have, nor the same after a restart of the machine. It is 0 for none.
func (f SocketFile) Identity() uint64 {
	if f.info == nil {
		return 0
	}
	h := fnv.New64a()
	if st, ok := f.info.Sys().(*syscall.Stat_t); ok {
		fmt.Fprintln(h, st.Dev, st.Ino)
	}
	fmt.Fprintln(h, f.info.ModTime().UnixNano())
	return max(h.Sum64(), 1)
}

// Age returns how long the file has been there, by the clock on the wall. False
// says that it is not known.
func (f SocketFile) Age() (time.Duration, bool) {
	if f.info == nil {
		return 0, false
	}
	return time.Since(f.info.ModTime()), true
}

// Since reports whether both are there and f is not older than g.
func (f SocketFile) Since(g SocketFile) bool {
	return f.info != nil && g.info != nil && !f.info.ModTime().Before(g.info.ModTime())
}

// Remove removes the file if it is still the same one, and reports that.
func (f SocketFile) Remove() bool {
	if f.info == nil {
		return false
	}
	// A successor may get the same inode, but not the same time.
	now, err := os.Lstat(f.path)
	return err == nil && os.SameFile(now, f.info) && now.ModTime().Equal(f.info.ModTime()) && os.Remove(f.path) == nil
}

// RemoveSocket removes the socket file of url, so that another listener can
// take its name although the old one lives. It reports whether the name is
// free, which it never is where sockets are not files (Windows). What is not
// a socket is left alone.
func RemoveSocket(url string) bool {
	p, err := path(url)
	if err != nil {
		return false
	}
	if _, err := os.Lstat(p); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	return isSocket(p) && os.Remove(p) == nil
}
