package matrix_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// tablePerRow sends rows that choose among tables, some of which are made.
func tablePerRow(t *trial) {
	if t.is("demo") {
		t.notThere("refuses innodb_lock_wait_timeout for a session, which the sink sets where rows choose their table")
	}
	t.exec("CREATE TABLE m_a (id INT PRIMARY KEY, device VARCHAR(9), x INT)")
	t.exec("CREATE TABLE m_b (id INT PRIMARY KEY, x DOUBLE, site VARCHAR(9))")
	t.exec("CREATE TABLE other (x INT)")
	for i, kept := range []string{"on", "off"} {
		r := t.openRule("journal "+kept, t.props("m_{device}", "allowedTables", "m_a, m_b, m_new*", "journal", kept, "extraFields", "ignore",
			"autoCreate", true, "primaryKey", "id", "schema", map[string]any{"id": "INT", "device": "VARCHAR(9)", "x": "DOUBLE"}))
		var rows []string
		for n := range 300 {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"device":%q,"x":%d}`, 300*i+n, []string{"a", "b", "new1"}[n%3], n))
		}
		r.collect("["+strings.Join(rows, ",")+"]", `{"id":1,"device":"c"}`, `{"id":1}`, `{"id":1,"device":"a`+"`"+`; DROP TABLE other"}`)
		r.wantFate(300, 3)
		r.close()
	}
	for _, table := range []string{"m_a", "m_b", "m_new1"} {
		t.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM "+table, "200,200")
	}
	if n := len(t.query("SHOW TABLES LIKE 'm%'")); n != 3 {
		t.Errorf("%d tables, want 3", n)
	}
	t.wantRows("SELECT COUNT(*) FROM other", "0")
}

// hostileTables lets rows choose tables, which are made where they are allowed:
// all of these names are only by the last rule, and stay names.
func (t *trial) hostileTables(random *rand.Rand, number int) (tries int) {
	for i, c := range []map[string]any{
		{"table": "m_{device}"}, {"table": "{device}"}, {"tableField": "device"}, {"table": "{device}", "allowedTables": "/.*/"},
	} {
		props := t.props("canary", "allowedTables", []any{"m_?", "/[a-z]{1,9}/"}, "autoCreate", true, "primaryKey", "a", "maxTables", 3)
		for property, value := range c {
			props[property] = value
		}
		r := t.openRule(fmt.Sprintf("tables %d %d", number, i), props)
		var rows []map[string]any
		for range rounds(100, 1000) {
			rows = append(rows, map[string]any{"a": 1, "device": hostile(random, 40)})
		}
		text, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		r.collect(string(text))
		if f := r.settle(); f["stored_total"] > 0 && c["allowedTables"] == nil {
			t.Errorf("%v: %v", c, f)
		}
		r.close()
		tries += len(rows)
	}
	return tries
}
