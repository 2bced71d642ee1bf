package schema

// reader takes a time's text apart from the left. After a failure it fails for
// good, so that callers check once, at the end.
type reader struct {
	rest   []byte
	failed bool
	reason string // more than "not in this form"
}

// take drops c if it is next.
func (r *reader) take(c byte) bool {
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// want is take of what must be there.
func (r *reader) want(c byte) {
	if !r.take(c) {
		r.failed = true
	}
}

// number reads exactly width digits.
func (r *reader) number(width int) int {
	if len(r.rest) < width {
		r.failed = true
		return 0
	}
	n := 0
	for _, c := range r.rest[:width] {
		if c < '0' || c > '9' {
			r.failed = true
			return 0
		}
		n = n*10 + int(c-'0')
	}
	r.rest = r.rest[width:]
	return n
}

// bounded reads two digits up to most.
func (r *reader) bounded(most int, reason string) int {
	n := r.number(2)
	if n > most && r.reason == "" {
		r.reason = reason
	}
	return n
}

// clock reads mm[:ss[.fff]], what follows the hour and its colon.
func (r *reader) clock(c *civil) {
	c.minute = r.bounded(59, "no such minute")
	if !r.take(':') {
		return
	}
	c.second = r.bounded(59, "no such second")
	r.fraction(c)
}

// fraction reads .fff or nothing.
func (r *reader) fraction(c *civil) {
	if !r.take('.') && !r.take(',') {
		return
	}
	digits, rest := cutDigits(r.rest)
	if len(digits) == 0 {
		r.failed = true
	}
	r.rest = rest
	digits = digits[:min(len(digits), 9)]
	n := 0
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	c.nanos = n * powers[9-len(digits)]
}

var powers = [...]int{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// zone reads Z, +08:00, +0800, +08 or nothing; a space may stand before it.
func (r *reader) zone(c *civil) {
	if len(r.rest) == 0 {
		return
	}
	r.take(' ')
	c.zoned = true
	if r.take('Z') || r.take('z') {
		return
	}
	sign := 1
	if r.take('-') {
		sign = -1
	} else {
		r.want('+')
	}
	c.offset = r.bounded(23, "no such zone") * 3600
	if len(r.rest) > 0 {
		r.take(':')
		c.offset += r.bounded(59, "no such zone") * 60
	}
	c.offset *= sign
}

// end returns why the text is not a time in the form, or "".
func (r *reader) end(form string) string {
	switch {
	case r.failed || len(r.rest) > 0:
		return "not a time in the form " + form
	default:
		return r.reason
	}
}

const isoForm = "2026-11-20T10:30:17.123+08:00 or parts of it"

// parse reads ISO 8601's extended form.
func (c *civil) parse(t []byte) string {
	r := reader{rest: t}
	if r.whole(c) {
		r.fraction(c)
		r.zone(c)
	} else {
		r.parts(c)
	}
	if reason := r.end(isoForm); reason != "" {
		return reason
	}
	return c.checkDate()
}

// parts reads a date and perhaps more.
func (r *reader) parts(c *civil) {
	c.year = r.number(4)
	r.want('-')
	c.month = r.number(2)
	r.want('-')
	c.day = r.number(2)
	if len(r.rest) > 0 {
		if !r.take('T') && !r.take('t') {
			r.want(' ')
		}
		c.hour = r.bounded(23, "no such hour")
		r.want(':')
		r.clock(c)
		r.zone(c)
	}
}

// whole is the short way for nearly all times there are: it reads
// yyyy-mm-dd hh:mm:ss in one go, or nothing where anything about that is odd.
func (r *reader) whole(c *civil) bool {
	if len(r.rest) < len("yyyy-mm-dd hh:mm:ss") {
		return false
	}
	t := (*[19]byte)(r.rest)
	if t[4] != '-' || t[7] != '-' || t[10] != ' ' && t[10]|' ' != 't' || t[13] != ':' || t[16] != ':' {
		return false
	}
	century, year, month, day := pair(t[0], t[1]), pair(t[2], t[3]), pair(t[5], t[6]), pair(t[8], t[9])
	hour, minute, second := pair(t[11], t[12]), pair(t[14], t[15]), pair(t[17], t[18])
	if max(century, year, month, day) > 99 || hour > 23 || max(minute, second) > 59 {
		return false
	}
	c.year, c.month, c.day = int(century*100+year), int(month), int(day)
	c.hour, c.minute, c.second = int(hour), int(minute), int(second)
	r.rest = r.rest[len(t):]
	return true
}

// pair is the number of two digits, or above 99.
func pair(tens, ones byte) uint {
	tens, ones = tens-'0', ones-'0'
	if max(tens, ones) > 9 {
		return 100
	}
	return uint(tens)*10 + uint(ones)
}

// parseCompact reads YYYYMMDD and YYYYMMDDhhmmss; t holds 8 or 14 digits.
func (c *civil) parseCompact(t []byte) string {
	r := reader{rest: t}
	c.year, c.month, c.day = r.number(4), r.number(2), r.number(2)
	if len(r.rest) > 0 {
		c.hour = r.bounded(23, "no such hour")
		c.minute = r.bounded(59, "no such minute")
		c.second = r.bounded(59, "no such second")
	}
	if reason := r.end("YYYYMMDD or YYYYMMDDhhmmss"); reason != "" {
		return reason
	}
	return c.checkDate()
}

// checkDate lets zeros pass: they are the server's to judge.
func (c *civil) checkDate() string {
	if c.month > 12 || c.day > daysIn(c.year, c.month) {
		return "no such date"
	}
	return ""
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
