package schema

import (
	"time"

	"ekuiper-mysql/mysql/internal/payload"
)

// What temporal columns take:
//
//   - ISO 8601 text: 2026-11-20, 2026-11-20T10:30, 2026-11-20 10:30:17.123456789+08:00,
//     with T or a space, point or comma, and Z, +08:00, +0800 or +08 or no zone.
//     Text without a zone is in Options.Location. 0000-00-00 goes to the server.
//   - numbers and numeric strings: epoch times in Options.EpochUnit, fractions
//     and negative ones too. With Auto, a string of 8 or 14 digits is a date or
//     date and time without separators, and one of fewer than 8 is refused.
//
// DATETIME, DATE, TIME and YEAR get the wall clock of Options.Location: of text
// without a zone therefore the very digits, also those that a clock skips in
// spring. TIMESTAMP is written in UTC, so the session's time_zone must be +00:00;
// a wall time that its zone skips moves ahead by the gap, and one that it has
// twice is the first. Digits of a fraction beyond the column's are cut off.
//
// TIME takes [-]hhh:mm[:ss[.fff]] up to 838:59:59, or a full time, but no
// numbers: they may be seconds, hhmmss or an epoch. YEAR takes 0, 1901 to 2155,
// or a full time, but no epoch.

const reasonUnit = "; is the unit of epoch numbers right?"

// civil is what a clock on the wall shows, and perhaps its distance from UTC.
type civil struct {
	year, month, day     int
	hour, minute, second int
	nanos                int
	zoned                bool
	offset               int // east of UTC, seconds
}

// moment converts for DATE, DATETIME and TIMESTAMP.
func (s *spec) moment(v payload.Value, o *Options, room *Room) (Argument, string) {
	var c civil
	if reason := s.readClock(&c, v, o); reason != "" {
		return Argument{}, reason
	}
	return textArg(room.keep(c.render(room.take(maxMoment), s))), ""
}

// readClock reads v as a full time and moves it to the clock of the column: UTC
// for TIMESTAMP, o.Location for the others. c is zero before. Like all that is given a
// civil to fill, it returns why it could not, or "".
func (s *spec) readClock(c *civil, v payload.Value, o *Options) string {
	if v.Kind != payload.Number && v.Kind != payload.String {
		return "neither a time nor a number"
	}
	switch {
	case v.Kind == payload.Number:
		if neg, m, ok := shortInteger(v.Text); ok && !neg {
			return s.onClock(c, sinceEpoch(m, o.EpochUnit), o)
		}
	case hasDate(v.Text): // no number begins so
		if reason := c.parse(v.Text); reason != "" {
			return reason
		}
		return s.settle(c, o)
	}
	n, numeric := parseNumeral(v.Text)
	if v.Kind == payload.Number && !numeric {
		return "not a number"
	}
	if numeric && v.Kind == payload.String && o.EpochUnit == Auto && allDigits(v.Text) {
		switch {
		case len(v.Text) < 8:
			return "a string of so few digits may be a date or an epoch: send a number, or set the epoch unit"
		case len(v.Text) == 8 || len(v.Text) == 14:
			if reason := c.parseCompact(v.Text); reason != "" {
				return reason
			}
			return s.settle(c, o)
		}
	}
	if numeric {
		t, reason := n.epoch(o.EpochUnit)
		if reason != "" {
			return reason
		}
		return s.onClock(c, t, o)
	}
	if reason := c.parse(v.Text); reason != "" {
		return reason
	}
	return s.settle(c, o)
}

// settle moves text's clock to the column's.
func (s *spec) settle(c *civil, o *Options) string {
	if c.month == 0 || c.day == 0 {
		if c.zoned {
			return "a date with a zero in it has no zone"
		}
		return "" // the server's sql_mode decides
	}
	if !c.zoned && s.family != familyTimestamp {
		return ""
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanos, time.UTC)
	if c.zoned {
		return s.onClock(c, t.Add(-time.Duration(c.offset)*time.Second), o)
	}
	return s.onClock(c, inZone(t, o.Location), o)
}

