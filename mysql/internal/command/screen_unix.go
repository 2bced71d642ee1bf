//go:build unix

package command

import (
	"io"
	"os"
)

// becomesScreen reports whether out is a terminal that can be written over.
func becomesScreen(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
