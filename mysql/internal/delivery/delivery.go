// Package delivery takes messages from a queue to a table: a feeder turns
// them into batches, a writer writes each batch in one transaction and decides
// by the error's class what becomes of it. A batch is handed over the moment
// the writer is idle, so rows never wait for company while nothing else does.
//
// It declares the interfaces it consumes and imports neither the queue nor the
// metrics behind them.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/route"
	"ekuiper-mysql/mysql/internal/schema"
)

// Message is one message of the queue. Its rows are numbered from First on;
// what cannot be read as a row counts as one.
type Message struct {
	First    uint64
	Data     []byte
	Accepted uint32           // when it came to the plugin, Unix seconds; 0 if that is not known
	Nanos    int64            // the same in nanoseconds, as closely as it is known
	Replayed bool             // its rows may be in the table already
	Settled  func(i int) bool // whether its i-th row, from 0, needs no more work; nil if none does
}

// Fate is what became of a row.
type Fate uint8

// The fates.
const (
	Stored     Fate = iota // the server has committed it
	SetAside               // the dead letters have it
	Superseded             // the table has a newer or equal row instead
)

// Queue is where messages come from. It must hand each message to Next once,
// and keep it until all of its rows are settled.
type Queue interface {
	// Next returns the oldest unread message without waiting, or false.
	Next() (Message, bool)
	// Ready receives when Next may have something new.
	Ready() <-chan struct{}
	// Settle says what became of the rows numbered from up to, not including,
	// to. It may be called from any goroutine.
	Settle(fate Fate, from, to uint64)
}

// DeadLetters takes rows that can never be stored as they are.
type DeadLetters interface {
	// Holds tells whether the row of that number was set aside before the
	// process began.
	Holds(number uint64) bool
	// HoldsAll tells whether all rows numbered from up to, not including, to are set
	// aside. It may take long: it reads all letters.
	HoldsAll(from, to uint64) bool
	// SetAside takes a row with the reason; an error means that ctx is done.
	// Rows are kept in the order of the calls. The row counts as settled when
	// kept returns nil; with an error, ctx is done.
	SetAside(ctx context.Context, r Refused) (kept func() error, err error)
}

// Refused is a row that can never be stored as it is.
type Refused struct {
	Number   uint64 // the row's in the queue
	Accepted uint32 // as its Message's
	Replayed bool   // it may have been set aside before
	Raw      []byte // its JSON text, or what could not be read as a row
	Table    string
	Reason   error
}

// Meter counts what is not the fate of rows, which the queue knows. Its methods
// may be called from any goroutine, and are for each batch at most.
type Meter interface {
	// Prepared notes a batch that the writer takes: how long its first row has
	// waited, in the queue and for the writer, and how long making it took.
	Prepared(waited, took time.Duration)
	// Committed notes a batch that was committed at the moment at, and how long
	// that took; loaded: by LOAD DATA.
	Committed(rows int, loaded bool, at time.Time, took time.Duration)
	ExtraFields(n int)
	Retried(class string)
	Connected(again bool) // again: in the place of one that was lost
	SchemaLoaded()
}

