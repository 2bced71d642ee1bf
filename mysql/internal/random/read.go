package random

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// exact is the largest magnitude up to which eKuiper, which passes rows
// through float64, keeps every integer.
const exact int64 = 1 << 53

// problems collects what is wrong, so that it can be told all at once.
type problems struct{ list []error }

func (p *problems) add(path string, value any, allowed string) {
	p.list = append(p.list, fmt.Errorf("%s: must be %s, got %s", path, allowed, show(value)))
}

func (p *problems) err() error { return errors.Join(p.list...) }

// reader takes values by name out of one map, without regard to the case of
// the names, since eKuiper lower-cases the keys of packaged files. Null and ""
// count as absent. What is wrong goes to problems, and the default is returned.
type reader struct {
	path     string            // in front of every name, "" at the top
	values   map[string]any    // by lower-cased name
	spelt    map[string]string // lower-cased name -> name as given
	twice    []string          // names given in two spellings, sorted
	problems *problems
}

// newReader prefers the documented spelling where a name is given twice: a
// packaged file may have lost it, EXTRA has not.
func newReader(path string, given map[string]any, documented []string, p *problems) *reader {
	r := &reader{path: path, values: map[string]any{}, spelt: map[string]string{}, problems: p}
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		low := strings.ToLower(name)
		if kept, ok := r.spelt[low]; ok {
			r.twice = append(r.twice, kept+" and "+name)
			if !slices.Contains(documented, name) {
				continue
			}
		}
		r.values[low], r.spelt[low] = given[name], name
	}
	return r
}

func (r *reader) at(name string) string {
	if r.path == "" {
		return name
	}
	return r.path + "." + name
}

// get returns a value that is there.
func (r *reader) get(name string) (any, bool) {
	v, ok := r.values[strings.ToLower(name)]
	if !ok || v == nil || v == "" {
		return nil, false
	}
	return v, true
}

func (r *reader) refuse(name string, value any, allowed string) {
	r.problems.add(r.at(name), value, allowed)
}

// unknown returns the names given that are not among those known, sorted, as
// they were spelt.
func (r *reader) unknown(known []string) []string {
	var names []string
	for low, name := range r.spelt {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.ToLower(k) == low }) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func (r *reader) integer(name string, fallback, low, high int64) int64 {
	v, ok := r.get(name)
	if !ok {
		return fallback
	}
	n, ok := toInt(v)
	if !ok || n < low || n > high {
		r.refuse(name, v, fmt.Sprintf("an integer from %d to %d", low, high))
		return fallback
	}
	return n
}

func (r *reader) number(name string, fallback, low, high float64) float64 {
	v, ok := r.get(name)
	if !ok {
		return fallback
	}
	n, ok := toFloat(v)
	if !ok || n < low || n > high {
		r.refuse(name, v, fmt.Sprintf("a number from %v to %v", low, high))
		return fallback
	}
	return n
}

func (r *reader) oneOf(name, fallback string, allowed ...string) string {
	v, ok := r.get(name)
	if !ok {
		return fallback
	}
	text, _ := v.(string)
	if text = strings.ToLower(strings.TrimSpace(text)); slices.Contains(allowed, text) {
		return text
	}
	r.refuse(name, v, "one of "+strings.Join(allowed, ", "))
	return fallback
}

// duration takes a number of milliseconds or a text such as "1s" or "250ms".
func (r *reader) duration(name string, fallback, low, high time.Duration) time.Duration {
	v, ok := r.get(name)
	if !ok {
		return fallback
	}
	d, ok := toDuration(v)
	if !ok || d < low || d > high {
		r.refuse(name, v, fmt.Sprintf("milliseconds or a duration such as \"250ms\" from %v to %v", low, high))
		return fallback
	}
	return d
}

func toDuration(v any) (time.Duration, bool) {
	if ms, ok := toFloat(v); ok {
		if math.Abs(ms) > float64(math.MaxInt64/int64(time.Millisecond)) {
			return 0, false
		}
		return time.Duration(ms * float64(time.Millisecond)), true
	}
	text, ok := v.(string)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(strings.TrimSpace(text))
	return d, err == nil
}

// toInt takes any number that is an integer within ±exact, also as text, which
// is what environment variables and forms give.
func toInt(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		return toInt(string(v))
	case string:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n, n >= -exact && n <= exact
		}
	default:
		switch rv := reflect.ValueOf(v); {
		case rv.CanInt():
			return rv.Int(), rv.Int() >= -exact && rv.Int() <= exact
		case rv.CanUint():
			return int64(rv.Uint()), rv.Uint() <= uint64(exact)
		}
	}
	f, ok := toFloat(v)
	if !ok || f != math.Trunc(f) || math.Abs(f) > float64(exact) {
		return 0, false
	}
	return int64(f), true
}

// toFloat takes any finite number, also as text.
func toFloat(v any) (float64, bool) {
	var f float64
	switch v := v.(type) {
	case json.Number:
		return toFloat(string(v))
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return 0, false
		}
		f = n
	default:
		switch rv := reflect.ValueOf(v); {
		case rv.CanFloat():
			f = rv.Float()
		case rv.CanInt():
			f = float64(rv.Int())
		case rv.CanUint():
			f = float64(rv.Uint())
		default:
			return 0, false
		}
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// show renders a value for an error, cut to a bearable length.
func show(v any) string {
	const most = 60
	if v == nil {
		return "nothing"
	}
	var text string
	if s, ok := v.(string); ok {
		text = strconv.Quote(s)
	} else if b, err := json.Marshal(v); err == nil {
		text = string(b)
	} else {
		text = fmt.Sprintf("%v", v)
	}
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
