package journal

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// foundSlot is a slot as a file has it.
type foundSlot struct {
	owner   journalID
	index   int
	from    int64 // where its records begin, in the file
	to      int64 // where they end
	damaged bool  // its head is: what it holds has to be guessed
}

// findSlots looks for slots in what an intake's file has, and returns their size;
// 0 if they differ. Where a head is damaged, the slot is as large as the one before.
func findSlots(data []byte) (slots []foundSlot, common int64) {
	size := firstSlotSize(data)
	common = size
	for at := int64(0); at+slotHead <= int64(len(data)); {
		owner, n, used, ok := parseSlotHead(data[at:])
		if ok && at+n <= int64(len(data)) {
			if n != size {
				size, common = n, 0
			}
			slots = append(slots, foundSlot{owner: owner, index: int(at / n), from: at + slotHead, to: at + slotHead + used})
			at += n
			continue
		}
		end := min(at+size, int64(len(data)))
		if end-at > slotHead && len(bytes.TrimLeft(data[at+slotHead:end], "\x00")) > 0 { // else its first use was cut short
			slots = append(slots, foundSlot{index: int(at / size), from: at, to: end, damaged: true})
		}
		at = end
	}
	return slots, common
}

// firstSlotSize is what the first head that is whole says of the slots, or what it is by default.
func firstSlotSize(data []byte) int64 {
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], slotMagic[:])
		if i < 0 {
			return defaultIntake / intakeSlots
		}
		at += i
		if _, n, _, ok := parseSlotHead(data[at:]); ok {
			return n
		}
	}
}

// slotRecords returns the records of a slot and where each begins; between are
// the pieces that are none, and should be.
func slotRecords(data []byte, salt uint32, s foundSlot) (records []record, at []int64, between []gap) {
	known := s.from
	for i := s.from; i < s.to; {
		r, ok := wholeRecord(data[i:s.to], salt)
		if !ok {
			i++
			continue
		}
		if i > known {
			between = append(between, gap{known, i - known})
		}
		records, at = append(records, r), append(at, i)
		i += r.size()
		known = i
	}
	if known < s.to {
		between = append(between, gap{known, s.to - known})
	}
	return records, at, between
}

// foundPart is what a slot has of messages that no segment has.
type foundPart struct {
	slot    int
	records []record
	at      []int64
	damaged bool
}

// findParts takes in what the run before has left in the intake and the cursor,
// which has passed all segments, has not: whatever is below it is in a segment,
// or has its fate. It stays where it is, so that a full disk is no obstacle.
func (d *Disk) findParts() (parts []*segment, err error) {
	in := &d.intake
	data, err := d.readSectors(in.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errTooLarge):
		d.putAside(in.path, err.Error())
		return nil, nil
	case err != nil:
		return nil, err
	}
	in.touched = time.Now()
	slots, size := findSlots(data)
	in.foreign = len(slots) > 0 && size != in.size // of another release, or of other settings
	var all []foundPart
	damage := false
	for _, s := range slots {
		if s.owner != d.id && !s.damaged {
			d.log.Errorf("journal %s: a part of its %s belongs to another journal", d.o.Dir, intakeName)
			damage = true
			continue
		}
		p := foundPart{slot: s.index}
		records, at, between := slotRecords(data, d.salt, s)
		for i, r := range records {
			if r.number >= d.cursor.record && r.first >= d.cursor.row {
				p.records, p.at = append(p.records, r), append(p.at, at[i])
			}
		}
		if !d.powerFailed() { // of a power cut nothing else is expected
			for _, g := range between {
				d.addDamage(in.path, g.off, g.bytes)
				p.damaged, damage, d.unsure = true, true, true
			}
		}
		if len(p.records) > 0 {
			all = append(all, p)
		}
	}
	if damage {
		in.foreign, in.keep = true, !d.keepCopy(data)
	}
	in.off = in.foreign
	slices.SortFunc(all, func(a, b foundPart) int { return cmp.Compare(a.records[0].number, b.records[0].number) })
	for _, p := range all {
		if s := d.takePart(data, p); s != nil {
			parts = append(parts, s)
		}
	}
	return parts, nil
}