// Logger is what delivery needs of a log.
type Logger interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Options are a rule's choices. Table, Target and Convert.Location are required, the bounds must be positive.
type Options struct {
	Table             schema.Name
	Target            string         // the server and database, for messages: no secret
	Convert           schema.Options // Location must not be nil
	Mapping           *mapping.Plan  // which value goes to which column; nil: fields go to the columns of their names
	Origin            Origins        // may be nil: nothing is known then
	NullAsDefault     bool           // a null field is left to the column's default
	IgnoreExtraFields bool           // a field without a column is dropped, not an error of its row
	MaxBatchRows      int            // rows, at least 1; sizing may keep batches smaller
	MaxBatchBytes     int            // bytes of arguments; the server's max_allowed_packet also bounds
	MaxBatchDelay     time.Duration  // how long an open batch waits for company of an idle writer
	// MinReload is the least time between two reads of the table because of
	// rows that do not fit it: many bad rows must not cost as many reads. It is
	// also how often the writer asks whether the table is still as it was read.
	MinReload time.Duration
	Errors    fault.Overrides // the rule's own classes of errors
	Several   bool            // another host may take over from one that fails
	// Recheck is how often a connection in use is asked whether it leads to the
	// right server still; 0 never.
	Recheck   time.Duration
	Road      Road
	Manner    *Manner // how rows are written; nil inserts them
	Ledger    *Ledger // delivers exactly once; nil at least once
	Design    design.Plan
	SampleFor time.Duration // how long to wait for more rows to draw up a table or columns from
	// Wanted receives when others wait for a connection to the same server: one
	// that rests is given up then. Nil never does.
	Wanted <-chan struct{}
	Memory Budget // that the rule shares with others, as from New; nil is as if there were none

	Route     *route.Route // says which table a row goes to; nil: all go to Table. Only a Router looks at it
	MaxTables int          // that rows may choose, at least 1
	Shared    bool         // the connections are other Deliveries' too, who see to their end
	Unasked   []string     // fields that are no error where they have no column
	// RefuseMissing says that a table which does not exist is the fault of the
	// rows for it. If not, they wait for it.
	RefuseMissing bool
}

// Origins tells where a row comes from, by its number in the queue, and what
// its number in its journal is. It may be called from any goroutine, as long as
// the row is not settled.
type Origins func(number uint64) (origin *mapping.Origin, inJournal uint64)

// facts are what metadata can tell of a row.
func (o *Options) facts(ref rowRef) mapping.Facts {
	f := mapping.Facts{Number: ref.number, Accepted: ref.accepted}
	if o.Origin != nil && o.Mapping.NeedsFacts() {
		f.Origin, f.Number = o.Origin(ref.number)
	}
	return f
}

// Delivery moves one queue's messages into one table.
type Delivery struct {
	setup       atomic.Pointer[setup]
	queue       Queue
	ration      ration
	feeding     atomic.Bool // the feeder has rows that the writer has not
	letters     DeadLetters
	meter       Meter
	log         Logger
	health      *Health
	tables      tables
	flavour     atomic.Uint32 // of the server, as a fault.Flavour; its numbers mean different things
	localInfile atomic.Bool   // the server takes LOAD DATA LOCAL
	rowAlias    atomic.Bool   // it knows the rows of an INSERT by an alias
	sizing      sizing
	distance    distance
	claimed     atomic.Pointer[place] // set by the feeder, before any row is handed to the writer
	stuck       atomic.Bool           // this table, or the way to it, needs somebody to mend it
	ill         atomic.Bool           // this table, and not the way to it, has taken no rows for long
	condition   condition

	unreadable sync.Once // the user may not read the table: said

	refusals refusals
	barred   barred

	brief   brief
	batches chan *batch   // unbuffered: a batch that is taken is being written
	free    chan *batch   // batches to use again
	rest    chan struct{} // nothing has been written for long: an open batch without rows may go
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu       sync.Mutex
	hastened chan struct{} // closed when pauses should end: the setup has changed
}

// setup is what may change while a Delivery runs.
type setup struct {
	options Options
	db      *sqlx.DB
}

// close ends the connections, unless others have them too.
func (s *setup) close() error {
	if s.options.Shared {
		return nil
	}
	return s.db.Close()
}

// dropIdle closes the connections that nobody uses: a new one may lead to
// another server of a cluster, where the old one leads to a server that takes
// no rows for as long as it is asked.
func (s *setup) dropIdle() {
	s.db.SetMaxIdleConns(0)
	if s.options.Shared {
		s.db.SetMaxIdleConns(SharedConnections)
	} else {
		s.db.SetMaxIdleConns(1)
	}
}

