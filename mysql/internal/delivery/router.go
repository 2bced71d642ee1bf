package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/route"
	"ekuiper-mysql/mysql/internal/schema"
)

// The bounds of the rows that a Router has read and that are not settled. They
// keep the journal's spans few, and the memory small.
const (
	maxRouted      = 20_000
	maxRoutedBytes = 16 << 20
	// maxParked is one table's share: rows beyond wait, or are set aside while
	// the table alone is ill.
	maxParked      = maxRouted / 4
	maxParkedBytes = maxRoutedBytes / 4
	maxIllBytes    = 4 * maxRoutedBytes // with those that wait for tables that are ill
)

// SharedConnections is how many connections all tables of one Router share.
const SharedConnections = 4

const (
	lookAgain = time.Second // at a table that a row waits for
	forgotten = 24 * time.Hour
)

// Router moves one queue's messages into many tables, which the rows choose
// within what the rule allows: a Delivery for each, so that none of them waits
// for a table that is missing, locked or full. It delivers at least once.
type Router struct {
	queue   Queue
	letters DeadLetters
	meter   Meter
	log     Logger
	health  *Health
	clerk   *Delivery // never started: sets aside what goes to no table
	fates   fates
	ctx     context.Context // done once it is stopped
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu       sync.Mutex
	fewer    sync.Cond // on mu: a row is settled, or the options have changed
	options  Options
	db       *sqlx.DB
	branches map[string]*branch // by table
	rows     int                // of all branches
	bytes    int
}

// NewRouter returns a Router that does nothing until Start. It owns db, whose
// connections its tables share, from then on. The options need a Route.
func NewRouter(o Options, db *sqlx.DB, q Queue, l DeadLetters, m Meter, log Logger, h *Health) *Router {
	r := &Router{
		queue: q, letters: l, meter: m, log: log, health: h, clerk: New(o, db, q, l, m, log, h),
		options: o, db: db, branches: map[string]*branch{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.fates.queue = q
	r.fates.kick = make(chan struct{}, 1)
	r.fewer.L = &r.mu
	return r
}

// Start begins delivering. It does not wait for the server.
func (r *Router) Start() {
	r.done.Add(2)
	go func() { defer r.done.Done(); r.run(r.ctx) }()
	go func() { defer r.done.Done(); r.fates.run(r.ctx) }()
}

// Stop ends delivering at once, as Delivery's.
func (r *Router) Stop() error {
	r.cancel()
	r.wake()
	r.done.Wait()
	r.clerk.refusals.work.Wait()
	var errs []error
	for _, b := range r.branches { // nobody else is left
		errs = append(errs, b.delivery.Stop())
	}
	r.fates.flush()
	return errors.Join(append(errs, r.db.Close())...)
}

// Reconfigure goes on with other options and another way to the same tables,
// as Delivery's.
func (r *Router) Reconfigure(o Options, db *sqlx.DB) {
	r.mu.Lock()
	old := r.db
	r.options, r.db = o, db
	r.clerk.setup.Store(&setup{o, db})
	for name, b := range r.branches {
		b.delivery.Reconfigure(o.branch(name), db)
		if b.allowed = o.Route.Allows(b.delivery.setup.Load().options.Table); !b.allowed {
			r.giveUp(b.takeBack(), o.Route.Check(name))
		}
	}
	r.fewer.Broadcast()
	r.mu.Unlock()
	_ = old.Close()
}

// giveUp sets rows aside whose table the rule no longer allows. mu is held.
func (r *Router) giveUp(rows []Message, reason error) {
	if len(rows) == 0 {
		return
	}
	text := r.options.Route.String()
	r.done.Go(func() {
		for _, m := range rows {
			if r.clerk.setAsideFor(r.ctx, text, rowRef{number: m.First, raw: m.Data, accepted: m.Accepted, replayed: m.Replayed, doubt: m.Replayed}, reason) != nil {
				return
			}
		}
	})
}

// Stuck tells whether some rows wait for somebody to mend something.
func (r *Router) Stuck() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.branches {
		if b.delivery.Stuck() {
			return true
		}
	}
	return false
}

// branch are the options for one table.
func (o Options) branch(table string) Options {
	o.Table = schema.Name{Database: o.Route.Database(), Table: table}
	o.Unasked = o.Route.Fields()
	o.Shared, o.RefuseMissing = true, true
	return o
}

func (r *Router) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fewer.Broadcast()
}

