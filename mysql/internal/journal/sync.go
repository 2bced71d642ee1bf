package journal

import (
	"context"
	"errors"
	"slices"
	"time"
)

const repairAfter = time.Second // between attempts

// syncLoop syncs what is written: at once with Always, else SyncEvery after
// the first message that is not.
func (d *Disk) syncLoop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	next := time.Duration(0) // when the intake has to be looked at; 0 if it has not
	for {
		var due <-chan time.Time
		if next > 0 {
			timer.Reset(next)
			due = timer.C
		}
		all := false
		select {
		case <-d.stop:
			return
		case <-d.hurry:
			all = true
		case <-due:
		case <-d.syncKick:
			if !d.strict {
				if next == 0 || next > d.o.SyncEvery {
					timer.Reset(d.o.SyncEvery)
				}
				select {
				case <-d.stop:
					return
				case <-timer.C:
				case <-d.hurry:
					all = true
				}
			}
		}
		d.mu.Lock()
		d.syncDue = false // what comes from here on kicks again
		d.mu.Unlock()
		d.watch()
		var err error
		next, err = d.sweep(all)
		d.mu.Lock()
		d.stuck = err != nil
		d.mu.Unlock()
		if d.syncOnce() != nil && !d.repairUntilStopped(timer) {
			return
		}
		d.turn.Lock()
		d.trimChunks()
		d.restIntake()
		d.turn.Unlock()
	}
}

// repairUntilStopped returns true once the journal is repaired.
func (d *Disk) repairUntilStopped(timer *time.Timer) bool {
	for d.repair() != nil {
		timer.Reset(repairAfter)
		select {
		case <-d.stop:
			return false
		case <-timer.C:
		}
	}
	return true
}

// syncOnce syncs what is written now and tells those who wait for it. An error
// halts the journal.
func (d *Disk) syncOnce() error {
	d.syncTurn.Lock()
	defer d.syncTurn.Unlock()
	d.mu.Lock()
	if d.halted != nil {
		defer d.mu.Unlock()
		return d.halted
	}
	to, bytes, names := d.written(), d.unsynced, d.newNames
	segs := append([]*segment(nil), d.dirty...)
	ends := make([]extent, len(segs))
	for i, s := range segs {
		ends[i] = extent{s.size, s.newest}
	}
	d.newNames = false
	fatesFirst := d.spared && len(segs) > 0
	d.spared = d.spared && !fatesFirst
	d.mu.Unlock()
	if fatesFirst && d.syncState() != nil { // else a power cut could leave what came after them, and neither them nor their fates
		d.mu.Lock()
		d.spared = true
		d.mu.Unlock()
	}
	if len(segs) == 0 {
		d.mu.Lock()
		d.newNames = d.newNames || names
		if d.unsynced == 0 {
			d.synced = d.written()
		}
		if !d.stuck {
			d.endRound()
		}
		d.mu.Unlock()
		return nil
	}
	var err error
	for _, s := range segs {
		if err = s.file.Sync(); err != nil {
			break
		}
	}
	if err == nil && names {
		err = d.fs.SyncDir(d.o.Dir)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.newNames = true
		d.halt(err)
		return err
	}
	d.syncedTo(to, bytes, ends)
	return nil
}

// extent is how far a segment went when a sync began.
type extent struct {
	size   int64
	newest uint32
}

// syncedTo notes what a sync has covered: the first of the dirty segments up to
// their ends. mu is held.
func (d *Disk) syncedTo(to position, bytes int64, ends []extent) {
	d.synced = to
	d.unsynced -= bytes
	d.account()
	kept := d.dirty[:0]
	for i, s := range d.dirty {
		if i >= len(ends) {
			kept = append(kept, s)
			continue
		}
		s.synced.size, s.synced.newest = ends[i].size, ends[i].newest
		s.synced.to = s.to
		if to.record < s.to.record {
			s.synced.to = to
		}
		if s.size == ends[i].size {
			d.release(s)
			if s.sealed {
				signal(d.keepKick)
			}
		} else {
			kept = append(kept, s)
		}
	}
	clear(d.dirty[len(kept):])
	d.dirty = kept
	if d.strict {
		d.readable = max(d.readable, to.record)
		signal(d.ready)
	}
	d.wake()
	d.endRound()
}

// endRound tells those who wait for a sync. mu is held.
func (d *Disk) endRound() {
	if d.round != nil {
		close(d.round)
		d.round = nil
	}
}

// trimChunks lets go of the chunks that are synced. turn is held.
func (d *Disk) trimChunks() {
	w := &d.writer
	d.mu.Lock()
	unsynced := d.unsynced
	d.mu.Unlock()
	n, total := len(w.chunks), int64(0)
	for n > 0 && total < unsynced {
		n--
		total += int64(len(w.chunks[n].data))
	}
	for _, c := range w.chunks[:n] {
		c.recycle()
	}
	left := copy(w.chunks, w.chunks[n:])
	clear(w.chunks[left:])
	w.chunks = w.chunks[:left]
}

