package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// summarySize is what a summary takes on disk, in bytes.
const summarySize = 128

var summaryMagic = [8]byte{0xE5, 'j', 'r', 'n', 's', 'u', 'm', '\n'}

// summary stands behind the records of a sealed segment and says what a scan
// of them would find, so that Open need not scan. It is written when the
// records are synced: where it is, they have been durable.
//
//	  0 magic     8 bytes
//	  8 CRC       uint32, of bytes 12 to 128
//	 12 reserved  uint32, zero
//	 16 segment   uint64, its number
//	 24 size      uint64, bytes before the summary
//	 32 from      two uint64, number of the first message and of its first row
//	 48 to        two uint64, those that follow the last message
//	 64 records   uint64
//	 72 rows      uint64, of the records: rows between them are elsewhere, or settled
//	 80 oldest    uint32, Unix seconds when the first was accepted
//	 84 newest    uint32
//	 88 last      32 bytes, digest of the last message; zero where it is not known
//	120 reserved  8 bytes, zero
type summary struct {
	segment        uint64
	size           int64
	from, to       position
	records, rows  uint64
	oldest, newest uint32
	lastBytes      digest
}

func (s *summary) encode(salt uint32) []byte {
	b := make([]byte, summarySize)
	copy(b, summaryMagic[:])
	for i, n := range []uint64{
		s.segment, uint64(s.size), s.from.record, s.from.row, s.to.record, s.to.row, s.records, s.rows,
	} {
		binary.LittleEndian.PutUint64(b[16+8*i:], n)
	}
	binary.LittleEndian.PutUint32(b[80:], s.oldest)
	binary.LittleEndian.PutUint32(b[84:], s.newest)
	copy(b[88:], s.lastBytes[:])
	binary.LittleEndian.PutUint32(b[8:], checksum(salt, b[12:]))
	return b
}

// parseSummary reads the last bytes of a segment. ok is false for what is no
// summary of this journal.
func parseSummary(b []byte, salt uint32) (s summary, ok bool) {
	if len(b) != summarySize || !bytes.Equal(b[:8], summaryMagic[:]) || binary.LittleEndian.Uint32(b[8:]) != checksum(salt, b[12:]) {
		return summary{}, false
	}
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(b[16+8*i:]) }
	s = summary{
		segment: n(0), size: int64(n(1)), from: position{n(2), n(3)}, to: position{n(4), n(5)}, records: n(6), rows: n(7),
		oldest: binary.LittleEndian.Uint32(b[80:]), newest: binary.LittleEndian.Uint32(b[84:]), lastBytes: digest(b[88:120]),
	}
	return s, s.to.record < maxNumber && s.to.row < maxNumber && s.from.record < s.to.record && s.from.row < s.to.row &&
		s.records > 0 && s.records <= s.to.record-s.from.record && s.rows >= s.records && s.rows <= s.to.row-s.from.row
}

// tornSummary tells whether b, what follows the last record of a sealed
// segment, is the beginning of a summary, or the room for one: what a kill or
// a power cut leaves of its writing.
func tornSummary(b []byte) bool {
	n := min(len(b), len(summaryMagic))
	return len(b) <= summarySize && (bytes.Equal(b[:n], summaryMagic[:n]) || len(bytes.Trim(b, "\x00")) == 0)
}

// summary returns what the segment's is to say.
func (s *segment) summary() summary {
	return summary{
		segment: s.id, size: s.size, from: s.from, to: s.to, records: s.records, rows: s.rows,
		oldest: s.oldest, newest: s.newest, lastBytes: s.lastBytes,
	}
}

// summarise writes the summaries that are due.
func (d *Disk) summarise() {
	for {
		s := d.unsummarised()
		if s == nil {
			return
		}
		err := d.writeSummary(s)
		d.mu.Lock()
		s.summarised, s.plain = err == nil, err != nil // it is scanned by the next Open, no more
		damaged := s.damaged
		d.mu.Unlock()
		if damaged && err == nil { // the reader has met it just now
			d.unsummarise(s)
		}
	}
}

// unsummarised returns a segment that nobody writes or syncs any more, and
// that the next Open would have to scan; nil if there is none.
func (d *Disk) unsummarised() *segment {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.halted != nil {
		return nil
	}
	unsynced := make(map[*segment]bool, len(d.dirty))
	for _, s := range d.dirty {
		unsynced[s] = true
	}
	for _, s := range d.segments {
		if s.sealed && !s.summarised && !s.plain && !s.damaged && s.rows > 0 && !unsynced[s] {
			return s
		}
	}
	return nil
}

// writeSummary puts the summary of s behind its records. Nothing depends on
// that it stays there: it is not synced.
func (d *Disk) writeSummary(s *segment) error {
	file, err := d.fs.Reopen(s.path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return err
	}
	if size > s.size { // a summary that was not trusted, or what a repair left
		err = file.Truncate(s.size)
	} else if size < s.size {
		err = errors.New("it became shorter")
	}
	if err == nil && s.recovered { // a kill does not sync what it leaves
		err = file.Sync()
	}
	if err != nil {
		return err
	}
	text := s.summary()
	if _, err := file.WriteAt(text.encode(d.salt), s.size); err != nil {
		_ = file.Truncate(s.size)
		return err
	}
	return nil
}

// unsummarise takes the summary of a damaged segment away, durably: the next
// Open is to scan it, find the damage and keep the file aside in the end.
func (d *Disk) unsummarise(s *segment) {
	file, err := d.fs.Reopen(s.path)
	if err == nil {
		if err = file.Truncate(s.size); err == nil {
			err = file.Sync()
		}
		_ = file.Close()
	}
	if err != nil {
		d.log.Warnf("journal: %s is damaged and its summary cannot be taken away: %v", s.path, err)
	}
}

// spoil notes that a segment is damaged. What it holds of pending rows may be
// lost with it; the caller counts them.
func (d *Disk) spoil(s *segment) {
	d.mu.Lock()
	was := s.summarised && !s.damaged
	s.damaged = true
	d.mu.Unlock()
	if was {
		d.unsummarise(s)
	}
}

// takeSummary describes a segment by its summary, if that can be trusted, as
// scanSegment would have done.
func (d *Disk) takeSummary(f *found, s summary) bool {
	span := Span{s.from.row, s.to.row}
	if f.intact && s.size == f.length && f.isStaleThroughout(s.from.record, s.to.record) {
		f.from, f.to, f.size = d.cursor, d.cursor, s.size
		return true
	}
	if !f.intact || s.size != f.length || s.from.record < f.head.base || s.from.row < f.head.baseRow ||
		s.from.record < d.cursor.record || s.from.row < d.cursor.row || f.isStaleWithin(s.from.record, s.to.record) {
		return false
	}
	// Rows may be missing where others have taken their place, which happens
	// once they have their fate: else damage or a lost state file is to be found.
	if s.rows < span.To-span.From && s.rows+d.settled.within(span) < span.To-span.From {
		return false
	}
	if f.head.end == 0 && !f.isStale(f.head.base) {
		d.moveCursor(position{f.head.base, f.head.baseRow})
	}
	d.moveCursor(s.from)
	d.cursor = s.to
	f.from, f.to, f.size = s.from, s.to, s.size
	f.records, f.rows, f.oldest, f.newest, f.lastBytes = s.records, s.rows, s.oldest, s.newest, s.lastBytes
	f.summarised = true
	d.report.Messages += s.records
	if d.settled.within(span) < span.To-span.From {
		d.addMark(s.from.row, s.oldest)
	}
	return true
}
