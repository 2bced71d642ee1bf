package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Damage is a part of a file that is not what was written there.
type Damage struct {
	File   string // its path
	Offset int64  // bytes
	Bytes  int64
}

// Report is what Open found.
type Report struct {
	Created  bool // there was no journal
	Messages uint64
	Scanned  int    // segments without a summary that can be trusted, which were read whole
	Pending  uint64 // rows that come again
	Lost     uint64 // rows that this recovery gave up; what damage in a summarised segment costs is told when it is read
	Torn     int64  // bytes of a write that a kill cut short: nothing that was accepted
	Damaged  []Damage
	Aside    []string // files renamed, for a person to look at
	Took     time.Duration
}

// maxDamages bounds how many places a report names.
const maxDamages = 100

// passedOver is how many numbers are left out where some may have been used
// that are not known any more.
const passedOver = 1 << 32

// recovery is what recover works with.
type recovery struct {
	prior    snapshot
	known    bool     // prior is something
	outdated []string // state files that the next generation replaces
	broken   []string // state files to be kept aside after that
	cursor   position // what the next record should be
	tail     tail
	unsure   bool // there may have been messages behind the last that was found
}

// tail is where the last message stands.
type tail struct {
	segment *segment
	record  record
	at      int64
}

// recover reads what is in the folder. It changes nothing that a second
// recovery would need before it is replaced durably.
func (d *Disk) recover() error {
	start := time.Now()
	names, err := d.fs.List(d.o.Dir)
	if err != nil {
		return err
	}
	sort.Strings(names)
	files, err := d.readState(names)
	if err != nil {
		return err
	}
	d.known = d.pickState(files)
	if d.known && d.prior.identity != d.o.Identity {
		return fmt.Errorf("%w: it was made for %q, not for %q", ErrIdentity, d.prior.identity, d.o.Identity)
	}
	segs, err := d.readHeads(names)
	if err != nil {
		return err
	}
	clean := d.loadEntries(files)
	if d.id == (journalID{}) {
		_, _ = rand.Read(d.id[:]) // never fails
		d.salt = d.id.salt()
		d.report.Created = len(files) == 0 && len(segs) == 0
	} else if !d.known {
		d.log.Errorf("journal %s: no state file is whole: rows in its segments may come again", d.o.Dir)
	}
	if err := d.scanAll(segs); err != nil {
		return err
	}
	if err := d.resume(clean); err != nil {
		return err
	}
	d.startClock(names)
	d.removeLeftovers(names)
	d.report.Took = time.Since(start)
	d.logReport()
	d.recovery = recovery{}
	return nil
}

// readHeads finds the segments. Without state the journal is that of the
// latest segment.
func (d *Disk) readHeads(names []string) (segs []*found, err error) {
	for _, name := range names {
		number, ok := fileNumber(name, segmentSuffix)
		if !ok {
			continue
		}
		d.nextSegment = max(d.nextSegment, number+1)
		f, err := d.readHead(name, number)
		if err != nil {
			return nil, err
		}
		segs = append(segs, f)
	}
	if !d.known {
		for _, f := range segs {
			if f.intact {
				d.id, d.salt = f.head.journal, f.head.journal.salt()
			}
		}
		if d.id == (journalID{}) {
			d.takeIntakeID()
		}
	}
	return segs, nil
}

// scanAll takes in every segment in the order of their messages.
func (d *Disk) scanAll(segs []*found) error {
	var ours []*found
	for _, f := range segs {
		if f.intact && f.head.journal != d.id {
			d.putAside(f.path, "it belongs to another journal")
			continue
		}
		if err := d.findBase(f); err != nil {
			return err
		}
		switch {
		case f.hopeless && f.length <= segmentHead: // its making was cut short
			d.outdated = append(d.outdated, f.path)
		case f.hopeless:
			d.unsure = true
			d.addDamage(f.path, 0, f.length)
			d.putAside(f.path, "nothing in it can be read")
		default:
			ours = append(ours, f)
		}
	}
	markStale(ours)
	sort.Slice(ours, func(i, j int) bool {
		if ours[i].from.record != ours[j].from.record {
			return ours[i].from.record < ours[j].from.record
		}
		return ours[i].id < ours[j].id
	})
	newest := uint64(0)
	for _, f := range ours {
		if f.head.end == 0 {
			newest = max(newest, f.id)
		}
	}
	for _, f := range ours {
		s, ok := parseSummary(f.foot, d.salt)
		if ok = ok && s.segment == f.id; ok {
			f.length -= summarySize
		}
		if ok && d.known && d.takeSummary(f, s) {
			continue
		}
		if err := d.scanSegment(f, f.id == newest && !ok); err != nil {
			return err
		}
	}
	parts, err := d.findParts()
	if err != nil {
		return err
	}
	if err := d.keepScanned(ours); err != nil {
		return err
	}
	for _, p := range parts {
		d.segments = append(d.segments, p)
		d.diskBytes += p.bytes()
		d.staged += p.bytes()
	}
	return nil
}

