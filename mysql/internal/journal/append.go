package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"time"
)

// maxUnsynced bounds what is written and not synced, in bytes: those messages
// are kept in memory too, since a sync that fails takes them from the disk.
const (
	maxUnsynced  = 16 << 20
	hastenSync   = 4 << 20   // from here on the syncer does not wait for its time
	leastHasty   = chunkSize // nor from here on where others need the memory
	probeAfter   = 500 * time.Millisecond
	maxBatchKept = 1 << 10 // messages
)

// Arrival is a message that is to be appended: see Append.
type Arrival struct {
	Data []byte
	Rows int
}

// size is what the message takes on disk, in bytes.
func (a *Arrival) size() int64 { return recordHead + int64(len(a.Data)) }

// batch is messages that one write takes. Its leader, who made it, writes it;
// others may join until the leader has its turn.
type batch struct {
	arrivals []Arrival
	bytes    int64 // on disk
	joined   chan struct{}
	end      uint64 // the message after its last
	err      error
}

// writer is what only the holder of turn touches.
type writer struct {
	chunks []*chunk // what is written and not synced, oldest first, and maybe some before
	heads  []record // of the batch that is being written
	nanos  int64    // when that was taken, Unix time
}

// chunk holds records as they are on disk.
type chunk struct {
	data []byte
	slot *slot // whose they are; nil for the chunk's own
}

const chunkSize = 128 << 10

var chunks = sync.Pool{New: func() any { return &chunk{data: make([]byte, 0, chunkSize)} }}

// Append implements Queue: it returns once the message is written, which a
// kill of the process cannot undo, and with Always once it is synced.
// Messages of several appenders share one write and one sync.
func (d *Disk) Append(ctx context.Context, data []byte, rows int) error {
	if err := checkMessage(data, rows); err != nil {
		return err
	}
	defer endProcess()
	a := Arrival{data, rows}
	size := a.size()
	d.mu.Lock()
	for {
		err := d.obstacle(size)
		if err == nil {
			var end uint64
			if end, err = d.commit(a); err == nil {
				d.mu.Unlock()
				if d.strict {
					return d.awaitSync(ctx, end)
				}
				return nil
			}
		}
		if errors.Is(err, ErrClosed) || errors.Is(err, errTooBig) {
			d.mu.Unlock()
			return err
		}
		if err := d.await(ctx, err, size); err != nil {
			d.mu.Unlock()
			return err
		}
	}
}

// endProcess ends the process on a panic, which whoever calls may contain: what it
// leaves locked would hold up the rule for ever. Another process finds the
// journal as after a kill.
func endProcess() {
	if p := recover(); p != nil {
		go panic(fmt.Sprintf("journal: %v\n%s", p, debug.Stack()))
		select {}
	}
}

// Force implements Queue: it returns once the message is written. An error
// says that the disk is full or failing.
func (d *Disk) Force(data []byte, rows int) error {
	if err := checkMessage(data, rows); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer endProcess()
	if d.closed {
		return ErrClosed
	}
	if d.halted != nil {
		return fmt.Errorf("%w: %w", ErrDisk, d.halted)
	}
	_, err := d.commit(Arrival{data, rows})
	return err
}

// AppendAll implements Queue: one write takes all messages, and with Always
// one sync. It does not wait for room, and takes no more than fits a segment.
func (d *Disk) AppendAll(ctx context.Context, all []Arrival) error {
	size := int64(0)
	for i := range all {
		if err := checkMessage(all[i].Data, all[i].Rows); err != nil {
			return err
		}
		size += all[i].size()
	}
	if len(all) == 0 {
		return nil
	}
	if segmentHead+size > d.o.SegmentBytes {
		return fmt.Errorf("%w for %d messages at once", ErrFull, len(all))
	}
	defer endProcess()
	d.mu.Lock()
	var end uint64
	err := d.obstacle(size)
	if err == nil {
		end, err = d.commit(all...)
	}
	d.mu.Unlock()
	switch {
	case errors.Is(err, ErrClosed):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case d.strict:
		return d.awaitSync(ctx, end)
	}
	return nil
}

var errTooBig = errors.New("the message is too large for a journal")

func checkMessage(data []byte, rows int) error {
	if len(data) > maxMessage {
		return fmt.Errorf("%w: %d bytes, at most %d", errTooBig, len(data), maxMessage)
	}
	if rows < 1 || rows > math.MaxInt32 {
		return fmt.Errorf("a message of %d rows", rows)
	}
	return nil
}

