// Package metrics counts what becomes of every row of a rule. Each figure is
// defined here once.
package metrics

import (
	"fmt"
	"sync/atomic"
)

// Rule counts for one action of one rule. What became of its rows comes from
// the queue, which knows it over restarts; the rest is since the process
// started.
type Rule struct {
	rows atomic.Pointer[func() Rows]

	tooLarge     atomic.Int64
	extraFields  atomic.Int64
	batches      atomic.Int64
	loaded       atomic.Int64
	retries      atomic.Int64
	connects     atomic.Int64
	schemaLoads  atomic.Int64
	blockedNanos atomic.Int64
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

// Account sets where the fate of rows is read from.
func (r *Rule) Account(rows func() Rows) { r.rows.Store(&rows) }

// Committed counts a batch that the server has committed, by LOAD DATA if loaded; its rows are the queue's to count.
func (r *Rule) Committed(loaded bool) {
	r.batches.Add(1)
	if loaded {
		r.loaded.Add(1)
	}
}

// TooLarge counts messages that were too large to be received. How many rows
// they held nobody knows: they are in none of the sums.
func (r *Rule) TooLarge() { r.tooLarge.Add(1) }

// ExtraFields counts fields dropped because the table has no such column.
func (r *Rule) ExtraFields(n int) { r.extraFields.Add(int64(n)) }

// Retried counts attempts that were repeated.
func (r *Rule) Retried() { r.retries.Add(1) }

// Connected counts connections made.
func (r *Rule) Connected() { r.connects.Add(1) }

// SchemaLoaded counts reads of the table's columns.
func (r *Rule) SchemaLoaded() { r.schemaLoads.Add(1) }

// Blocked adds to the time, in nanoseconds, that eKuiper was made to wait.
func (r *Rule) Blocked(nanos int64) { r.blockedNanos.Add(nanos) }

// Snapshot is a Rule's figures at one moment.
type Snapshot struct {
	Rows
	TooLarge                                        int64 // messages
	ExtraFields                                     int64 // fields
	Batches, Loaded, Retries, Connects, SchemaLoads int64
	BlockedSeconds                                  float64
}

// Snapshot reads the figures.
func (r *Rule) Snapshot() Snapshot {
	var rows Rows
	if read := r.rows.Load(); read != nil {
		rows = (*read)()
	}
	return Snapshot{
		Rows: rows, TooLarge: r.tooLarge.Load(),
		ExtraFields: r.extraFields.Load(), Batches: r.batches.Load(), Loaded: r.loaded.Load(), Retries: r.retries.Load(),
		Connects: r.connects.Load(), SchemaLoads: r.schemaLoads.Load(),
		BlockedSeconds: float64(r.blockedNanos.Load()) / 1e9,
	}
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
