package journal

import (
	"errors"
	"io"
	"slices"
	"time"
)

// rewrite copies what is left of segments that are mostly settled into one, so
// that rows that wait for long do not hold the disk space of those around them.
func (d *Disk) rewrite() {
	for {
		run := d.wasteful()
		if len(run) == 0 {
			return
		}
		if err := d.replace(run); err != nil && !errors.Is(err, errBarren) {
			d.mu.Lock()
			d.ripens = time.Now().Add(keepAfter) // for what is behind them
			d.mu.Unlock()
			return
		}
	}
}

// fileCost is what a file costs beside its bytes: file systems give whole
// blocks, and small files are worth being put together.
const fileCost = 4 << 10

// defaultLinger is how long the rows of a segment may be on their way after the
// last of them was handed out, before what is left of it is copied. Where rows
// are stored as fast as they are read, its last ones have their fate a moment
// after all others: a copy of them would be for nothing.
const defaultLinger = time.Second

// wasteful returns neighbouring segments that hold at least as much of settled
// rows as of others, and none that anybody still reads or writes, nor did a
// moment ago. What is left of them fits into one segment.
func (d *Disk) wasteful() []*segment {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ripens = time.Time{}
	var run []*segment
	waste, live := int64(-fileCost), int64(0)
	worth := func() bool { return waste >= max(live, d.o.SegmentBytes/2) }
	for _, s := range d.segments {
		left := s.live()
		idle := s.sealed && s.unsettled > 0 && s.to.record <= d.nextOut && d.lingered(s, now) && s.users == 0 &&
			(s.barren == 0 || s.unsettled <= s.barren/2)
		if !idle || live+left > d.o.SegmentBytes {
			if worth() {
				return run
			}
			run, waste, live = run[:0], -fileCost, 0
		}
		if idle {
			run, waste, live = append(run, s), waste+s.size+fileCost-left, live+left
		}
	}
	if worth() {
		return run
	}
	return nil
}

// lingered tells whether a segment has been read whole for some time, or the
// journal needs the room, and notes when the first that has not will have. mu is held.
func (d *Disk) lingered(s *segment, now time.Time) bool {
	if s.passed.IsZero() {
		s.passed = now
	}
	ripe := s.passed.Add(d.o.linger)
	if !now.Before(ripe) || d.diskBytes+d.reserved > d.o.MaxBytes/4*3 {
		return true
	}
	if d.ripens.IsZero() || ripe.Before(d.ripens) {
		d.ripens = ripe
	}
	return false
}

// errBarren says that rewriting would gain too little.
var errBarren = errors.New("hardly anything can be left out")

// replace puts one new segment in the place of run.
func (d *Disk) replace(run []*segment) error {
	fresh, err := d.copyLive(run)
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, s := range run { // not again before much more is settled
			s.barren = max(s.unsettled, 1)
		}
		if !errors.Is(err, errBarren) {
			d.log.Warnf("journal %s: segments could not be rewritten: %v", d.o.Dir, err)
		}
		return err
	}
	d.mu.Lock()
	d.recount(fresh)
	fresh.passed = run[len(run)-1].passed // so that the next one joins it
	for i, s := range d.segments {
		if s == run[0] {
			d.segments = append(d.segments[:i+1], d.segments[i:]...)
			d.segments[i] = fresh
			break
		}
	}
	d.diskBytes += fresh.occupied()
	d.mu.Unlock()
	d.forget(run)
	return nil
}

// copyLive writes the messages of run that have unsettled rows to a new
// segment, which is durable when it returns.
func (d *Disk) copyLive(run []*segment) (*segment, error) {
	if err := d.layGhosts(); err != nil {
		return nil, err
	}
	first, last := run[0], run[len(run)-1]
	h := d.between(first, last)
	fresh, err := d.buildSegment(last.to, h, func(fresh *segment, to File) error {
		old := int64(0)
		for _, s := range run {
			old += s.size
			if err := d.copySegment(s, fresh, to); err != nil {
				return err
			}
		}
		if fresh.size > old/4*3 && len(run) < 3 {
			return errBarren
		}
		if err := d.syncState(); err != nil || fresh.records == 0 {
			return err // what was left out must not come back without its message
		}
		text := fresh.summary()
		_, err := to.WriteAt(text.encode(d.salt), fresh.size)
		fresh.summarised = err == nil
		return err
	})
	if err != nil {
		return nil, err
	}
	fresh.from, fresh.to, fresh.sealed = first.from, last.to, true
	return fresh, nil
}

// between returns the head of what replaces the segments from first to last: it
// covers all from the end of the segment before them to the beginning of the
// next. Nothing else there is pending, and a file that a repair cut off, or
// that was taken away, may come back with messages of that room.
func (d *Disk) between(first, last *segment) header {
	d.mu.Lock()
	defer d.mu.Unlock()
	from, end := first.from, max(last.to.record, d.synced.record)
	if i := slices.Index(d.segments, first); i > 0 {
		from = d.segments[i-1].to
	}
	if i := slices.Index(d.segments, last); i >= 0 && i+1 < len(d.segments) {
		end = d.segments[i+1].from.record
	}
	return header{base: from.record, baseRow: from.row, end: end}
}

func (d *Disk) copySegment(s, fresh *segment, to File) error {
	from, err := d.fs.Open(s.path)
	if err != nil {
		return err
	}
	defer from.Close()
	var scan scanner
	scan.reset(from, d.salt, s.start, s.size)
	for {
		before := scan.off
		r, at, err := scan.next()
		if errors.Is(err, io.EOF) {
			if scan.off < s.size {
				d.spoil(s)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if at > before { // since it was read
			d.spoil(s)
		}
		if r.number < s.from.record || r.number >= s.to.record {
			continue
		}
		d.mu.Lock()
		settled := d.settled.within(Span{r.first, r.end()})
		d.mu.Unlock()
		if settled == uint64(r.rows) {
			continue
		}
		data := make([]byte, r.length)
		if err := scan.data(r, at, data); err != nil {
			return err
		}
		if _, err := to.WriteAt(appendRecord(nil, d.salt, r, data), fresh.size); err != nil {
			return err
		}
		if fresh.records == 0 {
			fresh.from, fresh.oldest = position{r.number, r.first}, r.seconds
		}
		fresh.to = position{r.number + 1, r.end()}
		fresh.size += r.size()
		fresh.records++
		fresh.rows += uint64(r.rows)
		fresh.newest = r.seconds
	}
}
