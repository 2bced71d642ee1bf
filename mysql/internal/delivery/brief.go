package delivery

import (
	"sync/atomic"
	"time"
)

// brief lets the feeder rest while the writer waits for an answer that should
// come at once, and before which it cannot send the rows. On one core the answer
// would lie there until the feeder has made a whole batch, and the server would
// have nothing to do meanwhile; while it writes the rows there is time enough.
type brief struct {
	answered atomic.Pointer[chan struct{}] // nil while nobody waits
}

// mostBrief bounds the rest: behind a lock the answer may take a minute.
const mostBrief = 2 * time.Millisecond

// begin is called by the writer before such a request, end after it.
func (b *brief) begin() {
	c := make(chan struct{})
	b.answered.Store(&c)
}

func (b *brief) end() {
	if c := b.answered.Swap(nil); c != nil {
		close(*c)
	}
}

// giveWay returns when the writer does not wait for such an answer, or no
// longer than it should.
func (b *brief) giveWay() {
	c := b.answered.Load()
	if c == nil {
		return
	}
	timer := time.NewTimer(mostBrief)
	defer timer.Stop()
	select {
	case <-*c:
	case <-timer.C:
		b.answered.CompareAndSwap(c, nil) // nor for the rows after this one
	}
}
