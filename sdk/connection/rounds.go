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
// finds nothing. Nor may what comes in a round be more than the kernel holds for
// a connection, on Linux 208 KiB with its own records: that would hold the sender
// up, and look as if it were no faster.
const (
	round = 2 * time.Millisecond
	fast  = 8  // messages a millisecond, from which on there are rounds
	brisk = 64 // and up to which

	roomy    = 160 << 10 // what may come in a round, in bytes of the kernel's,
	overhead = 768       // of which a message takes so many, and up to twice its length
)

// pace tells whether messages come fast.
type pace struct {
	came  int // since then
	bytes int // likewise
	since time.Time
	fast  bool
}

// judge is called when all that has come is read.
func (p *pace) judge(now time.Time) {
	passed := now.Sub(p.since)
	if passed < round {
		return
	}
	ms := max(int64(passed/time.Millisecond), 1)
	came, held := int64(p.came), overhead*int64(p.came)+2*int64(p.bytes)
	late := p.fast && passed > 4*round // what came is what had room
	p.fast = !late && came >= fast*ms && came <= brisk*ms && held/ms*int64(round/time.Millisecond) <= roomy
	p.came, p.bytes, p.since = 0, 0, now
}
