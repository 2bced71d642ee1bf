package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"
)

// The intake, see the package's description, is a row of slots, each with the
// records of messages that came one after the other. A slot that has what is in
// no segment is in the list of segments as a part, whose file is the intake.
// Parts follow all other segments.

const (
	intakeName  = "intake"
	intakeSlots = 8
	slotHead    = 64 // bytes
	countAt     = 32
	maxSlot     = 1 << 24
	idleIntake  = 10 * time.Second
	leastIntake = 64 << 20 // MaxBytes from which on there is an intake by default

	defaultIntake = 2 << 20 // a slot of it is a multiple of every system's page size
)

var slotMagic = [8]byte{0xE5, 'j', 'r', 'n', 's', 'l', 't', '\n'}

// appendSlotHead appends what a slot begins with:
//
//	 0 magic     8 bytes
//	 8 CRC       uint32, of bytes 12 to 32
//	12 size      uint32, of the slot, its head included
//	16 journal   16 bytes
//	32 count     uint32, bytes of records and a check, see countWord: changed after them, at once
//	36 reserved  28 bytes, zero
func appendSlotHead(dst []byte, id journalID, size int64) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, slotHead)...)
	b := dst[at:]
	copy(b, slotMagic[:])
	binary.LittleEndian.PutUint32(b[12:], uint32(size))
	copy(b[16:], id[:])
	binary.LittleEndian.PutUint32(b[countAt:], countWord(0))
	binary.LittleEndian.PutUint32(b[8:], checksum(0, b[12:32]))
	return dst
}

// countWord is how many bytes of records a slot has, below 2^24, with eight bits to check them by.
func countWord(n int) uint32 {
	return uint32(n)<<8 | (uint32(n)^uint32(n)>>8^uint32(n)>>16^0x5A)&0xFF
}

// parseSlotHead reads a slot's head. One whose count is damaged is not ok.
func parseSlotHead(b []byte) (id journalID, size, used int64, ok bool) {
	if len(b) < slotHead || !bytes.Equal(b[:8], slotMagic[:]) || binary.LittleEndian.Uint32(b[8:]) != checksum(0, b[12:32]) {
		return id, 0, 0, false
	}
	word := binary.LittleEndian.Uint32(b[countAt:])
	size, used = int64(binary.LittleEndian.Uint32(b[12:])), int64(word>>8)
	return journalID(b[16:32]), size, used, slotHead+used <= size && size > slotHead && countWord(int(used)) == word
}

// Mapper is an FS that can map files into memory. One that is none has no intake.
type Mapper interface {
	// Map maps size bytes of the file at path from off on, which is made if
	// need be, for the owner alone. There is room on the disk for all of them.
	Map(path string, off, size int64) (Mapping, error)
}

// Mapping is a part of a file in memory. What is stored survives the process,
// and others read it from the file. A fault of the disk is an error.
type Mapping interface {
	Store(b []byte, off int) error
	// StoreWord stores n, little-endian, at off, a multiple of 4: a kill leaves
	// what was there, or n.
	StoreWord(n uint32, off int) error
	Close() error
}

// intake is guarded by Disk.turn.
type intake struct {
	path    string
	size    int64 // of a slot, in bytes; 0 if there is no intake
	off     bool  // it is not used: for good, or as long as it is foreign
	foreign bool  // its file is damaged, or of another size: it goes once it is empty
	keep    bool  // its file is damaged, and no copy could be kept
	slots   [intakeSlots]slot
	current *slot     // takes messages; nil if none does
	touched time.Time // when it took a message last
	retry   time.Time // when there may be room for another slot
}

// slot is a part of the intake.
type slot struct {
	mapped Mapping  // nil while it is not needed
	busy   bool     // it has what is in no segment, or in one that is not synced
	part   *segment // in the list of segments; nil once it is in another
	data   []byte   // its records: for a segment, even if the disk refuses a page
	last   int      // where the last of them begins
	since  time.Time
}

// prepareIntake sets the intake's measures.
func (d *Disk) prepareIntake() {
	in := &d.intake
	in.path = filepath.Join(d.o.Dir, intakeName)
	if _, ok := d.fs.(Mapper); ok && !d.strict && d.o.intakeBytes > 0 {
		in.size = min(d.o.intakeBytes/intakeSlots, maxSlot)
	}
}

// stage puts b into the intake, if it can. turn is held.
func (d *Disk) stage(b *batch) bool {
	in := &d.intake
	if in.size == 0 || in.off || slotHead+b.bytes > in.size || !d.cacheTakes(b) {
		return false
	}
	taken := time.Now()
	s := in.current
	full := s == nil || slotHead+int64(len(s.data))+b.bytes > in.size
	if full || taken.Sub(s.since) > d.o.SyncEvery/4 { // so that messages of long ago need not wait for those of now
		if fresh := d.openSlot(taken); fresh != nil {
			s = fresh
		} else if full || in.off {
			return false
		}
	}
	if err := d.fillSlot(s, b, taken); err != nil {
		if len(s.data) == 0 {
			d.mu.Lock()
			d.removePart(s.part)
			d.mu.Unlock()
			s.busy = false
		}
		d.giveUpIntake(err)
		return false
	}
	in.touched = taken
	d.publish(b, s.part)
	return true
}

