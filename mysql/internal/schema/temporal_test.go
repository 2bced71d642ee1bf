package schema

import (
	"fmt"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/payload"
)

var zones = []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"}

func loadZone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return zone
}

// Any moment survives: as ISO 8601 text in any zone, as a wall clock without a
// zone, and as an epoch in every unit.
func FuzzTime(f *testing.F) {
	f.Add(int64(1795170617), int64(123456789), uint8(0), "2026-11-20T10:30:17")
	f.Add(int64(-1), int64(999999999), uint8(2), "838:59:59")
	f.Add(int64(1774746000), int64(0), uint8(2), "2026-03-29 02:30")
	f.Add(int64(253402300799), int64(0), uint8(1), "0000-00-00")
	f.Add(int64(-62167219200), int64(0), uint8(1), "20261120103017")
	f.Fuzz(func(t *testing.T, sec, nanos int64, which uint8, text string) {
		zone := loadZone(t, zones[int(which)%len(zones)])
		o := &Options{Location: zone}
		anyText(t, o, text)
		// Years 1 to 9998: no zone leads out of 0 to 9999.
		const first, last = -62135596800, 253370764800
		moment := time.Unix(first+int64(uint64(sec-first)%(last-first)), int64(uint64(nanos)%1e9)).In(zone)
		want := moment.Format("2006-01-02 15:04:05.000000")
		if _, offset := moment.Zone(); offset%60 == 0 { // local mean times of old have seconds
			expect(t, o, payload.String, moment.Format(time.RFC3339Nano), want)
		}
		expect(t, o, payload.String, moment.Format("2006-01-02T15:04:05.999999999"), want)
		expect(t, o, payload.String, moment.UTC().Format("2006-01-02 15:04:05.999999999Z"), want)
		for unit := Seconds; unit <= Nanoseconds; unit++ {
			o := &Options{Location: zone, EpochUnit: unit}
			expect(t, o, payload.Number, epochText(moment, unit), want)
		}
		wall := time.Date(moment.Year(), moment.Month(), moment.Day(), moment.Hour(), moment.Minute(), moment.Second(), moment.Nanosecond(), time.UTC)
		if back := inZone(wall, zone); back.After(moment) || !sameClock(back.In(zone), wall) {
			t.Fatalf("%v: its clock is read as %v", moment, back.In(zone))
		}
	})
}

func sameClock(a, b time.Time) bool {
	const layout = "2006-01-02 15:04:05.999999999"
	return a.Format(layout) == b.Format(layout)
}

func expect(t *testing.T, o *Options, kind payload.Kind, text, want string) {
	t.Helper()
	c := NewColumn("c", "datetime(6)")
	got, err := converted(&c, payload.Value{Kind: kind, Text: []byte(text)}, o)
	if err != nil || got != want {
		t.Fatalf("%s in %v is %v, %v, want %s", text, o.Location, got, err, want)
	}
}

// epochText writes the moment in units, with a fraction.
func epochText(moment time.Time, unit EpochUnit) string {
	sec, nanos, sign := moment.Unix(), int64(moment.Nanosecond()), ""
	if sec < 0 {
		sign, sec = "-", -sec
		if nanos > 0 {
			sec, nanos = sec-1, 1e9-nanos
		}
	}
	digits := fmt.Sprintf("%d%09d", sec, nanos)
	point := len(digits) - 9 + 3*int(unit-Seconds)
	if point < len(digits) {
		return sign + trimZeros(digits[:point]) + "." + digits[point:]
	}
	return sign + trimZeros(digits[:point])
}

// trimZeros drops leading zeros, which JSON does not have.
func trimZeros(s string) string {
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	return s
}

// anyText checks that what is accepted has the form of its column.
func anyText(t *testing.T, o *Options, text string) {
	t.Helper()
	for typ, layout := range map[string]string{"date": "2006-01-02", "datetime(3)": "2006-01-02 15:04:05.000", "timestamp": "2006-01-02 15:04:05"} {
		c := NewColumn("c", typ)
		arg, err := converted(&c, payload.Value{Kind: payload.String, Text: []byte(text)}, o)
		if err != nil {
			continue
		}
		got := arg.(string)
		if len(got) != len(layout) {
			t.Fatalf("%s: %q became %q", typ, text, got)
		}
		if _, err := time.Parse(layout, got); err != nil && got[5:7] != "00" && got[8:10] != "00" {
			t.Fatalf("%s: %q became %q: %v", typ, text, got, err)
		}
	}
	c := NewColumn("c", "time(6)")
	if arg, err := converted(&c, payload.Value{Kind: payload.String, Text: []byte(text)}, o); err == nil && len(arg.(string)) > len("-838:59:59.000000") {
		t.Fatalf("time: %q became %q", text, arg)
	}
}

func TestInZoneTakesTheFirstOfTwoAndMovesAheadOverGaps(t *testing.T) {
	cases := []struct{ zone, wall, want string }{
		{"Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"},
		{"America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:30:00Z"},
		{"America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z"},
		{"Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z"}, // a day that it skipped
	}
	for _, c := range cases {
		wall, err := time.Parse(time.RFC3339, c.wall)
		if err != nil {
			t.Fatal(err)
		}
		if got := inZone(wall, loadZone(t, c.zone)).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s is %s, want %s", c.wall, c.zone, got, c.want)
		}
	}
}

// The short way reads what the long one does, and refuses it for the same reason.
func FuzzWholeTime(f *testing.F) {
	for _, text := range []string{
		"2026-11-20 10:30:17", "2026-11-20T10:30:17.123Z", "2026-11-20t10:30:17,5 +08:00", "2026-02-29 00:00:00", "2024-02-29 23:59:59.9999999999",
		"0000-00-00 00:00:00", "2026-13-01 00:00:00", "2026-11-20 24:00:00", "2026-11-20 10:60:00", "2026-11-20 10:30:60", "2026-11-20 10:30:17.",
		"2026-11-20\x1410:30:17", "2026-11-20 1:30:170", "2026-11-2: 10:30:17", "2026-/1-20 10:30:17", "2026-11-20 10:30:17x", "2026-11-20 10:30",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var short, long civil
		shortly := short.parse([]byte(text))
		r := reader{rest: []byte(text)}
		r.parts(&long)
		longly := r.end(isoForm)
		if longly == "" {
			longly = long.checkDate()
		}
		if shortly != longly || shortly == "" && short != long {
			t.Errorf("%q: %+v, %q; the long way %+v, %q", text, short, shortly, long, longly)
		}
	})
}