// inZone is the moment when a clock in zone shows what wall shows in UTC. Of
// two such moments it is the first; where there is none, the clock is taken to
// run on and to be set ahead later. time.Date decides by the side of Greenwich.
func inZone(wall time.Time, zone *time.Location) time.Time {
	if zone == time.UTC {
		return wall
	}
	before, after := offsetAt(wall.Add(-36*time.Hour), zone), offsetAt(wall.Add(36*time.Hour), zone)
	first := wall.Add(-max(before, after))
	if before == after || offsetAt(first, zone) == max(before, after) {
		return first
	}
	if last := wall.Add(-min(before, after)); offsetAt(last, zone) == min(before, after) {
		return last
	}
	return wall.Add(-before)
}

func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// maxTimestamp is the last second any server's TIMESTAMP holds, in 2106; most
// end in 2038, which they say themselves.
const maxTimestamp = 1<<32 - 1

// onClock makes c show t on the column's clock, if the column can hold it.
func (s *spec) onClock(c *civil, t time.Time, o *Options) string {
	if s.family == familyTimestamp {
		t = t.UTC()
		sec := t.Unix()
		if sec < 0 || sec > maxTimestamp || sec == 0 && t.Nanosecond() < tick(s.fraction) {
			return "outside 1970-01-01 00:00:01 to 2106-02-07 06:28:15 UTC" + reasonUnit
		}
	} else {
		t = t.In(o.Location)
	}
	var month time.Month
	c.year, month, c.day = t.Date()
	c.month = int(month)
	c.hour, c.minute, c.second = t.Clock()
	c.nanos = t.Nanosecond()
	if c.year < 0 || c.year > 9999 {
		return "outside the years 0 to 9999" + reasonUnit
	}
	return ""
}

// tick is the smallest step of a column with so many digits, in nanoseconds.
func tick(fraction int) int { return ticks[fraction] }

var ticks = [...]int{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3}

// sinceEpoch is the moment so many units after 1970 began; it is epoch for
// nearly all numbers there are.
func sinceEpoch(m uint64, unit EpochUnit) time.Time {
	switch {
	case unit != Auto:
	case m < 1e11:
		unit = Seconds
	case m < 1e14:
		unit = Milliseconds
	case m < 1e17:
		unit = Microseconds
	default:
		unit = Nanoseconds
	}
	switch unit {
	case Seconds:
		return time.Unix(int64(min(m, 1e15)), 0) // beyond all that a column holds
	case Milliseconds:
		return time.Unix(int64(m/1e3), int64(m%1e3)*1e6)
	case Microseconds:
		return time.Unix(int64(m/1e6), int64(m%1e6)*1e3)
	default:
		return time.Unix(int64(m/1e9), int64(m%1e9))
	}
}

// epoch reads the number as a time since 1970, cut to nanoseconds towards the past.
func (n *numeral) epoch(unit EpochUnit) (time.Time, string) {
	first, end, point := n.span()
	if first == end {
		return time.Unix(0, 0), ""
	}
	switch digits := point - first; {
	case unit != Auto:
	case digits <= 11:
		unit = Seconds
	case digits <= 14:
		unit = Milliseconds
	case digits <= 17:
		unit = Microseconds
	default:
		unit = Nanoseconds
	}
	point -= 3 * int(unit-Seconds)
	if point-first > 15 { // 32 million years
		return time.Time{}, "outside the years 0 to 9999" + reasonUnit
	}
	var sec, nanos int64
	for i := first; i < point; i++ {
		sec = sec*10 + int64(n.digit(i)-'0')
	}
	for i := point; i < point+9; i++ {
		nanos = nanos*10 + int64(n.digit(i)-'0')
	}
	if !n.neg {
		return time.Unix(sec, nanos), ""
	}
	if end > point+9 {
		nanos++
	}
	return time.Unix(-sec, -nanos), "" // Unix normalises
}

func allDigits(t []byte) bool {
	_, rest := cutDigits(t)
	return len(rest) == 0
}

// maxMoment is the most bytes that render appends.
const maxMoment = len(blank)

// blank is a moment to be filled in.
const blank = "0000-00-00 00:00:00.000000"

