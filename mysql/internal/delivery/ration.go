package delivery

import (
	"math"
	"sync/atomic"
	"unsafe"

	"ekuiper-mysql/mysql/internal/schema"
)

// Budget bounds the memory of all rules of the process together. Its methods
// may be called from any goroutine, and must not block.
type Budget interface {
	Use(bytes int64) // so many more are used, or fewer
	Share() int64    // how many one user of many may have
}

const (
	// batchShares is how many shares a rule's batches may have: they need
	// memory more than what can be read back from disk.
	batchShares = 4
	// leastBatch is how many bytes a batch may have in any case: with smaller ones
	// a row costs the server and the box much more.
	leastBatch = 256 << 10

	// What a row and a cell take: in the batch, and while they are sent.
	rowBytes  = int64(unsafe.Sizeof(rowRef{}))
	cellBytes = int64(unsafe.Sizeof(schema.Argument{})) + 64
)

// ration is what the batches of one rule have of the budget.
type ration struct {
	budget Budget // nil: there are no others
	used   atomic.Int64
}

// limit returns how many bytes the next batch may have. tight says that the rule
// should have no other one.
func (r *ration) limit() (bytes int64, tight bool) {
	if r.budget == nil {
		return math.MaxInt64, false
	}
	share := batchShares * r.budget.Share()
	return max(share, leastBatch), r.used.Load() > share
}

// note counts what b takes now.
func (r *ration) note(b *batch) { r.set(b, b.takes()) }

// drop counts b no more.
func (r *ration) drop(b *batch) { r.set(b, 0) }

func (r *ration) set(b *batch, bytes int64) {
	if r.budget == nil || bytes == b.noted {
		return
	}
	r.used.Add(bytes - b.noted)
	r.budget.Use(bytes - b.noted)
	b.noted = bytes
}

// end counts no batch of the rule any more. None may be in use.
func (r *ration) end() {
	if r.budget != nil {
		r.budget.Use(-r.used.Swap(0))
	}
}

// takes is what b takes in memory, in bytes; the messages that it refers to
// count for what is sent of them.
func (b *batch) takes() int64 {
	return int64(cap(b.cells))*cellBytes + int64(cap(b.rows))*rowBytes + int64(b.bytes)
}

// fills tells whether b has as much as it may have. It goes on to a number of
// rows that one statement of the usual sizes takes.
func (b *batch) fills(bytes int64) bool {
	n := len(b.rows)
	return int64(len(b.cells))*cellBytes+int64(n)*rowBytes+int64(b.bytes) >= bytes && b.hasEvenRows()
}
