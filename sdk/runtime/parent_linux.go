package runtime

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// await returns when the parent has ended or ctx is done, and at once where
// the kernel, or whoever confines this process, does not tell. Until then it
// costs nothing: a plugin without work does not wake to look.
func (p parent) await(ctx context.Context) {
	if p.known() {
		awaitEnd(ctx, p.pid, p.gone)
	}
}

// awaitEnd waits for the end of a process. other tells that the number may be
// another process's by now.
func awaitEnd(ctx context.Context, pid int, other func() bool) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return // before Linux 5.10, or not allowed
	}
	// What does not block is the poller's to watch: no thread waits for it.
	file := os.NewFile(uintptr(fd), "parent")
	defer file.Close()
	conn, err := file.SyscallConn()
	if err != nil || other() {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.Read(func(fd uintptr) bool { // an error leaves the rest to those who ask
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}
