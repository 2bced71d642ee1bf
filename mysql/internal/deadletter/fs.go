package deadletter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// ErrLocked says that another process writes the dead letters.
var ErrLocked = errors.New("another process writes these dead letters")

// FS is the file system as this package uses it, so that tests can break it.
// Names are whole paths. Its errors are as of package os.
type FS interface {
	// MkdirAll makes a folder and its parents with mode 0700.
	MkdirAll(dir string) error
	// Open opens a file with flags of package os, and mode 0600 where it makes it.
	Open(name string, flag int) (File, error)
	// Rename and Remove are durable after SyncDir.
	Rename(from, to string) error
	Remove(name string) error
	// List returns the regular files of a folder.
	List(dir string) ([]FileInfo, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock, which may be a Witness, that ends with the
	// process. Where another holds it, it waits or returns ErrLocked.
	Lock(name string, wait bool) (io.Closer, error)
}

// Witness is a lock that can tell whether it is of use still.
type Witness interface {
	// Gone reports whether the lock's path names no file any more.
	Gone() bool
}

// File is an open file. ReadAt may be called from any goroutine.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
}

// FileInfo is a file in a folder: its name there and its size in bytes.
type FileInfo struct {
	Name string
	Size int64
}

// OS is the operating system's file system.
type OS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MkdirAll implements FS.
func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// Open implements FS.
func (OS) Open(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// List implements FS.
func (OS) List(dir string) ([]FileInfo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []FileInfo
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, FileInfo{e.Name(), info.Size()})
	}
	return files, nil
}

// SyncDir implements FS.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

// Lock implements FS.
func (OS) Lock(name string, wait bool) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f, wait); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", filepath.Base(name), err)
	}
	return osLock{f, name}, nil
}

type osLock struct {
	*os.File
	name string
}

// Gone implements Witness. A file is taken for the one that is locked: there are
// file systems on which that is another after a while, by its number.
func (l osLock) Gone() bool {
	_, err := os.Lstat(l.name)
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
