package link

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged is how long bytes sent to one of several hosts may remain
// without the other end's acknowledgement.
const unacknowledged = 10 * time.Second

// boundUnacknowledged has the system give up a connection whose bytes are not
// acknowledged.
func boundUnacknowledged(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// Where it is not known, the read timeout does.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
	})
}
