package deadletter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writer is what writes the files. It belongs to the store's goroutine, after
// Open and before Close.
type writer struct {
	*Store
	segments []segment // ascending; the last is the one being written
	removals removals
	nextID   uint64

	active File
	off    int64 // behind the last letter in active
	// unsynced is the letters in active behind the last fsync, kept to write
	// them again elsewhere: after a failed fsync nobody knows what of the file
	// is on disk, and a second fsync that succeeds proves nothing.
	unsynced      []byte
	unsyncedFirst uint64 // id
	// broken says that active must not be written any more: it could not be
	// cut back to off, or not synced. What is in it beyond off may be read as
	// letters, although their Put failed.
	broken  bool
	failing bool     // the last write failed, and the log knows
	stale   []string // files that others replace, to be removed
}

// maxUnsynced bounds what is kept in memory between two fsyncs, in bytes; with
// more the fsync comes early.
const maxUnsynced = 8 << 20

// keepBuffer is the largest buffer kept for the next write, in bytes.
const keepBuffer = 4 << 20

// openWriter recovers the folder. In one without letters their ids begin at next or above.
func openWriter(s *Store, next uint64) (*writer, error) {
	w := &writer{Store: s, removals: removals{fs: s.fs, dir: s.dir}, nextID: 1}
	if err := w.removals.refresh(); err != nil {
		return nil, err
	}
	l, err := list(s.fs, s.dir)
	if err != nil {
		return nil, err
	}
	w.segments, w.stale = l.segments, l.stale
	settled := w.settleNames()
	if n := len(w.removals.ids); n > 0 {
		w.nextID = w.removals.ids[n-1].last + 1
	}
	if len(w.segments) == 0 {
		w.nextID = max(w.nextID, next)
		if err := w.begin(w.nextID, nil); err != nil {
			return nil, err
		}
	} else if err := w.recover(); err != nil {
		return nil, err
	}
	if err := w.settle(); err != nil || !settled {
		w.broken = true // go on in another file
	}
	for i := range w.segments {
		if w.segments[i].generation > 0 {
			w.segments[i].reclaimed = w.removedIn(i)
		}
	}
	w.publish(0)
	return w, nil
}

func (w *writer) path(name string) string { return filepath.Join(w.dir, name) }

// recover finds the end of the last segment and cuts off what is torn.
func (w *writer) recover() error {
	i := len(w.segments) - 1
	last := &w.segments[i]
	s, f, err := openSegment(w.fs, w.dir, w.segments, i)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := wholeFrames(s, func(e *CorruptError) { w.options.Logger.Warnf("dead letters: %v", e) })
	if err != nil {
		return err
	}
	w.nextID = max(w.nextID, s.last+1)
	w.active, err = w.fs.Open(w.path(last.name()), os.O_RDWR)
	if err != nil {
		return err
	}
	w.off = end
	if end < s.end {
		if err := w.cutTail(s, end); err != nil {
			w.options.Logger.Warnf("dead letters: the torn end of %s stays: %v", s.name, err)
			w.broken = true // go on in another file, of another name
			if w.nextID == last.first {
				w.nextID++
			}
			return nil
		}
		last.size = end
	}
	if end < fileHead { // not even a head
		return w.headAgain()
	}
	return nil
}

// cutTail cuts the file being written to end and keeps aside what it cuts.
func (w *writer) cutTail(s *scanner, end int64) error {
	kept, err := w.keepAside(s, end, s.end-end)
	if err != nil {
		return err
	}
	if err := w.active.Truncate(end); err != nil {
		return err
	}
	if kept {
		w.options.Logger.Warnf("dead letters: the last %d bytes of %s are no whole letter; they were cut off and lie in the folder %s", s.end-end, s.name, asideName)
	}
	return nil
}

func (w *writer) headAgain() error {
	if _, err := w.active.WriteAt(appendFileHead(nil), 0); err != nil {
		return err
	}
	w.off = fileHead
	w.segments[len(w.segments)-1].size = fileHead
	return nil
}

