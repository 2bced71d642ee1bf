package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"ekuiper-mysql/mysql/internal/simdisk"
)

// simFS is a simulated disk as a journal's FS. Files that a former life has
// opened are dead, and the next Open finds what that one left.
type simFS struct{ *simdisk.Disk }

func newSimFS(rng *rand.Rand) *simFS { return &simFS{simdisk.New(rng)} }

func (s *simFS) open(path string, flag int) (File, error) {
	yield()
	f, err := s.Process().Open(path, flag)
	if err != nil {
		return nil, err
	}
	return lazyFile{f}, nil
}

// lazyFile lets others go first: before what it does, and before what it did
// is known. On a real disk that is where the time goes.
type lazyFile struct{ File }

// yield now and then lets the other goroutines run for a while. They cannot
// sleep here: many of them hold a mutex, which a bubble's clock waits for.
func yield() {
	if rand.IntN(4) > 0 {
		return
	}
	for range rand.IntN(30) {
		runtime.Gosched()
	}
}

func (f lazyFile) WriteAt(b []byte, off int64) (int, error) {
	yield()
	defer yield()
	return f.File.WriteAt(b, off)
}

func (f lazyFile) ReadAt(b []byte, off int64) (int, error) {
	yield()
	defer yield()
	return f.File.ReadAt(b, off)
}

func (f lazyFile) Sync() error {
	yield()
	defer yield()
	return f.File.Sync()
}

// Map implements Mapper: what is written to the memory is in the file at once,
// as far as the machine lives.
func (s *simFS) Map(path string, off, size int64) (Mapping, error) {
	f, err := s.open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	now, err := f.Size()
	if err == nil && now < off+size {
		_, err = f.WriteAt(make([]byte, off+size-now), now)
	}
	if err != nil {
		return nil, err
	}
	return simMapping{f.(lazyFile), off}, nil
}

type simMapping struct {
	file lazyFile
	off  int64
}

func (m simMapping) Store(b []byte, off int) error {
	_, err := m.file.WriteAt(b, m.off+int64(off))
	return err
}

func (m simMapping) StoreWord(n uint32, off int) error {
	return m.file.File.(*simdisk.File).WriteWhole(binary.LittleEndian.AppendUint32(nil, n), m.off+int64(off))
}

func (m simMapping) Close() error { return m.file.Close() }

// Uptime goes on when the machine is started anew: nobody compares it then.
func (s *simFS) Uptime() time.Duration { return time.Duration(time.Now().UnixNano()) }

func (s *simFS) MkdirAll(string) error { return nil }

func (s *simFS) List(dir string) (names []string, err error) {
	sizes, err := s.Process().List(dir)
	for name := range sizes {
		names = append(names, name)
	}
	return names, err
}

func (s *simFS) Open(path string) (File, error) { return s.open(path, os.O_RDONLY) }

func (s *simFS) Reopen(path string) (File, error) { return s.open(path, os.O_RDWR) }

func (s *simFS) Create(path string) (File, error) {
	return s.open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (s *simFS) Rename(from, to string) error {
	yield()
	defer yield()
	return s.Process().Rename(from, to)
}

func (s *simFS) Remove(path string) error {
	yield()
	defer yield()
	return s.Process().Remove(path)
}

func (s *simFS) SyncDir(dir string) error {
	yield()
	defer yield()
	return s.Process().SyncDir(dir)
}

func (s *simFS) Lock(path string) (io.Closer, error) {
	l, err := s.Process().Lock(path)
	if errors.Is(err, simdisk.ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	return l, err
}
