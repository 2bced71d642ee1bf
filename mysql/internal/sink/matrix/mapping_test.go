package matrix_test

import (
	"fmt"
	"strings"
	"time"
)

// mappedRows sends rows that look unlike the table.
func mappedRows(t *trial) {
	t.exec("CREATE TABLE t (device_id BIGINT PRIMARY KEY, temp DOUBLE, site VARCHAR(20), at DATETIME, row_no BIGINT, doc JSON, raw LONGTEXT)")
	r := t.open(t.props("t", "fieldCase", "snake", "restField", "raw", "columns", map[string]any{
		"temp": "payload.sensors[1].t", "doc": "payload", "site": map[string]any{"value": "o'north"}, "at": map[string]any{"meta": "received"}, "row_no": map[string]any{"meta": "number"},
	}))
	var rows []string
	for i := range 500 {
		rows = append(rows, fmt.Sprintf(`{"deviceId":%d,"payload":{"sensors":[0,{"t":%d.5}],"n":"\u003c'ü\u003e"},"big":12345678901234567890.50}`, i, i))
	}
	before := time.Now().UTC().Truncate(time.Second)
	r.collect("[" + strings.Join(rows, ",") + "]")
	r.wantFate(500, 0)
	t.wantRows("SELECT COUNT(*), SUM(device_id = row_no), SUM(temp = device_id + 0.5), COUNT(DISTINCT site), MIN(site) FROM t", "500,500,500,1,o'north")
	t.wantRows("SELECT JSON_UNQUOTE(JSON_EXTRACT(doc, '$.n')), raw FROM t WHERE device_id = 77", `<'ü>,{"big":12345678901234567890.50}`)
	for _, text := range t.query("SELECT DISTINCT DATE_FORMAT(at, '%Y-%m-%d %T') FROM t") {
		if at, err := time.Parse(time.DateTime, text); err != nil || at.Before(before) || at.After(time.Now()) {
			t.Errorf("received at %s, %v; want UTC, from %v on", text, err, before)
		}
	}
	// The rest gets a column of its own, and gives up what that takes.
	t.exec("ALTER TABLE t ADD COLUMN payload JSON, DROP COLUMN temp")
	r.close()
	r = t.open(t.props("t", "fieldCase", "snake", "restField", "raw"))
	r.collect(`{"deviceId":1000,"payload":[1],"x":"y"}`)
	r.wantFate(501, 0)
	t.wantRows("SELECT JSON_LENGTH(payload), raw FROM t WHERE device_id = 1000", `1,{"x":"y"}`)
}