// obstacle tells what stands in the way of size bytes. mu is held.
func (d *Disk) obstacle(size int64) error {
	switch {
	case d.closed && d.halted != nil:
		return fmt.Errorf("%w: %w: %w", ErrClosed, ErrDisk, d.halted)
	case d.closed:
		return ErrClosed
	case d.halted != nil:
		return fmt.Errorf("%w: %w", ErrDisk, d.halted)
	case d.unsynced > 0 && d.unsynced+size > maxUnsynced:
		signal(d.hurry)
		return errSlow
	case !d.fits(size):
		return errBound
	}
	return nil
}

var (
	errBound = errors.New("its bound is reached")
	errSlow  = errors.New("the disk syncs slower than messages come")
)

// await waits until cause may have gone, as the policy allows. An error ends
// the waiting for good. mu is held, but not while it waits.
func (d *Disk) await(ctx context.Context, cause error, size int64) error {
	if errors.Is(cause, errBound) {
		d.want = max(d.want, size)
	}
	if d.o.Full == Refuse && errors.Is(cause, errBound) || ctx.Err() != nil {
		signal(d.keepKick) // so that there is room next time
		return fmt.Errorf("%w: %w", ErrFull, cause)
	}
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	changed := d.changed
	d.mu.Unlock()
	signal(d.keepKick)
	probe := time.NewTimer(probeAfter)
	defer probe.Stop()
	var err error
	select {
	case <-changed:
	case <-probe.C: // room on the disk does not announce itself
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrFull, cause)
	}
	d.mu.Lock()
	return err
}

