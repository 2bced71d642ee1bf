package random

import (
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// generationTime is the clock's time in these tests.
var generationTime = time.Date(2026, 3, 4, 5, 6, 7, 890_123_456, time.FixedZone("", 3600))

// props reads JSON as the runtime does: numbers are float64.
func props(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

// draws returns n values of a field described by JSON.
func draws(t testing.TB, spec string, n int) []any {
	t.Helper()
	set, err := parse(props(t, `{"fields":{"x":`+spec+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	rows := newRows(set, newDraw(1, 0, func() time.Time { return generationTime }))
	values := make([]any, n)
	for i := range values {
		values[i] = rows.next()["x"]
	}
	return values
}

// span returns the least and the greatest of numbers.
func span[T int64 | float64](t *testing.T, values []any) (low, high T) {
	t.Helper()
	low, high = values[0].(T), values[0].(T)
	for _, v := range values {
		low, high = min(low, v.(T)), max(high, v.(T))
	}
	return low, high
}

// counts tells how often each value came.
func counts(values []any) map[any]int {
	m := map[any]int{}
	for _, v := range values {
		m[v]++
	}
	return m
}

func near(got int, want float64) bool { return math.Abs(float64(got)-want) < 0.1*want }

func TestIntegers(t *testing.T) {
	for _, c := range []struct {
		spec      string
		low, high int64
		all       bool // both ends come in 10,000 draws
	}{
		{`"int"`, 0, 100, true},
		{`{"type":"integer","min":-3,"max":3}`, -3, 3, true},
		{`{"type":"INT","MIN":5,"Max":5}`, 5, 5, true},
		{`{"type":"int","min":500}`, 500, 500, true},
		{`{"type":"int","min":"1","max":"6"}`, 1, 6, true},
		{`{"type":"int","min":-9007199254740992,"max":9007199254740992}`, -exact, exact, false},
	} {
		low, high := span[int64](t, draws(t, c.spec, 10_000))
		if low < c.low || high > c.high || c.all && (low != c.low || high != c.high) {
			t.Errorf("%s: from %d to %d", c.spec, low, high)
		}
	}
	for v, n := range counts(draws(t, `{"type":"int","min":1,"max":5}`, 50_000)) {
		if !near(n, 10_000) {
			t.Errorf("%v came %d times of 50000", v, n)
		}
	}
}

func TestPattern(t *testing.T) {
	set, err := parse(props(t, `{"pattern":{"a":50,"b":-7},"seed":3}`))
	if err != nil {
		t.Fatal(err)
	}
	rows := newRows(set, newDraw(1, 0, time.Now))
	seen := map[string]map[int64]bool{"a": {}, "b": {}}
	for range 1000 {
		for name, v := range rows.next() {
			seen[name][v.(int64)] = true
		}
	}
	want := map[string]map[int64]bool{"a": {50: true, 51: true, 52: true}, "b": {-7: true, -6: true, -5: true}}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

func TestFloats(t *testing.T) {
	for _, c := range []struct {
		spec      string
		low, high float64
		decimals  int
	}{
		{`"float"`, 0, 1, -1},
		{`{"type":"float","min":-2.5,"max":7.25}`, -2.5, 7.25, -1},
		{`{"type":"float","min":0.05,"max":0.15,"decimals":2}`, 0.05, 0.15, 2},
		{`{"type":"float","min":0.07,"max":0.07,"decimals":2}`, 0.07, 0.07, 2},
		{`{"type":"float","min":-1e300,"max":1e300}`, -1e300, 1e300, -1},
		{`{"type":"float","min":10,"max":20,"decimals":0}`, 10, 20, 0},
		{`{"type":"walk"}`, 0, 100, -1},
		{`{"type":"walk","min":-1,"max":1,"start":1,"step":2}`, -1, 1, -1},
		{`{"type":"walk","min":20,"max":21,"step":0.3,"decimals":1}`, 20, 21, 1},
		{`{"type":"walk","min":4,"max":4}`, 4, 4, -1},
	} {
		values := draws(t, c.spec, 20_000)
		low, high := span[float64](t, values)
		if low < c.low || high > c.high {
			t.Errorf("%s: from %v to %v", c.spec, low, high)
		}
		if c.decimals < 0 {
			continue
		}
		if low != c.low || high != c.high {
			t.Errorf("%s: an end never came: from %v to %v", c.spec, low, high)
		}
		for _, v := range values {
			text, _ := json.Marshal(v)
			if _, digits, _ := strings.Cut(string(text), "."); len(digits) > c.decimals {
				t.Fatalf("%s: %s has too many decimals", c.spec, text)
			}
		}
	}
}

func TestWalkMovesByStepAtMost(t *testing.T) {
	values := draws(t, `{"type":"walk","min":0,"max":10,"start":3,"step":0.5}`, 5000)
	if values[0] != 3.0 {
		t.Errorf("starts at %v", values[0])
	}
	for i := 1; i < len(values); i++ {
		if moved := math.Abs(values[i].(float64) - values[i-1].(float64)); moved > 0.5 {
			t.Fatalf("moved by %v", moved)
		}
	}
}

func TestExactValues(t *testing.T) {
	for _, c := range []struct {
		spec string
		want []any
	}{
		{`"sequence"`, []any{int64(1), int64(2), int64(3)}},
		{`{"type":"sequence","start":10,"step":-5}`, []any{int64(10), int64(5), int64(0)}},
		{`{"type":"sequence","step":0}`, []any{int64(1), int64(1), int64(1)}},
		{`{"type":"constant","value":"x"}`, []any{"x", "x"}},
		{`{"type":"constant","value":""}`, []any{"", ""}},
		{`{"type":"constant","value":null}`, []any{nil, nil}},
		{`{"type":"constant","value":{"a":[1]}}`, []any{map[string]any{"a": []any{1.0}}}},
		{`{"type":"string","length":0}`, []any{"", ""}},
		{`{"type":"choice","values":["a"]}`, []any{"a", "a"}},
		{`{"type":"choice","values":[1,2,3],"weights":[0,0,1]}`, []any{3.0, 3.0, 3.0}},
		{`{"type":"choice","values":["",null],"weights":["1",0]}`, []any{"", "", ""}},
		{`{"type":"boolean","probability":1}`, []any{true, true}},
		{`{"type":"bool","probability":0}`, []any{false, false}},
		{`{"type":"sequence","nulls":1}`, []any{nil, nil}},
		{`{"type":"timestamp"}`, []any{"2026-03-04T04:06:07.890Z"}},
		{`{"type":"timestamp","format":"iso"}`, []any{"2026-03-04T04:06:07.890Z"}},
		{`{"type":"timestamp","format":"datetime"}`, []any{"2026-03-04 04:06:07.890"}},
		{`{"type":"timestamp","format":"date"}`, []any{"2026-03-04"}},
		{`{"type":"timestamp","format":"s"}`, []any{int64(1772597167)}},
		{`{"type":"timestamp","format":"ms"}`, []any{int64(1772597167890)}},
		{`{"type":"timestamp","format":"us"}`, []any{int64(1772597167890123)}},
		{
			`{"type":"timestamp","start":"2026-01-01T00:00:00+01:00"}`,
			[]any{"2025-12-31T23:00:00.000Z", "2025-12-31T23:00:01.000Z"},
		},
		{`{"type":"timestamp","start":1000,"step":250,"format":"ms"}`, []any{int64(1000), int64(1250)}},
		{`{"type":"timestamp","start":"2026-01-02","step":"-24h","format":"date"}`, []any{"2026-01-02", "2026-01-01"}},
		{`{"type":"timestamp","start":"2026-01-02 03:04:05","step":"1ms","format":"datetime"}`, []any{"2026-01-02 03:04:05.000", "2026-01-02 03:04:05.001"}},
		{
			`{"type":"object","fields":[{"name":"Deep","type":"object","fields":{"n":"sequence"}}]}`,
			[]any{map[string]any{"Deep": map[string]any{"n": int64(1)}}, map[string]any{"Deep": map[string]any{"n": int64(2)}}},
		},
		{`{"type":"array","of":"sequence","length":2}`, []any{[]any{int64(1), int64(2)}, []any{int64(3), int64(4)}}},
		{`{"type":"array","of":{"type":"uuid"},"length":0}`, []any{[]any{}}},
	} {
		if got := draws(t, c.spec, len(c.want)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", c.spec, got, c.want)
		}
	}
}

func TestTexts(t *testing.T) {
	for spec, form := range map[string]string{
		`"string"`: `^[A-Za-z0-9]{8}$`,
		`{"type":"string","length":3,"charset":"digits"}`: `^[0-9]{3}$`,
		`{"type":"string","length":9,"charset":"Hex"}`:    `^[0-9a-f]{9}$`,
		`{"type":"string","charset":"alpha"}`:             `^[A-Za-z]{8}$`,
		`{"type":"string","charset":"lower"}`:             `^[a-z]{8}$`,
		`{"type":"string","values":["a","b"]}`:            `^[ab]$`,
		`"uuid"`:                                          `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
	} {
		re := regexp.MustCompile(form)
		for _, v := range draws(t, spec, 1000) {
			if !re.MatchString(v.(string)) {
				t.Fatalf("%s: %q", spec, v)
			}
		}
	}
	widths := map[int]bool{}
	for _, v := range draws(t, `{"type":"string","charset":"unicode","length":20}`, 1000) {
		text := v.(string)
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) != 20 {
			t.Fatalf("%q", text)
		}
		for _, r := range text {
			widths[utf8.RuneLen(r)] = true
		}
	}
	if len(widths) != 4 {
		t.Errorf("bytes per character: %v, want 1 to 4", widths)
	}
	if n := len(counts(draws(t, `"uuid"`, 10_000))); n != 10_000 {
		t.Errorf("%d different UUIDs of 10000", n)
	}
}

func TestShares(t *testing.T) {
	const n = 50_000
	for _, c := range []struct {
		spec string
		want map[any]float64
	}{
		{`"boolean"`, map[any]float64{true: .5, false: .5}},
		{`{"type":"boolean","probability":0.2}`, map[any]float64{true: .2, false: .8}},
		{`{"type":"choice","values":["a","b","c"]}`, map[any]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}},
		{`{"type":"choice","values":["a","b","c"],"weights":[6,3,1]}`, map[any]float64{"a": .6, "b": .3, "c": .1}},
		{`{"type":"constant","value":1,"nulls":0.25}`, map[any]float64{nil: .25, 1.0: .75}},
	} {
		got := counts(draws(t, c.spec, n))
		for v, share := range c.want {
			if !near(got[v], share*n) {
				t.Errorf("%s: %v came %d times of %d", c.spec, v, got[v], n)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", c.spec, got)
		}
	}
}

func TestNullsLeaveGapsInSequences(t *testing.T) {
	for i, v := range draws(t, `{"type":"sequence","nulls":0.5}`, 100) {
		if v != nil && v != int64(i+1) {
			t.Fatalf("row %d has %v", i+1, v)
		}
	}
}

func TestTimestampsOfOneRowAreEqual(t *testing.T) {
	set, err := parse(props(t, `{"fields":{"a":"timestamp","b":{"type":"timestamp"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	now := generationTime
	rows := newRows(set, newDraw(1, 0, func() time.Time { now = now.Add(time.Second); return now }))
	one, two := rows.next(), rows.next()
	if one["a"] != one["b"] || one["a"] == two["a"] {
		t.Errorf("got %v and %v", one, two)
	}
}

// TestNoNameIsShared keeps types and aliases apart.
func TestNoNameIsShared(t *testing.T) {
	var names []string
	for _, ft := range fieldTypes() {
		for _, name := range []string{ft.name, ft.alias} {
			if name != "" && slices.Contains(names, name) {
				t.Errorf("%s names two types", name)
			}
			names = append(names, name)
		}
	}
}

// TestRowsStayTheSame notices when a change makes a randomSeed give other rows
// than it gave in earlier versions: say so in the changelog.
func TestRowsStayTheSame(t *testing.T) {
	set, err := parse(props(t, `{"fields":[
		{"name":"i","type":"int"},{"name":"f","type":"float","decimals":3},{"name":"s","type":"string"},
		{"name":"c","type":"choice","values":["a","b"],"weights":[1,2]},{"name":"u","type":"uuid"},
		{"name":"w","type":"walk","decimals":3},{"name":"b","type":"boolean","nulls":0.3}]}`))
	if err != nil {
		t.Fatal(err)
	}
	rows := newRows(set, newDraw(1, 0, time.Now))
	var got strings.Builder
	for range 3 {
		text, _ := json.Marshal(rows.next())
		got.Write(append(text, '\n'))
	}
	const want = `{"b":null,"c":"a","f":0.089,"i":60,"s":"sBriykSI","u":"02555e17-86a3-4f13-a8df-b9d306422af8","w":50}
{"b":true,"c":"b","f":0.477,"i":79,"s":"0H7hLKW0","u":"95d5abb4-c8e7-4a3c-884e-b33725b69ec6","w":49.221}
{"b":true,"c":"b","f":0.666,"i":80,"s":"8ZxWwNXc","u":"eb2284a4-bab3-42bd-93a9-f6fd56bbb007","w":49.696}
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}
