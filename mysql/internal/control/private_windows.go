package control

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// checkPrivate returns an error unless dir is a folder, and not a link to one.
// Who may enter it the folders above say, which hand it down.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	return nil
}

func addressOf(dir string) (address string, way io.Closer, err error) {
	address = filepath.Join(dir, socketName)
	if len(address) > maxAddress {
		return "", nil, tooLong(dir)
	}
	return address, nil, nil
}

// refused tells whether the socket is there and nobody listens.
func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