// New returns a Delivery that does nothing until Start. It owns db from then on.
func New(o Options, db *sqlx.DB, q Queue, l DeadLetters, m Meter, log Logger, h *Health) *Delivery {
	d := &Delivery{
		queue: q, letters: l, meter: m, log: log, health: h,
		batches: make(chan *batch), free: make(chan *batch, 2), rest: make(chan struct{}), cancel: func() {},
		hastened: make(chan struct{}),
	}
	d.refusals.rows = map[uint64]int{}
	d.refusals.fewer.L = &d.refusals.mu
	d.ration.budget = o.Memory
	d.setup.Store(&setup{o, db})
	return d
}

// Start begins delivering. It does not wait for the server.
func (d *Delivery) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.done.Add(2)
	go func() { defer d.done.Done(); d.feed(ctx) }()
	go func() { defer d.done.Done(); newWriter(d).run(ctx) }()
}

// Reconfigure goes on with other options and another way to the same table,
// as after a corrected password. It owns db from then on and may be called
// from any goroutine. What is converted already is written as it is.
func (d *Delivery) Reconfigure(o Options, db *sqlx.DB) {
	old := d.setup.Swap(&setup{o, db})
	d.barred.forget() // the rule may declare other types, or another table
	if !reflect.DeepEqual(old.options.Manner, o.Manner) {
		d.tables.forget() // another manner needs to know more of it
	}
	_ = old.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.hastened)
	d.hastened = make(chan struct{})
}

// Stop ends delivering at once and closes the connections. What is not
// settled stays in the queue; a batch in flight may or may not be stored.
func (d *Delivery) Stop() error {
	d.cancel()
	d.done.Wait()
	d.refusals.work.Wait()
	d.ration.end()
	return d.setup.Load().close()
}

// Stuck tells whether rows wait for somebody to mend something.
func (d *Delivery) Stuck() bool { return d.stuck.Load() }

// hasten returns a channel that is closed when a pause should end early.
func (d *Delivery) hasten() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hastened
}

// target names the server and table for messages.
func (d *Delivery) target() string {
	o := &d.setup.Load().options
	return fmt.Sprintf("table %q at %s", o.Table.Table, o.Target)
}

// classify is what the rule, and this server, take err for. What failed before
// any row was sent is no row's fault, and leaves nothing unknown.
func (d *Delivery) classify(err error) fault.Class {
	var mend *mendError
	if errors.As(err, &mend) {
		return fault.Operator
	}
	if errors.Is(err, errAltered) {
		return fault.SchemaChanged
	}
	if errors.As(err, new(*displacedError)) || errors.As(err, new(*undoneError)) {
		return fault.Passing
	}
	c := fault.Classifier{Overrides: d.setup.Load().options.Errors, Flavour: fault.Flavour(d.flavour.Load())}
	var before *beforeError
	if !errors.As(err, &before) {
		class := c.Classify(err)
		o := &d.setup.Load().options
		if number, _ := fault.Number(err); number == noSuchTable && class == fault.Operator && (o.Design.Create == design.On || o.RefuseMissing) {
			return fault.SchemaChanged // it is made again, or the rows are set aside
		}
		return class
	}
	c.Overrides = fault.Overrides{}
	class := c.Classify(err)
	if class == fault.Passing || class == fault.Operator {
		return class
	}
	if number, _ := fault.Number(err); number != 0 {
		return fault.Operator // a session parameter of the url, most likely
	}
	return fault.Passing
}

// maybeStored tells whether rows may be stored in spite of err, also by what the
// rule says of the server's errors.
func (d *Delivery) maybeStored(err error) bool {
	return fault.MaybeStored(err) || err != nil && !errors.As(err, new(*beforeError)) && d.classify(err) == fault.OutcomeUnknown
}

// errStopped ends the goroutines; it never reaches a caller.
var errStopped = errors.New("delivery stopped")