// cacheTakes tells whether b goes to the cache: what does not is read from a
// segment later.
func (d *Disk) cacheTakes(b *batch) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nextRead.record == d.next.record && d.cached+b.bytes <= d.o.CacheBytes &&
		d.cached+d.staged+d.unsynced+b.bytes <= d.o.Budget.Share()
}

// openSlot makes a slot without records the current one; nil if there is none.
// The lowest are taken first, so that few are in memory where few are needed.
func (d *Disk) openSlot(at time.Time) *slot {
	in := &d.intake
	s, i := in.free()
	if s == nil || s.mapped == nil {
		d.spareSettled()
		if s, i = in.free(); s == nil {
			return nil
		}
	}
	if s.mapped == nil && at.Before(in.retry) {
		return nil
	}
	err := d.mapSlot(i)
	if err == nil && i == 0 {
		_ = d.mapSlot(1) // on a full disk one takes messages while the other has the last
	}
	if err == nil {
		err = s.clear(d.id, in.size)
	}
	if err != nil {
		in.retry = at.Add(probeAfter)
		if !noSpace(err) {
			d.giveUpIntake(err)
		}
		return nil
	}
	off := int64(i) * in.size
	s.busy, s.since = true, at
	last := d.lastWritten()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = last
	s.part = &segment{
		id: math.MaxUint64, path: in.path, start: off + slotHead, size: off + slotHead, from: d.next, to: d.next, slot: s,
	}
	d.segments = append(d.segments, s.part)
	in.current = s
	return s
}

// mapSlot has the i-th slot in memory.
func (d *Disk) mapSlot(i int) (err error) {
	in := &d.intake
	if s := &in.slots[i]; s.mapped == nil {
		s.mapped, err = d.fs.(Mapper).Map(in.path, int64(i)*in.size, in.size)
	}
	return err
}

func (in *intake) free() (*slot, int) {
	for i := range in.slots {
		if !in.slots[i].busy {
			return &in.slots[i], i
		}
	}
	return nil, 0
}

// clear makes the slot one without records.
func (s *slot) clear(id journalID, size int64) error {
	s.data, s.last = s.data[:0], 0
	var head [slotHead]byte
	return s.mapped.Store(appendSlotHead(head[:0], id, size), 0)
}

// fillSlot puts b's records into s.
func (d *Disk) fillSlot(s *slot, b *batch, taken time.Time) error {
	from, before := len(s.data), s.last
	s.data, s.last = d.encode(s.data, b, taken)
	err := s.mapped.Store(s.data[from:], slotHead+from)
	if err == nil {
		err = s.mapped.StoreWord(countWord(len(s.data)), countAt)
	}
	if err != nil {
		s.data, s.last = s.data[:from], before
	}
	return err
}

// giveUpIntake goes on without the intake. What is in it stays until it is settled or in a segment.
func (d *Disk) giveUpIntake(err error) {
	d.intake.off, d.intake.current = true, nil
	d.log.Infof("journal %s: goes on without its file %s, and with more writes to the disk: %v", d.o.Dir, intakeName, err)
}

// firstPart returns the index of the first segment that is a part of the
// intake: all that follow are. mu is held.
func (d *Disk) firstPart() int {
	i := len(d.segments)
	for i > 0 && d.segments[i-1].slot != nil {
		i--
	}
	return i
}

// written returns what follows the last message that is in a segment, or has
// no need to be. mu is held.
func (d *Disk) written() position {
	if i := d.firstPart(); i < len(d.segments) {
		return d.segments[i].from
	}
	return d.next
}

// spareSettled lets go of the slots whose rows all have their fate, on disk.
// The last one stays: it has the last message. turn is held.
func (d *Disk) spareSettled() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.state.writing {
		d.idle.Wait()
	}
	if d.state.stale || len(d.state.entries) > 0 {
		return
	}
	var done []*segment
	if i := d.firstPart(); i < len(d.segments) {
		for _, p := range d.segments[i : len(d.segments)-1] {
			if p.unsettled == 0 && p.users == 0 {
				done = append(done, p)
			}
		}
	}
	if len(done) == 0 {
		return
	}
	for _, p := range done {
		d.removePart(p)
		p.slot.busy = false
	}
	d.spared = true
	d.before = digest{}
	if d.unsynced == 0 {
		d.synced = d.written()
	}
	d.account()
	d.wake()
}

// unstage moves what is in the intake to segments, in order: up to the last slot
// with unsettled rows that was opened at since or before, or all if that is zero. turn is held.
func (d *Disk) unstage(since time.Time) error {
	d.mu.Lock()
	first := d.firstPart()
	empty := first == len(d.segments)
	d.mu.Unlock()
	if empty {
		return nil
	}
	d.spareSettled()
	d.mu.Lock()
	first = d.firstPart()
	parts := slices.Clone(d.segments[first:])
	due := len(parts)
	for due > 0 && !since.IsZero() && (parts[due-1].unsettled == 0 || parts[due-1].slot.since.After(since)) {
		due--
	}
	d.mu.Unlock()
	for _, p := range parts[:due] {
		if err := d.move(p); err != nil {
			return err
		}
	}
	return nil
}