// halt stops all writing until the journal is repaired. mu is held.
func (d *Disk) halt(err error) {
	if d.halted != nil {
		return
	}
	d.halted = err
	if !errors.Is(err, errGone) { // of which the repair tells
		d.log.Errorf("journal %s: the disk failed: %v; what is not synced will be written again to a new segment, new messages wait until then", d.o.Dir, err)
	}
	signal(d.syncKick)
	signal(d.hurry)
}

// repair writes everything unsynced again, to a new segment, and syncs that:
// after a sync that failed nobody knows what the old file holds, and another
// sync of it may succeed without having written anything. A folder that is gone
// is made anew first.
func (d *Disk) repair() error {
	d.turn.Lock()
	defer d.turn.Unlock()
	if err := d.anchor(); err != nil {
		return err
	}
	d.mu.Lock()
	from, unsynced := d.synced, d.unsynced
	d.mu.Unlock()
	var last digest
	if unsynced == 0 {
		last = d.lastWritten()
	}
	fresh, err := d.buildSegment(from, header{base: from.record, baseRow: from.row, lastBytes: last}, func(s *segment, to File) error {
		return d.copyUnsynced(s, to, unsynced)
	})
	if err != nil {
		return err
	}
	if fresh.file, err = d.fs.Reopen(fresh.path); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replaceUnsynced(fresh)
	d.unsynced = 0
	d.account()
	d.synced = d.written()
	d.readable = d.next.record
	d.syncDue, d.newNames = false, false
	d.log.Warnf("journal %s: the disk works again: %d unsynced bytes are written anew and synced", d.o.Dir, unsynced)
	d.halted = nil
	d.wake()
	d.endRound()
	signal(d.ready)
	signal(d.keepKick)
	return nil
}

// copyUnsynced writes the last n bytes of the chunks to a segment. turn is held.
func (d *Disk) copyUnsynced(fresh *segment, to File, n int64) error {
	for _, part := range d.lastUnsynced(n) {
		if _, err := to.WriteAt(part, fresh.size); err != nil {
			return err
		}
		fresh.size += int64(len(part))
	}
	return nil
}

// lastUnsynced returns the last n bytes of the chunks. turn is held.
func (d *Disk) lastUnsynced(n int64) (parts [][]byte) {
	for i := len(d.writer.chunks) - 1; i >= 0 && n > 0; i-- {
		b := d.writer.chunks[i].data
		b = b[max(0, int64(len(b))-n):]
		n -= int64(len(b))
		parts = append(parts, b)
	}
	slices.Reverse(parts)
	return parts
}

// replaceUnsynced cuts every unsynced segment back to what a sync has covered
// and puts fresh after them. turn and mu are held.
func (d *Disk) replaceUnsynced(fresh *segment) {
	if d.active != nil {
		d.active.sealed, d.active.plain = true, true
		d.release(d.active)
		d.active = nil
	}
	for _, s := range d.dirty {
		d.diskBytes -= s.size // its room for a summary stays
		s.plain = true
		s.size, s.to, s.newest = s.synced.size, s.synced.to, s.synced.newest
		if s.size == 0 { // nothing of it was ever synced
			s.to = s.from
		}
		d.diskBytes += s.size
		s.rows = s.to.row - s.from.row
		d.recount(s)
		_ = s.file.Truncate(s.size) // what stays beyond is known to be stale by its number
		d.release(s)
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	for _, s := range d.segments {
		if s.slot == nil && s.from.record > d.synced.record { // has become empty: the list stays sorted
			s.from, s.to = d.synced, d.synced
		}
	}
	d.epoch++
	d.hint = hint{}
	fresh.to = d.written()
	fresh.records = fresh.to.record - fresh.from.record
	fresh.rows = fresh.to.row - fresh.from.row
	now := d.o.clock.read(time.Now())
	fresh.oldest, fresh.newest = d.acceptedBy(fresh.from.row), uint32((now.wall-d.ages.off(now))/int64(time.Second))
	fresh.plain = true // of what it covers some may never have been in a segment
	d.recount(fresh)
	fresh.synced.size, fresh.synced.to, fresh.synced.newest = fresh.size, fresh.to, fresh.newest
	d.adopt(fresh)
	d.newNames = false
}

// awaitSync waits until the messages below end are synced.
func (d *Disk) awaitSync(ctx context.Context, end uint64) error {
	for {
		d.mu.Lock()
		if d.synced.record >= end {
			d.mu.Unlock()
			return nil
		}
		if d.finished {
			d.mu.Unlock()
			return ErrUnsynced
		}
		if d.round == nil {
			d.round = make(chan struct{})
		}
		round := d.round
		d.mu.Unlock()
		signal(d.hurry)
		select {
		case <-round:
		case <-ctx.Done():
			return ErrUnsynced
		}
	}
}
