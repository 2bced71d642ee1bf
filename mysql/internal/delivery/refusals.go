package delivery

import (
	"context"
	"sync"
)

// Bounds of the rows on their way to the dead letters. Each waits for a disk;
// together they wait for it once. A larger row goes alone.
const (
	maxRefusals     = 256
	maxRefusalBytes = 1 << 20
)

// refusals are the rows that are being set aside: in the dead letters soon,
// and not settled before.
type refusals struct {
	mu    sync.Mutex
	rows  map[uint64]int // the bytes of each, by number
	bytes int
	fewer sync.Cond // on mu: there are fewer of them
	work  sync.WaitGroup
}

// begin takes a place for the row, waiting for one, or until ctx is done.
func (r *refusals) begin(ctx context.Context, number uint64, size int) error {
	stop := context.AfterFunc(ctx, r.wake)
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for ctx.Err() == nil && (len(r.rows) >= maxRefusals || r.bytes > 0 && r.bytes+size > maxRefusalBytes) {
		r.fewer.Wait()
	}
	if ctx.Err() != nil {
		return errStopped
	}
	r.rows[number] = size
	r.bytes += size
	return nil
}

func (r *refusals) end(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= r.rows[number]
	delete(r.rows, number)
	r.fewer.Broadcast()
}

func (r *refusals) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fewer.Broadcast()
}

// await waits until no row below number is on its way any more.
func (r *refusals) await(ctx context.Context, number uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.below(number) {
		return nil
	}
	stop := context.AfterFunc(ctx, r.wake)
	defer stop()
	for r.below(number) && ctx.Err() == nil {
		r.fewer.Wait()
	}
	if ctx.Err() != nil {
		return errStopped
	}
	return nil
}

func (r *refusals) below(number uint64) bool {
	for n := range r.rows {
		if n < number {
			return true
		}
	}
	return false
}

// setAside gives up on one row. It returns before the dead letters have it on
// disk, which many rows wait for together.
func (d *Delivery) setAside(ctx context.Context, r rowRef, reason error) error {
	return d.setAsideFor(ctx, d.setup.Load().options.Table.String(), r, reason)
}

// setAsideFor is setAside of a row for the table that is named.
func (d *Delivery) setAsideFor(ctx context.Context, table string, r rowRef, reason error) error {
	if err := d.refusals.begin(ctx, r.number, len(r.raw)); err != nil {
		return err
	}
	kept, err := d.letters.SetAside(ctx, Refused{r.number, r.accepted, r.replayed, r.raw, table, reason})
	if err != nil {
		return errStopped
	}
	d.refusals.work.Go(func() {
		if kept() != nil {
			// ctx is done, and the row stays where it is: what is behind it must
			// not take it for settled.
			return
		}
		d.queue.Settle(SetAside, r.number, r.number+1)
		d.refusals.end(r.number)
	})
	return nil
}
