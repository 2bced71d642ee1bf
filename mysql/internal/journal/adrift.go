package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// A folder that is removed or moved away while its journal is open takes the
// names of all files: what is written goes on to files that nobody finds again.
// The lock's file tells of it. Then the journal halts, and the repair makes the
// folder anew with all that is known still: what is not synced, what the last
// segment has, which is open, the intake, and every fate.

// Witness is a lock that can tell whether it is of use still.
type Witness interface {
	// Gone reports whether the lock's path names no file any more.
	Gone() bool
}

// errGone halts a journal whose folder is gone.
var errGone = errors.New("its folder was removed or moved away while it was in use")

// isAdrift tells whether the folder is gone.
func (d *Disk) isAdrift() bool {
	d.mu.Lock()
	lock := d.lock
	d.mu.Unlock()
	w, ok := lock.(Witness)
	return ok && w.Gone()
}

// watch halts the journal if its folder is gone. It belongs to the syncer.
func (d *Disk) watch() {
	now := time.Now()
	if now.Sub(d.watched) < d.o.watchEvery {
		return
	}
	d.watched = now
	if d.isAdrift() {
		d.mu.Lock()
		d.halt(errGone)
		d.mu.Unlock()
	}
}

// anchor makes the folder anew if it is gone. turn is held.
func (d *Disk) anchor() error {
	if !d.isAdrift() {
		return nil
	}
	err := d.fs.MkdirAll(d.o.Dir)
	var lock io.Closer
	if err == nil {
		lock, err = d.fs.Lock(filepath.Join(d.o.Dir, lockName))
	}
	if err != nil {
		return d.stayAdrift(err)
	}
	d.mu.Lock()
	former := d.lock
	d.lock = lock
	d.ghosts = nil // gone with the others
	d.mu.Unlock()
	_ = former.Close()
	d.rescue()
	d.tellGone()
	d.leaveIntake()
	d.stateTurn.Lock()
	d.bare = true
	d.stateTurn.Unlock()
	d.renewState() // first: a segment without it would have its rows come again
	return nil
}

// stayAdrift tells once why the folder cannot be made anew, and also whoever
// is refused a message.
func (d *Disk) stayAdrift(err error) error {
	err = fmt.Errorf("%w, and cannot be made anew: %w", errGone, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.halted == nil || d.halted.Error() != err.Error() {
		d.halted = err
		d.log.Errorf("journal %s: %v; messages wait until it can", d.o.Dir, err)
	}
	return err
}

// rescue takes what the segment has that is written to, or waits for a sync,
// for not synced: its file is open, and can be read without a name. turn is
// held, and nothing syncs.
func (d *Disk) rescue() {
	d.mu.Lock()
	s := d.active
	if len(d.dirty) > 0 {
		s = d.dirty[0] // all others have nothing that is synced
	}
	unsynced := d.unsynced
	d.mu.Unlock()
	if s == nil || s.synced.size <= s.start {
		return
	}
	n := s.synced.size - s.start
	all := &chunk{data: make([]byte, n, n+unsynced)}
	if _, err := s.file.ReadAt(all.data, s.start); err != nil {
		d.log.Errorf("journal %s: what its last file had cannot be read: %v", d.o.Dir, err)
		return
	}
	for _, part := range d.lastUnsynced(unsynced) {
		all.data = append(all.data, part...)
	}
	w := &d.writer
	for _, c := range w.chunks {
		c.recycle()
	}
	clear(w.chunks)
	w.chunks = append(w.chunks[:0], all)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.dirty) == 0 {
		s.users++
		d.dirty = append(d.dirty, s)
	}
	s.synced.size, s.synced.to, s.synced.newest = 0, s.from, 0
	d.synced = s.from
	d.unsynced += n
	d.account()
}

// tellGone tells what became of the rows that wait. turn is held.
func (d *Disk) tellGone() {
	names, err := d.fs.List(d.o.Dir)
	there := map[string]bool{}
	for _, n := range names {
		there[n] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	gone := uint64(0)
	for _, s := range d.segments {
		// What the writer has open, or the intake has, is written to the new folder
		// right after this; what the reader has open is still read.
		if err == nil && s.slot == nil && s.file == nil && !there[filepath.Base(s.path)] {
			gone += s.unsettled
		}
	}
	d.log.Errorf("journal %s: %v: it is made anew, with what is known of all rows; %d rows wait, of which %d were in files that are gone: those of them that are in memory are still written, the others are counted as lost. Stop the rule before its folder is removed; mysql journal purge removes one that no rule uses",
		d.o.Dir, errGone, d.pending(), gone)
}

// leaveIntake has what is in the intake moved to segments: a kill would take
// it, as its file has no name. turn is held.
func (d *Disk) leaveIntake() {
	in := &d.intake
	if in.size > 0 {
		in.off, in.foreign, in.current = true, true, nil // until it is empty and has left the memory
	}
	signal(d.hurry)
}