// begin goes on in a new segment, which holds letters, whole frames, from id
// first on. The file gets its name when it is whole: a name alone, left by a
// crash, would claim the ids that follow in the file before it.
func (w *writer) begin(first uint64, letters []byte) error {
	seg := segment{first: first, size: fileHead + int64(len(letters))}
	if n := len(w.segments); n > 0 && w.segments[n-1].first == first {
		seg.generation = w.segments[n-1].generation + 1
	}
	tmp, name := w.path(seg.name()+tmpSuffix), w.path(seg.name())
	err := writeWhole(w.fs, tmp, append(appendFileHead(nil), letters...))
	if err == nil {
		err = w.fs.Rename(tmp, name)
	}
	if err != nil {
		_ = w.fs.Remove(tmp)
		return fmt.Errorf("begin a file of dead letters: %w", err)
	}
	f, err := w.fs.Open(name, os.O_RDWR)
	if err != nil {
		return fmt.Errorf("begin a file of dead letters: %w", err)
	}
	w.install(seg, f)
	if err := w.fs.SyncDir(w.dir); err != nil {
		w.broken = true
		return fmt.Errorf("begin a file of dead letters: %w", err)
	}
	w.dropStale()
	return nil
}

// install makes f, the file of seg, the one to write.
func (w *writer) install(seg segment, f File) {
	if w.active != nil {
		_ = w.active.Close() // what was to be durable is synced, or in the new file
	}
	if n := len(w.segments); n > 0 && w.segments[n-1].first == seg.first {
		w.stale = append(w.stale, w.segments[n-1].name())
		w.segments = w.segments[:n-1]
	}
	w.segments = append(w.segments, seg)
	w.active, w.off, w.broken = f, seg.size, false
}

// settleNames makes the names durable that are there, and removes files that
// others replace: whoever gave the names may have ended before they were
// durable, and a power cut could take the file and its successor, or one that
// has been written to since. It reports whether it did.
func (w *writer) settleNames() bool {
	if w.options.FsyncEvery < 0 && len(w.stale) == 0 {
		return true
	}
	if err := w.fs.SyncDir(w.dir); err != nil {
		w.options.Logger.Warnf("dead letters: the names of their files may not be durable: %v", err)
		return false
	}
	w.dropStale()
	return true
}

// settle makes durable what a process before has written last.
func (w *writer) settle() error {
	if w.options.FsyncEvery < 0 {
		return nil
	}
	err := w.active.Sync()
	if err != nil {
		w.options.Logger.Warnf("dead letters: the last of them may not be durable: %v", err)
	}
	return err
}

// dropStale removes the files that others have replaced, whose names are durable.
func (w *writer) dropStale() {
	for _, name := range w.stale {
		if err := w.fs.Remove(w.path(name)); err != nil {
			w.options.Logger.Warnf("dead letters: a file that was replaced stays until the next start: %v", err)
		}
	}
	w.stale = nil
}

// write writes letters and answers their requests.
func (w *writer) write(letters []*request) {
	for len(letters) > 0 {
		n, err := w.writeSome(letters)
		w.report(err)
		var size int64
		for _, r := range letters[:n] {
			if err == nil {
				w.note(r.place)
			}
			size += r.size()
		}
		w.publish(size)
		for _, r := range letters[:n] {
			r.result <- err
		}
		letters = letters[n:]
	}
}

// writeSome writes as many of letters as the current segment takes, or fails
// for that many.
func (w *writer) writeSome(letters []*request) (n int, err error) {
	if err := w.prepare(letters[0].size()); err != nil {
		return len(letters), err
	}
	first := w.nextID
	start := len(w.unsynced)
	room := w.options.SegmentBytes - w.off
	for n < len(letters) && (n == 0 || int64(len(w.unsynced)-start)+letters[n].size() <= room) {
		w.unsynced = appendFrame(w.unsynced, kindLetter, w.nextID, letters[n].meta, letters[n].raw)
		w.nextID++
		n++
	}
	if start == 0 {
		w.unsyncedFirst = first
	}
	b := w.unsynced[start:]
	if wrote, err := w.active.WriteAt(b, w.off); err != nil {
		w.nextID = first + whole(letters[:n], int64(wrote))
		w.takeBack(start, 0)
		return n, fmt.Errorf("write a dead letter: %w", err)
	}
	w.advance(int64(len(b)))
	switch {
	case w.options.FsyncEvery == 0:
		if err := w.syncOrMove(); err != nil {
			w.takeBack(start, int64(len(b)))
			return n, err
		}
	case w.options.FsyncEvery < 0:
		w.synced()
	case len(w.unsynced) > maxUnsynced:
		if err := w.syncOrMove(); err != nil { // they are written, and stay in memory until they are safe
			w.report(err)
		}
	}
	return n, nil
}

