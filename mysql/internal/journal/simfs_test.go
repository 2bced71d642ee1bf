package journal

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"syscall"
)

// simFS is a file system in memory that knows what a power cut would leave:
// of what was not synced, any part, in pieces of a sector; of names whose
// folder was not synced, any. At the operation that burns its fuse it dies.
type simFS struct {
	mu    sync.Mutex
	rng   *rand.Rand
	names map[string]*inode // as programs see them
	kept  map[string]*inode // as a power cut leaves them
	steps []step            // on names, since the last SyncDir
	locks map[string]bool
	life  int
	boot  byte

	fuse  int // operations left; negative: it does not burn
	dead  chan struct{}
	space int64 // bytes left; negative: without limit
	// badSyncs is how many syncs in a thousand fail, and lose what they should
	// have made durable.
	badSyncs int
}

type inode struct {
	data   []byte
	synced []byte
	writes []change // since the last sync
	calls  int      // of WriteAt
}

// change is a write of data at off or, if data is nil, a truncation to off.
type change struct {
	off  int64
	data []byte
}

// step gives a name to a file, taking it from another; to "" takes it away.
type step struct {
	from, to string
	file     *inode
}

const sector = 512

var errDead = errors.New("the power is off")

func newSimFS(rng *rand.Rand) *simFS {
	return &simFS{
		rng: rng, names: map[string]*inode{}, kept: map[string]*inode{}, locks: map[string]bool{},
		fuse: -1, dead: make(chan struct{}), space: -1, boot: 1,
	}
}

// burn counts an operation; last says that it is the one that is cut short.
// mu is held.
func (s *simFS) burn() (last bool, err error) {
	select {
	case <-s.dead:
		return false, errDead
	default:
	}
	if s.fuse > 0 {
		if s.fuse--; s.fuse == 0 {
			close(s.dead)
			return true, errDead
		}
	}
	return false, nil
}

// isDead tells whether the fuse has burnt.
func (s *simFS) isDead() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// restart makes the file system usable again after a kill, which loses
// nothing that was written, or a power cut.
func (s *simFS) restart(power bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if power {
		s.cutPower()
		s.boot++
	}
	s.locks = map[string]bool{}
	s.life++
	s.fuse, s.space, s.badSyncs = -1, -1, 0
	s.dead = make(chan struct{})
}

func (s *simFS) cutPower() {
	for _, st := range s.steps {
		if s.rng.IntN(2) == 0 {
			continue
		}
		if st.from != "" {
			delete(s.kept, st.from)
		}
		if st.to != "" {
			s.kept[st.to] = st.file
		}
	}
	s.steps = nil
	s.names = map[string]*inode{}
	mode := s.rng.IntN(4) // nothing, everything, or some of what was not synced
	for name, f := range s.kept {
		s.tear(f, mode)
		s.names[name] = f
	}
}

