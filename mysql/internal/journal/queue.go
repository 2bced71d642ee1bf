package journal

import (
	"context"
	"errors"
	"time"
)

// ErrFull says that there was no room in time: nothing of the message was kept.
var ErrFull = errors.New("the queue is full")

// ErrClosed says that the queue takes no more: nothing of the message was kept.
var ErrClosed = errors.New("the queue is closed")

// ErrDisk says that nothing can be kept until the disk is repaired, and why.
var ErrDisk = errors.New("the journal's disk failed")

// ErrUnsynced says that the message is written, and will be delivered, but
// was not synced to the disk before the context ended: only a power cut can
// still take it.
var ErrUnsynced = errors.New("the message is in the journal, but not synced to the disk in time")

// Fate is what became of a row. A row has one fate: the first it is given.
type Fate uint8

// The fates that a consumer may give.
const (
	Stored     Fate = iota // the table has it
	Superseded             // the table has, or was given, a newer or equal row instead
	SetAside               // it is in the dead letters
	Dropped                // a policy that the rule chose gave it up

	lost // damage took it: given by recovery and by the reader
	void // a number that no row ever had
	fates
)

// Span is contiguous rows: those numbered From up to and not including To.
type Span struct{ From, To uint64 }

// Message is what Append took, on its way to the table.
//
// Every row of a journal has a number. The numbers grow by one from row to
// row over the messages' borders, for the life of the journal, and are never
// used twice; so a row is named by one number, and what is contiguous in the
// journal is contiguous in them. After a power cut that may have cost unsynced
// rows some numbers are passed over (see Open).
type Message struct {
	Record uint64 // the message's number: one more than the message's before
	First  uint64 // the number of its first row
	Rows   int    // how many it has, at least 1
	Data   []byte // stays as it is for as long as it is referenced; not to be written to
	// Replayed says that a former run may have handed the message out: its
	// rows may be in the table already.
	Replayed bool

	seconds uint32 // when it was accepted, Unix time
	nanos   int64  // the same in nanoseconds; 0 if it was read from disk
	settled []Span // rows that have their fate already
}

// Settled tells whether the i-th row, counted from 0, had its fate before the
// message was handed out, and so needs no more work. Only a replayed message has any.
func (m *Message) Settled(i int) bool {
	row := m.First + uint64(i)
	for _, s := range m.settled {
		if s.From <= row && row < s.To {
			return true
		}
	}
	return false
}

// Accepted is when the message was appended: to the second where it was read from disk.
func (m *Message) Accepted() time.Time {
	if m.nanos != 0 {
		return time.Unix(0, m.nanos)
	}
	return time.Unix(int64(m.seconds), 0)
}

// Counts is the fate of all rows that a journal ever took. At every moment
// Received = Stored + Superseded + SetAside + Dropped + Lost + Pending.
type Counts struct {
	Received   uint64 // rows
	Stored     uint64
	Superseded uint64
	SetAside   uint64
	Dropped    uint64
	Lost       uint64 // accepted and gone: a damaged file, or a power cut before they were synced
	Pending    uint64 // accepted and without a fate yet

	PendingBytes  int64     // of the messages that hold the pending rows; on disk, the rows of a segment share its bytes evenly
	DiskBytes     int64     // of all segments, what MaxBytes bounds; 0 in memory
	OldestPending time.Time // when the oldest pending row was accepted, to the second; zero if there is none
}

// Queue is what Disk and Memory have in common: what has been accepted is
// handed out in order, once, and leaves when its rows are settled.
//
// Append, AppendAll, Force, Settle and what only asks may be called by any goroutine at
// any time; Next by one goroutine at a time.
type Queue interface {
	// Append takes data, which the caller must not touch again, as a message
	// of rows rows. It waits for room as the queue's policy says, until ctx is
	// done at most, and returns ErrFull, wrapped with the reason, when there
	// was none: nothing is kept then. It returns nil once the message is as
	// safe as the queue promises.
	Append(ctx context.Context, data []byte, rows int) error
	// AppendAll is Append for messages that came one after the other: all are
	// taken, or none. It does not wait for room, and returns ErrFull, wrapped,
	// also where so much does not fit at once but would one by one. The slice
	// is the caller's again when it returns.
	AppendAll(ctx context.Context, all []Arrival) error
	// Force is Append that knows no bound and does not wait, for what has
	// arrived and has nowhere else to go.
	Force(data []byte, rows int) error
	// HasRoom tells whether Append would take a message of size bytes at once.
	HasRoom(size int) bool
	// IsLast tells whether data is, byte for byte, the message appended last,
	// by this run or one before.
	IsLast(data []byte) bool
	// Next returns the oldest message not handed out yet, or false. It may
	// read from the disk but does not wait for a message.
	Next() (Message, bool)
	// Ready receives when Next may have something new. One goroutine listens.
	Ready() <-chan struct{}
	// Settle gives rows their fate, in any order. What has one keeps it.
	Settle(fate Fate, spans ...Span)
	// Counts returns the accounting of this moment.
	Counts() Counts
	// Empty returns a channel that is closed once no row is pending.
	Empty() <-chan struct{}
	// Close ends the queue; twice is safe. A queue on disk must not be read or
	// settled any more: what is pending comes again when it is next opened.
	Close() error
}

var (
	_ Queue = (*Disk)(nil)
	_ Queue = (*Memory)(nil)
)