// takeBack undoes the writing of the letters that begin at start of unsynced,
// of which n bytes count as written. Ids of letters that were written whole are
// not used again: somebody may have read them, and remove them later.
func (w *writer) takeBack(start int, n int64) {
	w.unsynced = w.unsynced[:start]
	w.advance(-n)
	if err := w.active.Truncate(w.off); err != nil {
		w.broken = true
	}
}

// whole returns how many of letters fit into wrote bytes.
func whole(letters []*request, wrote int64) (n uint64) {
	for _, l := range letters {
		if wrote -= l.size(); wrote < 0 {
			break
		}
		n++
	}
	return n
}

func (w *writer) advance(n int64) {
	w.off += n
	w.segments[len(w.segments)-1].size = w.off
}

// prepare makes sure of a segment that takes size bytes more.
func (w *writer) prepare(size int64) error {
	if err := w.anchor(); err != nil {
		return err
	}
	if w.broken {
		if err := w.move(); err != nil {
			return err
		}
	}
	if w.off+size <= w.options.SegmentBytes || w.nextID == w.segments[len(w.segments)-1].first {
		return nil
	}
	return w.rotate()
}

// rotate goes on in a new segment.
func (w *writer) rotate() error {
	if w.options.FsyncEvery >= 0 && len(w.unsynced) > 0 {
		if err := w.syncOrMove(); err != nil {
			return err
		}
	}
	if w.nextID == w.segments[len(w.segments)-1].first {
		return nil
	}
	return w.begin(w.nextID, nil)
}

// syncOrMove makes everything written durable: by an fsync, or where that
// fails by writing it again elsewhere.
func (w *writer) syncOrMove() error {
	err := w.active.Sync()
	if err == nil {
		w.synced()
		return nil
	}
	w.options.Logger.Warnf("dead letters: fsync of %s failed, writing its end again: %v", w.segments[len(w.segments)-1].name(), err)
	w.broken = true
	return w.move()
}

func (w *writer) synced() {
	if cap(w.unsynced) > keepBuffer {
		w.unsynced = nil
	}
	w.unsynced = w.unsynced[:0]
}

// move goes on in a new segment that begins with what is not synced. What of
// that stands in the old one is no longer read: those ids are the new one's.
func (w *writer) move() error {
	first := w.nextID
	if len(w.unsynced) > 0 {
		first = w.unsyncedFirst
	}
	if err := w.begin(first, w.unsynced); err != nil {
		return err
	}
	w.synced()
	return nil
}

// sync makes what was written durable, at its interval.
func (w *writer) sync() {
	switch {
	case w.broken:
		w.report(w.move())
	case len(w.unsynced) > 0:
		w.report(w.syncOrMove())
	}
}

// report logs that writing fails, once, and that it works again.
func (w *writer) report(err error) {
	switch {
	case err != nil && !w.failing:
		w.options.Logger.Errorf("dead letters in %s cannot be written, rows wait until they can: %v", w.dir, err)
	case err == nil && w.failing:
		w.options.Logger.Warnf("dead letters in %s can be written again", w.dir)
	}
	w.failing = err != nil
}

// close makes everything durable and closes the file.
func (w *writer) close() error {
	var err error
	if w.options.FsyncEvery >= 0 && (w.broken || len(w.unsynced) > 0) {
		if err = w.syncOrMove(); err != nil {
			err = fmt.Errorf("close the dead letters: %w", err)
		}
	}
	return errors.Join(err, w.active.Close())
}
