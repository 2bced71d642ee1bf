package journal

import (
	"errors"
	"os"
	"syscall"

	"ekuiper-mysql/mysql/internal/pages"
)

// Map implements Mapper. Where the file system cannot promise the room the
// error says so: looking for it later would be too late.
func (osFS) Map(path string, off, size int64) (Mapping, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Fallocate(int(f.Fd()), 0, off, size)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Truncate(before.Size()) // some keep what they got
		return nil, &os.PathError{Op: "fallocate", Path: path, Err: err}
	}
	m, err := pages.Map(f, off, int(size))
	if err != nil {
		return nil, err
	}
	return m, nil
}
