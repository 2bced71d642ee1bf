package config

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	_ "time/tzdata" // edge boxes and Windows have no zone files
)

// describe shows a property's value in an error; never call it for a secret.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		if addressLike(v) {
			return "what looks like an address"
		}
		const most = 64
		if utf8.RuneCountInString(v) > most {
			v = string([]rune(v)[:most]) + "..."
		}
		return strconv.Quote(v)
	case json.Number:
		return describe(v.String())
	case bool, float32, float64, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	default:
		return "a value of type " + kindOf(v)
	}
}

// holdsAddress reports whether v, or what is in it, may be a url that stands
// where none belongs. It passes over constants, which may be urls.
func holdsAddress(v any) bool {
	switch v := v.(type) {
	case string:
		for _, sign := range []string{"://", "@tcp", "@unix", "@("} {
			if strings.Contains(v, sign) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsAddress)
	case []string:
		return slices.ContainsFunc(v, func(s string) bool { return holdsAddress(s) })
	case map[string]any:
		for name, inner := range v {
			if holdsAddress(name) || name != "value" && holdsAddress(inner) {
				return true
			}
		}
	}
	return false
}

// mostInName is how many bytes a name in an object may have: no server's has more.
const mostInName = 4 * maxName

// misplaced refuses v where it holds what may be a url, or what is no name by
// far: those who judge it further quote it.
func (r *reader) misplaced(p Property, name string, v any) bool {
	if holdsAddress(v) {
		r.fail("property %s: what looks like an address; allowed: %s", name, p.Allowed)
		return true
	}
	if object, ok := v.(map[string]any); ok {
		for inner := range object {
			if len(inner) > mostInName {
				r.fail("property %s: a name of %d bytes; allowed: %s", name, len(inner), p.Allowed)
				return true
			}
		}
	}
	return false
}

// kindOf names v's type as the writer of a rule knows it.
func kindOf(v any) string {
	switch reflect.ValueOf(v).Kind() {
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Map:
		return "map"
	default:
		return fmt.Sprintf("%T", v)
	}
}

// integer returns v if it is a whole number, as a number or as its text.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		return integerText(v.String())
	case string:
		return integerText(v)
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return int64(r.Uint()), r.Uint() <= math.MaxInt64
	case reflect.Float32, reflect.Float64:
		return exact(r.Float())
	}
	return 0, false
}

func integerText(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	return exact(f)
}

// exact returns f as an integer if it is one that no rounding can have made.
func exact(f float64) (int64, bool) {
	const most = 1 << 53
	if f != math.Trunc(f) || math.Abs(f) >= most {
		return 0, false
	}
	return int64(f), true
}

// The units that a number of bytes may carry.
var byteUnits = []struct {
	name string
	size int64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"b", 1},
}

// byteCount returns v in bytes: a number, or text such as 4MiB.
func byteCount(v any) (int64, bool) {
	s, ok := v.(string)
	if !ok {
		return integer(v)
	}
	s = strings.ToLower(strings.TrimSpace(s))
	for _, u := range byteUnits {
		digits, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		n, ok := integerText(digits)
		if !ok || n > math.MaxInt64/u.size || n < 0 {
			return 0, false
		}
		return n * u.size, true
	}
	return integerText(s)
}

// duration returns v, a number of milliseconds or text such as 250ms.
func duration(v any) (time.Duration, bool) {
	if n, ok := integer(v); ok {
		return time.Duration(n) * time.Millisecond, n >= 0 && n <= math.MaxInt64/int64(time.Millisecond)
	}
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(strings.TrimSpace(s))
	return d, err == nil
}

// location reads the name of a time zone or an offset such as +08:00.
func location(v any) (*time.Location, bool) {
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "" || s == "Local": // the box's own zone may differ from one box to the next
		return nil, false
	case strings.EqualFold(s, "utc"):
		return time.UTC, true
	case s[0] == '+' || s[0] == '-':
		return offset(s)
	}
	l, err := time.LoadLocation(s)
	return l, err == nil
}

// offset reads +hh:mm or -hh:mm, at most 14 hours as in MySQL.
func offset(s string) (*time.Location, bool) {
	t, err := time.Parse("15:04", s[1:])
	if err != nil || len(s) != len("+08:00") {
		return nil, false
	}
	seconds := t.Hour()*3600 + t.Minute()*60
	if seconds > 14*3600 {
		return nil, false
	}
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone(s, seconds), true
}
