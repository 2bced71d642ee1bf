package status

import (
	"sync"
	"time"
)

const (
	// leastSpan is the least time that a rate is of: over less, one batch more
	// or less would be most of it.
	leastSpan = 500 * time.Millisecond
	// mostSpan is the most: what was before is over.
	mostSpan = 5 * time.Second
	// keepEvery bounds how many samples are kept, however often somebody asks.
	keepEvery = 500 * time.Millisecond
)

// Pace makes rates of sums that are looked at now and then: who looks pays for
// it, and while nobody does it costs nothing. The zero value is ready. Its
// methods may be called from any goroutine.
type Pace struct {
	mu   sync.Mutex
	seen []sample // at most mostSpan/keepEvery+2, the oldest first
}

type sample struct {
	at               time.Time
	received, stored uint64
}

// Look notes the sums at a moment, and returns the rates since the oldest
// moment that is at least half a second and at most five seconds ago; nil if
// there is none.
func (p *Pace) Look(at time.Time, received, stored uint64) *Rates {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := 0
	for old < len(p.seen) && at.Sub(p.seen[old].at) > mostSpan {
		old++
	}
	p.seen = append(p.seen[:0], p.seen[old:]...)
	var rates *Rates
	if len(p.seen) > 0 {
		first := p.seen[0]
		if span := at.Sub(first.at); span >= leastSpan {
			rates = &Rates{Received: grown(first.received, received) / span.Seconds(), Stored: grown(first.stored, stored) / span.Seconds(), Seconds: span.Seconds()}
		}
	}
	if n := len(p.seen); n == 0 || at.Sub(p.seen[n-1].at) >= keepEvery {
		p.seen = append(p.seen, sample{at, received, stored})
	}
	return rates
}

// grown is by how much a sum has grown. One that is less than before was begun anew.
func grown(from, to uint64) float64 {
	if to < from {
		return 0
	}
	return float64(to - from)
}
