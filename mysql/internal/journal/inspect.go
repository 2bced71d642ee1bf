package journal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Entry is one message as Inspect finds it.
type Entry struct {
	Record   uint64
	First    uint64 // number of its first row
	Rows     int
	Accepted time.Time
	Data     []byte // valid until the next
	Pending  []Span // rows without a fate; nil if it is done with
}

// Inspection is what Inspect finds beside the messages.
type Inspection struct {
	ID       string // the journal's own, hexadecimal
	Identity string
	Closed   bool // the last run ended in order, and no other began
	Counts   Counts
	Messages uint64 // in the segments and, of those that are in none, in the intake
	Segments int
	// Aside are files that were damaged and kept, for a person to look at.
	Aside []string
	// Damaged are bytes of segments and of the intake that are no record, the unfinished end of
	// the last one included.
	Damaged int64
	// Torn are those of them that a kill left of a write, or that are being
	// written just now: nothing that was accepted.
	Torn int64
	// Places are where the damage is, of segments and of state files, up to
	// 100; the files' names are without the folder.
	Places []Damage
	// Unreadable are those of the pending rows whose message was not found:
	// the next Open counts them as lost.
	Unreadable uint64
}

// Inspect reads the journal in dir without opening it: it takes no lock,
// writes nothing, and finds out what recovery would by a way of its own, but for the slots of the intake. Of the
// counts, the bytes are exact to a segment's head. each
// is called for every message in order, unless it is nil; its error ends the
// walk. Beside a running journal the figures may be of slightly different
// moments. It holds one segment in memory at a time.
func Inspect(dir string, each func(Entry) error) (*Inspection, error) {
	w := walk{dir: dir, each: each, in: &Inspection{}}
	intake := w.intake() // first: what has its fate meanwhile, or is moved, is seen twice, not never
	names, err := listNames(dir)
	if err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	if err := w.readStates(names); err != nil {
		return nil, fmt.Errorf("inspect journal %s: %w", dir, err)
	}
	if err := w.readNotes(names); err != nil {
		return nil, fmt.Errorf("inspect journal %s: %w", dir, err)
	}
	later := w.intake() // and what came after that
	if names, err = listNames(dir); err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	if id, ok := intakeOwner(intake); ok && w.id == (journalID{}) {
		w.id, w.salt = id, id.salt()
		w.in.ID = hex.EncodeToString(id[:])
	}
	if err := w.readSegments(names); err != nil {
		return nil, fmt.Errorf("inspect journal %s: %w", dir, err)
	}
	if err := w.readIntake(intake, later); err != nil {
		return nil, fmt.Errorf("inspect journal %s: %w", dir, err)
	}
	w.sum()
	return w.in, nil
}

