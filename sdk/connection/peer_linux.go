package connection

import "golang.org/x/sys/unix"

// peerOf returns the user that listened, or dialled, at the other end.
func peerOf(fd int) (uint32, error) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return c.Uid, nil
}
