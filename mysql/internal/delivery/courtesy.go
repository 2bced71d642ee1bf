package delivery

import "time"

const (
	courteous = 100                  // rows, some 60 microseconds of work, between looks
	recent    = 5 * time.Millisecond // since a message came: the feeder keeps up
)

// courtesy lets eKuiper go first where it waits for the core that converting rows
// takes: the rows are in the journal, but a rule whose slowest step waits makes no
// more of them. Who is behind cannot be courteous: each time costs the process
// its share of some milliseconds.
type courtesy struct {
	rows    int    // since the last look
	giveWay func() // cores.GiveWay
}

// row is called for each row of a message that came at that time, in Unix nanoseconds.
func (c *courtesy) row(came int64) {
	if c.rows++; c.rows < courteous {
		return
	}
	c.rows = 0
	if time.Now().UnixNano()-came <= int64(recent) {
		c.giveWay()
	}
}
