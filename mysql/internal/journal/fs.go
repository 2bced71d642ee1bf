package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// FS is what a journal needs of a file system. Every path is inside the
// journal's folder, or the folder itself. Its methods may be called by several
// goroutines at a time.
type FS interface {
	// MkdirAll makes dir for the owner alone, durably, with what is missing above it.
	MkdirAll(dir string) error
	// List returns the names of the files in dir, in no order.
	List(dir string) ([]string, error)
	// Open opens a file for reading.
	Open(path string) (File, error)
	// Reopen opens a file that exists for reading and writing.
	Reopen(path string) (File, error)
	// Create makes a file for the owner alone, to read and write. One that
	// exists is an error that is fs.ErrExist. The name is durable after SyncDir.
	Create(path string) (File, error)
	// Rename gives a file that nobody has open another name that nothing has;
	// durable after SyncDir.
	Rename(from, to string) error
	// Remove takes a file away that nobody has open.
	Remove(path string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Lock takes the file at path, made if need be, for this process until
	// the Closer, which may be a Witness, is closed or the process ends.
	// ErrLocked says who else has it.
	Lock(path string) (io.Closer, error)
	// Boot names the run of the operating system; zero if that is not known.
	Boot() [16]byte
	// Uptime is how long it has run, by a clock that nobody sets; 0 where Boot is zero.
	Uptime() time.Duration
}

// File is an open file. ReadAt, WriteAt and Sync may run side by side.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// Sync makes the content durable. After an error nothing is known about
	// what was written since the last success.
	Sync() error
	Size() (int64, error)
}

// ErrLocked says that another process, or another Disk of this one, has the
// journal open. The error's text holds the path and who has it, where known.
var ErrLocked = errors.New("the journal is in use")

// OS is the machine's own file system.
var OS FS = osFS{}

type osFS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (s osFS) MkdirAll(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := s.MkdirAll(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return s.SyncDir(above)
}

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (osFS) Open(path string) (File, error) { return wrap(os.Open(path)) }

func (osFS) Reopen(path string) (File, error) { return wrap(os.OpenFile(path, os.O_RDWR, 0)) }

func (osFS) Create(path string) (File, error) {
	return wrap(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600))
}

func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }

func (osFS) Remove(path string) error { return os.Remove(path) }

func (osFS) SyncDir(dir string) error { return syncDir(dir) }

func (osFS) Boot() [16]byte { return boot() }

func (osFS) Uptime() time.Duration { return uptime() }

// Lock writes the process's number into the file, for the one that finds it locked.
func (osFS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) { // its folder was there a moment ago
		return nil, fmt.Errorf("%w, it is being purged: %s", ErrLocked, filepath.Dir(path))
	}
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0)
		_ = f.Close()
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if n > 0 {
			return nil, fmt.Errorf("%w by process %s: %s", ErrLocked, holder[:n], filepath.Dir(path))
		}
		return nil, fmt.Errorf("%w: %s", ErrLocked, filepath.Dir(path))
	}
	if !named(f, path) {
		_ = f.Close()
		return nil, fmt.Errorf("%w, it was purged just now: %s", ErrLocked, filepath.Dir(path))
	}
	if err := f.Truncate(0); err == nil { // the number only informs
		_, _ = fmt.Fprintf(f, "%d", os.Getpid())
	}
	return osLock{f, path}, nil
}

// osLock is a lock.
type osLock struct {
	*os.File
	path string
}

// Gone implements Witness. A file is taken for the one that is locked: there are
// file systems on which that is another after a while, by its number.
func (l osLock) Gone() bool {
	_, err := os.Lstat(l.path)
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// named tells whether path still names f: a Purge may have come between
// opening and locking it.
func named(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// errHeld is what lockFile returns when another holds the lock.
var errHeld = errors.New("held")
