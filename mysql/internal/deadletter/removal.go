package deadletter

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Removals are noted in a log of their own, which any process may append to
// under its lock: the letters stay in their segments until the writer gets
// round to rewriting those. The log begins with a frame whose bytes are random
// and new whenever it is rewritten, so that a reader knows to begin again.

// maxRemovalLog is the size in bytes beyond which the log is rewritten, when
// that makes it much smaller.
const maxRemovalLog = 256 << 10

// removals is the log as last read. It belongs to one goroutine.
type removals struct {
	fs   FS
	dir  string
	ids  spans
	mark [16]byte // the log's first frame
	off  int64    // read up to here
}

func (r *removals) path() string { return filepath.Join(r.dir, removalName) }

// refresh reads what was appended to the log.
func (r *removals) refresh() error {
	f, err := r.fs.Open(r.path(), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the removals: %w", err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("read the removals: %w", err)
	}
	s := newScanner(f, removalName, size)
	if err := s.open(); err != nil {
		return err
	}
	mark, err := s.mark()
	if err != nil {
		return err
	}
	if mark != r.mark || r.off > size {
		r.ids, r.mark, r.off = nil, mark, s.off
	}
	s.off = max(r.off, s.off)
	for {
		f, err := s.next(false)
		var corrupt *CorruptError
		switch {
		case err == nil:
			readRanges(f.meta, r.ids.add)
			r.off = s.off
		case errors.As(err, &corrupt): // torn by a crash, or being written
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

// mark returns the bytes of the first frame, if it is whole and holds any, and
// stays before it.
func (s *scanner) mark() (mark [16]byte, err error) {
	start := s.off
	f, err := s.next(true)
	var corrupt *CorruptError
	if err == nil {
		copy(mark[:], f.raw)
	} else if errors.Is(err, io.EOF) || errors.As(err, &corrupt) {
		err = nil
	}
	s.off = start
	return mark, err
}

// remove notes ids as removed; they are durable when it returns. Any process
// may call it at any time.
func remove(fs FS, dir string, ids []uint64) error {
	if len(ids) == 0 {
		return nil
	}
	var set spans
	for _, id := range ids {
		set.add(span{id, id})
	}
	unlock, err := fs.Lock(filepath.Join(dir, removalLock), true)
	if err != nil {
		return fmt.Errorf("remove dead letters: %w", err)
	}
	defer unlock.Close()
	if err := appendRemovals(fs, dir, set); err != nil {
		return fmt.Errorf("remove dead letters: %w", err)
	}
	return nil
}

func appendRemovals(fs FS, dir string, set spans) error {
	f, err := fs.Open(filepath.Join(dir, removalName), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	// What an earlier crash has torn goes: the lengths in it would swallow the
	// beginning of what follows.
	s := newScanner(f, removalName, size)
	if err := s.open(); err != nil {
		return err
	}
	end, err := wholeFrames(s, func(*CorruptError) {})
	if err != nil {
		return err
	}
	if end < size {
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	var b []byte
	if end == 0 {
		b = newRemovalLog()
	}
	b = appendRemovalFrames(b, set)
	if _, err := f.WriteAt(b, end); err != nil {
		_ = f.Truncate(end) // the next removal tries again
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return fs.SyncDir(dir)
}

func newRemovalLog() []byte {
	var mark [16]byte
	_, _ = rand.Read(mark[:]) // it never fails
	return appendFrame(appendFileHead(nil), kindRemoval, 0, nil, mark[:])
}

// appendRemovalFrames appends set as frames within the limit of one.
func appendRemovalFrames(b []byte, set spans) []byte {
	const most = maxMeta / 32 // spans whose numbers fit in one frame
	for len(set) > 0 {
		n := min(len(set), most)
		b = appendFrame(b, kindRemoval, 0, appendRanges(nil, set[:n]), nil)
		set = set[n:]
	}
	return b
}

// rewrite replaces the log by what of it concerns ids from id on, if it is
// large and that makes it much smaller.
func (r *removals) rewrite(id uint64) error {
	if r.off < maxRemovalLog {
		return nil
	}
	unlock, err := r.fs.Lock(filepath.Join(r.dir, removalLock), true)
	if err != nil {
		return err
	}
	defer unlock.Close()
	if err := r.refresh(); err != nil {
		return err
	}
	b := appendRemovalFrames(newRemovalLog(), r.ids.from(id))
	if int64(len(b)) > r.off/4 {
		return nil
	}
	tmp := r.path() + tmpSuffix
	if err := writeWhole(r.fs, tmp, b); err != nil {
		return errors.Join(err, r.fs.Remove(tmp))
	}
	if err := r.fs.Rename(tmp, r.path()); err != nil {
		return errors.Join(err, r.fs.Remove(tmp))
	}
	if err := r.fs.SyncDir(r.dir); err != nil {
		return err
	}
	return r.refresh()
}

// writeWhole makes a file of b, durable but for its name.
func writeWhole(fs FS, name string, b []byte) error {
	f, err := fs.Open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
