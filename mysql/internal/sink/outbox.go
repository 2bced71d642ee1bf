package sink

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/connections"
	"ekuiper-mysql/mysql/internal/control"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/mysql/internal/memory"
	"ekuiper-mysql/mysql/internal/metrics"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/status"
)

// minReload is how often a row that does not fit may make the table be read again.
// Tests set it, before they open a rule.
var minReload = time.Second

// identity says which rows belong together: those of one action of one rule
// to one table. A rule that comes back with the same identity goes on with
// the rows it left.
type identity struct {
	rule, op      string
	instance      int
	target, table string
}

// keeping is how rows are kept until the table has them, and where their
// place in the ledger is: what changes only with a journal that is opened anew.
type keeping struct {
	memory   bool
	maxBytes int64
	maxAge   time.Duration
	whenFull string
	fsync    time.Duration
	ledger   string
}

func keepingOf(c *config.Config) keeping {
	if !c.Journal {
		return keeping{memory: true}
	}
	return keeping{maxBytes: c.MaxJournalBytes, maxAge: c.MaxJournalAge, whenFull: c.WhenFull, fsync: c.Fsync, ledger: tableName(c.LedgerTable)}
}

// place is where an outbox is among those of stopped rules. A rule may have
// left two: what was in memory cannot move to the disk.
type place struct {
	identity
	memory bool
}

// outbox is the queue of one identity and what empties it.
type outbox struct {
	id       identity
	keeping  keeping
	queue    journal.Queue
	delivery carrier
	letters  *letters
	meter    *metrics.Rule
	page     *metrics.Page
	health   *delivery.Health
	log      api.Logger
	adopted  chan struct{} // closed when a rule takes a released outbox back
	shown    *shown        // that it is among
	stopped  atomic.Bool   // the rule has: what is left is written on
	facts    atomic.Pointer[facts]
	pace     status.Pace
}

// Outboxes are all outboxes of the process: those of running rules, and those
// of stopped rules that still have rows to write.
type Outboxes struct {
	folder   func() (string, error)
	mu       sync.Mutex
	opening  sync.Mutex // held while the dead letters are opened
	released map[place]*outbox
	servers  map[string]*reach // by address
	writing  sync.WaitGroup    // released outboxes
	end      chan struct{}
	ending   sync.Once
	orphans  orphanWatch
	active   []*active // the actions that run
	replays  Replays
	copies   copies
	page     metrics.Page
	serve    string          // the address of page; empty: nowhere
	rest     http.Handler    // what is there beside it; may be nil
	server   *metrics.Server // nil until the first outbox
	control  *control.Server // as server
	shown    shown
	warnings []string       // to be told with the first outbox
	most     int            // connections to one server
	messages *memory.Budget // of the journals
	batches  *memory.Budget
}

// reach is what all rules that write to one server share.
type reach struct {
	health      *delivery.Health
	connections *connections.Server
	cluster     *link.Cluster
}

// NewOutboxes returns an empty set. folder says where journals are kept; it is
// asked when the first one is needed.
func NewOutboxes(folder func() (string, error)) *Outboxes {
	o := &Outboxes{folder: folder, released: map[place]*outbox{}, servers: map[string]*reach{}, end: make(chan struct{}), most: connections.Usual}
	o.ShareMemory(memory.Usual)
	o.orphans.gauge = &o.page.Orphans
	o.replays.outboxes = o
	o.page.Describe(o.figures)
	return o
}

// ServeMetrics makes the figures of all outboxes be served at address,
// host:port, from the first outbox on; nowhere if it is empty. It is to be
// called before any is opened.
func (o *Outboxes) ServeMetrics(address string) { o.serve = address }

// ServeBeside has all that is not /metrics at that address answered by rest.
// It is to be called before any outbox is opened.
func (o *Outboxes) ServeBeside(rest http.Handler) { o.rest = rest }

// ShareConnections sets how many connections to one server all outboxes may
// have together; what waits for one is written later. It is to be called
// before any is opened.
func (o *Outboxes) ShareConnections(most int) { o.most = most }

