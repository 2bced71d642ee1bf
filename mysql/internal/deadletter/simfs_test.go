package deadletter

import (
	"errors"
	"io"
	"math/rand/v2"

	"ekuiper-mysql/mysql/internal/simdisk"
)

// simFS is a simulated disk as one process that has dead letters sees it.
type simFS struct{ p *simdisk.Process }

func newSimDisk(seed uint64) *simdisk.Disk { return simdisk.New(rand.New(rand.NewPCG(seed, 0))) }

func processOf(d *simdisk.Disk) simFS { return simFS{d.Process()} }

func (s simFS) MkdirAll(string) error { return nil }

func (s simFS) Open(name string, flag int) (File, error) {
	f, err := s.p.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (s simFS) Rename(from, to string) error { return s.p.Rename(from, to) }

func (s simFS) Remove(name string) error { return s.p.Remove(name) }

func (s simFS) List(dir string) (files []FileInfo, err error) {
	sizes, err := s.p.List(dir)
	for name, size := range sizes {
		files = append(files, FileInfo{name, size})
	}
	return files, err
}

func (s simFS) SyncDir(dir string) error { return s.p.SyncDir(dir) }

func (s simFS) Lock(name string, _ bool) (io.Closer, error) {
	l, err := s.p.Lock(name)
	if errors.Is(err, simdisk.ErrLocked) {
		return nil, ErrLocked
	}
	return l, err
}
