package journal

import (
	"fmt"
	"path/filepath"
	"time"
)

// state is the file that remembers the rows' fates: a snapshot, then entries.
// It is guarded by Disk.mu. The one before is kept, so that damage to the
// snapshot costs nothing.
type state struct {
	file       File
	path       string
	generation uint64
	size       int64
	fresh      int64 // size when it was made
	previous   string
	older      []string

	entries    []byte // to be written
	spare      []byte
	mirror     []byte // what is settled while the next generation is made
	mirroring  bool
	writing    bool // somebody writes entries, or changes the file
	stale      bool // the file cannot be written: only the next generation will be right
	dirty      bool // written since its last sync
	dirtySince time.Time
}

// Settle implements Queue. Once it returns the fate is on disk, safe from a
// kill, or another goroutine is about to put it there; a power cut can take
// what was settled since the last sync, and those rows come again. Rows that
// the journal never had are ignored.
func (d *Disk) Settle(fate Fate, spans ...Span) {
	if fate > Dropped {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range spans {
		d.settle(fate, s)
	}
	d.flushState()
}

// settle gives the rows of s their fate. mu is held; flushState has to follow.
func (d *Disk) settle(fate Fate, s Span) {
	s.To = min(s.To, d.next.row)
	known := true
	d.settled.add(s, func(part Span) {
		known = false
		d.counts[fate] += part.To - part.From
		d.unpend(part)
	})
	if known || d.state.file == nil && !d.state.stale {
		return
	}
	if !d.state.stale {
		d.state.entries = appendEntry(d.state.entries, d.salt, entry{fate, s})
	}
	if d.state.mirroring {
		d.state.mirror = appendEntry(d.state.mirror, d.salt, entry{fate, s})
	}
	if d.emptied != nil && d.pending() == 0 {
		close(d.emptied)
		d.emptied = nil
	}
}

// unpend takes settled rows off their segments. mu is held.
func (d *Disk) unpend(rows Span) {
	for i := d.segmentOfRow(rows.From); i < len(d.segments); i++ {
		s := d.segments[i]
		if s.from.row >= rows.To {
			return
		}
		from, to := max(rows.From, s.from.row), min(rows.To, s.to.row)
		if from >= to {
			continue
		}
		s.unsettled -= to - from
		if s.unsettled == 0 && s.sealed {
			signal(d.keepKick)
		}
	}
}

// segmentOfRow returns the index of the first segment that ends after row. mu is held.
func (d *Disk) segmentOfRow(row uint64) int {
	lo, hi := 0, len(d.segments)
	for lo < hi {
		mid := (lo + hi) / 2
		if d.segments[mid].to.row > row {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// flushState writes the entries, unless somebody is at it who will take them
// too. mu is held, but not while it writes.
func (d *Disk) flushState() {
	st := &d.state
	if st.writing || len(st.entries) == 0 || st.file == nil {
		return
	}
	st.writing = true
	for len(st.entries) > 0 && !st.stale {
		b, file, at := st.entries, st.file, st.size
		st.entries, st.spare = st.spare[:0], nil
		d.mu.Unlock()
		_, err := file.WriteAt(b, at)
		d.mu.Lock()
		st.spare = b[:0]
		if err != nil {
			d.stateFailed(err)
			break
		}
		st.size += int64(len(b))
		if !st.dirty {
			st.dirty, st.dirtySince = true, time.Now()
			signal(d.keepKick)
		}
	}
	if st.size > st.fresh*2+stateLimit {
		signal(d.keepKick)
	}
	st.writing = false
	d.idle.Broadcast()
}

// stateLimit is by how much a state file may grow before the next is made, in bytes.
const stateLimit = 1 << 20

// stateFailed notes that the state file is not to be trusted: what it lacks is
// in memory, and the next generation will hold it. mu is held.
func (d *Disk) stateFailed(err error) {
	if !d.state.stale {
		signal(d.keepKick)
		d.log.Errorf("journal %s: what became of rows cannot be written: %v; after a kill rows may come twice until this works again", d.o.Dir, err)
	}
	d.state.stale = true
	d.state.entries = d.state.entries[:0]
}

// syncState makes every fate given so far durable.
func (d *Disk) syncState() error {
	d.stateTurn.Lock()
	defer d.stateTurn.Unlock()
	st := &d.state
	d.mu.Lock()
	d.flushState()
	for st.writing {
		d.idle.Wait()
	}
	stale, dirty, file := st.stale, st.dirty, st.file
	st.dirty = false
	d.mu.Unlock()
	if file == nil && !stale { // closed
		return ErrClosed
	}
	if !stale && dirty {
		if err := file.Sync(); err != nil {
			d.mu.Lock()
			d.stateFailed(fmt.Errorf("sync: %w", err))
			d.mu.Unlock()
			stale = true
		}
	}
	if stale {
		return d.newGeneration()
	}
	return nil
}

// snapshot returns all that the state file has to say. mu is held.
func (d *Disk) snapshot() snapshot {
	s := snapshot{
		journal: d.id, generation: d.state.generation + 1, nextRecord: d.next.record, nextRow: d.next.row,
		strict: d.strict, boot: d.boot, lastBytes: d.lastBytes, counts: d.counts,
		identity: d.o.Identity, settled: d.settled.list,
	}
	if d.last != nil {
		s.lastBytes = digestOf(d.last)
	}
	return s
}

// newGeneration makes a new state file, durable when it returns. stateTurn is held.
func (d *Disk) newGeneration() error {
	st := &d.state
	d.mu.Lock()
	for st.writing {
		d.idle.Wait()
	}
	s := d.snapshot()
	text := s.encode()
	st.mirror, st.mirroring = st.mirror[:0], true
	d.mu.Unlock()

	path := d.path(s.generation, stateSuffix)
	file, err := d.writeState(path, text)
	if err != nil && noSpace(err) && d.fs.Remove(filepath.Join(d.o.Dir, spareName)) == nil {
		d.bare = true
		file, err = d.writeState(path, text)
	}
	d.mu.Lock()
	st.generation = s.generation // also if it failed: the name may be taken
	if err != nil {
		st.mirroring = false
		st.older = append(st.older, path)
		d.mu.Unlock()
		return err
	}
	old := d.switchState(file, path, int64(len(text)))
	d.mu.Unlock()
	for _, path := range old {
		d.discard(path, false)
	}
	return nil
}

// writeState writes a state file under another name first: under its own it is whole.
func (d *Disk) writeState(path string, text []byte) (File, error) {
	_ = d.fs.Remove(path + unfinished)
	file, err := d.fs.Create(path + unfinished)
	if err != nil {
		return nil, err
	}
	_, err = file.WriteAt(text, 0)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = d.fs.Rename(path+unfinished, path)
	}
	if err == nil {
		err = d.fs.SyncDir(d.o.Dir)
	}
	if err != nil {
		_ = d.fs.Remove(path + unfinished)
		return nil, err
	}
	return d.fs.Reopen(path)
}

// switchState goes on with a new state file and returns those that are not
// needed any more: all but the last. mu is held.
func (d *Disk) switchState(file File, path string, size int64) (old []string) {
	st := &d.state
	for st.writing {
		d.idle.Wait()
	}
	if st.file != nil {
		_ = st.file.Close()
	}
	old = st.older
	if st.previous != "" {
		old = append(old, st.previous)
	}
	st.previous, st.older = st.path, nil
	if st.stale {
		d.log.Infof("journal %s: what became of rows can be written again", d.o.Dir)
	}
	st.file, st.path, st.size, st.fresh = file, path, size, size
	st.stale, st.dirty = false, false
	st.entries = append(st.entries[:0], st.mirror...)
	st.mirroring = false
	d.flushState()
	return old
}

// closeState ends the state file; clean says that nothing is left unsynced,
// so that the next run need not be wary.
func (d *Disk) closeState(clean bool) error {
	var err error
	d.stateTurn.Lock()
	defer d.stateTurn.Unlock()
	d.mu.Lock()
	stale := d.state.stale
	d.mu.Unlock()
	if stale {
		err = d.newGeneration()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st := &d.state
	d.flushState()
	for st.writing {
		d.idle.Wait()
	}
	if st.file == nil {
		return err
	}
	if !st.stale && clean {
		end := appendEntry(nil, d.salt, entry{closedMark, Span{d.next.record, d.next.row}})
		if _, err = st.file.WriteAt(end, st.size); err == nil {
			err = st.file.Sync()
		}
	}
	if e := st.file.Close(); err == nil {
		err = e
	}
	st.file, st.stale = nil, false
	return err
}
