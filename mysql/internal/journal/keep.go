package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"
)

const (
	tellEvery  = time.Minute // how often lasting loss is logged
	spareBytes = 256 << 10
	keepAfter  = time.Second // between attempts at what failed
)

// keepLoop tidies: it frees segments, renews the state file, makes room and
// enforces the age.
func (d *Disk) keepLoop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-d.keepKick:
		case <-timer.C:
		}
		timer.Reset(d.tidy())
	}
}

// tidy does what is due and returns when more will be.
func (d *Disk) tidy() time.Duration {
	d.keepState()
	d.keepClock()
	d.free()
	d.dropOld()
	d.makeRoom()
	d.rewrite()
	d.summarise()
	d.clearGarbage()
	d.tellDropped()
	return d.nextTidy()
}

func (d *Disk) nextTidy() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := time.Hour
	if d.state.stale || len(d.garbage) > 0 || d.dropped > 0 {
		next = keepAfter
	}
	if d.o.MaxAge > 0 {
		next = min(next, max(keepAfter, min(time.Minute, d.o.MaxAge/10)))
	}
	if !d.ripens.IsZero() {
		next = min(next, max(0, time.Until(d.ripens)))
	}
	if d.state.dirty && !d.state.stale {
		next = min(next, max(0, time.Until(d.state.dirtySince.Add(d.stateEvery()))))
	}
	return next
}

// stateEvery is how long fates may wait for a sync. What a power cut takes of
// them comes again, so that it is not needed for an Append to be safe.
func (d *Disk) stateEvery() time.Duration {
	if d.strict {
		return time.Second
	}
	return d.o.SyncEvery
}

// keepState syncs the state file when it is time, and renews it when it has
// grown or failed.
func (d *Disk) keepState() {
	d.mu.Lock()
	st := &d.state
	renew := st.stale || st.size > st.fresh*2+stateLimit
	due := st.dirty && time.Since(st.dirtySince) >= d.stateEvery()
	d.mu.Unlock()
	if renew {
		d.renewState()
	} else if due {
		_ = d.syncState() // a failure is logged and makes it stale
	}
	d.makeSpare()
}

func (d *Disk) renewState() {
	d.stateTurn.Lock()
	defer d.stateTurn.Unlock()
	if err := d.newGeneration(); err != nil {
		d.mu.Lock()
		d.stateFailed(err)
		d.mu.Unlock()
	}
}

// makeSpare puts aside what the state file needs on a full disk: without it
// nothing could be freed. A journal that never had a message has nothing to free.
func (d *Disk) makeSpare() {
	d.stateTurn.Lock()
	defer d.stateTurn.Unlock()
	d.mu.Lock()
	useless := d.state.stale || d.next.record == 0
	d.mu.Unlock()
	if !d.bare || useless {
		return
	}
	path := filepath.Join(d.o.Dir, spareName)
	f, err := d.fs.Create(path)
	if errors.Is(err, fs.ErrExist) {
		d.bare = false
		return
	}
	if err != nil {
		return
	}
	_, err = f.WriteAt(make([]byte, spareBytes), 0)
	_ = f.Close()
	if err != nil {
		_ = d.fs.Remove(path)
		return
	}
	d.bare = false
}

// free takes away the segments whose rows are all settled. The fates are made
// durable first: a power cut must not leave rows without file and fate.
func (d *Disk) free() {
	d.mu.Lock()
	var done []*segment
	for _, s := range d.segments {
		if s.sealed && s.unsettled == 0 && s.users == 0 {
			done = append(done, s)
		}
	}
	d.mu.Unlock()
	if len(done) == 0 || d.syncState() != nil {
		return
	}
	d.forget(done)
}

// forget takes segments off the list, which nobody uses, and their files away
// or, if damaged, aside. All their rows are settled, durably, or elsewhere.
func (d *Disk) forget(done []*segment) {
	d.mu.Lock()
	gone := make(map[*segment]bool, len(done))
	for _, s := range done {
		gone[s] = s.users == 0
	}
	kept := d.segments[:0]
	for _, s := range d.segments {
		if !gone[s] {
			kept = append(kept, s)
		}
	}
	clear(d.segments[len(kept):])
	d.segments = kept
	d.mu.Unlock()
	bytes := int64(0)
	for s, unused := range gone {
		if unused {
			d.discard(s.path, s.damaged)
			bytes += s.occupied()
		}
	}
	d.mu.Lock()
	d.diskBytes -= bytes
	d.wake()
	d.mu.Unlock()
}

