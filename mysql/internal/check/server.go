package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/fault"
)

const (
	// usualPacket is what a server takes at once unless it is told otherwise: MariaDB's, the lower.
	usualPacket = 16 << 20
	// leastPacket is what batches worth their name need, in bytes.
	leastPacket = 1 << 20
	// mostSkew is how far two clocks may be apart without a word.
	mostSkew = time.Second
)

// get asks the server for one row.
func (c *checking) get(ctx context.Context, query string, into ...any) error {
	bounded, cancel := c.bound(ctx)
	defer cancel()
	return c.db.QueryRowContext(bounded, query).Scan(into...)
}

// server tells what it is.
func (c *checking) server(ctx context.Context) {
	if c.lacks(server, login) {
		return
	}
	bounded, cancel := c.bound(ctx)
	defer cancel()
	var err error
	if c.is, err = delivery.Ask(bounded, c.db); err != nil && c.is.Version == "" {
		c.told(c.failed(server, err))
		return
	}
	kind := map[fault.Flavour]string{fault.MySQL: "MySQL", fault.MariaDB: "MariaDB", fault.TiDB: "TiDB"}[c.is.Flavour]
	s := Step{Name: server, Status: OK, Detail: kind + ", " + c.is.Version}
	var comment string
	if e := c.db.QueryRowContext(bounded, "SELECT @@version_comment").Scan(&comment); e == nil && comment != "" {
		s.Detail += " (" + comment + ")"
	}
	if err != nil {
		s.Status, s.Detail = Warning, s.Detail+"; "+c.text(err)
		s.Remedy = "the sink is not tried on servers that do not answer that; docs/servers.md has those that it is tried on"
	}
	var major, minor int
	if n, _ := fmt.Sscanf(c.is.Version, "%d.%d", &major, &minor); n == 2 && (c.is.Flavour == fault.MySQL && (major < 5 || major == 5 && minor < 7) || c.is.Flavour == fault.MariaDB && major < 10) {
		s.Status = Warning
		s.Remedy = "the sink is not tried on versions that old; docs/servers.md has those that it is tried on"
	}
	c.told(s)
}

// sqlMode tells what the session has: the sink sets it.
func (c *checking) sqlMode(ctx context.Context) {
	if c.lacks(sqlMode, server) {
		return
	}
	var session, global string
	if err := c.get(ctx, "SELECT @@SESSION.sql_mode, @@GLOBAL.sql_mode", &session, &global); err != nil {
		c.told(c.failed(sqlMode, err))
		return
	}
	s := Step{Name: sqlMode, Status: OK, Detail: session}
	if !strings.Contains(session, "STRICT_") && !strings.Contains(session, "TRADITIONAL") {
		s.Status = Failed
		s.Remedy = "the session is not strict, so that values could be changed without a word: something between sink and server, such as a proxy, undoes what the sink sets"
	} else if global != session {
		s.Detail += "; the server's own is " + orNone(global)
	}
	c.told(s)
}

func orNone(s string) string {
	if s == "" {
		return "empty"
	}
	return s
}

// timeZone tells which ones there are.
func (c *checking) timeZone(ctx context.Context) {
	if c.lacks(timeZone, server) {
		return
	}
	var session, global, system string
	if err := c.get(ctx, "SELECT @@SESSION.time_zone, @@GLOBAL.time_zone, @@system_time_zone", &session, &global, &system); err != nil {
		c.told(c.failed(timeZone, err))
		return
	}
	if global == "SYSTEM" {
		global += ", which is " + system
	}
	c.told(Step{Name: timeZone, Status: OK, Detail: fmt.Sprintf("times are written as of %s (property timezone); the session's is %s, the server's own %s", c.config.Location, session, global)})
}

// skew is how far the server's clock is ahead of this machine's; bound is how
// wrong that may be.
type skew struct{ ahead, bound time.Duration }

// skewOf is the skew of a server that said it is at, asked and answered at these times of this machine.
func skewOf(asked, answered, at time.Time) skew {
	half := answered.Sub(asked) / 2
	return skew{at.Sub(asked.Add(half)), half}
}

// better returns the one that is better known.
func (s skew) better(other skew) skew {
	if other.bound < s.bound {
		return other
	}
	return s
}

// step judges s.
func (s skew) step() Step {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
	word, by := "ahead", s.ahead
	if by < 0 {
		word, by = "behind", -by
	}
	found := Step{Name: clock, Status: OK, Detail: fmt.Sprintf("the server is %s %s, give or take %s", ms(by), word, ms(s.bound))}
	if by-s.bound > mostSkew {
		found.Status = Warning
		found.Remedy = "set both clocks by NTP: times that the box gives a row and those that the database gives it do not go together"
	}
	return found
}

// clock compares the server's with this machine's, by the quickest of three answers.
func (c *checking) clock(ctx context.Context) {
	if c.lacks(clock, server) {
		return
	}
	best := skew{bound: 1 << 62}
	for range 3 {
		var micros int64
		asked := time.Now()
		if err := c.get(ctx, "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)", &micros); err != nil {
			s := c.failed(clock, err)
			s.Status = Warning
			c.told(s)
			return
		}
		best = best.better(skewOf(asked, time.Now(), time.UnixMicro(micros)))
	}
	c.told(best.step())
}

// packet tells what the server takes at once.
func (c *checking) packet(context.Context) {
	if c.lacks(packet, server) {
		return
	}
	s := Step{Name: packet, Status: OK, Detail: fmt.Sprintf("max_allowed_packet is %d bytes; maxBatchBytes is %d", c.is.MaxPacket, c.config.MaxBatchBytes)}
	switch {
	case c.is.MaxPacket < leastPacket:
		s.Status, s.Remedy = Warning, fmt.Sprintf("batches are small, and a row larger than it is refused: raise max_allowed_packet in the server, to %d or more", usualPacket)
	case c.is.MaxPacket < c.config.MaxBatchBytes:
		s.Detail += ": batches are as large as the packet allows"
	}
	c.told(s)
}

// road tells how large batches go.
func (c *checking) road(context.Context) {
	if c.lacks(road, table) {
		return
	}
	for _, t := range c.targets {
		if !t.looked {
			continue
		}
		local := "off"
		if c.is.LocalInfile {
			local = "on"
		}
		s := Step{Name: road, Table: t.shown, Status: OK}
		switch {
		case t.preview.Load != "":
			s.Detail = "large batches go by LOAD DATA LOCAL; local_infile is " + local
			s.SQL = []string{t.preview.Load}
		case c.config.Road == "load":
			s.Status, s.Detail = Warning, "batches go by INSERT although road is load: "+t.preview.NoLoad
			s.Remedy = "set road to auto, or mend the reason (SET GLOBAL local_infile = ON on the server)"
		default:
			s.Detail = "batches go by INSERT: " + t.preview.NoLoad + "; local_infile is " + local
		}
		c.told(s)
	}
}