func listNames(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// walk is one inspection. Where recovery keeps a set of settled rows, it keeps
// a plain list of borders, sorted once.
type walk struct {
	dir  string
	each func(Entry) error
	in   *Inspection

	id       journalID
	salt     uint32
	base     snapshot // the newest
	fates    []entry  // of all files, in the order they were given
	pieces   []entry  // the same without overlaps, sorted by row
	nextRow  uint64
	nextDone uint64 // the first message that was not met yet
	readable uint64 // rows without a fate in messages that were met
}

// file reads one that may be replaced meanwhile: then it is not there.
func (w *walk) file(name string) (data []byte, there bool, err error) {
	data, err = os.ReadFile(filepath.Join(w.dir, name))
	if os.IsNotExist(err) {
		return nil, false, nil
	}
	return data, err == nil, err
}

func (w *walk) readStates(names []string) error {
	type body struct {
		name string
		data []byte
		at   int // where its entries begin
	}
	var bodies []body
	for _, name := range names { // sorted, so oldest first
		if strings.Contains(name, ".corrupt-") {
			w.in.Aside = append(w.in.Aside, name)
		}
		if _, ok := fileNumber(name, stateSuffix); !ok {
			continue
		}
		data, there, err := w.file(name)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		s, n, ok, err := parseSnapshot(data)
		if err != nil {
			return err
		}
		if ok {
			w.base, w.id, w.salt = s, s.journal, s.journal.salt()
		} else if len(data) > 0 {
			w.damage(name, 0, len(data))
		}
		bodies = append(bodies, body{name, data, n})
	}
	w.nextRow = w.base.nextRow
	for _, s := range w.base.settled {
		w.fates = append(w.fates, entry{fates, s}) // counted in the snapshot
		w.nextRow = max(w.nextRow, s.To)
	}
	for _, b := range bodies {
		w.in.Closed = false
		for known := b.at; len(b.data)-b.at >= entrySize; {
			e, ok := parseEntry(b.data[b.at:], w.salt)
			if !ok {
				b.at++
				continue
			}
			if known > 0 { // else the whole file counts as damaged already
				w.damage(b.name, known, b.at)
			}
			b.at += entrySize
			known = b.at
			if w.in.Closed = e.fate == closedMark; w.in.Closed {
				w.nextRow = max(w.nextRow, e.span.To)
				continue
			}
			w.fates = append(w.fates, e)
			w.nextRow = max(w.nextRow, e.span.To)
		}
	}
	w.in.ID, w.in.Identity = hex.EncodeToString(w.id[:]), w.base.identity
	w.flatten()
	return nil
}

// flatten gives every settled row its first fate: it sweeps over the borders
// of all spans and lets the earliest of those that are open win.
func (w *walk) flatten() {
	type border struct {
		row   uint64
		index int
		opens bool
	}
	var borders []border
	for i, e := range w.fates {
		borders = append(borders, border{e.span.From, i, true}, border{e.span.To, i, false})
	}
	sort.Slice(borders, func(i, j int) bool { return borders[i].row < borders[j].row })
	var open []int // indexes into fates, sorted
	for i, b := range borders {
		at := sort.SearchInts(open, b.index)
		if b.opens {
			open = append(open[:at], append([]int{b.index}, open[at:]...)...)
		} else {
			open = append(open[:at], open[at+1:]...)
		}
		if len(open) > 0 && i+1 < len(borders) && borders[i+1].row > b.row {
			w.pieces = append(w.pieces, entry{w.fates[open[0]].fate, Span{b.row, borders[i+1].row}})
		}
	}
}

// rawSegment is a segment with its head read.
type rawSegment struct {
	name  string
	id    uint64
	head  header
	ok    bool   // the head is whole
	first uint64 // message
}

func (w *walk) readSegments(names []string) error {
	var segs []rawSegment
	for _, name := range names {
		id, ok := fileNumber(name, segmentSuffix)
		if !ok {
			continue
		}
		s := rawSegment{name: name, id: id}
		b, err := readStart(filepath.Join(w.dir, name), segmentHead)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if s.head, s.ok, err = parseHeader(b); err != nil {
			return err
		}
		segs = append(segs, s)
	}
	if w.id == (journalID{}) {
		for _, s := range segs {
			if s.ok {
				w.id, w.salt = s.head.journal, s.head.journal.salt()
				w.in.ID = hex.EncodeToString(w.id[:])
			}
		}
	}
	var ours []rawSegment
	for _, s := range segs {
		if s.ok && s.head.journal != w.id {
			continue
		}
		if s.first = s.head.base; !s.ok {
			data, err := w.content(s)
			if err != nil {
				return err
			}
			if s.first, s.ok = firstMessage(data, w.salt); !s.ok {
				w.in.Damaged += int64(len(data))
				if len(data) > segmentHead { // else its making was cut short
					w.damage(s.name, 0, len(data))
				}
				continue
			}
			s.ok = false
		}
		ours = append(ours, s)
	}
	sort.Slice(ours, func(i, j int) bool {
		if ours[i].first != ours[j].first {
			return ours[i].first < ours[j].first
		}
		return ours[i].id < ours[j].id
	})
	w.in.Segments = len(ours)
	for _, s := range ours {
		if err := w.readSegment(s, ours); err != nil {
			return err
		}
	}
	return nil
}

// content reads a whole segment; one that has just been freed is empty.
func (w *walk) content(s rawSegment) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(w.dir, s.name))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return data, err
}

func firstMessage(data []byte, salt uint32) (uint64, bool) {
	for at := 0; at < len(data); at++ {
		if r, ok := wholeRecord(data[at:], salt); ok {
			return r.number, true
		}
	}
	return 0, false
}

// wholeRecord reads a record that begins at b.
func wholeRecord(b []byte, salt uint32) (record, bool) {
	r, ok := parseRecord(b, salt)
	return r, ok && r.size() <= int64(len(b)) && checksum(salt, b[recordHead:r.size()]) == r.crc
}

func readStart(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, n)
	n, _ = f.ReadAt(b, 0)
	return b[:n], nil
}

// readSegment visits the messages of one segment that no newer one holds.
func (w *walk) readSegment(s rawSegment, all []rawSegment) error {
	data, err := w.content(s)
	if err != nil {
		return err
	}
	w.in.Counts.DiskBytes += int64(len(data))
	at := 0
	if s.ok {
		at = min(segmentHead, len(data))
	}
	known := at
	if records := len(data) - summarySize; records >= at { // it is not believed, just known for what it is
		if sum, ok := parseSummary(data[records:], w.salt); ok && sum.segment == s.id {
			data = data[:records]
		}
	}
	later := replacements(s.id, all)
	for at < len(data) {
		r, ok := wholeRecord(data[at:], w.salt)
		if !ok {
			next := bytes.Index(data[at+1:], recordMagic[:])
			if next < 0 {
				next = len(data) - at - 1
			}
			at += next + 1
			continue
		}
		w.in.Damaged += int64(at - known)
		w.damage(s.name, known, at)
		if r.number >= w.nextDone && !later.hold(r.number) {
			if err := w.visit(r, data[at+recordHead:at+int(r.size())]); err != nil {
				return err
			}
		}
		at += int(r.size())
		known = at
	}
	w.in.Damaged += int64(len(data) - known)
	if s.id == newest(all) && unfinishedRecord(data[known:], w.salt) || tornSummary(data[known:]) {
		w.in.Torn += int64(len(data) - known)
	} else {
		w.damage(s.name, known, len(data))
	}
	return nil
}

