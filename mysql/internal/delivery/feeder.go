package delivery

import (
	"context"
	"errors"
	"io"
	"time"

	"ekuiper-mysql/mysql/internal/cores"
	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

// feeder builds batches. It alone reads the queue.
type feeder struct {
	*Delivery
	decoder payload.Decoder
	batch   *batch
	at      Message     // the one that is being looked at
	options *Options    // as of this message
	delay   *time.Timer // runs while an open batch waits for company
	due     bool        // the open batch may go as soon as the writer takes it
	overdue bool        // also where it takes more than one statement
	waiting bool        // for that: delay runs until then
	pieces  int         // messages looked at since the batch before was handed over
	fast    bool        // rows came fast when the batch before was handed over
	offered int         // rows of the batch that the writer may take
	handed  time.Time   // when the batch before was taken
	room    int64       // bytes that the open batch may have
	stages  stages

	courtesy courtesy

	told told // for tellMissing

	resumed bool      // the ledger is claimed
	held    []Message // read ahead of the claim
	written uint64    // rows below are stored or set aside, says the ledger

	asking  rowRef  // the row at hand, where the table may have to change for it
	sampler sampler // looks at it and at what waits
	growth  growth
}

func (d *Delivery) feed(ctx context.Context) {
	f := &feeder{Delivery: d, batch: &batch{}, delay: time.NewTimer(time.Hour), courtesy: courtesy{giveWay: cores.GiveWay}}
	f.sampler = f.sample
	f.delay.Stop()
	defer f.delay.Stop()
	for {
		if !f.resumed && d.setup.Load().options.Ledger != nil {
			if f.resume(ctx) != nil {
				return
			}
			f.resumed = true
		}
		if m, ok := f.nextMessage(); ok {
			f.tell(true)
			if f.message(ctx, m) != nil {
				return
			}
			f.offer(ctx)
			continue
		}
		if !f.wait(ctx) {
			return
		}
	}
}

// nextMessage returns the oldest message that was not looked at.
func (f *feeder) nextMessage() (Message, bool) {
	if len(f.held) == 0 {
		return f.queue.Next()
	}
	m := f.held[0]
	f.held[0] = Message{}
	if f.held = f.held[1:]; len(f.held) == 0 {
		f.held = nil
	}
	return m, true
}

// wait returns when the queue may have more, or the open batch is taken.
func (f *feeder) wait(ctx context.Context) bool {
	var offer chan *batch
	switch {
	case !f.due || len(f.batch.rows) == 0:
	case f.isEven():
		offer = f.batches
		f.note()
	case !f.waiting:
		f.waiting = true
		f.delay.Reset(breath)
	}
	f.tell(len(f.batch.rows) > 0 && f.due)
	f.idle()
	defer f.stages.work()
	select {
	case <-ctx.Done():
		return false
	case <-f.queue.Ready():
	case <-f.delay.C:
		f.due, f.overdue = true, f.waiting
	case offer <- f.batch:
		f.next(ctx)
	case <-f.rest:
		if len(f.batch.rows) == 0 {
			f.ration.drop(f.batch)
			f.batch = &batch{}
			f.decoder = payload.Decoder{}
		}
	}
	return true
}

// tell lets the writer know whether there are rows for it.
func (f *feeder) tell(feeding bool) {
	if f.feeding.Load() != feeding {
		f.feeding.Store(feeding)
	}
}

// note takes down what is to be known of the open batch once it is the writer's.
func (f *feeder) note() {
	f.offered = len(f.batch.rows)
	f.ration.note(f.batch)
}

// next opens a new batch. Where others need the memory more than this rule needs
// to be ahead of the writer it waits for the one that was handed over.
func (f *feeder) next(ctx context.Context) {
	now := time.Now()
	f.fast = f.offered >= fastRows && now.Sub(f.handed) <= time.Duration(f.offered)*breath/fastRows
	f.pieces, f.handed = 0, now
	f.taken(now)
	ready := closed
	if _, tight := f.ration.limit(); tight {
		ready = nil
	}
	select {
	case f.batch = <-f.free:
	default:
		select {
		case f.batch = <-f.free:
		case <-ready:
			f.batch = &batch{}
		case <-ctx.Done():
			f.batch = &batch{}
		}
	}
	if limit, _ := f.ration.limit(); f.batch.takes() > 2*limit { // from when there was more
		f.ration.drop(f.batch)
		f.batch = &batch{}
	}
	f.due, f.overdue, f.waiting = false, false, false
	f.delay.Stop()
}

// offer hands over an open batch of a stream of small messages that goes in one
// statement as it is, if the writer is idle: with the next row it may not.
func (f *feeder) offer(ctx context.Context) {
	if !f.due || f.pieces < many || !f.isEven() {
		return
	}
	f.note()
	select {
	case f.batches <- f.batch:
		f.next(ctx)
	default:
	}
}

// many is how many messages make a batch one of a stream of small ones, of few
// rows each.
const (
	many = 8
	few  = 4
)

// isEven tells whether the open batch goes in one statement of a size that is
// prepared, or need not wait for the rows that make it so. Else it takes two in
// a transaction: four requests instead of one, where the next row of a stream
// of small messages is a moment away. One that has waited longer than that, as
// for a slow server, goes as it is.
func (f *feeder) isEven() bool {
	n := len(f.batch.rows)
	small, last := f.pieces >= many && n <= few*f.pieces, n
	if f.batch.lot > 0 {
		last = n % f.batch.mostInLot()
	}
	return n > 0 && (f.overdue || !small || !f.batch.full || f.batch.manner != nil || last == rounded(last))
}

// message adds a message's rows. An error means that ctx is done.
func (f *feeder) message(ctx context.Context, m Message) error {
	f.options = &f.setup.Load().options
	f.at = m
	f.pieces++
	f.decoder.Reset(m.Data)
	for i := 0; ; i++ {
		row, err := f.decoder.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		f.courtesy.row(m.Nanos)
		if m.Settled != nil && m.Settled(i) {
			continue
		}
		ref := rowRef{number: m.First + uint64(i), raw: row.Raw, accepted: m.Accepted, replayed: m.Replayed, doubt: m.Replayed}
		if m.Replayed && f.settledBefore(ref.number) {
			continue
		}
		if err != nil {
			ref.raw = unreadable(m.Data, err)
			if err := f.setAside(ctx, ref, err); err != nil {
				return err
			}
			continue
		}
		if err := f.row(ctx, ref, row); err != nil {
			return err
		}
	}
}

// settledBefore settles a row that a former process was done with, if the
// journal alone does not know: it ended in between.
func (f *feeder) settledBefore(number uint64) bool {
	switch {
	case f.letters.Holds(number):
		f.queue.Settle(SetAside, number, number+1)
	case number < f.written:
		f.queue.Settle(Stored, number, number+1)
	default:
		return false
	}
	return true
}

// unreadable is the part of a message that err is about.
func unreadable(data []byte, err error) []byte {
	var element *payload.ElementError
	var syntax *payload.SyntaxError
	switch {
	case errors.As(err, &element):
		return element.Raw
	case errors.As(err, &syntax):
		return data[syntax.Start:]
	}
	return data
}

// row adds one row, handing over the open batch when it is full.
func (f *feeder) row(ctx context.Context, ref rowRef, row payload.Row) error {
	f.brief.giveWay()
	var dropped int
	if f.batch.bursts(row, f.options) {
		if err := f.hand(ctx); err != nil {
			return err
		}
	}
	grown := false
	for reread := false; ; reread = true {
		t, err := f.ready(ctx, &ref)
		if errors.Is(err, design.ErrNothing) || errors.Is(err, schema.ErrNoTable) {
			return f.setAside(ctx, ref, err)
		}
		if err != nil {
			return err
		}
		if f.options.Mapping != nil {
			f.tellMissing(t)
		}
		f.batch.grows, f.batch.barred = !grown && f.grows(t), &f.barred
		if dropped, err = f.batch.add(ref, row, f.options); err == nil {
			break
		}
		if lacking := (*fieldError)(nil); errors.As(err, &lacking) && lacking.grows {
			f.asking = ref
			err := f.grow(ctx, t)
			if errors.Is(err, design.ErrNothing) || errors.Is(err, schema.ErrNoTable) { // it has gone meanwhile
				return f.setAside(ctx, ref, err)
			}
			if err != nil {
				return err
			}
			grown = true
			continue
		}
		// The table may have changed since it was read: look before judging.
		if !reread && f.tables.doubt(t, f.options.MinReload) {
			continue
		}
		return f.setAside(ctx, ref, err)
	}
	if dropped > 0 {
		f.meter.ExtraFields(dropped)
	}
	if len(f.batch.rows) == 1 {
		f.sizing.suit(len(f.batch.cols))
		f.share()
		f.room, _ = f.ration.limit()
		f.open()
	}
	if f.batch.fills(f.room) || f.batch.isFull(f.options, f.extent(), f.tables.maxPacket()) {
		return f.hand(ctx)
	}
	return nil
}

// ready returns the table as known now, with an open batch for it.
func (f *feeder) ready(ctx context.Context, ref *rowRef) (*schema.Table, error) {
	if t := f.batch.table; len(f.batch.rows) > 0 && t == f.tables.live.Load() {
		return t, nil // its age is looked at once a batch
	}
	f.asking = *ref
	for {
		t, err := f.current(ctx, f.sampler)
		if err != nil || f.batch.table == t && (len(f.batch.rows) > 0 || f.batch.options == f.options) {
			return t, err
		}
		if len(f.batch.rows) > 0 {
			if err := f.hand(ctx); err != nil {
				return nil, err
			}
		}
		f.options = &f.setup.Load().options
		if f.batch.prepare(t, f.options, f.rowAlias.Load()) == nil {
			return t, nil
		}
		f.tables.drop(t) // it was read for a rule that has changed: reading says what is wrong
	}
}

// breath is the least time between batches that are not full. Rows that come
// alone go at once; where they come faster than this, a statement for every few
// of them would cost the box and the server many times the CPU time. Where they
// come at fastRows in a breath or faster, it is deepBreath.
const (
	breath     = time.Millisecond
	deepBreath = 16 * time.Millisecond
	fastRows   = 8
)

// extent is how much a statement of the open batch should have now. Rows are long
// where the first of them would have more bytes than the driver keeps a buffer for.
func (f *feeder) extent() extent {
	e := extent{rows: f.sizing.rows(f.options.MaxBatchRows), bytes: buffered}
	if first := f.sizing.first(); !f.distance.far.Load() && e.rows >= min(first, f.options.MaxBatchRows) {
		e.fewRows = first
	}
	return e
}

// share lets the open batch have several statements, where it takes a transaction
// with requests of its own in any case, as to move the ledger on: they share
// its price. After trouble it has but one, which is little enough then.
func (f *feeder) share() {
	f.batch.loads = f.batch.manner == nil && !f.at.Replayed && f.mayLoad(f.options)
	if (f.batch.loads || f.options.Ledger != nil) && f.sizing.atEase(f.options.MaxBatchRows) {
		f.batch.lot = f.sizing.rows(f.options.MaxBatchRows)
	}
}

// open starts the delay of a batch that has its first row.
func (f *feeder) open() {
	now := time.Now()
	f.stages.begin(now, f.at.Nanos)
	least := breath
	if f.fast {
		least = deepBreath
	}
	delay := max(f.options.MaxBatchDelay, least-now.Sub(f.handed))
	if delay <= 0 {
		f.due = true
		return
	}
	f.delay.Reset(delay)
}

// hand gives the batch to the writer and opens another.
func (f *feeder) hand(ctx context.Context) error {
	f.note()
	f.idle()
	defer f.stages.work()
	select {
	case f.batches <- f.batch:
		f.next(ctx)
		return nil
	case <-ctx.Done():
		return errStopped
	}
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
