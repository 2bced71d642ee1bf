// Package metrics counts what becomes of every row of a rule. Each figure is
// defined here once.
package metrics

import (
	"fmt"
	"sync/atomic"
)

// Rule is the fate of one rule's rows since the process started. At every
// moment Received = Stored + SetAside + what is pending in the queue, up to
// the rows that are being moved at that instant.
type Rule struct {
	received     atomic.Int64
	stored       atomic.Int64
	setAside     atomic.Int64
	extraFields  atomic.Int64
	batches      atomic.Int64
	retries      atomic.Int64
	connects     atomic.Int64
	schemaLoads  atomic.Int64
	blockedNanos atomic.Int64
}

// Received counts rows accepted from eKuiper.
func (r *Rule) Received(rows int) { r.received.Add(int64(rows)) }

// Stored counts rows that the server has committed.
func (r *Rule) Stored(rows int) { r.stored.Add(int64(rows)); r.batches.Add(1) }

// SetAside counts rows that can never be stored as they are.
func (r *Rule) SetAside(rows int) { r.setAside.Add(int64(rows)) }

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
	Received, Stored, SetAside              int64 // rows
	ExtraFields                             int64 // fields
	Batches, Retries, Connects, SchemaLoads int64
	BlockedSeconds                          float64
}

// Snapshot reads the figures.
func (r *Rule) Snapshot() Snapshot {
	return Snapshot{
		Received: r.received.Load(), Stored: r.stored.Load(), SetAside: r.setAside.Load(),
		ExtraFields: r.extraFields.Load(), Batches: r.batches.Load(), Retries: r.retries.Load(),
		Connects: r.connects.Load(), SchemaLoads: r.schemaLoads.Load(),
		BlockedSeconds: float64(r.blockedNanos.Load()) / 1e9,
	}
}

func (s Snapshot) String() string {
	return fmt.Sprintf("received=%d stored=%d set_aside=%d extra_fields=%d batches=%d retries=%d connects=%d blocked_seconds=%.1f",
		s.Received, s.Stored, s.SetAside, s.ExtraFields, s.Batches, s.Retries, s.Connects, s.BlockedSeconds)
}