// discard takes a file away, or aside if it is damaged.
func (d *Disk) discard(path string, damaged bool) {
	var err error
	if damaged {
		err = d.setAside(path)
	} else {
		err = d.fs.Remove(path)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	d.log.Warnf("journal %s: a file that is done with cannot be taken away yet: %v", d.o.Dir, err)
	if damaged { // the next Open finds it again
		return
	}
	d.mu.Lock()
	d.garbage = append(d.garbage, path)
	d.mu.Unlock()
}

// clearGarbage tries again what discard could not do.
func (d *Disk) clearGarbage() {
	d.mu.Lock()
	left := d.garbage
	d.garbage = nil
	d.mu.Unlock()
	for i, path := range left {
		if err := d.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.mu.Lock()
			d.garbage = append(d.garbage, left[i:]...)
			d.mu.Unlock()
			return
		}
	}
}

// makeRoom frees what can be without the consumer, if an Append had no room.
func (d *Disk) makeRoom() {
	d.mu.Lock()
	wanted := d.want > 0
	d.mu.Unlock()
	if !wanted {
		return
	}
	signal(d.hurry) // a segment goes only once it is synced
	if d.isShort() && d.sealDone() {
		d.free()
	}
	if d.o.Full == DropOldest && d.isShort() {
		d.dropUnread(func(*segment) bool { return true }, "the journal is full", true)
	}
}

// isShort tells whether an Append found no room, and would find none once what
// is settled is freed.
func (d *Disk) isShort() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	used := d.diskBytes + d.reserved
	for _, s := range d.segments {
		if s.sealed && s.unsettled == 0 {
			used -= s.occupied()
		}
	}
	if d.want == 0 || used <= 0 || used+d.want+segmentHead+summarySize <= d.o.MaxBytes {
		d.want = 0
		return false
	}
	return true
}

// sealDone ends the active segment if all of its rows are settled, so that it
// can be freed. What is remembered of the last message goes to the state file.
func (d *Disk) sealDone() bool {
	d.turn.Lock()
	defer d.turn.Unlock()
	last := d.lastWritten()
	d.mu.Lock()
	done := d.active != nil && d.active.unsettled == 0 && d.active.size > segmentHead
	if done {
		d.seal(last)
	}
	d.mu.Unlock()
	if done {
		d.renewState()
	}
	return done
}

// dropOld gives up whole segments that are older than MaxAge and not handed out.
func (d *Disk) dropOld() {
	if d.o.MaxAge > 0 {
		d.dropUnread(func(s *segment) bool { return d.tooOld(s.to.row-1, s.newest) }, "older than the age limit", false)
	}
}

// dropUnread gives up the segments that which chooses, oldest first, and of
// which nothing was handed out; only one if once.
func (d *Disk) dropUnread(which func(*segment) bool, why string, once bool) {
	d.turn.Lock()
	last := d.lastWritten()
	d.mu.Lock()
	n, sealed := 0, false
	for _, s := range d.segments {
		if s.from.record < d.nextOut || s.unsettled == 0 || s.damaged && s.rows == 0 || !which(s) {
			continue
		}
		if s == d.active {
			d.seal(last)
			sealed = true
		}
		d.skip(s)
		d.drop(s.span(), why)
		if n++; once {
			break
		}
	}
	d.flushState()
	d.mu.Unlock()
	d.spareSettled()
	if sealed { // its last message is to be known when it is gone
		d.renewState()
	}
	d.turn.Unlock()
	if n > 0 {
		d.free()
	}
}

// skip takes the messages of s out of the reader's way. mu is held.
func (d *Disk) skip(s *segment) {
	kept := d.cache[:d.head]
	for _, m := range d.cache[d.head:] {
		if m.Record >= s.from.record && m.Record < s.to.record {
			d.cached -= int64(len(m.Data)) + messageOverhead
			continue
		}
		kept = append(kept, m)
	}
	clear(d.cache[len(kept):])
	d.cache = kept
	if d.nextRead.record >= s.from.record && d.nextRead.record < s.to.record {
		d.nextRead = s.to
	}
	d.account()
	d.epoch++
	if d.reader.segment == s && !d.reader.busy {
		d.leave()
	}
}

// drop gives up rows that were not handed out. mu is held; flushState has to follow.
func (d *Disk) drop(rows Span, why string) {
	before := d.counts[Dropped]
	d.settle(Dropped, rows)
	d.dropped += d.counts[Dropped] - before
	d.dropWhy = why
	signal(d.keepKick)
}

// tellDropped logs what was dropped, at most once a minute.
func (d *Disk) tellDropped() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dropped == 0 || time.Since(d.toldAt) < tellEvery {
		return
	}
	d.log.Warnf("journal %s: dropped %d rows: %s", d.o.Dir, d.dropped, d.dropWhy)
	d.dropped, d.toldAt = 0, time.Now()
}