// Where its parts are.
const (
	dateLen  = len("0000-00-00")
	clockAt  = dateLen + 1
	pointAt  = clockAt + len("00:00:00")
	fraction = pointAt + 1
)

// render appends the clock as the column's type has it.
func (c *civil) render(b []byte, s *spec) []byte {
	end := pointAt
	if s.fraction > 0 {
		end = fraction + s.fraction
	}
	from := 0
	switch s.family {
	case familyDate:
		end = dateLen
	case familyTime:
		from = clockAt
	}
	start := len(b)
	if c.hour >= 100 { // of a TIME
		b = append(b, byte('0'+c.hour/100))
		start++
	}
	b = append(b, blank[from:end]...)
	t := b[start:]
	if s.family != familyTime {
		setPair(t, 0, c.year/100)
		setPair(t, 2, c.year%100)
		setPair(t, 5, c.month)
		setPair(t, 8, c.day)
		if s.family == familyDate {
			return b
		}
		t = t[clockAt:]
	}
	setPair(t, 0, c.hour%100)
	setPair(t, 3, c.minute)
	setPair(t, 6, c.second)
	if s.fraction > 0 {
		n := uint32(c.nanos / tick(s.fraction))
		for i := len(t) - 1; t[i] != '.'; i-- {
			t[i] += byte(n % 10)
			n /= 10
		}
	}
	return b
}

// setPair adds n, below 100, to the two zeros at i.
func setPair(t []byte, i, n int) {
	p := t[i : i+2 : i+2]
	tens := uint8(n) / 10
	p[0] += tens
	p[1] += uint8(n) - 10*tens
}

// timeOfDay converts for TIME.
func (s *spec) timeOfDay(v payload.Value, o *Options, room *Room) (Argument, string) {
	if _, numeric := parseNumeral(v.Text); numeric || v.Kind != payload.String {
		return Argument{}, "wants text such as 10:30:17, or a full time: a number may be seconds, hhmmss or an epoch"
	}
	if hasDate(v.Text) {
		return s.moment(v, o, room)
	}
	r := reader{rest: v.Text}
	negative := r.take('-')
	var c civil
	digits, _ := cutDigits(r.rest)
	if len(digits) > 3 {
		return Argument{}, "outside -838:59:59 to 838:59:59"
	}
	c.hour = r.number(max(len(digits), 1))
	r.want(':')
	r.clock(&c)
	if reason := r.end("hh:mm:ss"); reason != "" {
		return Argument{}, reason
	}
	if c.hour > 838 || c.hour == 838 && c.minute == 59 && c.second == 59 && c.nanos >= tick(s.fraction) {
		return Argument{}, "outside -838:59:59 to 838:59:59"
	}
	b := room.take(maxMoment)
	if negative && (c.hour > 0 || c.minute > 0 || c.second > 0 || c.nanos >= tick(s.fraction)) { // no server has a -0
		b = append(b, '-')
	}
	return textArg(room.keep(c.render(b, s))), ""
}

// hasDate tells a full time from a time of day.
func hasDate(t []byte) bool {
	digits, rest := cutDigits(t)
	return len(digits) == 4 && len(rest) > 0 && rest[0] == '-'
}

// year converts for YEAR.
func (s *spec) year(v payload.Value, o *Options) (Argument, string) {
	if v.Kind == payload.String && hasDate(v.Text) {
		var c civil
		if reason := s.readClock(&c, v, o); reason != "" {
			return Argument{}, reason
		}
		return checkYear(int64(c.year))
	}
	if v.Kind == payload.Bool {
		return Argument{}, "neither a year nor a time"
	}
	neg, m, reason := integerOf(v)
	if reason != "" {
		return Argument{}, reason
	}
	if neg || m > 9999 {
		return Argument{}, "outside 1901 to 2155"
	}
	return checkYear(int64(m))
}

func checkYear(y int64) (Argument, string) {
	if y != 0 && (y < 1901 || y > 2155) {
		return Argument{}, "outside 1901 to 2155" // the value is told beside it
	}
	return intOf(y), ""
}
