package runtime

import "github.com/lf-edge/ekuiper/sdk/go/connection"

// What follows a sink may implement or not; eKuiper's own SDK does not ask for it.

// Urgent is a sink that wants to know early that it is about to be stopped.
type Urgent interface {
	// SetUrgent says that Close follows soon: a Collect that waits for room
	// should wait no longer. It may come while Collect is at work, and must not block.
	SetUrgent()
}

// SizeWitness is a sink that keeps account of what never reaches it.
type SizeWitness interface {
	// TooLarge tells of a message of size bytes, over the limit of limit
	// bytes, that was thrown away. It is called in Collect's place.
	TooLarge(size, limit int64)
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
		_ = contain(r.log, "TooLarge", func() error { s.TooLarge(e.Size, e.Limit); return nil })
	}
}
