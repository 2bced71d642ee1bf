package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

const (
	readAhead   = 256 << 10 // bytes of messages taken from disk at once
	leastAhead  = 32 << 10  // where others need the memory
	arenaSize   = 16 << 10  // messages up to a quarter of it share one allocation
	rereadAfter = time.Second
	maxRereads  = 3 // before what the disk refuses is given up
)

// reader is the reading end. All of it belongs to the goroutine that calls
// Next, but segment and busy, which are guarded by mu.
type reader struct {
	segment  *segment // that scan reads, used; nil if none
	busy     bool     // between openNext and what follows: segment must stay
	epoch    uint64
	scan     scanner
	loaded   []Message
	gaps     []gap // by loaded message: what was skipped before it
	rest     gap   // behind the last record
	arena    []byte
	failures int
	again    time.Time // after a failure: when to try again
}

// gap is bytes of a segment that are no record.
type gap struct{ off, bytes int64 }

// hint is where the first message beyond the cache begins.
type hint struct {
	record  uint64
	segment *segment
	off     int64
}

// remember puts a message that is being appended at seg.size into the cache,
// if nothing is on disk before it and there is room. mu is held.
func (d *Disk) remember(m Message, seg *segment) {
	if d.nextRead.record != m.Record {
		return
	}
	if d.head < len(d.cache) && d.cached+int64(len(m.Data)) > min(d.o.CacheBytes, d.o.Budget.Share()) {
		d.hint = hint{m.Record, seg, seg.size}
		return
	}
	d.push(m)
	d.nextRead = position{m.Record + 1, m.First + uint64(m.Rows)}
}

// messageOverhead is what a message costs in memory beside its data, in bytes.
const messageOverhead = 96

// push appends m to the cache. mu is held.
func (d *Disk) push(m Message) {
	if d.head > 0 && len(d.cache) == cap(d.cache) { // move what is left to the front
		left := copy(d.cache, d.cache[d.head:])
		clear(d.cache[left:])
		d.cache, d.head = d.cache[:left], 0
	}
	d.cache = append(d.cache, m)
	d.cached += int64(len(m.Data)) + messageOverhead
}

// Next implements Queue.
func (d *Disk) Next() (Message, bool) {
	for {
		d.mu.Lock()
		m, ok := d.pop()
		behind := !d.closed && d.head == len(d.cache) && d.nextRead.record < d.next.record
		d.mu.Unlock()
		if ok || !behind || !d.fill() {
			return m, ok
		}
	}
}

// pop takes the first message out of the cache that is not too old. mu is held.
func (d *Disk) pop() (m Message, ok bool) {
	for d.head < len(d.cache) && !ok {
		m = d.cache[d.head]
		if m.Record >= d.readable || d.closed {
			break
		}
		d.cache[d.head] = Message{}
		d.head++
		d.cached -= int64(len(m.Data)) + messageOverhead
		d.nextOut = m.Record + 1
		if !d.tooOld(m.First, m.seconds) {
			ok = true
			break
		}
		d.drop(Span{m.First, m.First + uint64(m.Rows)}, "older than the age limit")
	}
	if d.head == len(d.cache) {
		d.cache, d.head = d.cache[:0], 0
	}
	d.account()
	d.flushState() // of what was dropped
	if !ok {
		m = Message{}
	}
	return m, ok
}

