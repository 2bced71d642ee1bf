package command

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// becomesScreen reports whether out is a terminal that can be written over, as
// it can since Windows 10 once it is told to.
func becomesScreen(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	var mode uint32
	h := windows.Handle(f.Fd())
	return windows.GetConsoleMode(h, &mode) == nil && windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
