//go:build !windows

package supervisor

import (
	"os"

	"golang.org/x/sys/unix"
)

// moveStandardFiles moves standard input and output to descriptors that no
// child inherits and puts nothing and standard error in their places.
func moveStandardFiles(nothing *os.File) (orders, answers *os.File, err error) {
	move := func(from int, name string, instead uintptr) (*os.File, error) {
		fd, err := unix.FcntlInt(uintptr(from), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, err
		}
		if err := unix.Dup2(int(instead), from); err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	}
	if orders, err = move(0, "orders", nothing.Fd()); err != nil {
		return nil, nil, err
	}
	answers, err = move(1, "answers", 2)
	return orders, answers, err
}