// scanSegment reads one segment and moves the cursor past its records. What
// the cursor jumps over without having a fate is lost.
func (d *Disk) scanSegment(f *found, newest bool) error {
	if f.intact && f.head.end == 0 && !f.isStale(f.from.record) {
		d.moveCursor(f.from)
	}
	f.from, f.to = d.cursor, d.cursor
	d.report.Scanned++
	return d.withScanner(f, func(file File, scan *scanner) (err error) {
		f.size = scan.off
		for {
			before := scan.off
			r, at, err := scan.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if at > before {
				f.damaged = true
				d.addDamage(f.path, before, at-before)
			}
			f.size = scan.off
			if f.isStale(r.number) || r.number < d.cursor.record || r.first < d.cursor.row {
				f.plain = true
				continue
			}
			d.moveCursor(position{r.number, r.first})
			d.takeRecord(f, r, at)
		}
		if f.length > scan.off {
			err = d.scanTail(f, file, scan, newest)
		}
		f.told = f.damaged
		return err
	})
}

// takeRecord counts a record in.
func (d *Disk) takeRecord(f *found, r record, at int64) {
	if f.records == 0 {
		f.from, f.oldest = d.cursor, r.seconds
	}
	d.cursor = position{r.number + 1, r.end()}
	f.to = d.cursor
	f.records++
	f.rows += uint64(r.rows)
	f.newest = r.seconds
	d.tail = tail{&f.segment, r, at}
	d.report.Messages++
	if d.settled.within(Span{r.first, r.end()}) < uint64(r.rows) {
		d.addMark(r.first, r.seconds)
	}
}

// moveCursor goes on at p, forwards.
func (d *Disk) moveCursor(p position) {
	if p.row > d.cursor.row {
		d.lose(Span{d.cursor.row, p.row})
	}
	d.cursor = position{max(p.record, d.cursor.record), max(p.row, d.cursor.row)}
}

// lose gives up rows that have no fate.
func (d *Disk) lose(rows Span) {
	d.settled.add(rows, func(part Span) {
		d.counts[lost] += part.To - part.From
		d.report.Lost += part.To - part.From
	})
}

// scanTail judges what follows the last record of a segment: a write that a
// kill cut short is cut off, anything else is damage.
func (d *Disk) scanTail(f *found, file File, scan *scanner, newest bool) error {
	bytes := f.length - scan.off
	foot := make([]byte, min(bytes, summarySize))
	if n, err := file.ReadAt(foot, scan.off); n < len(foot) && err != nil {
		foot = nil
	}
	if newest && scan.tornTail() || int64(len(foot)) == bytes && tornSummary(foot) {
		d.report.Torn += bytes
		return d.cut(f)
	}
	f.damaged = true
	d.unsure = d.unsure || newest
	d.addDamage(f.path, scan.off, bytes)
	return nil
}