// move puts a part's records at the end of the active segment. turn is held.
func (d *Disk) move(p *segment) error {
	s := p.slot
	if d.intake.current == s {
		d.intake.current = nil
	}
	seg, err := d.segmentFor(int64(len(s.data)), p.from, d.lastWritten)
	if err != nil {
		return d.refused(err)
	}
	if err := d.put(seg, s.data); err != nil {
		return err
	}
	d.writer.chunks = append(d.writer.chunks, &chunk{s.data, s})
	last := digestOf(s.data[s.last+recordHead:])
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removePart(p)
	if seg.records == 0 {
		seg.oldest = p.oldest
	}
	n := int64(len(s.data))
	seg.size += n
	seg.records += p.records
	seg.rows += p.rows
	seg.unsettled += p.unsettled
	seg.newest = p.newest
	seg.to = p.to
	d.before = last
	d.diskBytes += n
	d.addUnsynced(seg, n)
	return nil
}

// removePart takes p off the list of segments: its slot has another use, or its
// messages are in another segment. mu is held.
func (d *Disk) removePart(p *segment) {
	d.segments = slices.DeleteFunc(d.segments, func(o *segment) bool { return o == p })
	d.diskBytes -= p.bytes()
	d.staged -= p.bytes()
	p.slot.part = nil
	if d.reader.segment == p || d.hint.segment == p {
		d.epoch++
		d.hint = hint{}
	}
}

// lastWritten returns the digest of the last message in a segment; zero where
// that is not known. turn is held.
func (d *Disk) lastWritten() digest {
	d.mu.Lock()
	before, inParts := d.before, d.firstPart() < len(d.segments)
	d.mu.Unlock()
	if inParts {
		return before
	}
	return d.lastDigest()
}

// sweep does what is due in the intake, or moves all of it where that is
// wanted, and returns when more will be due; 0 if nothing will.
func (d *Disk) sweep(all bool) (next time.Duration, err error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	in := &d.intake
	d.mu.Lock()
	halted, empty := d.halted != nil, d.firstPart() == len(d.segments)
	d.mu.Unlock()
	again := max(d.o.SyncEvery, probeAfter)
	switch {
	case halted:
		return again, nil // after the repair
	case empty && in.isAsleep():
		return 0, nil
	}
	now := time.Now()
	resting := now.Sub(in.touched) >= idleIntake
	if all || resting {
		err = d.unstage(time.Time{})
	} else {
		err = d.unstage(now.Add(-d.o.SyncEvery))
	}
	if err != nil {
		return again, err
	}
	if resting {
		return idleIntake, nil // to give the memory back, once all is synced
	}
	next = idleIntake - now.Sub(in.touched)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.segments[d.firstPart():] {
		if p.unsettled > 0 {
			next = min(next, d.o.SyncEvery-now.Sub(p.slot.since))
			break
		}
	}
	return max(next, time.Millisecond), nil
}

func (in *intake) isAsleep() bool {
	return !slices.ContainsFunc(in.slots[:], func(s slot) bool { return s.mapped != nil || s.data != nil })
}

// restIntake gives back, once everything is synced, the memory of an intake
// that nothing came to for a while, and the file of one that cannot be used. turn is held.
func (d *Disk) restIntake() {
	in := &d.intake
	idle := time.Since(in.touched) >= idleIntake
	if !idle && !in.foreign {
		return
	}
	for i := range in.slots {
		if s := &in.slots[i]; !s.busy {
			s.free()
		}
	}
	d.mu.Lock()
	empty := d.firstPart() == len(d.segments)
	d.mu.Unlock()
	moving := slices.ContainsFunc(d.writer.chunks, func(c *chunk) bool { return c.slot != nil })
	if in.foreign && !in.keep && empty && !moving {
		if err := d.fs.Remove(in.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			in.foreign, in.off = false, false
		}
	}
}

// free gives the slot's memory back.
func (s *slot) free() {
	if s.mapped != nil {
		_ = s.mapped.Close()
	}
	s.mapped, s.data = nil, nil
}

// closeIntake ends the intake. Once everything is in segments its file goes. turn is held.
func (d *Disk) closeIntake(synced bool) {
	in := &d.intake
	d.mu.Lock()
	empty := d.firstPart() == len(d.segments)
	d.mu.Unlock()
	for i := range in.slots {
		in.slots[i].free()
	}
	if synced && empty && !in.keep {
		_ = d.fs.Remove(in.path) // if there is one; it does no harm if it stays: its messages are known
	}
}

// syncIntake makes what is in the intake durable where it is. turn is held.
func (d *Disk) syncIntake() error {
	file, err := d.fs.Reopen(d.intake.path)
	if err != nil {
		return err
	}
	if err = file.Sync(); err == nil {
		err = d.fs.SyncDir(d.o.Dir)
	}
	return errors.Join(err, file.Close())
}
