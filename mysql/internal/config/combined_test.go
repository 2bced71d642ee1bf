package config

import (
	"strings"
	"testing"
)

// TestPropertiesThatDoNotGoTogether: each is allowed alone.
func TestPropertiesThatDoNotGoTogether(t *testing.T) {
	cases := []struct {
		props []any
		want  string
	}{
		{[]any{"whenFull", "refuse"}, `property whenFull: "refuse" without requireAck would lose rows in silence; allowed: requireAck true beside it`},
		{[]any{"whenFull", "refuse", "requireAck", true}, ""},
		{[]any{"whenFull", "dropOldest", "journal", "off"}, `property whenFull: "dropOldest" with journal off; allowed: block`},
		{[]any{"whenFull", "dropOldest"}, ""},
		{[]any{"delivery", "exactlyOnce", "journal", "off"}, `property delivery: "exactlyOnce" with journal off`},
		{[]any{"delivery", "exactlyOnce"}, ""},
		{[]any{"delivery", "exactlyOnce", "table", "t_{a.b}", "allowedTables", "t_*"}, `property delivery: "exactlyOnce" where rows choose their table`},
		{[]any{"delivery", "exactlyOnce", "tableField", "a", "allowedTables", "t_*"}, `property delivery: "exactlyOnce" where rows choose their table`},
		{[]any{"table", "`d.b`.t_{a.b}", "allowedTables", []any{"t_*"}}, ""},
		{[]any{"allowedTables", []any{5}}, "property allowedTables: a value of type list"},
		{[]any{"deadLetterTable", "t_{a}"}, "property deadLetterTable"},
		{[]any{"maxTables", 0}, "property maxTables: 0; allowed: 1 to 10000"},
	}
	for _, c := range cases {
		props := with()
		for i := 0; i < len(c.props); i += 2 {
			props[c.props[i].(string)] = c.props[i+1]
		}
		_, _, err := Parse(props)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.props, err, c.want)
		}
	}
}

// TestNothingWhereASelectorPoints: who has named a configuration of eKuiper's
// that is not there is told so, not only that the url is missing.
func TestNothingWhereASelectorPoints(t *testing.T) {
	for _, name := range []string{"connectionSelector", "resourceId"} {
		_, _, err := Parse(map[string]any{name: "plant", "table": "t"})
		if want := `property url: missing, and not in what ` + name + ` names either: eKuiper keeps no "plant", or one without it; allowed: `; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, _, err := Parse(map[string]any{"connectionSelector": "", "table": "t"}); err == nil || !strings.HasPrefix(err.Error(), "property url: missing; allowed: ") {
		t.Errorf("without one: %v", err)
	}
}
