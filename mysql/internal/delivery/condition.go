package delivery

import (
	"strings"
	"sync/atomic"
	"time"

	"ekuiper-mysql/mysql/internal/fault"
)

// Trouble is what an attempt failed with that had to be repeated.
type Trouble struct {
	At       time.Time // the last such attempt
	Since    time.Time // the first, of those that failed one after the other
	Class    fault.Class
	Text     string // bounded, as the log has it: no secret
	Attempts int    // of those
	Over     bool   // it has worked since
}

// Condition is how delivery goes at one moment.
type Condition struct {
	LaneRows    int           // decoded, and waiting for the writer or being written
	BatchRows   int           // how many a batch may have now
	Connections int           // to the server
	Stuck       bool          // somebody has to mend something
	Retrying    bool          // the last attempt has failed
	Executing   time.Duration // how long the server has been busy with what it was sent last; 0 if it has answered
	Trouble     *Trouble      // the last one; nil if there was none
}

// condition is what a Delivery notes of that, for each batch at most.
type condition struct {
	waiting  atomic.Int64 // rows of the open batch, as the feeder last waited
	writing  atomic.Int64 // rows that the writer has
	sent     atomic.Int64 // when, Unix nanoseconds; 0 while the server owes nothing
	retrying atomic.Bool
	trouble  atomic.Pointer[Trouble]
}

// open notes how many rows the open batch has.
func (c *condition) open(rows int) {
	if n := int64(rows); c.waiting.Load() != n {
		c.waiting.Store(n)
	}
}

// maxTrouble bounds a Trouble's text, in bytes.
const maxTrouble = 1 << 10

// failed notes an attempt that is to be repeated, the attempts-th since since.
func (c *condition) failed(err error, class fault.Class, attempts int, since time.Time) {
	text := err.Error()
	if len(text) > maxTrouble {
		text = strings.ToValidUTF8(text[:maxTrouble-3], "") + "..."
	}
	c.trouble.Store(&Trouble{At: time.Now(), Since: since, Class: class, Text: text, Attempts: attempts})
	c.retrying.Store(true)
}

// healed notes that an attempt has succeeded.
func (c *condition) healed() {
	if !c.retrying.Load() {
		return
	}
	c.retrying.Store(false)
	if t := c.trouble.Load(); t != nil && !t.Over {
		over := *t
		over.Over = true
		c.trouble.Store(&over)
	}
}

// Condition tells how delivery goes. It does not wait for anything.
func (d *Delivery) Condition() Condition {
	s := d.setup.Load()
	c := Condition{
		LaneRows:  int(d.condition.waiting.Load() + d.condition.writing.Load()),
		BatchRows: d.sizing.rows(s.options.MaxBatchRows), Connections: s.db.Stats().OpenConnections,
		Stuck: d.stuck.Load(), Retrying: d.condition.retrying.Load(), Trouble: d.condition.trouble.Load(),
	}
	if sent := d.condition.sent.Load(); sent != 0 {
		c.Executing = max(time.Since(time.Unix(0, sent)), 0)
	}
	return c
}

// Condition tells how delivery goes to all tables together: of what differs
// the worst, of troubles the one that is not over, else the last.
func (r *Router) Condition() Condition {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := Condition{LaneRows: r.rows, BatchRows: min(firstRows, r.options.MaxBatchRows), Connections: r.db.Stats().OpenConnections}
	for _, b := range r.branches {
		c := b.delivery.Condition()
		all.BatchRows = max(all.BatchRows, c.BatchRows)
		all.Stuck = all.Stuck || c.Stuck
		all.Retrying = all.Retrying || c.Retrying
		all.Executing = max(all.Executing, c.Executing)
		if c.Trouble != nil && (all.Trouble == nil || c.Trouble.graver(all.Trouble)) {
			all.Trouble = c.Trouble
		}
	}
	return all
}

func (t *Trouble) graver(than *Trouble) bool {
	if t.Over != than.Over {
		return !t.Over
	}
	return t.At.After(than.At)
}
