package sink

import (
	"cmp"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	plugin "ekuiper-mysql"
	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/control"
	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/metrics"
	"ekuiper-mysql/mysql/internal/status"
	"ekuiper-mysql/mysql/internal/storage"
)

// started is when the process did, closely enough.
var started = time.Now()

// slow is how long the server may be busy with one statement before the rows
// that follow count as waiting for it.
const slow = 10 * time.Second

// shown is what is told of the process without waiting for what it is doing.
type shown struct {
	letters atomic.Pointer[deadletter.Store] // nil: there is none

	mu    sync.Mutex
	boxes map[*outbox]bool
}

func (s *shown) add(b *outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boxes == nil {
		s.boxes = map[*outbox]bool{}
	}
	s.boxes[b] = true
}

func (s *shown) remove(b *outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.boxes, b)
}

func (s *shown) all() []*outbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*outbox, 0, len(s.boxes))
	for b := range s.boxes {
		all = append(all, b)
	}
	return all
}

// facts are what an action's properties tell of it, without secrets.
type facts struct {
	server, delivery, mode string
	limit                  int64 // bytes of the queue
}

func factsOf(c *config.Config) *facts {
	f := &facts{server: c.Target, delivery: "atLeastOnce", mode: c.Mode, limit: c.MaxJournalBytes}
	if c.ExactlyOnce {
		f.delivery = "exactlyOnce"
	}
	if !c.Journal {
		f.limit = c.MaxQueueBytes
	}
	return f
}

// state says what the outbox is doing, and whether that is well.
func (b *outbox) state(pending uint64, c delivery.Condition) (state status.State, healthy bool) {
	switch {
	case pending == 0:
		state = status.Idle
	case c.Stuck, b.letters.failing.Load():
		state = status.Paused
	case b.health.Down() || c.Executing > slow:
		state = status.Waiting
	case c.Retrying:
		state = status.Retrying
	default:
		state = status.Writing
	}
	healthy = state != status.Paused && state != status.Waiting
	if b.stopped.Load() {
		state = status.Stopped
	}
	return state, healthy
}

// standing is what metrics tell of the outbox beside what is counted there.
func (b *outbox) standing() metrics.Standing {
	n, c := b.queue.Counts(), b.delivery.Condition()
	_, healthy := b.state(n.Pending, c)
	bytes := n.DiskBytes
	if _, ok := b.queue.(*journal.Memory); ok {
		bytes = n.PendingBytes
	}
	return metrics.Standing{
		Rows: metrics.Rows{
			Received: n.Received, Stored: n.Stored, Superseded: n.Superseded, SetAside: n.SetAside,
			Dropped: n.Dropped, Lost: n.Lost, Pending: n.Pending,
		},
		PendingBytes: n.PendingBytes, OldestPending: n.OldestPending, QueueBytes: bytes, QueueLimit: b.facts.Load().limit,
		LaneRows: c.LaneRows, Connections: c.Connections, Healthy: healthy,
	}
}

// status is what the plugin tells of the outbox.
func (b *outbox) status() status.Rule {
	s, c, f, labels := b.meter.Snapshot(), b.delivery.Condition(), b.facts.Load(), b.labels()
	r := status.Rule{
		Rule: labels.Rule, Op: labels.Op, Instance: labels.Instance, Table: labels.Table, Server: f.server,
		Queue: labels.Queue, Delivery: f.delivery, Mode: f.mode,
		Rates:       b.pace.Look(s.At, s.Received, s.Stored),
		Rows:        status.Rows{Received: s.Received, Stored: s.Stored, Superseded: s.Superseded, SetAside: s.SetAside, Dropped: s.Dropped, Lost: s.Lost},
		PendingRows: s.Pending, PendingBytes: s.PendingBytes, OldestPendingSeconds: s.OldestPendingAge().Seconds(),
		LaneRows: c.LaneRows, QueueBytes: s.QueueBytes, QueueLimit: s.QueueLimit,
		Road: s.Road, BatchRows: c.BatchRows, Connections: c.Connections, Batches: s.Batches, Retries: s.Retries, Reconnects: s.Reconnects,
		TooLarge: s.TooLarge, BlockedSeconds: s.BlockedSeconds, Blocked: s.Blocked,
	}
	r.State, r.Healthy = b.state(s.Pending, c)
	if !s.LastStored.IsZero() {
		r.LastStored = &s.LastStored
	}
	if t := c.Trouble; t != nil {
		r.LastError = &status.Error{Time: t.At, Since: t.Since, Class: t.Class.String(), Text: t.Text, Count: t.Attempts, Over: t.Over}
	}
	return r
}

// Status tells what all outboxes are doing. It may be called from any goroutine.
func (o *Outboxes) Status() status.Plugin {
	f := o.figures()
	p := status.Plugin{
		Version: plugin.Version(), Go: runtime.Version(), PID: os.Getpid(), Since: started, Now: time.Now(), Rules: []status.Rule{},
		DeadLetters: status.DeadLetters{Count: f.DeadLetters, Bytes: f.DeadLetterBytes, Limit: f.DeadLetterLimit},
		Data:        status.Data{Free: f.DataFree, Size: f.DataSize},
		Memory:      status.Memory{Resident: max(metrics.Resident(), 0), Rows: f.RowMemory, Limit: f.RowMemoryLimit},
	}
	if folder, err := o.folder(); err == nil {
		p.Data.Folder = folder
	}
	p.Orphans.Journals, p.Orphans.Rows = o.page.Orphans.Get()
	for _, b := range o.shown.all() {
		p.Rules = append(p.Rules, b.status())
	}
	slices.SortFunc(p.Rules, func(a, b status.Rule) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Op, b.Op), cmp.Compare(a.Instance, b.Instance),
			cmp.Compare(a.Server, b.Server), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Queue, b.Queue))
	})
	return p
}

// figures are the metrics that are not of one action.
func (o *Outboxes) figures() metrics.Plugin {
	p := metrics.Plugin{
		Version: plugin.Version(), Started: started,
		RowMemory: o.messages.Used() + o.batches.Used(), RowMemoryLimit: o.messages.Limit() + o.batches.Limit(),
	}
	if store := o.shown.letters.Load(); store != nil {
		n := store.Stats()
		p.DeadLetters, p.DeadLetterBytes, p.DeadLetterLimit = n.Letters, n.Bytes, n.Limit
	}
	if folder, err := o.folder(); err == nil {
		if free, size, err := storage.Space(folder); err == nil {
			p.DataFree, p.DataSize = free, size
		}
	}
	return p
}

// Warn has warnings told in the log of the first outbox: before that there is
// none that eKuiper shows. It is to be called before any is opened.
func (o *Outboxes) Warn(warnings ...error) {
	for _, w := range warnings {
		o.warnings = append(o.warnings, w.Error())
	}
}

// answer begins to answer the command line, over a socket in the folder that
// outlives the plugin. mu is held.
func (o *Outboxes) answer(log api.Logger) {
	if o.control != nil {
		return
	}
	folder, err := o.folder()
	if err != nil {
		return // told where it matters
	}
	mux := http.NewServeMux()
	mux.Handle("GET /status", status.Handler(o.Status))
	o.control = control.Serve(folder, mux, log)
}