func (r *Router) run(ctx context.Context) {
	var decoder payload.Decoder
	for {
		m, ok := r.queue.Next()
		if ok {
			if r.message(ctx, &decoder, m) != nil {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.queue.Ready():
		}
	}
}

// message hands each row to its table. An error means that ctx is done.
func (r *Router) message(ctx context.Context, decoder *payload.Decoder, m Message) error {
	decoder.Reset(m.Data)
	for i := 0; ; i++ {
		row, err := decoder.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if m.Settled != nil && m.Settled(i) {
			continue
		}
		ref := rowRef{number: m.First + uint64(i), raw: row.Raw, accepted: m.Accepted, replayed: m.Replayed, doubt: m.Replayed}
		if m.Replayed && r.letters.Holds(ref.number) {
			r.queue.Settle(SetAside, ref.number, ref.number+1)
			continue
		}
		if err != nil {
			ref.raw = unreadable(m.Data, err)
		} else {
			err = r.row(ctx, ref, row, m.Nanos)
		}
		if err == errStopped {
			return err
		}
		if err != nil {
			if err := r.clerk.setAsideFor(ctx, r.text(), ref, err); err != nil {
				return err
			}
		}
	}
}

// text is the rule's own word for the tables.
func (r *Router) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.options.Route.String()
}

// row hands one row to its table. Its error is why it goes to none.
func (r *Router) row(ctx context.Context, ref rowRef, row payload.Row, nanos int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var buf [64]byte
	for {
		name, err := r.options.Route.Find(buf[:0], row, r.knows)
		if err != nil {
			return err
		}
		b := r.branches[string(name)]
		if b == nil {
			if b, err = r.open(string(name)); err != nil {
				return err
			}
		}
		size := len(ref.raw)
		switch {
		case ctx.Err() != nil:
			return errStopped
		case b.isFull(size) && b.delivery.ill.Load():
			return fmt.Errorf("table %q takes no rows, and %d for it wait: those that follow are set aside, so that other tables go on; replay them when it is mended", name, len(b.sizes))
		case !b.isFull(size) && r.hasRoom(size):
			b.put(ref, nanos)
			return nil
		}
		r.wait(ctx)
	}
}

// knows tells whether a table is in use, and allowed. mu is held.
func (r *Router) knows(name []byte) bool {
	b := r.branches[string(name)]
	return b != nil && b.allowed
}

// hasRoom tells whether one more row may wait. Those for tables that are ill
// leave room for others. mu is held.
func (r *Router) hasRoom(size int) bool {
	if r.rows == 0 || r.rows < maxRouted && r.bytes+size <= maxRoutedBytes {
		return true
	}
	rows, bytes := r.rows, r.bytes+size
	for _, b := range r.branches {
		if b.delivery.ill.Load() {
			rows -= len(b.sizes)
			bytes -= b.bytes
		}
	}
	return rows < maxRouted && bytes <= maxRoutedBytes && r.bytes+size <= maxIllBytes
}

// wait returns when a row is settled, or after a while: whether a table is ill
// changes without a word to this one. mu is held.
func (r *Router) wait(ctx context.Context) {
	timer := time.AfterFunc(lookAgain, r.wake)
	defer timer.Stop()
	stop := context.AfterFunc(ctx, r.wake)
	defer stop()
	r.fewer.Wait()
}

// open begins to deliver to a table. mu is held.
func (r *Router) open(table string) (*branch, error) {
	if len(r.branches) >= r.options.MaxTables {
		if !r.makeRoom() {
			return nil, &route.Error{Name: table, Reason: fmt.Sprintf("rows have chosen %d tables, and maxTables is %d", len(r.branches), r.options.MaxTables)}
		}
	}
	b := &branch{router: r, ready: make(chan struct{}, 1), sizes: map[uint64]int{}, allowed: true}
	b.delivery = New(r.options.branch(table), r.db, b, r.letters, r.meter, r.log, r.health)
	r.branches[table] = b
	b.delivery.Start()
	return b, nil
}

// makeRoom forgets a table that does not exist or, after a day, is not used
// any more. It reports whether there was one. mu is held.
func (r *Router) makeRoom() bool {
	for name, b := range r.branches {
		if len(b.sizes) > 0 || time.Since(b.used) < forgotten && !b.delivery.tables.isLacking() {
			continue
		}
		delete(r.branches, name)
		d := b.delivery
		r.done.Go(func() { _ = d.Stop() })
		return true
	}
	return false
}
