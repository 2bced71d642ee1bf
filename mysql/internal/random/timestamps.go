package random

import (
	"math"
	"strings"
	"time"
)

// timeFormats are the forms of a timestamp. Nanoseconds are not among them:
// eKuiper passes numbers through float64, which would round them.
var timeFormats = []struct {
	name string
	size int64
	show func(t time.Time) any
}{
	{"iso", 26, func(t time.Time) any { return t.Format("2006-01-02T15:04:05.000Z07:00") }},
	{"datetime", 25, func(t time.Time) any { return t.Format("2006-01-02 15:04:05.000") }},
	{"date", 12, func(t time.Time) any { return t.Format(time.DateOnly) }},
	{"s", 20, func(t time.Time) any { return t.Unix() }},
	{"ms", 20, func(t time.Time) any { return t.UnixMilli() }},
	{"us", 20, func(t time.Time) any { return t.UnixMicro() }},
}

// The years 1 to 9999, in milliseconds since 1970: what the formats can show.
const (
	earliestMilli = -62135596800000
	latestMilli   = 253402300799999
)

func timeFormatNames() []string {
	names := make([]string, len(timeFormats))
	for i, f := range timeFormats {
		names[i] = f.name
	}
	return names
}

func readTimestamp(r *reader, _ int) kind {
	name := r.oneOf("format", "iso", timeFormatNames()...)
	format := timeFormats[0]
	for _, f := range timeFormats {
		if f.name == name {
			format = f
		}
	}
	given, ok := r.get("start")
	if !ok {
		if step, ok := r.get("step"); ok {
			r.refuse("step", step, "absent where start is")
		}
		next := func(d *draw) any { return format.show(d.now()) }
		return kind{size: format.size, start: func() value { return next }}
	}
	start, ok := toTime(given)
	if !ok {
		r.refuse("start", given, "RFC 3339 text, \"2006-01-02 15:04:05\", a date, or milliseconds since 1970, within the years 1 to 9999")
	}
	step := r.duration("step", time.Second, -365*24*time.Hour, 365*24*time.Hour)
	return kind{size: format.size, start: func() value {
		at := start
		return func(*draw) any {
			shown := at
			at = at.Add(step)
			return format.show(shown)
		}
	}}
}

func toTime(v any) (time.Time, bool) {
	var t time.Time
	if ms, ok := toFloat(v); ok {
		if math.Abs(ms) > latestMilli {
			return t, false
		}
		t = time.UnixMilli(int64(ms))
	} else {
		text, _ := v.(string)
		var err error
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", time.DateOnly} {
			if t, err = time.Parse(layout, strings.TrimSpace(text)); err == nil {
				break
			}
		}
		if err != nil {
			return t, false
		}
	}
	ms := t.UnixMilli()
	return t.UTC(), ms >= earliestMilli && ms <= latestMilli
}