// ShareMemory sets how many bytes of messages and batches all outboxes keep in
// memory together. It is to be called before any is opened.
func (o *Outboxes) ShareMemory(bytes int64) {
	o.messages, o.batches = memory.New(bytes/2), memory.New(bytes/2)
}

// reachOf returns what is known of the server that c names. mu is held.
func (o *Outboxes) reachOf(c *config.Config) *reach {
	at := serverOf(c)
	r, ok := o.servers[at]
	if !ok {
		r = &reach{&delivery.Health{}, connections.New(o.most), &link.Cluster{}}
		o.servers[at] = r
	}
	return r
}

// Close gives up what stopped rules have not written yet. It is for the end of the process.
// Closing twice is fine.
func (o *Outboxes) Close() { o.ending.Do(o.close) }

func (o *Outboxes) close() {
	close(o.end)
	if o.server != nil {
		o.server.Close()
	}
	if o.control != nil {
		o.control.Close()
	}
	o.orphans.close()
	o.replays.close()
	o.writing.Wait()
	o.copies.work.Wait()
	o.opening.Lock()
	defer o.opening.Unlock()
	if letters := o.shown.letters.Load(); letters != nil {
		_ = letters.Close()
	}
}

// open returns a new outbox, or the one that the identity left behind.
func (o *Outboxes) open(id identity, c *config.Config, log api.Logger) (*outbox, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.warnings {
		log.Warnf("%s", w)
	}
	o.warnings = nil
	reach := o.reachOf(c)
	options, db, err := connectLazily(c, reach, log)
	if err != nil {
		return nil, err
	}
	warnOfFiles(c, log)
	if o.serve != "" && o.server == nil {
		o.server = metrics.Serve(o.serve, &o.page, o.rest, log)
	}
	if box := o.takeBack(id, c, log); box != nil {
		if m, ok := box.queue.(*journal.Memory); ok {
			m.SetLimit(c.MaxQueueBytes)
		}
		options.Ledger, options.Origin = ledgerOf(id, c, box.queue), originOf(id, box.queue)
		options.Wanted, options.Memory = reach.connections.Wanted(), o.batches
		box.facts.Store(factsOf(c))
		box.stopped.Store(false)
		box.delivery.Reconfigure(options, db)
		box.letters.copyTo(o.startCopy(id, c, log))
		log.Infof("going on with %d rows that the rule left when it stopped", box.queue.Counts().Pending)
		return box, nil
	}
	queue, err := o.openQueue(id, c, log)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	if n := queue.Counts().Pending; n > 0 {
		log.Infof("going on with %d rows that were waiting when the plugin ended", n)
	}
	box := &outbox{
		id: id, keeping: keepingOf(c), queue: queue, letters: o.newLetters(id, queue, log),
		meter: &metrics.Rule{}, page: &o.page, health: reach.health, log: log, shown: &o.shown,
	}
	box.facts.Store(factsOf(c))
	options.Ledger, options.Origin = ledgerOf(id, c, queue), originOf(id, queue)
	options.Wanted, options.Memory = reach.connections.Wanted(), o.batches
	box.delivery = newCarrier(options, db, messages{box.queue}, box.letters, box.meter, log, reach.health)
	box.meter.Watch(box.standing)
	box.page.Show(box.labels(), box.meter)
	o.shown.add(box)
	box.letters.copyTo(o.startCopy(id, c, log))
	box.delivery.Start()
	o.answer(log)
	return box, nil
}

// takeBack returns the outbox that the identity left behind, if it keeps rows
// as c asks for. mu is held.
func (o *Outboxes) takeBack(id identity, c *config.Config, log api.Logger) *outbox {
	wanted := keepingOf(c)
	box := o.released[place{id, wanted.memory}]
	if box == nil && wanted.memory {
		box = o.released[place{id, false}] // which keeps rows all the better
		wanted = keeping{}
	}
	if box == nil {
		if left := o.released[place{id, !wanted.memory}]; left != nil {
			log.Infof("%d rows that the rule left in memory when it stopped are written beside the new ones", left.queue.Counts().Pending)
		}
		return nil
	}
	delete(o.released, box.place())
	close(box.adopted)
	if wanted != (keeping{}) && wanted != box.keeping {
		// The journal is opened again, as the rule wants it now.
		box.finish()
		return nil
	}
	return box
}

