package delivery

import (
	"sync/atomic"
	"time"
)

// A statement of long rows should fit the driver's buffer, which is kept up to 256
// KiB: what is larger is got anew each time, in steps that add up to five times what
// is sent. So there are half of that in it, up to a quarter more to a usual number of
// rows, what arguments add, and a quarter that the buffer grows ahead. That is for a
// server nearby: another one has statements as large as the rule allows.
const buffered = 128 << 10

const (
	nearby   = 2 * time.Millisecond // that a statement of this size takes where the server is near and not busy
	manySlow = 16                   // longer ones in turn tell that it is far
	unlooked = 1000                 // statements until that is looked at again
)

// distance finds out whether the server is far. Its methods belong to the writer.
type distance struct {
	far  atomic.Bool
	slow int // statements in turn that took long
	rest int // statements until it may be near again
}

// note takes down a statement that was stored; full says that it was one of long
// rows, with about as much as it should have.
func (d *distance) note(full bool, took time.Duration) {
	switch {
	case d.far.Load():
		if d.rest--; d.rest <= 0 {
			d.far.Store(false)
		}
	case !full:
	case took <= nearby:
		d.slow = 0
	default:
		if d.slow++; d.slow >= manySlow {
			d.slow, d.rest = 0, unlooked
			d.far.Store(true)
		}
	}
}
