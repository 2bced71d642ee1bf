package delivery

import (
	"sync"
	"sync/atomic"
)

// brief lets the feeder rest while the writer waits for an answer that comes at
// once, and before which it cannot send the rows. On one core the answer would
// lie there until the feeder has made a whole batch, and the server would have
// nothing to do meanwhile; while it writes the rows there is time enough.
type brief struct {
	waiting atomic.Bool
	answer  sync.Mutex // held while waiting
}

// begin is called by the writer before such a request, end after it.
func (b *brief) begin() {
	b.answer.Lock()
	b.waiting.Store(true)
}

func (b *brief) end() {
	b.waiting.Store(false)
	b.answer.Unlock()
}

// giveWay returns when the writer does not wait for such an answer.
func (b *brief) giveWay() {
	if b.waiting.Load() {
		b.answer.Lock()
		defer b.answer.Unlock() // to wait is all that is wanted
	}
}