func (b *outbox) labels() metrics.Labels {
	queue := "disk"
	if b.keeping.memory {
		queue = "memory"
	}
	return metrics.Labels{Rule: b.id.rule, Op: b.id.op, Instance: b.id.instance, Table: b.id.table, Server: b.id.target, Queue: queue}
}

func (b *outbox) place() place { return place{b.id, b.keeping.memory} }

// ledgerOf is where the queue's place in the ledger is, nil without one.
func ledgerOf(id identity, c *config.Config, queue journal.Queue) *delivery.Ledger {
	disk, ok := queue.(*journal.Disk)
	if !c.ExactlyOnce || !ok {
		return nil
	}
	return &delivery.Ledger{
		Table: tableName(c.LedgerTable), Journal: disk.ID(), Opened: disk.OpenedAt(), Watermark: disk.Watermark, Unread: disk.Unread,
		Owner: fmt.Sprintf("%s, %s, %d", id.rule, id.op, id.instance), Host: cmp.Or(hostName(), "unknown"),
	}
}

// tableName is the table's name without the backquotes it may have been given in.
func tableName(given string) string {
	name, err := schema.ParseName(given)
	if err != nil {
		return given
	}
	return name.Table
}

// release waits until the outbox is empty or ctx is done, and lets it go on
// by itself if it is not.
func (o *Outboxes) release(ctx context.Context, box *outbox) {
	if box.drain(ctx) {
		box.finish()
		return
	}
	n := box.queue.Counts()
	box.stopped.Store(true)
	box.log.Infof("stopped with %d rows (%d bytes) still to be written; writing goes on%s", n.Pending, n.PendingBytes, o.from(box))
	empty := box.queue.Empty()
	o.mu.Lock()
	defer o.mu.Unlock()
	adopted := make(chan struct{})
	box.adopted = adopted
	o.released[box.place()] = box
	o.writing.Add(1)
	go func() {
		defer o.writing.Done()
		select {
		case <-adopted:
			return
		case <-empty:
		case <-o.end:
		}
		if o.forget(box) {
			box.finish()
		}
	}()
}

// from names the folder in which the rows of a box are, for who removes the
// plugin before they are written.
func (o *Outboxes) from(box *outbox) string {
	dir, err := o.journalDir(box.id)
	if box.keeping.memory || err != nil {
		return ""
	}
	return ", from " + dir
}

// forget reports whether box was still released.
func (o *Outboxes) forget(box *outbox) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.released[box.place()] != box {
		return false
	}
	delete(o.released, box.place())
	return true
}

// drain waits for the table while that makes sense, and reports whether
// everything is settled. A server that moves nothing during the whole wait is
// taken for down, so that the rules stopped next do not wait for it too.
func (b *outbox) drain(ctx context.Context) bool {
	empty := b.queue.Empty()
	select {
	case <-empty:
		return true
	default:
	}
	if b.health.Down() || b.delivery.Stuck() {
		return false
	}
	before := b.health.Progress()
	select {
	case <-empty:
		return true
	case <-ctx.Done():
		if b.health.Progress() == before {
			b.health.Suspect()
		}
		return false
	}
}

// finish ends delivery and says what became of the rows.
func (b *outbox) finish() {
	if err := b.delivery.Stop(); err != nil {
		b.log.Debugf("closing the connections: %v", err)
	}
	b.page.Hide(b.labels(), b.meter)
	b.shown.remove(b)
	b.letters.lines.Flush()
	b.letters.copyTo(nil)
	if err := b.queue.Close(); err != nil {
		b.log.Errorf("close the queue: %v", err)
	}
	b.log.Infof("finished: %v", b.meter.Snapshot())
}