// tear leaves of a file what was synced and some sectors of what was not.
func (s *simFS) tear(f *inode, mode int) {
	data := append([]byte(nil), f.synced...)
	for _, w := range f.writes {
		if w.data == nil {
			if mode == 1 || mode > 1 && s.rng.IntN(2) == 0 {
				data = resize(data, w.off)
			}
			continue
		}
		for i := int64(0); i < int64(len(w.data)); {
			n := min(sector-(w.off+i)%sector, int64(len(w.data))-i)
			if mode == 1 || mode > 1 && s.rng.IntN(2) == 0 {
				data = resize(data, max(int64(len(data)), w.off+i+n))
				copy(data[w.off+i:], w.data[i:i+n])
			} else if mode == 3 && s.rng.IntN(4) == 0 { // the size came, the content did not
				old := int64(len(data))
				data = resize(data, max(old, w.off+i+n))
				for j := max(old, w.off+i); j < int64(len(data)); j++ {
					data[j] = byte(s.rng.Uint32())
				}
			}
			i += n
		}
	}
	f.data, f.synced, f.writes = data, append([]byte(nil), data...), nil
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func (s *simFS) MkdirAll(string) error { return nil }

func (s *simFS) Boot() (b [16]byte) { b[0] = s.boot; return b }

func (s *simFS) List(dir string) (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.burn(); err != nil {
		return nil, err
	}
	for path := range s.names {
		names = append(names, filepath.Base(path))
	}
	return names, nil
}

func (s *simFS) Open(path string) (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.burn(); err != nil {
		return nil, err
	}
	f, ok := s.names[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &simFile{fs: s, inode: f, life: s.life}, nil
}

func (s *simFS) Reopen(path string) (File, error) { return s.Open(path) }

func (s *simFS) Create(path string) (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[path] != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	if s.space == 0 {
		return nil, &fs.PathError{Op: "create", Path: path, Err: syscall.ENOSPC}
	}
	last, err := s.burn()
	if err != nil && (!last || s.rng.IntN(2) == 0) {
		return nil, err
	}
	f := &inode{}
	s.names[path] = f
	s.steps = append(s.steps, step{to: path, file: f})
	return &simFile{fs: s, inode: f, life: s.life}, err
}

func (s *simFS) Rename(from, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	last, err := s.burn()
	if err != nil && (!last || s.rng.IntN(2) == 0) {
		return err
	}
	delete(s.names, from)
	s.names[to] = f
	s.steps = append(s.steps, step{from, to, f})
	return err
}

func (s *simFS) Remove(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.names[path]
	if f == nil {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	last, err := s.burn()
	if err != nil && (!last || s.rng.IntN(2) == 0) {
		return err
	}
	delete(s.names, path)
	s.steps = append(s.steps, step{from: path, file: f})
	if s.space >= 0 {
		s.space += int64(len(f.data))
	}
	return err
}

func (s *simFS) SyncDir(string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.burn(); err != nil {
		return err
	}
	if s.rng.IntN(1000) < s.badSyncs {
		return syscall.EIO // the names may come with a later sync
	}
	for _, st := range s.steps {
		if st.from != "" {
			delete(s.kept, st.from)
		}
		if st.to != "" {
			s.kept[st.to] = st.file
		}
	}
	s.steps = nil
	return nil
}

func (s *simFS) Lock(path string) (io.Closer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.burn(); err != nil {
		return nil, err
	}
	if s.locks[path] {
		return nil, ErrLocked
	}
	s.locks[path] = true
	return simLock{s, path}, nil
}

type simLock struct {
	fs   *simFS
	path string
}

func (l simLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	l.fs.locks[l.path] = false
	return nil
}

// simFile is an open file; it dies with the life it was opened in.
type simFile struct {
	fs     *simFS
	inode  *inode
	life   int
	closed bool
}

// step begins an operation. fs.mu is held.
func (f *simFile) step() (last bool, err error) {
	if f.closed {
		return false, fs.ErrClosed
	}
	if f.life != f.fs.life {
		return false, errDead
	}
	return f.fs.burn()
}

func (f *simFile) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.step(); err != nil {
		return 0, err
	}
	if off >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.inode.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *simFile) WriteAt(b []byte, off int64) (n int, err error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	n = len(b)
	f.inode.calls++
	last, err := f.step()
	if err != nil {
		if !last {
			return 0, err
		}
		n = f.fs.rng.IntN(n + 1)
	}
	grown := max(0, off+int64(n)-int64(len(f.inode.data)))
	if f.fs.space >= 0 && grown > f.fs.space {
		n = max(0, n-int(grown-f.fs.space))
		grown, err = f.fs.space, syscall.ENOSPC
	}
	if n > 0 {
		f.inode.data = resize(f.inode.data, max(int64(len(f.inode.data)), off+int64(n)))
		copy(f.inode.data[off:], b[:n])
		f.inode.writes = append(f.inode.writes, change{off, append([]byte{}, b[:n]...)})
	}
	if f.fs.space >= 0 {
		f.fs.space -= grown
	}
	return n, err
}

func (f *simFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.step(); err != nil {
		return err
	}
	if freed := int64(len(f.inode.data)) - size; f.fs.space >= 0 && freed > 0 {
		f.fs.space += freed
	}
	f.inode.data = resize(f.inode.data, size)
	f.inode.writes = append(f.inode.writes, change{off: size})
	return nil
}

func (f *simFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.step(); err != nil {
		return err
	}
	if f.fs.rng.IntN(1000) < f.fs.badSyncs {
		f.inode.writes = nil // as Linux does: the pages are clean, and not on the disk
		return syscall.EIO
	}
	for _, w := range f.inode.writes {
		if w.data == nil {
			f.inode.synced = resize(f.inode.synced, w.off)
			continue
		}
		f.inode.synced = resize(f.inode.synced, max(int64(len(f.inode.synced)), w.off+int64(len(w.data))))
		copy(f.inode.synced[w.off:], w.data)
	}
	f.inode.writes = nil
	return nil
}

func (f *simFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.step(); err != nil {
		return 0, err
	}
	return int64(len(f.inode.data)), nil
}

func (f *simFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	return nil
}
