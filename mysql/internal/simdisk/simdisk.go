// Package simdisk is a disk in memory for tests: it knows what a power cut
// would leave. Of what was not synced that is any part, in pieces of a sector,
// in any order; of names whose folder was not synced, any. It can die at any
// operation, fail to sync, and be full.
//
// Disk is the machine with its disk, Process the disk as one run of a program
// sees it: its files and locks are dead once the machine was restarted. A
// package that keeps files has an interface of its own for the file system,
// which its tests put on Process. Nothing else imports this package.
package simdisk

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// ErrDead says that the machine died, or that the process did.
var ErrDead = errors.New("the power is off")

// ErrLocked says that another holds the lock.
var ErrLocked = errors.New("the lock is held")

// Disk is a disk in memory. All its methods may be called by several goroutines.
type Disk struct {
	mu    sync.Mutex
	rng   *rand.Rand
	names map[string]*inode // as programs see them
	kept  map[string]*inode // as a power cut leaves them
	steps []step            // on names, since the last SyncDir
	locks map[string]int    // with the life of their holder
	life  int
	boot  byte

	fuse     int // operations left; not above 0: it does not burn
	dead     chan struct{}
	space    int64 // bytes left; negative: without limit
	badSync  error // what a sync that fails returns
	badSyncs int   // syncs in a thousand that fail, and lose what they should have made durable
	writes   int   // operations that need room
	noRoomAt int   // of them that finds none; 0 if none is chosen
}

type inode struct {
	data    []byte
	synced  []byte
	pending []change // since the last sync
	calls   int      // of WriteAt
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

// New returns an empty disk. What it leaves to chance comes from rng, which is
// its alone.
func New(rng *rand.Rand) *Disk {
	return &Disk{
		rng: rng, names: map[string]*inode{}, kept: map[string]*inode{}, locks: map[string]int{},
		dead: make(chan struct{}), space: -1, boot: 1, badSync: syscall.EIO,
	}
}

// Process returns the disk as a program sees it that begins now.
func (d *Disk) Process() *Process {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &Process{d, d.life}
}

// Fuse lets the machine die at the n-th operation from now, which is cut short.
func (d *Disk) Fuse(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fuse = n
}

// Space sets how many bytes are left; negative is no limit.
func (d *Disk) Space(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space = bytes
}

// IsLimited tells whether Space has set a limit.
func (d *Disk) IsLimited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.space >= 0
}

// NoRoomAt lets the n-th operation from now that needs room find none, after
// part of a write at most, and all that follow until Space is called. It
// returns how many there have been so far.
func (d *Disk) NoRoomAt(n int) (before int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noRoomAt = d.writes + n
	return d.writes
}

// BadSyncs lets so many syncs in a thousand fail. What such a one should have
// made durable is not, and no later one will tell.
func (d *Disk) BadSyncs(perThousand int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.badSyncs = perThousand
}

// BadSyncError sets what syncs that fail return; at first it is EIO.
func (d *Disk) BadSyncError(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.badSync = err
}

// Dead is closed when the machine dies.
func (d *Disk) Dead() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// IsDead tells whether the fuse has burnt.
func (d *Disk) IsDead() bool {
	select {
	case <-d.Dead():
		return true
	default:
		return false
	}
}

// Restart makes the disk usable again after a kill of the programs, which
// loses nothing that was written, or after a power cut.
func (d *Disk) Restart(power bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if power {
		d.cutPower()
		d.boot++
	}
	clear(d.locks)
	d.life++
	d.fuse, d.space, d.badSyncs, d.noRoomAt = 0, -1, 0, 0
	d.dead = make(chan struct{})
}

// Boot names the run of the machine, which a power cut ends.
func (d *Disk) Boot() (b [16]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b[0] = d.boot
	return b
}

// Files returns the content of all files, as programs see it.
func (d *Disk) Files() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := map[string][]byte{}
	for name, f := range d.names {
		files[name] = append([]byte(nil), f.data...)
	}
	return files
}

// Put makes a file with content, durably.
func (d *Disk) Put(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &inode{data: append([]byte(nil), data...), synced: append([]byte(nil), data...)}
	d.names[name], d.kept[name] = f, f
}

// WriteCalls returns how often files whose name ends in suffix were written to.
func (d *Disk) WriteCalls(suffix string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.names {
		if strings.HasSuffix(name, suffix) {
			n += f.calls
		}
	}
	return n
}

// burn counts an operation; last says that it is the one that is cut short.
func (d *Disk) burn() (last bool, err error) {
	select {
	case <-d.dead:
		return false, ErrDead
	default:
	}
	if d.fuse > 0 {
		if d.fuse--; d.fuse == 0 {
			close(d.dead)
			return true, ErrDead
		}
	}
	return false, nil
}

// take takes up to n bytes of the room that is left.
func (d *Disk) take(n int64) (got int64, err error) {
	if d.writes++; d.writes == d.noRoomAt {
		d.space, d.noRoomAt = 0, 0
		if n > 0 {
			d.space = d.rng.Int64N(n)
		}
	}
	if d.space < 0 {
		return n, nil
	}
	got = min(n, d.space)
	d.space -= got
	if got < n {
		return got, syscall.ENOSPC
	}
	return got, nil
}

func (d *Disk) give(n int64) {
	if d.space >= 0 && n > 0 {
		d.space += n
	}
}

func (d *Disk) cutPower() {
	for _, st := range d.steps {
		if d.rng.IntN(2) == 0 {
			st.apply(d.kept)
		}
	}
	d.steps = nil
	d.names = map[string]*inode{}
	mode := d.rng.IntN(4) // nothing, everything, or some of what was not synced
	for name, f := range d.kept {
		d.tear(f, mode)
		d.names[name] = f
	}
}

func (st *step) apply(names map[string]*inode) {
	if st.from != "" {
		delete(names, st.from)
	}
	if st.to != "" {
		names[st.to] = st.file
	}
}

// tear leaves of a file what was synced and some sectors of what was not.
func (d *Disk) tear(f *inode, mode int) {
	data := append([]byte(nil), f.synced...)
	for _, w := range f.pending {
		if w.data == nil {
			if mode == 1 || mode > 1 && d.rng.IntN(2) == 0 {
				data = resize(data, w.off)
			}
			continue
		}
		for i := int64(0); i < int64(len(w.data)); {
			n := min(sector-(w.off+i)%sector, int64(len(w.data))-i)
			if mode == 1 || mode > 1 && d.rng.IntN(2) == 0 {
				data = resize(data, max(int64(len(data)), w.off+i+n))
				copy(data[w.off+i:], w.data[i:i+n])
			} else if mode == 3 && d.rng.IntN(4) == 0 { // the size came, the content did not
				old := int64(len(data))
				data = resize(data, max(old, w.off+i+n))
				for j := max(old, w.off+i); j < int64(len(data)); j++ {
					data[j] = byte(d.rng.Uint32())
				}
			}
			i += n
		}
	}
	f.data, f.synced, f.pending = data, append([]byte(nil), data...), nil
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// inDir returns the names of the files in dir, and their sizes.
func (d *Disk) inDir(dir string) map[string]int64 {
	sizes := map[string]int64{}
	for path, f := range d.names {
		if filepath.Dir(path) == dir {
			sizes[filepath.Base(path)] = int64(len(f.data))
		}
	}
	return sizes
}

func pathError(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }
