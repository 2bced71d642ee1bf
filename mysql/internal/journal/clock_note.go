package journal

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"sync"
	"time"
)

// clockSuffix is of the file that has the stretches: there is one, and the next
// is whole before it goes. An older release leaves it alone.
const clockSuffix = ".clock"

var noteMagic = [8]byte{0xE5, 'j', 'r', 'n', 'c', 'l', 'k', '\n'}

const (
	noteHead    = 80
	stretchSize = 32
)

// clockNote is what that file says:
//
//	 0 magic     8 bytes
//	 8 CRC       uint32, of all bytes from 12 on
//	12 version   uint32
//	16 journal   16 bytes
//	32 boot      16 bytes, the run of the system that it was written in; zero if not known
//	48 life      uint64, nanoseconds that the journal had lived then
//	56 uptime    uint64, nanoseconds that the system had run then
//	64 count     uint32
//	68 reserved  12 bytes, zero
//	80 stretches each four uint64: row, wall, life, set
type clockNote struct {
	journal      journalID
	boot         [16]byte
	life, uptime int64
	stretches    []stretch
}

func (n *clockNote) encode() []byte {
	b := make([]byte, noteHead, noteHead+stretchSize*len(n.stretches))
	copy(b, noteMagic[:])
	binary.LittleEndian.PutUint32(b[12:], formatVersion)
	copy(b[16:], n.journal[:])
	copy(b[32:], n.boot[:])
	binary.LittleEndian.PutUint64(b[48:], uint64(n.life))
	binary.LittleEndian.PutUint64(b[56:], uint64(n.uptime))
	binary.LittleEndian.PutUint32(b[64:], uint32(len(n.stretches)))
	for _, s := range n.stretches {
		for _, v := range []uint64{s.row, uint64(s.wall), uint64(s.life), uint64(s.set)} {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	binary.LittleEndian.PutUint32(b[8:], checksum(0, b[12:]))
	return b
}

// parseNote reads a note. ok is false for what is none, also where a newer
// release wrote it: then no row's age is known.
func parseNote(b []byte) (n clockNote, ok bool) {
	if len(b) < noteHead+stretchSize || !bytes.Equal(b[:8], noteMagic[:]) ||
		binary.LittleEndian.Uint32(b[8:]) != checksum(0, b[12:]) || binary.LittleEndian.Uint32(b[12:]) != formatVersion {
		return clockNote{}, false
	}
	n = clockNote{
		journal: journalID(b[16:32]), boot: [16]byte(b[32:48]),
		life: int64(binary.LittleEndian.Uint64(b[48:])), uptime: int64(binary.LittleEndian.Uint64(b[56:])),
	}
	f := fields{b[noteHead:], true}
	count := int64(binary.LittleEndian.Uint32(b[64:]))
	if count > maxStretches || count*stretchSize != int64(len(f.b)) {
		return clockNote{}, false
	}
	last := stretch{}
	for i := range count {
		s := stretch{f.uint64(), int64(f.uint64()), int64(f.uint64()), int64(f.uint64())}
		if i > 0 && s.row <= last.row || s.row >= maxNumber || s.life < last.life {
			return clockNote{}, false
		}
		n.stretches, last = append(n.stretches, s), s
	}
	return n, n.life >= last.life
}

// note is the file of the stretches. It is guarded by its turn, which is taken
// after Disk.turn and before mu.
type note struct {
	turn   sync.Mutex
	number uint64   // of the last file
	files  []string // that the next one replaces
	noted  bool     // there is one of this run, or one that it goes on with
	life   int64    // what that says
	failed bool     // the last try did
	again  int64    // when to try the next, as moment.passed
}

// writeNote notes list, durably. note.turn is held.
func (d *Disk) writeNote(list []stretch, now moment) bool {
	n := &d.note
	text := clockNote{d.id, d.boot, d.ages.life(now), int64(d.fs.Uptime()), list}
	n.number++ // also if it fails: the name may be taken
	path := d.path(n.number, clockSuffix)
	file, err := d.writeState(path, text.encode())
	if err != nil {
		n.files = append(n.files, path)
		n.again = now.passed + int64(repairAfter)
		if !n.failed {
			d.log.Warnf("journal %s: how old rows are cannot be noted: %v; it is tried again, until then none is dropped early, but their times may be off", d.o.Dir, err)
		}
		n.failed = true
		return false
	}
	_ = file.Close()
	for _, old := range n.files {
		d.discard(old, false)
	}
	n.files = append(n.files[:0], path)
	n.noted, n.failed, n.life = true, false, text.life
	return true
}

// keepClock notes now and then how long the journal has lived while rows wait:
// what passes after that is not known once the system was started anew.
func (d *Disk) keepClock() {
	n := &d.note
	n.turn.Lock()
	defer n.turn.Unlock()
	now := d.o.clock.read(time.Now())
	d.mu.Lock()
	list, messages, pending, life := d.ages.stretches, d.next.record > 0, d.pending() > 0, d.ages.life(now)
	d.mu.Unlock()
	if messages && !n.noted || pending && life-n.life >= int64(d.noteEvery()) {
		d.writeNote(list, now)
	}
}

func (d *Disk) noteEvery() time.Duration {
	if d.o.MaxAge <= 0 {
		return time.Hour
	}
	return max(time.Minute, min(d.o.MaxAge/16, time.Hour))
}

// startClock goes on with what the run before has noted. Where it noted
// nothing, or that is damaged, all rows that are there count as accepted now.
func (d *Disk) startClock(names []string) {
	now := d.o.clock.read(time.Now())
	last, ok := d.findNote(names)
	if !ok {
		d.ages = ages{base: -now.passed, stretches: withoutEmpty([]stretch{{}, {row: d.next.row, wall: now.wall}}, d.next.row)}
		return
	}
	known := d.boot != [16]byte{} && d.boot == last.boot
	life := last.life
	if known {
		life += max(0, int64(d.fs.Uptime())-last.uptime)
	}
	d.ages = ages{base: life - now.passed, stretches: withoutEmpty(last.stretches, d.next.row)}
	d.note.noted, d.note.life = true, last.life
	off := d.ages.off(now)
	if off == 0 {
		return
	}
	if !known { // it may just have been off for so long
		off = 0
	}
	d.followClock(now, off)
}

// findNote reads the last note, and remembers all for the next to replace.
func (d *Disk) findNote(names []string) (last clockNote, ok bool) {
	n := &d.note
	for _, name := range names { // sorted
		if number, is := fileNumber(name, clockSuffix); is {
			n.number = number
			n.files = append(n.files, filepath.Join(d.o.Dir, name))
		}
	}
	if len(n.files) == 0 {
		return last, false
	}
	path := n.files[len(n.files)-1]
	text, err := d.readAll(path)
	if err == nil {
		if last, ok = parseNote(text); ok && last.journal == d.id {
			return last, true
		}
		d.addDamage(path, 0, int64(len(text)))
	}
	for _, older := range n.files[:len(n.files)-1] { // none of them must pass for the last
		d.discard(older, false)
	}
	n.files = n.files[:0]
	d.putAside(path, "it does not say how old rows are: all count as accepted now, so that none is dropped early")
	return clockNote{}, false
}