// powerFailed tells whether the system was started anew since the run before, or may have been.
func (d *Disk) powerFailed() bool { return d.boot == [16]byte{} || d.boot != d.prior.boot }

// takePart makes a segment of a part; nil if others have had all of its messages.
func (d *Disk) takePart(data []byte, p foundPart) *segment {
	s := &slot{} // of an intake of another size, it is none of ours
	if p.slot < intakeSlots && !d.intake.foreign {
		s = &d.intake.slots[p.slot]
	}
	f := &found{
		segment: segment{id: math.MaxUint64, path: d.intake.path, slot: s, recovered: true, told: true, damaged: p.damaged},
		over:    math.MaxUint64,
	}
	for i, r := range p.records {
		if r.number < d.cursor.record || r.first < d.cursor.row {
			continue
		}
		if f.records == 0 {
			f.start = p.at[i]
		}
		d.moveCursor(position{r.number, r.first})
		d.takeRecord(f, r, p.at[i])
		s.last = len(s.data)
		s.data = append(s.data, data[p.at[i]:p.at[i]+r.size()]...)
		f.size = p.at[i] + r.size()
	}
	if f.records == 0 {
		return nil
	}
	s.busy, s.part, s.since = true, &f.segment, time.Now()
	return &f.segment
}

var errTooLarge = errors.New("it is larger than any that was made")

// readSectors reads a file whole, with zeros for what the disk refuses.
func (d *Disk) readSectors(path string) ([]byte, error) {
	file, err := d.fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if size > maxState {
		return nil, errTooLarge
	}
	scan := scanner{window: make([]byte, size)}
	scan.file = file
	if _, err := file.ReadAt(scan.window, 0); err != nil {
		scan.sectors(0, int(size))
	}
	return scan.window, nil
}

// keepCopy puts a copy of a damaged intake aside, for a person to look at, if
// there is none yet.
func (d *Disk) keepCopy(data []byte) (kept bool) {
	if d.hasCopy(data) {
		return true
	}
	path := d.intake.path + unfinished
	_ = d.fs.Remove(path)
	file, err := d.fs.Create(path)
	if err == nil {
		_, err = file.WriteAt(data, 0)
		if err == nil {
			err = file.Sync()
		}
		err = errors.Join(err, file.Close())
	}
	if err == nil {
		err = d.setAsideAs(path, d.intake.path)
	}
	if err == nil {
		err = d.fs.SyncDir(d.o.Dir)
	}
	if err != nil {
		_ = d.fs.Remove(path)
		d.log.Errorf("journal %s: no copy of the damaged intake could be kept: %v", d.o.Dir, err)
		return false
	}
	d.report.Aside = append(d.report.Aside, d.intake.path)
	return true
}

// hasCopy tells whether an earlier start, killed before it was done, has kept the same.
func (d *Disk) hasCopy(data []byte) bool {
	names, _ := d.fs.List(d.o.Dir)
	return slices.ContainsFunc(names, func(name string) bool {
		if !strings.HasPrefix(name, intakeName+".corrupt-") {
			return false
		}
		kept, err := d.readSectors(filepath.Join(d.o.Dir, name))
		return err == nil && bytes.Equal(kept, data)
	})
}

// takeIntakeID makes the journal that of its intake, where nothing else says whose it is.
func (d *Disk) takeIntakeID() {
	data, err := d.readSectors(d.intake.path)
	if err != nil {
		return
	}
	if id, ok := intakeOwner(data); ok {
		d.id, d.salt = id, id.salt()
	}
}

// intakeOwner returns whose the last slot is.
func intakeOwner(data []byte) (id journalID, ok bool) {
	slots, _ := findSlots(data)
	for _, s := range slots {
		if !s.damaged {
			id, ok = s.owner, true
		}
	}
	return id, ok
}
