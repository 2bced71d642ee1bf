package random

import (
	"math"
	"time"
)

const (
	// maxDebt bounds what a slow consumer may make the source owe: what is
	// later than this is skipped, so that a stall ends in a short burst and
	// not in a flood.
	maxDebt = time.Second
	// shortestWait is how long a pacer rests where rows come faster than
	// this: it then sends several per wake-up instead of waking more often.
	shortestWait = time.Millisecond
)

// pacer tells how many rows are due from the time that has passed alone, so
// that late wake-ups cost no rows and no drift. Row n is due n/rate seconds
// after the start. Use by one goroutine.
type pacer struct {
	rate float64 // rows per second, above 0
	owed int64   // rows that may be owed at once, 1 or more
	slot int64   // number of the next row
}

func newPacer(rate float64) *pacer {
	return &pacer{rate: rate, owed: max(1, int64(rate*maxDebt.Seconds()))}
}

// due returns how many rows to send now, elapsed after the start, and counts
// them as sent; skipped are those that are too late to be made up for.
func (p *pacer) due(elapsed time.Duration) (rows, skipped int64) {
	slots := p.slotsUntil(elapsed)
	rows = slots - p.slot
	if rows <= 0 {
		return 0, 0
	}
	p.slot = slots
	if rows > p.owed {
		skipped = rows - p.owed
	}
	return rows - skipped, skipped
}

// wait returns how long to rest until another row is due.
func (p *pacer) wait(elapsed time.Duration) time.Duration {
	wait := p.at(p.slot) - elapsed
	if p.rate > float64(time.Second/shortestWait) {
		wait = max(wait, shortestWait)
	}
	return wait
}

// at returns when row n is due.
func (p *pacer) at(n int64) time.Duration {
	at := math.Ceil(float64(n) * float64(time.Second) / p.rate)
	if at >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(at)
}

// slotsUntil counts the rows that are due at or before elapsed. It agrees with
// at, whatever the rounding.
func (p *pacer) slotsUntil(elapsed time.Duration) int64 {
	n := int64(elapsed.Seconds() * p.rate)
	for n > 0 && p.at(n) > elapsed {
		n--
	}
	for p.at(n+1) <= elapsed {
		n++
	}
	return n + 1
}
