package sink

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// extremes are messages at the ends of what there can be; each holds one row, or none.
func extremes() map[string]string {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf(`"f%d":%d`, i, i)
	}
	return map[string]string{
		"5 MB":           `{"id":1,"v":"` + strings.Repeat("x", 5<<20) + `"}`,
		"10,000 fields":  `{"id":2,` + strings.Join(many, ",") + `}`,
		"100 levels":     `{"id":3,"v":` + strings.Repeat(`[{"a":`, 50) + "1" + strings.Repeat("}]", 50) + `}`,
		"1e400":          `{"id":4,"n":1e400}`,
		"NaN":            `{"id":5,"n":NaN}`,
		"twice":          `{"id":6,"n":1,"n":2}`,
		"not UTF-8":      "{\"id\":7,\"v\":\"a\xff\xfeb\"}",
		"empty object":   `{}`,
		"empty name":     `{"id":8,"":1}`,
		"long name":      `{"id":9,"` + strings.Repeat("n", 70_000) + `":1}`,
		"NUL in a name":  `{"id":10,"a\u0000b":1}`,
		"half a letter":  `{"id":11,"v":"\ud800"}`,
		"huge integer":   `{"id":` + strings.Repeat("9", 100_000) + `}`,
		"tiny fraction":  `{"id":12,"n":1e-400000000}`,
		"nested as key":  `{"id":{"a":[1]},"v":"x"}`,
		"null as key":    `{"id":null,"v":"x"}`,
		"text as key":    `{"id":"' OR 1=1 -- ","v":"x"}`,
		"100,000 levels": `{"id":13,"v":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
	}
}

// In every mode each such row has a fate, and the ones after it go on.
func TestExtremeRows(t *testing.T) {
	messages := extremes()
	for _, mode := range []string{"insert", "insertIgnore", "replace", "upsert", "update", "delete"} {
		for name, more := range map[string][]any{
			"plain":  {"delivery", "exactlyOnce"},
			"rest":   {"restField", "rest"},
			"mapped": {"fieldCase", "snake", "extraFields", "ignore", "columns", map[string]any{"v": "v", "n": "v[0].a"}},
			"evolve": {"autoEvolve", true},
		} {
			t.Run(mode+" "+name, func(t *testing.T) {
				t.Parallel()
				b := newBundle(t, "CREATE TABLE `a.b` (id BIGINT PRIMARY KEY, v LONGTEXT, n DOUBLE, rest JSON, `select` INT) CHARACTER SET utf8mb4")
				s := b.open(b.props("", "`a.b`", append([]any{"mode", mode}, more...)...))
				for _, name := range slices.Sorted(maps.Keys(messages)) {
					b.collect(s, messages[name])
				}
				b.collect(s, `[]`, `{"id":100,"select":1}`)
				b.settle(s)
				f := s.outbox.Load().meter.Snapshot()
				if got := f.Stored + f.Superseded + f.SetAside; got != f.Received || f.Pending != 0 || f.Received < uint64(len(messages)) {
					t.Errorf("%d rows of %d have a fate: %v", got, f.Received, f)
				}
				want := []string{"1"}
				if mode == "update" || mode == "delete" {
					want = nil
				}
				b.wantRows("SELECT `select` FROM `a.b` WHERE id = 100", want...)
			})
		}
	}
}
