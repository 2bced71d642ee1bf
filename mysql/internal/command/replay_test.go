package command

import (
	"bytes"
	"testing"
)

// Which letters an action's properties choose.
func TestTablesOfAnAction(t *testing.T) {
	const url = "user@tcp(localhost)/db"
	for _, c := range []struct {
		props    map[string]any
		into     string
		yes, not []string
	}{
		{map[string]any{"url": url, "table": "`a b`"}, "", []string{"`a b`"}, []string{"a", "db.`a b`"}},
		{map[string]any{"url": url, "table": "db.m_{device}", "allowedTables": "m_*"}, "", []string{"db.m_1", "db.m_{device}"}, []string{"m_1", "db.n", "", "db.`m_.`"}},
		{map[string]any{"url": url, "table": "rest", "tableField": "kind", "allowedTables": "users"}, "", []string{"rest", "users", "rest or kind"}, []string{"others"}},
	} {
		p := replayPlan{letterReplayCommand: &letterReplayCommand{}, props: c.props, streams: streams{&bytes.Buffer{}, &bytes.Buffer{}}}
		own, err := p.ownTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range c.yes {
			if !own.has(table) {
				t.Errorf("%v: not %q", c.props, table)
			}
		}
		for _, table := range c.not {
			if own.has(table) {
				t.Errorf("%v: %q", c.props, table)
			}
		}
	}
}