// fill loads the cache, which is empty, from disk. It returns false if that is
// not possible now.
func (d *Disk) fill() bool {
	r := &d.reader
	if r.failures > 0 && time.Now().Before(r.again) {
		return false
	}
	seg, from, end, err := d.openNext()
	if err != nil {
		return d.rereadLater(err)
	}
	if seg == nil {
		return true
	}
	exhausted, err := r.load(from, end, int(max(leastAhead, min(readAhead, d.o.Budget.Share()))))
	if err != nil {
		return d.rereadLater(err)
	}
	r.failures, r.scan.salvage = 0, false
	if r.metDamage() && d.isOf(r.epoch) {
		d.spoil(seg)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.busy = false
	if d.epoch != r.epoch || d.closed { // what was read may have been cut off meanwhile
		clear(r.loaded)
		d.leave()
		return !d.closed
	}
	for i, m := range r.loaded {
		d.loseBefore(seg, m.First, r.gaps[i])
		d.nextRead = position{m.Record + 1, m.First + uint64(m.Rows)}
		d.offer(m)
	}
	clear(r.loaded)
	if exhausted {
		d.loseBefore(seg, end.row, r.rest)
		d.nextRead = position{max(d.nextRead.record, end.record), max(d.nextRead.row, end.row)}
	}
	if exhausted && seg.sealed || d.nextRead.record >= d.next.record {
		d.leave()
	}
	d.account()
	d.flushState() // of what was lost
	return true
}

// openNext readies the segment of the next message on disk to be read up to
// where it ends now. A nil segment says that there is no such message any more.
func (d *Disk) openNext() (seg *segment, from, end position, err error) {
	r := &d.reader
	d.mu.Lock()
	defer d.mu.Unlock()
	seg = d.segmentOf(d.nextRead.record)
	if seg == nil {
		d.nextRead = d.next
		d.leave()
		return nil, from, end, nil
	}
	if r.segment != seg || r.epoch != d.epoch {
		d.leave()
		if err := d.use(seg); errors.Is(err, fs.ErrNotExist) && r.failures >= maxRereads {
			d.loseBefore(seg, seg.to.row, gap{0, seg.size})
			d.nextRead = seg.to
			d.flushState()
			return nil, from, end, nil
		} else if err != nil {
			return nil, from, end, err
		}
		off := seg.start
		if d.hint.segment == seg && d.hint.record == d.nextRead.record {
			off = d.hint.off
		}
		r.segment, r.epoch = seg, d.epoch
		r.scan.reset(seg.file, d.salt, off, seg.size)
	}
	r.scan.extend(seg.size)
	r.busy = true
	return seg, d.nextRead, seg.to, nil
}

// leave lets go of the reader's segment. mu is held.
func (d *Disk) leave() {
	if s := d.reader.segment; s != nil {
		d.reader.segment = nil
		d.release(s)
	}
}

// load reads messages from next on and below end, up to about most bytes.
func (r *reader) load(next, end position, most int) (exhausted bool, err error) {
	r.loaded, r.gaps, r.rest = r.loaded[:0], r.gaps[:0], gap{}
	for bytes := 0; bytes < most; {
		before := r.scan.off
		h, at, err := r.scan.next()
		if errors.Is(err, io.EOF) {
			r.rest = gap{before, r.scan.end - before}
			r.scan.off = r.scan.end // what will be written is no part of it
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if h.number < next.record || h.number >= end.record || h.first < next.row || h.end() > end.row {
			continue
		}
		data := r.space(int(h.length))
		if err := r.scan.data(h, at, data); err != nil {
			return false, err
		}
		r.loaded = append(r.loaded, Message{
			Record: h.number, First: h.first, Rows: int(h.rows), Data: data, seconds: h.seconds,
		})
		r.gaps = append(r.gaps, gap{before, at - before})
		next = position{h.number + 1, h.end()}
		bytes += len(data) + recordHead
	}
	return false, nil
}

// metDamage tells whether load came over something that is no record.
func (r *reader) metDamage() bool {
	return r.rest.bytes > 0 || slices.ContainsFunc(r.gaps, func(g gap) bool { return g.bytes > 0 })
}

// isOf tells whether no messages have moved since epoch: what was read then
// is what was written.
func (d *Disk) isOf(epoch uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.epoch == epoch
}

// space returns n bytes. Small messages share an allocation, but not a large
// one: a single message that is kept for long must not keep many others.
func (r *reader) space(n int) []byte {
	if n > arenaSize/4 {
		return make([]byte, n)
	}
	if len(r.arena) < n {
		r.arena = make([]byte, arenaSize)
	}
	b := r.arena[:n:n]
	r.arena = r.arena[n:]
	return b
}

// offer puts a message from disk into the cache unless all of it has its fate.
// mu is held.
func (d *Disk) offer(m Message) {
	rows := Span{m.First, m.First + uint64(m.Rows)}
	if settled := d.settled.within(rows); settled == uint64(m.Rows) {
		return
	} else if settled > 0 {
		m.settled = d.settled.parts(rows)
	}
	if m.Replayed = m.Record < d.replay; m.Replayed {
		d.markRead(&m)
	}
	d.push(m)
}

// loseBefore gives up the rows from the last one read to row, if they have no
// fate, and tells of the damage that was met on the way. mu is held.
func (d *Disk) loseBefore(seg *segment, row uint64, met gap) {
	gone := Span{d.nextRead.row, max(row, d.nextRead.row)}
	rows := gone.To - gone.From - d.settled.within(gone)
	switch {
	case met.bytes > 0 && (rows > 0 || !seg.told):
		d.log.Errorf("journal: %s is damaged: %d bytes from byte %d on: %d rows before row %d are lost", seg.path, met.bytes, met.off, rows, row)
	case rows > 0:
		d.log.Errorf("journal: %s lacks %d rows before row %d: they are lost", seg.path, rows, row)
	}
	if rows > 0 {
		seg.damaged = true
		d.settle(lost, gone)
	}
}

// rereadLater says once that the disk cannot be read, and wakes the reader to
// try again; in the end it gives up what the disk refuses.
func (d *Disk) rereadLater(err error) bool {
	r := &d.reader
	r.failures++
	r.again = time.Now().Add(rereadAfter)
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.segment != nil && r.failures >= maxRereads { // a bad place, or no disk at all?
		_, err := r.segment.file.ReadAt(make([]byte, segmentHead), 0)
		r.scan.salvage = err == nil
	}
	r.busy = false
	d.leave()
	if d.closed {
		return false
	}
	if r.failures == 1 {
		d.log.Errorf("journal %s: reading failed, trying again: %v", d.o.Dir, fmt.Errorf("message %d: %w", d.nextRead.record, err))
	}
	if d.reread != nil {
		d.reread.Stop()
	}
	d.reread = time.AfterFunc(rereadAfter, func() { signal(d.ready) })
	return false
}
