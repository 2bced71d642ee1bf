package supervisor

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// executable is the file that this process runs.
type executable struct {
	name  string
	first fs.FileInfo // what the name meant at the start; nil where that cannot change
}

// inode is this process's executable itself, whatever has become of its name.
const inode = "/proc/self/exe"

// ownExecutable finds the executable. The plugin's folder may be wiped and
// filled anew under a running supervisor: it must never start another program
// than its own, whose messages it may not understand.
//
// On Linux the inode is started, which outlives its name. Elsewhere there is
// only the name, and path refuses it when another file has it: the plugin
// then ends, and the host starts the new one when it next needs it.
func ownExecutable(arg0 string) (executable, error) {
	if runtime.GOOS == "linux" {
		if _, err := os.Stat(inode); err == nil {
			return executable{name: inode}, nil
		}
	}
	name, err := os.Executable()
	if err != nil {
		if name, err = filepath.Abs(arg0); err != nil {
			return executable{}, err
		}
	}
	first, err := os.Stat(name)
	return executable{name, first}, err
}

// path returns what to start.
func (e executable) path() (string, error) {
	if e.first == nil {
		return e.name, nil
	}
	now, err := os.Stat(e.name)
	if err != nil || !os.SameFile(now, e.first) || now.Size() != e.first.Size() || !now.ModTime().Equal(e.first.ModTime()) {
		return "", ErrReplaced
	}
	return e.name, nil
}
