package deadletter

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// memFS is a file system in memory that can lose what was not synced, fail and
// be full. Handles from before a crash are dead.
type memFS struct {
	mu      sync.Mutex
	rng     *rand.Rand
	names   map[string]*node // as programs see it
	durable map[string]*node // as a power cut leaves it, but for pending
	pending []func(map[string]*node)
	locks   map[string]int // epoch of the holder
	epoch   int
	room    int64 // bytes that may still be written, below 0 without bound
	badSync int   // one in so many fsyncs fails, 0 none
}

type node struct {
	data    []byte // as programs see it
	synced  []byte
	pending []change
}

// change is a write that is not synced, or a cut where data is nil.
type change struct {
	off  int64
	data []byte
}

var errDead = errors.New("the machine has crashed")

func newMemFS(seed uint64) *memFS {
	return &memFS{
		rng: rand.New(rand.NewPCG(seed, 0)), names: map[string]*node{}, durable: map[string]*node{}, locks: map[string]int{}, room: -1,
	}
}

// kill ends the program that uses the file system: nothing written is lost.
func (m *memFS) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.locks)
}

// cut is a power cut: what was not synced is there or not, whole or torn.
func (m *memFS) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.locks)
	for _, op := range m.pending {
		if m.rng.IntN(2) == 0 {
			op(m.durable)
		}
	}
	m.pending = nil
	m.names = map[string]*node{}
	for name, n := range m.durable {
		n.settle(m.rng)
		n.data = slices.Clone(n.synced)
		m.names[name] = n
	}
}

// settle decides the fate of what was not synced.
func (n *node) settle(rng *rand.Rand) {
	for _, c := range n.pending {
		switch rng.IntN(3) {
		case 0:
			n.synced = c.apply(n.synced)
		case 1:
			if len(c.data) > 0 {
				c.data = c.data[:rng.IntN(len(c.data))]
				n.synced = c.apply(n.synced)
			}
		}
	}
	n.pending = nil
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		if c.off < int64(len(b)) {
			return slices.Clone(b[:c.off])
		}
		return append(slices.Clone(b), make([]byte, c.off-int64(len(b)))...)
	}
	end := c.off + int64(len(c.data))
	if end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[c.off:], c.data)
	return b
}

// process is the file system as one process uses it, until it is killed.
type process struct {
	*memFS
	epoch int
}

func (m *memFS) process() *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &process{m, m.epoch}
}

// enter locks the file system, for a process that is alive.
func (m *process) enter() (leave func(), err error) {
	m.mu.Lock()
	if m.epoch != m.memFS.epoch {
		m.mu.Unlock()
		return nil, errDead
	}
	return m.mu.Unlock, nil
}

func (m *memFS) change(op func(map[string]*node)) {
	op(m.names)
	m.pending = append(m.pending, op)
}

func notExist(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

func (m *process) MkdirAll(string) error { return nil }

func (m *process) Open(name string, flag int) (File, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	n := m.names[name]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, notExist("open", name)
	case n == nil:
		n = &node{}
		m.change(func(names map[string]*node) { names[name] = n })
	case flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case flag&os.O_TRUNC != 0:
		n.cut(0)
	}
	return &memFile{m.memFS, n, m.epoch}, nil
}

func (n *node) cut(size int64) {
	c := change{off: size}
	n.data = c.apply(n.data)
	n.pending = append(n.pending, c)
}

func (m *process) Rename(from, to string) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	n := m.names[from]
	if n == nil {
		return notExist("rename", from)
	}
	m.change(func(names map[string]*node) {
		delete(names, from)
		names[to] = n
	})
	return nil
}

func (m *process) Remove(name string) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	if m.names[name] == nil {
		return notExist("remove", name)
	}
	m.change(func(names map[string]*node) { delete(names, name) })
	return nil
}

func (m *process) List(dir string) ([]FileInfo, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var files []FileInfo
	for name, n := range m.names {
		if filepath.Dir(name) == dir {
			files = append(files, FileInfo{filepath.Base(name), int64(len(n.data))})
		}
	}
	return files, nil
}

func (m *process) SyncDir(string) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	for _, op := range m.pending {
		op(m.durable)
	}
	m.pending = nil
	return nil
}

func (m *process) Lock(name string, _ bool) (io.Closer, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, held := m.locks[name]; held {
		return nil, ErrLocked
	}
	m.locks[name] = m.epoch
	return &memLock{m.memFS, name, m.epoch}, nil
}

type memLock struct {
	m     *memFS
	name  string
	epoch int
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if e, held := l.m.locks[l.name]; held && e == l.epoch {
		delete(l.m.locks, l.name)
	}
	return nil
}

type memFile struct {
	m     *memFS
	n     *node
	epoch int
}

func (f *memFile) alive() error {
	if f.epoch != f.m.epoch {
		return errDead
	}
	return nil
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if off > int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, f.alive()
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.alive(); err != nil {
		return 0, err
	}
	var err error
	if f.m.room >= 0 && int64(len(b)) > f.m.room {
		b, err = b[:f.m.room], syscall.ENOSPC
	}
	if f.m.room >= 0 {
		f.m.room -= int64(len(b))
	}
	if len(b) > 0 {
		c := change{off, slices.Clone(b)}
		f.n.data = c.apply(f.n.data)
		f.n.pending = append(f.n.pending, c)
	}
	return len(b), err
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.alive(); err != nil {
		return err
	}
	f.n.cut(size)
	return nil
}

// Sync makes the file durable; where it fails, what was not synced is lost or
// not, and no later Sync will tell.
func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.alive(); err != nil {
		return err
	}
	if f.m.badSync > 0 && f.m.rng.IntN(f.m.badSync) == 0 {
		f.n.settle(f.m.rng)
		return syscall.EIO
	}
	for _, c := range f.n.pending {
		f.n.synced = c.apply(f.n.synced)
	}
	f.n.pending = nil
	return nil
}

func (f *memFile) Close() error { return nil }

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (m *memFS) setRoom(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.room = n
}

func (m *memFS) setBadSync(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.badSync = n
}
