package connection

import (
	"net"
	"time"
)

// source is where an inlet reads a connection.
type source interface {
	Read(b []byte) (int, error)
	Close() error
	// took tells of messages that were read and handed over.
	took(messages int)
}

// plain is a source that is woken up by whatever arrives.
type plain struct{ net.Conn }

func (plain) took(int) {}

// Where messages come fast they are looked for each round, and between rounds
// nobody is woken up by them. Where more come than brisk, reading hardly ever
// finds nothing, and what the kernel holds for a connection would be full
// before a round is over: it takes some 270 small messages on Linux.
const (
	round = 2 * time.Millisecond
	fast  = 8  // messages a millisecond, from which on there are rounds
	brisk = 64 // and up to which
)

// pace tells whether messages come fast.
type pace struct {
	came  int // since then
	since time.Time
	fast  bool
}

// judge is called when all that has come is read.
func (p *pace) judge(now time.Time) {
	passed := now.Sub(p.since)
	if passed < round {
		return
	}
	least := int64(passed) * fast / int64(time.Millisecond)
	p.fast = int64(p.came) >= least && int64(p.came) <= least*(brisk/fast)
	p.came, p.since = 0, now
}
