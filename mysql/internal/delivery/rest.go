package delivery

import (
	"runtime/debug"
	"sync"
	"time"
)

// resting gives the memory of rules that have come to rest back to the system:
// without rows nothing would collect it for two minutes, and the system would
// wait for it for longer.
var resting rest

const (
	restSettles = time.Second // rules often come to rest together
	restSeldom  = time.Minute // where other rules are busy it costs them something
)

type rest struct {
	mu    sync.Mutex
	timer *time.Timer // nil unless it is about to be done
	done  time.Time   // the last time
}

// note says that a rule has come to rest.
func (r *rest) note() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer == nil {
		r.timer = time.AfterFunc(max(restSettles, restSeldom-time.Since(r.done)), r.give)
	}
}

func (r *rest) give() {
	debug.FreeOSMemory()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer, r.done = nil, time.Now()
}
