package journal

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"ekuiper-mysql/mysql/internal/simdisk"
)

// simFS is a simulated disk as a journal's FS. Files that a former life has
// opened are dead, and the next Open finds what that one left.
type simFS struct{ *simdisk.Disk }

func newSimFS(rng *rand.Rand) *simFS { return &simFS{simdisk.New(rng)} }

func (s *simFS) open(path string, flag int) (File, error) {
	f, err := s.Process().Open(path, flag)
	if err != nil {
		return nil, err
	}
	return f, nil
}

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

func (s *simFS) Rename(from, to string) error { return s.Process().Rename(from, to) }

func (s *simFS) Remove(path string) error { return s.Process().Remove(path) }

func (s *simFS) SyncDir(dir string) error { return s.Process().SyncDir(dir) }

func (s *simFS) Lock(path string) (io.Closer, error) {
	l, err := s.Process().Lock(path)
	if errors.Is(err, simdisk.ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	return l, err
}