// wake ends the waiting for room. mu is held.
func (d *Disk) wake() {
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// commit writes all, alone or with others, and returns the number of the message
// after the last that was written with them. mu is held, but not while it waits.
func (d *Disk) commit(all ...Arrival) (end uint64, err error) {
	size := int64(0)
	for i := range all {
		size += all[i].size()
	}
	d.reserved += size
	if b := d.gathering; b != nil {
		b.arrivals = append(b.arrivals, all...)
		b.bytes += size
		if b.joined == nil {
			b.joined = make(chan struct{})
		}
		d.mu.Unlock()
		<-b.joined
		d.mu.Lock()
		return b.end, b.err
	}
	b := d.idleBatch
	if b == nil {
		b = &batch{}
	}
	d.idleBatch = nil
	b.arrivals, b.bytes = append(b.arrivals, all...), size
	d.gathering = b
	d.mu.Unlock()

	d.turn.Lock()
	d.mu.Lock()
	d.gathering = nil
	err = d.halted
	if d.closed {
		err = ErrClosed
	}
	d.mu.Unlock()
	if err == nil {
		err = d.write(b)
	}
	d.turn.Unlock()

	d.mu.Lock()
	d.reserved -= b.bytes
	b.err, end = err, b.end
	if b.joined != nil {
		close(b.joined)
	} else if len(b.arrivals) <= maxBatchKept {
		clear(b.arrivals)
		b.arrivals = b.arrivals[:0]
		d.idleBatch = b
	}
	return end, err
}

// write puts b into the intake or appends it to the active segment, and
// publishes it. turn is held.
func (d *Disk) write(b *batch) error {
	if d.stage(b) {
		return nil
	}
	if err := d.unstage(time.Time{}); err != nil { // the order stays
		return err
	}
	seg, err := d.segmentFor(b.bytes, d.next, d.lastDigest)
	if err != nil {
		return d.refused(err)
	}
	data := d.encodeChunk(b)
	if err := d.put(seg, data); err != nil {
		d.unencode(len(data))
		return err
	}
	d.publish(b, seg)
	return nil
}

// put writes records behind those of seg; the caller counts them to it. Where
// that fails nothing of them counts. turn is held.
func (d *Disk) put(seg *segment, data []byte) error {
	n, err := seg.file.WriteAt(data, seg.size)
	if err == nil {
		return nil
	}
	switch {
	case !noSpace(err): // the repair writes it all to a segment that overrules this one
		_ = seg.file.Truncate(seg.size)
	case n > 0:
		d.syncTurn.Lock()
		defer d.syncTurn.Unlock()
		if e := seg.cutBack(); e != nil { // a full disk too: what it has is not known
			d.mu.Lock()
			defer d.mu.Unlock()
			d.halt(e)
			return e
		}
	}
	return d.refused(err)
}

// refused notes that the disk takes no records: for now if it is full, or until it is repaired.
func (d *Disk) refused(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !noSpace(err) {
		d.halt(err)
		return err
	}
	if d.full == nil {
		d.full = err
		d.log.Errorf("journal %s: no space left on the disk: messages wait until there is room (%v)", d.o.Dir, err)
	}
	return fmt.Errorf("the disk is full: %w", err)
}

// encodeChunk appends b's records to the chunks and returns them. turn is held.
func (d *Disk) encodeChunk(b *batch) []byte {
	w := &d.writer
	var c *chunk
	if n := len(w.chunks); n > 0 {
		c = w.chunks[n-1]
	}
	if c == nil || c.slot != nil || int64(cap(c.data)-len(c.data)) < b.bytes {
		if b.bytes <= chunkSize {
			c = chunks.Get().(*chunk)
		} else {
			c = &chunk{data: make([]byte, 0, b.bytes)}
		}
		w.chunks = append(w.chunks, c)
	}
	from := len(c.data)
	c.data, _ = d.encode(c.data, b, time.Now())
	return c.data[from:]
}

// encode appends b's records to dst; last is where the last of them begins.
// turn is held, so that nobody else gives numbers.
func (d *Disk) encode(dst []byte, b *batch, taken time.Time) (_ []byte, last int) {
	w := &d.writer
	w.heads = w.heads[:0]
	w.nanos = d.stamp(d.o.clock.read(taken))
	at, seconds := d.next, uint32(w.nanos/int64(time.Second))
	for _, a := range b.arrivals {
		r := record{length: uint32(len(a.Data)), rows: uint32(a.Rows), seconds: seconds, number: at.record, first: at.row}
		last = len(dst)
		dst = appendRecord(dst, d.salt, r, a.Data)
		w.heads = append(w.heads, r)
		at = position{at.record + 1, r.end()}
	}
	return dst, last
}

// unencode takes back what encode did last. turn is held.
func (d *Disk) unencode(n int) {
	w := &d.writer
	c := w.chunks[len(w.chunks)-1]
	c.data = c.data[:len(c.data)-n]
	if len(c.data) == 0 {
		w.chunks = w.chunks[:len(w.chunks)-1]
		c.recycle()
	}
}

func (c *chunk) recycle() {
	if c.slot != nil {
		c.slot.busy = false
		return
	}
	if cap(c.data) == chunkSize {
		c.data = c.data[:0]
		chunks.Put(c)
	}
}

// publish makes what was written part of the journal. turn is held.
func (d *Disk) publish(b *batch, seg *segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next.record == 0 {
		signal(d.keepKick) // a journal with messages wants a spare file
	}
	for i, r := range d.writer.heads {
		d.remember(Message{
			Record: r.number, First: r.first, Rows: int(r.rows), Data: b.arrivals[i].Data, seconds: r.seconds, nanos: d.writer.nanos,
		}, seg)
		d.addMark(r.first, r.seconds)
		if seg.records == 0 {
			seg.oldest = r.seconds
		}
		seg.size += r.size()
		seg.records++
		seg.rows += uint64(r.rows)
		seg.unsettled += uint64(r.rows)
		seg.newest = r.seconds
		d.next = position{r.number + 1, r.end()}
	}
	seg.to = d.next
	b.end = d.next.record
	d.last = b.arrivals[len(b.arrivals)-1].Data
	if d.last == nil {
		d.last = []byte{}
	}
	d.diskBytes += b.bytes
	if !d.strict {
		d.readable = d.next.record
		signal(d.ready)
	}
	if seg.slot == nil {
		d.addUnsynced(seg, b.bytes)
		return
	}
	if !d.stuck {
		d.hasRoomAgain()
	}
	d.staged += b.bytes
	d.account()
	d.syncSoon()
}

// hasRoomAgain notes that messages need not wait any more. mu is held.
func (d *Disk) hasRoomAgain() {
	if d.full != nil {
		d.full = nil
		d.log.Infof("journal %s: there is room on the disk again", d.o.Dir)
	}
}

// syncSoon tells the syncer that there is something to do. mu is held.
func (d *Disk) syncSoon() {
	if !d.syncDue {
		d.syncDue = true
		signal(d.syncKick)
	}
}

// addUnsynced notes that size bytes were written to seg. mu is held.
func (d *Disk) addUnsynced(seg *segment, size int64) {
	d.hasRoomAgain()
	d.unsynced += size
	if n := len(d.dirty); n == 0 || d.dirty[n-1] != seg {
		seg.users++
		d.dirty = append(d.dirty, seg)
	}
	d.syncSoon()
	d.account()
	if d.unsynced >= leastHasty && d.unsynced >= min(hastenSync, d.o.Budget.Share()) {
		signal(d.hurry)
	}
}

// account tells the budget of what has changed in memory. mu is held.
func (d *Disk) account() {
	if uses := d.cached + d.unsynced + d.staged; uses != d.used && !d.finished {
		d.o.Budget.Use(uses - d.used)
		d.used = uses
	}
}

// lastDigest returns the digest of the last message. turn is held.
func (d *Disk) lastDigest() digest {
	d.mu.Lock()
	last, sum := d.last, d.lastBytes
	d.mu.Unlock()
	if last == nil {
		return sum
	}
	return digestOf(last)
}

func digestOf(data []byte) digest { return sha256.Sum256(data) }
