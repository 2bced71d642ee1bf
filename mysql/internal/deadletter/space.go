package deadletter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// publish tells the store's other goroutines what the files hold now, and that
// arrived bytes of letters are no longer on their way.
func (w *writer) publish(arrived int64) {
	var disk int64
	var held uint64
	for i, seg := range w.segments {
		disk += seg.size
		held += w.endOf(i) - seg.first - w.removedIn(i)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	freed := disk < w.disk || arrived > 0
	w.disk, w.held = disk, held
	w.coming -= arrived
	if freed {
		w.wanted = 0 // those who still wait say so again
		close(w.room)
		w.room = make(chan struct{})
	}
}

// endOf returns the first id that segment i does not own.
func (w *writer) endOf(i int) uint64 {
	if i+1 < len(w.segments) {
		return w.segments[i+1].first
	}
	return w.nextID
}

// removedIn counts the removed ids of segment i, those that a rewrite has left
// out before included.
func (w *writer) removedIn(i int) uint64 {
	end := w.endOf(i)
	if end == w.segments[i].first {
		return 0
	}
	return w.removals.ids.count(w.segments[i].first, end-1)
}

// tidy frees the space of removed letters: whole files at once, files with
// many removed ones by rewriting them; and if somebody waits for room, files
// with any, and then, under DropOldest, the oldest letters.
func (w *writer) tidy() {
	if err := w.removals.refresh(); err != nil {
		w.options.Logger.Warnf("dead letters: %v", err)
	}
	w.mu.Lock()
	wanted := w.wanted
	w.mu.Unlock()
	w.reclaim(wanted)
	if wanted > 0 && w.options.Full == DropOldest {
		w.dropOldest(wanted)
	}
	if err := w.removals.rewrite(w.segments[0].first); err != nil {
		w.options.Logger.Warnf("dead letters: shortening the list of removals: %v", err)
	}
	w.publish(0)
}

// lacks tells whether wanted bytes more would pass the bound.
func (w *writer) lacks(wanted int64) bool {
	w.mu.Lock()
	used := w.coming + wanted + fileHead
	w.mu.Unlock()
	for _, seg := range w.segments {
		used += seg.size
	}
	return used > w.options.MaxBytes
}

// reclaim frees removed letters' space, thoroughly if wanted bytes are not free.
func (w *writer) reclaim(wanted int64) {
	for i := 0; i < len(w.segments); i++ {
		seg := &w.segments[i]
		all, removed := w.endOf(i)-seg.first, w.removedIn(i)
		fresh := removed - min(seg.reclaimed, removed)
		if removed < all && (fresh == 0 || 2*fresh < all-seg.reclaimed && (wanted == 0 || !w.lacks(wanted))) || all == 0 {
			continue
		}
		if i == len(w.segments)-1 {
			if err := w.rotate(); err != nil {
				w.report(err)
				return
			}
			seg = &w.segments[i]
		}
		if err := w.rewrite(i, removed == all); err != nil {
			w.options.Logger.Warnf("dead letters: freeing the space of removed ones in %s: %v", seg.name(), err)
			continue
		}
		if removed == all {
			w.segments = append(w.segments[:i], w.segments[i+1:]...)
			i--
		}
	}
}

// rewrite leaves the removed letters of segment i out, which is not the one
// being written, or removes its file where all are. Damaged pieces are kept aside.
func (w *writer) rewrite(i int, all bool) error {
	seg := w.segments[i]
	next := segment{first: seg.first, generation: seg.generation + 1, size: fileHead, reclaimed: w.removedIn(i)}
	s, in, err := openSegment(w.fs, w.dir, w.segments, i)
	if err != nil {
		return err
	}
	defer in.Close()
	tmp := w.path(next.name() + tmpSuffix)
	var out File
	if !all {
		if out, err = w.fs.Open(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC); err != nil {
			return err
		}
	}
	next.size, err = w.copyLetters(out, s)
	if out != nil {
		if err == nil {
			err = out.Sync()
		}
		err = errors.Join(err, out.Close())
		if err == nil {
			err = w.fs.Rename(tmp, w.path(next.name()))
		}
		if err != nil {
			return errors.Join(err, w.fs.Remove(tmp))
		}
		if err := w.fs.SyncDir(w.dir); err != nil {
			// Beside the old file, which stays, it would be taken for its successor.
			return errors.Join(err, w.fs.Remove(w.path(next.name())))
		}
		w.segments[i] = next
	}
	if err != nil {
		return err
	}
	_ = in.Close() // some systems do not remove an open file
	if err := w.fs.Remove(w.path(seg.name())); err != nil && all {
		return err
	}
	return nil
}

// copyLetters writes the letters of s that are not removed to out, and keeps
// aside the pieces that are damaged. It returns the size of what it wrote. A
// nil out takes nothing.
func (w *writer) copyLetters(out File, s *scanner) (int64, error) {
	b := appendFileHead(nil)
	var size int64
	flush := func() (err error) {
		if out != nil {
			_, err = out.WriteAt(b, size)
			size += int64(len(b))
		}
		b = b[:0]
		return err
	}
	for {
		f, err := s.next(true)
		var corrupt *CorruptError
		switch {
		case errors.Is(err, io.EOF):
			err = flush()
			return size, err
		case errors.As(err, &corrupt):
			if _, err := w.keepAside(s, corrupt.Offset, corrupt.Bytes); err != nil {
				return 0, err
			}
			continue
		case err != nil:
			return 0, err
		}
		if f.kind != kindLetter || w.removals.ids.has(f.id) {
			continue
		}
		b = appendFrame(b, f.kind, f.id, f.meta, f.raw)
		if len(b) > window {
			if err := flush(); err != nil {
				return 0, err
			}
		}
	}
}

// dropOldest gives up the oldest letters until wanted bytes are free.
func (w *writer) dropOldest(wanted int64) {
	for w.lacks(wanted) {
		if len(w.segments) == 1 {
			if w.nextID == w.segments[0].first {
				return // there is nothing left to drop
			}
			if err := w.rotate(); err != nil {
				w.report(err)
				return
			}
		}
		oldest := w.segments[0]
		n := w.endOf(0) - oldest.first - w.removedIn(0)
		if err := w.fs.Remove(w.path(oldest.name())); err != nil {
			w.options.Logger.Warnf("dead letters: dropping the oldest: %v", err)
			return
		}
		w.segments = w.segments[1:]
		w.mu.Lock()
		w.dropped += n
		w.mu.Unlock()
		if n > 0 {
			w.options.Logger.Errorf("dead letters in %s reached their bound of %d bytes: the oldest %d were dropped", w.dir, w.options.MaxBytes, n)
		}
	}
}

// keepAside copies a damaged piece of s's file into the folder aside, unless
// it is all zeros, and tells whether it did.
func (w *writer) keepAside(s *scanner, off, n int64) (kept bool, err error) {
	dir := w.path(asideName)
	if err := w.fs.MkdirAll(dir); err != nil {
		return false, fmt.Errorf("keep a damaged piece aside: %w", err)
	}
	name := filepath.Join(dir, fmt.Sprintf("%s-%d", s.name, off))
	f, err := w.fs.Open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return false, fmt.Errorf("keep a damaged piece aside: %w", err)
	}
	b := make([]byte, min(n, window))
	for at := int64(0); at < n && err == nil; at += int64(len(b)) {
		b = b[:min(n-at, int64(len(b)))]
		if err = readFull(s.r, b, off+at); err == nil {
			kept = kept || !isZero(b)
			_, err = f.WriteAt(b, at)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil && kept {
		return true, w.fs.SyncDir(dir)
	}
	return false, errors.Join(err, w.fs.Remove(name))
}
