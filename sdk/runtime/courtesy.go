package runtime

import (
	"sync"
	"time"
)

// courtesy lets other threads go first that wait for this core. They may take
// milliseconds, in which no rule of the process gets on: so it is given half of
// the time at most, however many rules ask.
type courtesy struct {
	yield func()

	mu   sync.Mutex
	next time.Time // it is given again
}

// courtesies are those of all rules of the process.
var courtesies = courtesy{yield: yield}

func (c *courtesy) giveWay() {
	if !c.mu.TryLock() {
		return // another rule does
	}
	defer c.mu.Unlock()
	began := time.Now()
	if began.Before(c.next) {
		return
	}
	c.yield()
	now := time.Now()
	c.next = now.Add(now.Sub(began))
}