// damage notes the bytes of a file from up to to, if there are any.
func (w *walk) damage(file string, from, to int) {
	if from < to && len(w.in.Places) < maxDamages {
		w.in.Places = append(w.in.Places, Damage{file, int64(from), int64(to - from)})
	}
}

// newest is the number of the segment that was written to last.
func newest(all []rawSegment) (id uint64) {
	for _, s := range all {
		if s.head.end == 0 {
			id = max(id, s.id)
		}
	}
	return id
}

// unfinishedRecord tells whether b is the beginning of a record.
func unfinishedRecord(b []byte, salt uint32) bool {
	if len(b) < recordHead {
		return bytes.HasPrefix(b, recordMagic[:min(len(b), len(recordMagic))])
	}
	r, ok := parseRecord(b, salt)
	return ok && r.size() > int64(len(b))
}

// replaced is the messages that later segments hold.
type replaced struct {
	spans []Span
	from  uint64 // and all from here on
}

func replacements(id uint64, all []rawSegment) replaced {
	r := replaced{from: maxNumber}
	for _, s := range all {
		switch {
		case !s.ok || s.id <= id:
		case s.head.end == 0:
			r.from = min(r.from, s.head.base)
		default:
			r.spans = append(r.spans, Span{s.head.base, s.head.end})
		}
	}
	return r
}

func (r *replaced) hold(message uint64) bool {
	for _, s := range r.spans {
		if message >= s.From && message < s.To {
			return true
		}
	}
	return message >= r.from
}

func (w *walk) visit(r record, data []byte) error {
	w.nextDone = r.number + 1
	w.nextRow = max(w.nextRow, r.end())
	w.in.Messages++
	left := w.pending(Span{r.first, r.end()})
	unsettled := uint64(0)
	for _, s := range left {
		unsettled += s.To - s.From
	}
	w.readable += unsettled
	if unsettled > 0 {
		w.in.Counts.PendingBytes += r.size() * int64(unsettled) / int64(r.rows)
		if at := time.Unix(int64(r.seconds), 0); w.in.Counts.OldestPending.IsZero() || at.Before(w.in.Counts.OldestPending) {
			w.in.Counts.OldestPending = at
		}
	}
	if w.each == nil {
		return nil
	}
	return w.each(Entry{
		Record: r.number, First: r.first, Rows: int(r.rows), Accepted: time.Unix(int64(r.seconds), 0),
		Data: data, Pending: left,
	})
}

// pending returns what of rows is in no piece.
func (w *walk) pending(rows Span) (left []Span) {
	i := sort.Search(len(w.pieces), func(i int) bool { return w.pieces[i].span.To > rows.From })
	for ; i < len(w.pieces) && w.pieces[i].span.From < rows.To; i++ {
		if p := w.pieces[i].span; p.From > rows.From {
			left = append(left, Span{rows.From, p.From})
		}
		rows.From = min(rows.To, w.pieces[i].span.To)
	}
	if rows.From < rows.To {
		left = append(left, rows)
	}
	return left
}

// sum counts the rows of every fate.
func (w *walk) sum() {
	counts := w.base.counts
	settled := uint64(0)
	for _, p := range w.pieces {
		n := p.span.To - p.span.From
		settled += n
		if p.fate < fates {
			counts[p.fate] += n
		}
	}
	c := &w.in.Counts
	c.Received, c.Pending = w.nextRow-counts[void], w.nextRow-settled
	c.Stored, c.Superseded, c.SetAside = counts[Stored], counts[Superseded], counts[SetAside]
	c.Dropped, c.Lost = counts[Dropped], counts[lost]
	w.in.Unreadable = w.in.Counts.Pending - w.readable
}

// Identify returns the identity of the journal in dir, from its state files
// alone; "" if none can be read.
func Identify(dir string) (string, error) {
	names, err := listNames(dir)
	if err != nil {
		return "", fmt.Errorf("identify journal: %w", err)
	}
	w := walk{dir: dir, in: &Inspection{}}
	if err := w.readStates(names); err != nil {
		return "", fmt.Errorf("identify journal %s: %w", dir, err)
	}
	return w.base.identity, nil
}
