package journal

import (
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// position is a place between messages: the next message and its first row.
type position struct{ record, row uint64 }

// segment is one file of records, or a part of the intake. Its fields are guarded by Disk.mu; the
// writer, which alone changes the size of the active one, may read them under
// Disk.turn.
type segment struct {
	id    uint64
	path  string
	start int64    // where the first record may be: the head's size, or 0 where that is damaged; in the intake's file for a part of it
	from  position // what it may hold first
	to    position // what follows it
	size  int64    // bytes with records in them; the file may be longer; of a part, where its records end

	records   uint64
	rows      uint64 // in its records
	unsettled uint64 // of those
	oldest    uint32 // when the first was accepted, Unix seconds
	newest    uint32 // when the last was accepted, Unix seconds
	lastBytes digest // of its last message, once it is sealed; zero if that is not known

	sealed     bool      // nothing is written to it any more
	recovered  bool      // a former run wrote it
	summarised bool      // its file ends in a summary
	plain      bool      // it cannot have one
	damaged    bool      // to be kept aside, not removed
	told       bool      // of the damage that it had when it was opened
	slot       *slot     // the part of the intake that it is; nil for one with a file of its own
	barren     uint64    // unsettled rows when rewriting it gained nothing; 0 if it was not tried
	passed     time.Time // when all of it was seen to be handed out

	synced struct { // what the last successful sync covered
		size   int64
		to     position
		newest uint32
	}
	file  File // nil while there are no users
	users int  // the writer, the syncer, the reader
}

const (
	segmentSuffix = ".log"
	stateSuffix   = ".state"
	unfinished    = ".tmp"
	lockName      = "lock"
	spareName     = "spare"
)

func fileName(number uint64, suffix string) string { return fmt.Sprintf("%016x%s", number, suffix) }

// fileNumber reads what fileName wrote.
func fileNumber(name, suffix string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 || strings.ToLower(digits) != digits {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && number < maxNumber
}

func (d *Disk) path(number uint64, suffix string) string {
	return filepath.Join(d.o.Dir, fileName(number, suffix))
}

// createSegment makes the file of a new segment whose first message is from.
// The caller adds it to the list, and holds turn: segments get their numbers in order.
func (d *Disk) createSegment(from position, last digest) (*segment, error) {
	d.mu.Lock()
	id := d.nextSegment
	d.nextSegment++ // also when it fails: a half-made file keeps its name
	d.mu.Unlock()
	path := d.path(id, segmentSuffix)
	file, err := d.fs.Create(path)
	if err != nil {
		return nil, err
	}
	h := header{
		journal: d.id, segment: id, base: from.record, baseRow: from.row,
		created: uint64(now()), lastBytes: last,
	}
	if _, err := file.WriteAt(h.encode(), 0); err != nil {
		_ = file.Close()
		_ = d.fs.Remove(path)
		return nil, err
	}
	return &segment{
		id: id, path: path, start: segmentHead, size: segmentHead,
		from: from, to: from, oldest: now(), newest: now(), file: file,
	}, nil
}

// cutBack takes what a failed write has left behind the last message off the
// file, durably: the next message gets the same numbers, and a power cut must
// not bring back the one that nobody accepted under them. turn and syncTurn are held.
func (s *segment) cutBack() error {
	if err := s.file.Truncate(s.size); err != nil {
		return err
	}
	return s.file.Sync()
}

// segmentFor returns the segment that takes size more bytes, of messages from
// from on; before gives the digest of the one before, which takes long for a large
// one and is asked for with a new segment alone. turn is held.
func (d *Disk) segmentFor(size int64, from position, before func() digest) (*segment, error) {
	seg := d.active
	if seg != nil && (seg.size == segmentHead || seg.size+size <= d.o.SegmentBytes) {
		return seg, nil
	}
	last := before()
	fresh, err := d.createSegment(from, last)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seal(last)
	d.adopt(fresh)
	return fresh, nil
}

// seal ends the active segment, whose last message has the digest last. turn
// and mu are held.
func (d *Disk) seal(last digest) {
	if d.active == nil {
		return
	}
	d.active.sealed, d.active.lastBytes = true, last
	d.release(d.active)
	d.active = nil
	signal(d.keepKick)
}

// adopt makes fresh the active segment, before what is in the intake. turn and
// mu are held.
func (d *Disk) adopt(fresh *segment) {
	fresh.users = 1
	d.segments = slices.Insert(d.segments, d.firstPart(), fresh)
	d.active = fresh
	d.diskBytes += fresh.occupied()
	d.newNames = true
}

// buildSegment makes a segment that takes the place of others. It has its name
// only once it is whole, since its head alone says what it replaces, and is
// durable when it returns. fill writes the records and moves size.
func (d *Disk) buildSegment(to position, h header, fill func(*segment, File) error) (*segment, error) {
	d.mu.Lock()
	h.journal, h.segment, h.created = d.id, d.nextSegment, uint64(now())
	d.nextSegment++
	d.mu.Unlock()
	s := &segment{
		id: h.segment, path: d.path(h.segment, segmentSuffix), start: segmentHead, size: segmentHead,
		from: position{h.base, h.baseRow}, to: to,
	}
	file, err := d.fs.Create(s.path + unfinished)
	if err != nil {
		return nil, err
	}
	if _, err = file.WriteAt(h.encode(), 0); err == nil {
		err = fill(s, file)
	}
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = d.fs.Rename(s.path+unfinished, s.path)
	}
	if err == nil {
		if err = d.fs.SyncDir(d.o.Dir); err != nil {
			d.mu.Lock()
			d.ghosts = append(d.ghosts, s.path)
			d.mu.Unlock()
		}
	}
	if err != nil {
		_ = d.fs.Remove(s.path + unfinished)
		_ = d.layGhosts()
		return nil, err
	}
	return s, nil
}

// layGhosts makes sure that segments which were finished, but whose names
// could not be synced, never come back with what they hold. Nobody knows
// whether a power cut would leave such a name, also once it is removed. As
// long as nothing else is written over its messages that does no harm: it is
// whole. It must not overlap with what is rewritten after it.
func (d *Disk) layGhosts() error {
	d.mu.Lock()
	ghosts := d.ghosts
	d.ghosts = nil
	d.mu.Unlock()
	for i, path := range ghosts {
		if err := d.empty(path); err != nil {
			d.mu.Lock()
			d.ghosts = append(d.ghosts, ghosts[i:]...)
			d.mu.Unlock()
			return err
		}
		_ = d.fs.Remove(path) // an empty one does no harm
	}
	return nil
}

// empty makes the file durably empty, whatever becomes of its name.
func (d *Disk) empty(path string) error {
	file, err := d.fs.Reopen(path)
	if err != nil {
		return err
	}
	if err = file.Truncate(0); err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// span is the rows between the segment's borders.
func (s *segment) span() Span { return Span{s.from.row, s.to.row} }

// bytes is how much the segment has in its file.
func (s *segment) bytes() int64 {
	if s.slot != nil {
		return s.size - s.start
	}
	return s.size
}

// occupied is what the segment takes of MaxBytes, with room for its summary.
func (s *segment) occupied() int64 { return s.size + summarySize }

// live estimates the bytes of the unsettled rows: rows share them evenly.
func (s *segment) live() int64 {
	if s.rows == 0 {
		return 0
	}
	return int64(float64(s.bytes()) * float64(s.unsettled) / float64(s.rows))
}

// recount finds anew how many of the segment's rows are unsettled. mu is held.
func (d *Disk) recount(s *segment) {
	s.unsettled = s.to.row - s.from.row - d.settled.within(s.span())
}

// segmentOf returns the first segment that ends after the message. mu is held.
func (d *Disk) segmentOf(message uint64) *segment {
	i := sort.Search(len(d.segments), func(i int) bool { return d.segments[i].to.record > message })
	if i == len(d.segments) {
		return nil
	}
	return d.segments[i]
}

// use opens s if it is not. mu is held.
func (d *Disk) use(s *segment) error {
	if s.file == nil {
		f, err := d.fs.Open(s.path)
		if err != nil {
			return err
		}
		s.file = f
	}
	s.users++
	return nil
}

// release closes s once nobody uses it. mu is held.
func (d *Disk) release(s *segment) {
	s.users--
	if s.users > 0 || s.file == nil {
		return
	}
	_ = s.file.Close() // what had to be durable is synced
	s.file = nil
	if s.sealed {
		signal(d.keepKick)
	}
}

// setAside renames a damaged file, so that it is out of the way and a person
// can look at it.
func (d *Disk) setAside(path string) error { return d.setAsideAs(path, path) }

// setAsideAs is setAside under the name that another file would have.
func (d *Disk) setAsideAs(path, as string) error {
	base := as + ".corrupt-"
	names, err := d.fs.List(d.o.Dir)
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	for n := 1; ; n++ {
		to := base + strconv.Itoa(n)
		if !taken[filepath.Base(to)] {
			return d.fs.Rename(path, to)
		}
	}
}
