package supervisor

import (
	"os"

	"golang.org/x/sys/windows"
)

// moveStandardFiles takes the handles of standard input and output away from
// the program.
func moveStandardFiles(nothing *os.File) (orders, answers *os.File, err error) {
	orders, answers = os.Stdin, os.Stdout
	for _, f := range []*os.File{orders, answers} {
		// Not for children.
		if err := windows.SetHandleInformation(windows.Handle(f.Fd()), windows.HANDLE_FLAG_INHERIT, 0); err != nil {
			return nil, nil, err
		}
	}
	os.Stdin = nothing
	if err := windows.SetStdHandle(windows.STD_INPUT_HANDLE, windows.Handle(nothing.Fd())); err != nil {
		return nil, nil, err
	}
	errors, err := windows.GetStdHandle(windows.STD_ERROR_HANDLE)
	if err != nil {
		return nil, nil, err
	}
	return orders, answers, windows.SetStdHandle(windows.STD_OUTPUT_HANDLE, errors)
}
