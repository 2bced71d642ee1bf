// Package metrics counts what becomes of every row of a rule, and how it went.
// Each figure is defined here once, with what it means and what to do when it
// moves: docs/metrics.md is made of that. It imports nothing of ours.
package metrics

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Rule counts for one action of one rule. What became of its rows comes from
// the queue, which knows it over restarts; the rest is since the process
// started. Nothing here is done per row.
type Rule struct {
	standing atomic.Pointer[func() Standing]

	tooLarge    atomic.Int64
	extraFields atomic.Int64
	batches     atomic.Int64
	loaded      atomic.Int64
	connects    atomic.Int64
	reconnects  atomic.Int64
	schemaLoads atomic.Int64
	blocked     stopwatch
	lastStored  atomic.Int64 // Unix nanoseconds; 0 if nothing was stored yet
	lastLoaded  atomic.Bool  // the last batch went by LOAD DATA
	retries     retries
	batchRows   histogram
	stages      [stages]histogram
}

// Rows is the fate of an action's rows, for the life of its journal, or since
// the process started where there is none. At every moment
// Received = Stored + Superseded + SetAside + Dropped + Lost + Pending.
type Rows struct {
	Received   uint64 // accepted from eKuiper
	Stored     uint64 // the server has committed them
	Superseded uint64 // the table has a newer or equal row instead
	SetAside   uint64 // they are dead letters
	Dropped    uint64 // given up by a policy that the rule chose
	Lost       uint64 // accepted and gone: a damaged file, a power cut
	Pending    uint64 // without a fate yet
}

// Standing is how an action stands at one moment: what others know of it.
type Standing struct {
	Rows
	PendingBytes  int64
	OldestPending time.Time // when the oldest pending row was accepted; zero if there is none
	QueueBytes    int64     // on disk, or in memory where there is no journal
	QueueLimit    int64
	LaneRows      int  // decoded, and waiting or being written
	Connections   int  // to the server
	Healthy       bool // not waiting for the server or for somebody
}

// Stage is a part of a batch's way.
type Stage uint8

// The stages, in the order of the way.
const (
	Accept  Stage = iota // one observation: a message, or several taken at once, until the queue has them
	Wait                 // a batch: its first row's time in the queue, and ready for the writer
	Prepare              // a batch: making it of messages
	Write                // a batch: the transaction that was committed
	stages
)

func (s Stage) String() string { return [...]string{"accept", "wait", "prepare", "write"}[s] }

// Watch sets where it is read how the action stands.
func (r *Rule) Watch(standing func() Standing) { r.standing.Store(&standing) }

// Accepted notes how long the queue took to take messages that came together.
func (r *Rule) Accepted(took time.Duration) {
	r.stages[Accept].observe(took.Nanoseconds(), stageBounds)
}

// Prepared notes a batch that the writer takes: how long its first row has
// waited in the queue and, once the batch was made, for the writer; and how long
// making it took.
func (r *Rule) Prepared(waited, took time.Duration) {
	r.stages[Wait].observe(waited.Nanoseconds(), stageBounds)
	r.stages[Prepare].observe(took.Nanoseconds(), stageBounds)
}

// Committed counts a batch of so many rows that the server has committed at the
// moment at, by LOAD DATA if loaded, and how long that took; what became of its
// rows is the queue's to count.
func (r *Rule) Committed(rows int, loaded bool, at time.Time, took time.Duration) {
	r.batches.Add(1)
	if loaded {
		r.loaded.Add(1)
	}
	if r.lastLoaded.Load() != loaded {
		r.lastLoaded.Store(loaded)
	}
	r.lastStored.Store(at.UnixNano())
	r.batchRows.observe(int64(rows), batchBounds)
	r.stages[Write].observe(took.Nanoseconds(), stageBounds)
}

// TooLarge counts messages that were too large to be received. How many rows
// they held nobody knows: they are in none of the sums.
func (r *Rule) TooLarge() { r.tooLarge.Add(1) }