// cut shortens a segment to its records.
func (d *Disk) cut(f *found) error {
	file, err := d.fs.Reopen(f.path)
	if err != nil {
		return err
	}
	err = file.Truncate(f.size)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// keepScanned makes the list of segments.
func (d *Disk) keepScanned(ours []*found) error {
	last := position{d.prior.nextRecord, 0} // whose digest lastBytes is
	for _, f := range ours {
		if f.intact && f.head.lastBytes != (digest{}) && f.head.base > last.record {
			last.record, d.lastBytes = f.head.base, f.head.lastBytes
		}
		if f.summarised && f.lastBytes != (digest{}) && f.to.record > last.record {
			last.record, d.lastBytes = f.to.record, f.lastBytes
		}
		if f.rows == 0 && !f.damaged {
			d.outdated = append(d.outdated, f.path)
			continue
		}
		d.segments = append(d.segments, &f.segment)
		d.diskBytes += f.occupied()
	}
	if d.tail.segment == nil || d.tail.record.number < last.record {
		return nil
	}
	file, err := d.fs.Open(d.tail.segment.path)
	if err != nil {
		return err
	}
	defer file.Close()
	data := make([]byte, d.tail.record.length)
	if _, err := file.ReadAt(data, d.tail.at+recordHead); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	d.lastBytes = digestOf(data)
	d.tail.segment.lastBytes = d.lastBytes
	return nil
}

// resume sets the numbers that new messages get and writes the next state file.
func (d *Disk) resume(clean bool) error {
	d.next = position{max(d.next.record, d.cursor.record), max(d.next.row, d.cursor.row, d.settled.end())}
	d.lose(Span{d.cursor.row, d.next.row})
	uncertain := !d.prior.strict && (d.boot == [16]byte{} || d.boot != d.prior.boot)
	if !clean && (uncertain || d.unsure) && !d.report.Created {
		passed := Span{d.next.row, d.next.row + passedOver}
		d.settled.add(passed, func(part Span) { d.counts[void] += part.To - part.From })
		d.next = position{d.next.record + passedOver, passed.To}
	}
	if d.next.record >= maxNumber || d.next.row >= maxNumber {
		return errors.New("its numbers are used up")
	}
	for _, s := range d.segments {
		d.recount(s)
	}
	d.synced, d.readable, d.replay, d.openedAt = d.written(), d.next.record, d.next.record, d.next.row
	d.report.Pending = d.pending()
	d.findFirst()
	for _, f := range d.outdated {
		if _, ok := fileNumber(filepath.Base(f), stateSuffix); ok {
			d.state.path = f // the newest is the last; it stays for now
		}
	}
	if err := d.newGeneration(); err != nil {
		if !noSpace(err) {
			return err
		}
		d.mu.Lock()
		d.stateFailed(err) // the files that are there still say the same
		d.mu.Unlock()
	}
	if !clean {
		d.secure()
	}
	return nil
}

// findFirst sets where reading begins: at the first row that has no fate.
func (d *Disk) findFirst() {
	d.nextRead = d.next
	for _, s := range d.segments {
		if s.unsettled > 0 {
			d.nextRead = s.from
			break
		}
	}
	d.nextOut = d.nextRead.record
}

// removeLeftovers takes away what the new state file has replaced.
func (d *Disk) removeLeftovers(names []string) {
	if !d.state.stale {
		for _, path := range d.broken {
			d.putAside(path, "it is damaged")
		}
		for _, path := range d.outdated {
			if path != d.state.previous {
				d.discard(path, false)
			}
		}
	}
	d.bare = true
	for _, name := range names {
		if name == spareName {
			d.bare = false
		}
		if base, ok := strings.CutSuffix(name, unfinished); ok {
			_, isState := fileNumber(base, stateSuffix)
			_, isSegment := fileNumber(base, segmentSuffix)
			_, isNote := fileNumber(base, clockSuffix)
			if isState || isSegment || isNote || base == intakeName {
				d.discard(filepath.Join(d.o.Dir, name), false)
			}
		}
	}
}

func (d *Disk) addDamage(file string, offset, bytes int64) {
	d.log.Errorf("journal: %s is damaged: %d bytes from byte %d on", file, bytes, offset)
	if len(d.report.Damaged) < maxDamages {
		d.report.Damaged = append(d.report.Damaged, Damage{file, offset, bytes})
	}
}

// putAside renames a file that is of no use.
func (d *Disk) putAside(path, why string) {
	if err := d.setAside(path); err != nil {
		d.log.Errorf("journal: %s cannot be kept aside: %v", path, err)
		return
	}
	d.log.Errorf("journal: %s is kept aside as %s.corrupt-<n>: %s", path, filepath.Base(path), why)
	d.report.Aside = append(d.report.Aside, path)
}

func (d *Disk) logReport() {
	r := &d.report
	if r.Created {
		return
	}
	d.log.Infof("journal %s: %d messages in %d segments, %d of them read, in %v, %d rows pending, %d bytes of an unfinished write cut off",
		d.o.Dir, r.Messages, len(d.segments), r.Scanned, r.Took.Round(time.Millisecond), r.Pending, r.Torn)
	if r.Lost > 0 {
		d.log.Errorf("journal %s: %d rows that were accepted are lost: damage at %d places, or a power cut before they were synced", d.o.Dir, r.Lost, len(r.Damaged))
	}
}
