package runtime

import (
	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
)

// What follows a sink may implement or not; eKuiper's own SDK does not ask for it.

// Urgent is a sink that wants to know early that it is about to be stopped.
type Urgent interface {
	// SetUrgent says that Close follows soon: a Collect that waits for room
	// should wait no longer. It may come while Collect is at work, and must not block.
	SetUrgent()
}

// BatchCollector is a sink that takes several messages at once, where they
// have come faster than it has taken those before. It is asked only where the
// rule does not set requireAck: with it, the host sends one at a time.
type BatchCollector interface {
	// CollectBatch is Collect for messages that came one after the other, at
	// least two. It returns how many of them, from the first on, it has taken.
	// Where that is not all, err says why the next one was not: that one is
	// lost, and the rest is collected again. The messages are the sink's own,
	// as Collect's is, but the slice is not. A panic counts as if none had been
	// taken, and the messages are then collected one by one.
	CollectBatch(ctx api.StreamContext, messages [][]byte) (taken int, err error)
}

// SizeWitness is a sink that keeps account of what never reaches it.
type SizeWitness interface {
	// TooLarge tells of a message of size bytes, over the limit of limit
	// bytes, that was thrown away. It is called in Collect's place.
	TooLarge(size, limit int64)
}

// AckKeeper is a sink that remembers, over a kill of the process, how far
// acknowledgements had come. The host waits for one without end: where the
// rule sets requireAck, a successor that knows how far its forerunner had come
// gives the host what it waits for at once, and no answer too many. Without
// an AckKeeper it has to find that out by waiting, and a message may be
// collected twice.
//
// The methods are called after Open, one at a time, but possibly while a
// Collect is late or the sink is being closed.
type AckKeeper interface {
	// AckNote returns the note that SetAckNote was given last, by this run or
	// one before, or nil where there is none. False says that this sink keeps
	// no notes, nor will: the other methods are not called then.
	AckNote() ([]byte, bool)
	// SetAckNote keeps a note, of 32 bytes, in place of the one before. When it
	// returns, a SIGKILL must not undo it; a power cut may. It is called three
	// times for every message and must not wait. Where it fails, no note may
	// be left.
	SetAckNote(note []byte) error
	// Kept returns a count that every Collect that keeps its message has
	// raised when the message is safe from a SIGKILL, and nothing else raises.
	// It goes on where the run before has left it.
	Kept() uint64
	// IsLastKept reports whether message is, byte for byte, the one that was
	// kept last, by this run or one before.
	IsLastKept(message []byte) bool
}

// setUrgent tells the sink that a stop has begun.
func (r *sinkRun) setUrgent() {
	if s, ok := r.sink.(Urgent); ok {
		_ = contain(r.log, "SetUrgent", func() error { s.SetUrgent(); return nil })
	}
}

// tooLarge tells the sink of a message that it will never get.
func (r *sinkRun) tooLarge(e *connection.TooLargeError) {
	if s, ok := r.sink.(SizeWitness); ok {
		_ = r.panics.contain(r.log, "TooLarge", func() error { s.TooLarge(e.Size, e.Limit); return nil })
	}
}