// ExtraFields counts fields dropped because the table has no such column.
func (r *Rule) ExtraFields(n int) { r.extraFields.Add(int64(n)) }

// Retried counts an attempt that is repeated, by the class of what it failed with.
func (r *Rule) Retried(class string) { r.retries.add(class) }

// Connected counts connections made; again says that it takes the place of one
// that was lost.
func (r *Rule) Connected(again bool) {
	r.connects.Add(1)
	if again {
		r.reconnects.Add(1)
	}
}

// SchemaLoaded counts reads of the table's columns.
func (r *Rule) SchemaLoaded() { r.schemaLoads.Add(1) }

// Block notes that eKuiper begins to wait for room, and returns what notes that
// the wait is over. Until then it counts as long as it has lasted: it may be for hours.
func (r *Rule) Block() (over func()) { return r.blocked.start() }

// Snapshot is a Rule's figures at one moment.
type Snapshot struct {
	Standing
	At                                                          time.Time
	TooLarge                                                    int64 // messages
	ExtraFields                                                 int64 // fields
	Batches, Loaded, Retries, Connects, Reconnects, SchemaLoads int64
	RetriesByClass                                              map[string]int64 // every class, in words joined by underscores
	BlockedSeconds                                              float64
	Blocked                                                     bool      // eKuiper waits for room now
	LastStored                                                  time.Time // zero if nothing was stored since the process started
	Road                                                        string    // insert or load, as the last batch went; empty before the first
	BatchRows                                                   Distribution
	Stages                                                      [stages]Distribution // in seconds
}

// OldestPendingAge is how long the oldest pending row has waited, 0 where there is none.
func (s *Snapshot) OldestPendingAge() time.Duration {
	if s.OldestPending.IsZero() {
		return 0
	}
	return max(s.At.Sub(s.OldestPending), 0)
}

// Snapshot reads the figures.
func (r *Rule) Snapshot() Snapshot {
	s := Snapshot{
		At: time.Now(), TooLarge: r.tooLarge.Load(),
		ExtraFields: r.extraFields.Load(), Batches: r.batches.Load(), Loaded: r.loaded.Load(),
		Connects: r.connects.Load(), Reconnects: r.reconnects.Load(), SchemaLoads: r.schemaLoads.Load(),
		RetriesByClass: r.retries.byClass(),
		BatchRows:      r.batchRows.read(batchBounds, 1),
	}
	blocked, on := r.blocked.read()
	s.BlockedSeconds, s.Blocked = blocked.Seconds(), on
	if read := r.standing.Load(); read != nil {
		s.Standing = (*read)()
	}
	for _, n := range s.RetriesByClass {
		s.Retries += n
	}
	if nanos := r.lastStored.Load(); nanos != 0 {
		s.LastStored = time.Unix(0, nanos)
	}
	if s.Batches > 0 {
		s.Road = "insert"
		if r.lastLoaded.Load() {
			s.Road = "load"
		}
	}
	for i := range r.stages {
		s.Stages[i] = r.stages[i].read(stageBounds, 1e9)
	}
	return s
}

func (s Snapshot) String() string {
	return fmt.Sprintf("received=%d stored=%d superseded=%d set_aside=%d dropped=%d lost=%d pending=%d too_large=%d extra_fields=%d batches=%d retries=%d connects=%d blocked_seconds=%.1f",
		s.Received, s.Stored, s.Superseded, s.SetAside, s.Dropped, s.Lost, s.Pending, s.TooLarge, s.ExtraFields, s.Batches, s.Retries, s.Connects, s.BlockedSeconds)
}

// Orphans is a gauge of the journals that hold rows and that no rule uses, as
// of the last look at them.
type Orphans struct{ journals, rows atomic.Int64 }

// Set sets the gauge.
func (o *Orphans) Set(journals int, rows uint64) {
	o.journals.Store(int64(journals))
	o.rows.Store(int64(rows))
}

// Get returns how many such journals there are, and the rows in them.
func (o *Orphans) Get() (journals, rows int64) { return o.journals.Load(), o.rows.Load() }
