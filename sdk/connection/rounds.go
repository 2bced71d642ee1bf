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

// Where messages come fast, small ones or large, they are looked for each round,
// and between rounds nobody is woken up by them. Where more come than brisk,
// reading hardly ever finds nothing. Nor may what comes in a round be more than
// the kernel holds for a connection, on Linux 208 KiB with its own records: that
// would hold the sender up, and look as if it were no faster. So a round is as
// short as that asks for, and where more came in one than was thought there
// are none for a while.
const (
	window     = 4 * time.Millisecond // at least so long is looked at out of rounds
	leastRound = 2 * time.Millisecond
	mostRound  = 8 * time.Millisecond

	fast  = 8       // messages a millisecond, from which on there are rounds
	brisk = 64      // and up to which
	bulky = 4 << 10 // or bytes a millisecond, from which on there are rounds
	some  = 3       // where so many messages come in one

	roomy    = 128 << 10 // what should come in a round, in bytes of the kernel's,
	crowded  = 180 << 10 // and what may,
	overhead = 896       // of which a message takes so many, and up to twice its length
)

// pace tells whether messages come fast.
type pace struct {
	came  int // since then
	bytes int // likewise
	since time.Time
	fast  bool
	round time.Duration // how long one takes, if fast
}

// judge is called when all that has come by now is read.
func (p *pace) judge(now time.Time) {
	passed := now.Sub(p.since)
	came, bytes := int64(p.came), int64(p.bytes)
	held := overhead*came + 2*bytes
	// What came in a late round, or filled one, is what had room.
	full := p.fast && (held > crowded || passed > 4*p.round)
	if !full && (p.fast && passed < p.round || !p.fast && passed < window) {
		return
	}
	*p = pace{since: now}
	if full {
		return
	}
	per := func(d time.Duration, n int64) int64 { return int64(float64(n) * float64(d) / float64(passed)) }
	round := time.Duration(min(float64(passed)*roomy/float64(max(held, 1)), float64(mostRound))).Truncate(time.Millisecond / 2)
	small := per(time.Millisecond, came) >= fast
	large := per(time.Millisecond, bytes) >= bulky && came >= some && per(round, came) >= some
	if (small || large) && per(time.Millisecond, came) <= brisk && round >= leastRound {
		p.fast, p.round = true, round
	}
}
