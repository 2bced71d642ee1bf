package metrics

import (
	"sync"
	"time"
)

// stopwatch adds up waits, those that go on included. The zero value is ready.
// Its methods may be called from any goroutine.
type stopwatch struct {
	mu      sync.Mutex
	waiting time.Duration // how many go on
	sum     time.Duration // of all waits; of one that goes on, less the moment of its beginning
}

// origin is what moments are counted from.
var origin = time.Now()

func (s *stopwatch) start() (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
	s.sum -= time.Since(origin)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiting--
		s.sum += time.Since(origin)
	}
}

// read returns the sum, and whether a wait goes on.
func (s *stopwatch) read() (sum time.Duration, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum + s.waiting*time.Since(origin), s.waiting > 0
}
