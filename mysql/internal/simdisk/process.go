package simdisk

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Process is the disk as one run of a program sees it. After the machine was
// restarted all of it fails with ErrDead.
type Process struct {
	d    *Disk
	life int
}

// enter begins an operation: leave ends it. last says that it is the one at
// which the machine dies; it may have an effect, but not succeed.
func (p *Process) enter() (leave func(), last bool, err error) {
	p.d.mu.Lock()
	if p.life != p.d.life {
		err = ErrDead
	} else {
		last, err = p.d.burn()
	}
	return p.d.mu.Unlock, last, err
}

// change does what st says, unless the machine dies before it.
func (p *Process) change(st step) error {
	last, err := p.d.burn()
	if err != nil && (!last || p.d.rng.IntN(2) == 0) {
		return err
	}
	st.apply(p.d.names)
	p.d.steps = append(p.d.steps, st)
	return err
}

// List returns the names of the files in dir, and their sizes in bytes.
func (p *Process) List(dir string) (map[string]int64, error) {
	leave, _, err := p.enter()
	defer leave()
	if err != nil {
		return nil, err
	}
	return p.d.inDir(dir), nil
}

// Open opens a file with the flags of package os: O_CREATE, O_EXCL and O_TRUNC count.
func (p *Process) Open(path string, flag int) (*File, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.life != p.d.life {
		return nil, ErrDead
	}
	f := p.d.names[path]
	if f == nil && flag&os.O_CREATE != 0 {
		return p.create(path)
	}
	if _, err := p.d.burn(); err != nil {
		return nil, err
	}
	switch {
	case f == nil:
		return nil, pathError("open", path, fs.ErrNotExist)
	case flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, pathError("create", path, fs.ErrExist)
	case flag&os.O_TRUNC != 0:
		p.d.give(int64(len(f.data)))
		f.data = nil
		f.pending = append(f.pending, change{})
	}
	return &File{p: p, inode: f}, nil
}

// create makes a file, which needs room on a disk with a limit, but takes none.
func (p *Process) create(path string) (*File, error) {
	if p.d.writes++; p.d.writes == p.d.noRoomAt {
		p.d.space, p.d.noRoomAt = 0, 0
	}
	if p.d.space == 0 {
		return nil, pathError("create", path, syscall.ENOSPC)
	}
	f := &inode{}
	if err := p.change(step{to: path, file: f}); err != nil {
		return nil, err
	}
	return &File{p: p, inode: f}, nil
}

// Rename gives a file another name; durable after SyncDir.
func (p *Process) Rename(from, to string) error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.life != p.d.life {
		return ErrDead
	}
	f := p.d.names[from]
	if f == nil {
		return pathError("rename", from, fs.ErrNotExist)
	}
	return p.change(step{from, to, f})
}

// Remove takes a file away; durable after SyncDir.
func (p *Process) Remove(path string) error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.life != p.d.life {
		return ErrDead
	}
	f := p.d.names[path]
	if f == nil {
		return pathError("remove", path, fs.ErrNotExist)
	}
	err := p.change(step{from: path, file: f})
	p.d.give(int64(len(f.data)))
	return err
}

// SyncDir makes all names durable.
func (p *Process) SyncDir(string) error {
	leave, _, err := p.enter()
	defer leave()
	if err != nil {
		return err
	}
	if p.d.rng.IntN(1000) < p.d.badSyncs {
		return syscall.EIO // the names may come with a later sync
	}
	for _, st := range p.d.steps {
		st.apply(p.d.kept)
	}
	p.d.steps = nil
	return nil
}

// Lock takes the lock at path, or returns ErrLocked.
func (p *Process) Lock(path string) (io.Closer, error) {
	leave, _, err := p.enter()
	defer leave()
	if err != nil {
		return nil, err
	}
	if _, held := p.d.locks[path]; held {
		return nil, ErrLocked
	}
	p.d.locks[path] = p.life
	return &lock{p, path}, nil
}

type lock struct {
	p    *Process
	path string
}

// Close implements io.Closer.
func (l *lock) Close() error {
	l.p.d.mu.Lock()
	defer l.p.d.mu.Unlock()
	if life, held := l.p.d.locks[l.path]; held && life == l.p.life {
		delete(l.p.d.locks, l.path)
	}
	return nil
}

// File is an open file.
type File struct {
	p      *Process
	inode  *inode
	closed bool
}

func (f *File) enter() (leave func(), last bool, err error) {
	leave, last, err = f.p.enter()
	if f.closed {
		return leave, false, fs.ErrClosed
	}
	return leave, last, err
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	leave, _, err := f.enter()
	defer leave()
	if err != nil {
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

// WriteAt implements io.WriterAt. On a full disk, and when the machine dies,
// it writes a part.
func (f *File) WriteAt(b []byte, off int64) (n int, err error) {
	leave, last, err := f.enter()
	defer leave()
	n = len(b)
	if err != nil {
		if !last {
			return 0, err
		}
		n = f.p.d.rng.IntN(n + 1)
	}
	f.inode.calls++
	end := int64(len(f.inode.data))
	if grown := off + int64(n) - end; grown > 0 {
		got, e := f.p.d.take(grown)
		if n -= int(grown - got); e != nil {
			err = e
		}
		n = max(n, 0)
	}
	if n > 0 {
		f.inode.data = resize(f.inode.data, max(end, off+int64(n)))
		copy(f.inode.data[off:], b[:n])
		f.inode.pending = append(f.inode.pending, change{off, append([]byte{}, b[:n]...)})
	}
	return n, err
}

// WriteWhole writes b, which a kill does not cut in two; the file is large enough.
func (f *File) WriteWhole(b []byte, off int64) error {
	leave, last, err := f.enter()
	defer leave()
	if err != nil && (!last || f.p.d.rng.IntN(2) == 0) {
		return err
	}
	copy(f.inode.data[off:], b)
	f.inode.pending = append(f.inode.pending, change{off, append([]byte{}, b...)})
	return err
}

// Truncate changes the file's size.
func (f *File) Truncate(size int64) error {
	leave, _, err := f.enter()
	defer leave()
	if err != nil {
		return err
	}
	f.p.d.give(int64(len(f.inode.data)) - size)
	f.inode.data = resize(f.inode.data, size)
	f.inode.pending = append(f.inode.pending, change{off: size})
	return nil
}

// Sync makes the content durable. Where it fails what was written is as in the
// cache of Linux: programs see it, it is clean, and it is not on the disk.
func (f *File) Sync() error {
	leave, _, err := f.enter()
	defer leave()
	if err != nil {
		return err
	}
	if f.p.d.rng.IntN(1000) < f.p.d.badSyncs {
		f.inode.pending = nil
		return f.p.d.badSync
	}
	for _, w := range f.inode.pending {
		if w.data == nil {
			f.inode.synced = resize(f.inode.synced, w.off)
			continue
		}
		f.inode.synced = resize(f.inode.synced, max(int64(len(f.inode.synced)), w.off+int64(len(w.data))))
		copy(f.inode.synced[w.off:], w.data)
	}
	f.inode.pending = nil
	return nil
}

// Size returns the file's size in bytes.
func (f *File) Size() (int64, error) {
	leave, _, err := f.enter()
	defer leave()
	if err != nil {
		return 0, err
	}
	return int64(len(f.inode.data)), nil
}

// Close implements io.Closer; twice is an error.
func (f *File) Close() error {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	return nil
}
