package e2e

import (
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/proxy"
)

// TestTutorialRule is the rule of eKuiper's plugin tutorial to the letter, but
// for the server's address.
func TestTutorialRule(t *testing.T) {
	b := newBundle(t)
	b.must(b.host.PutSourceConfig("randomrows", "tutorial", map[string]any{
		"rate": 100, "count": 50, "fields": []any{map[string]any{"name": "name", "type": "choice", "values": []any{"John", "O'Neill"}}},
	}))
	b.must(b.host.CreateStream(`CREATE STREAM users () WITH (TYPE="randomrows", FORMAT="json", CONF_KEY="tutorial")`))
	if _, err := server.DB().Exec("CREATE TABLE `database`.test (name VARCHAR(255))"); err != nil {
		t.Fatal(err)
	}
	document := strings.Replace(`{"id":"ruleTest","sql":"SELECT * FROM users","actions":[{"log":{},"mysql":{"url":"user:test@tcp(localhost:3306)/database","table":"test"}}]}`,
		"localhost:3306", server.Addr(), 1)
	b.must(b.host.CreateRule([]byte(document)))
	b.waitCount(50, "SELECT COUNT(*) FROM `database`.test")
	if n := b.count("SELECT COUNT(*) FROM `database`.test WHERE name IN ('John', 'O''Neill')"); n != 50 {
		t.Errorf("%d of 50 rows as they were made", n)
	}
	if log := b.host.Log(); !strings.Contains(log, `writing to table \"test\"`) {
		t.Error("the host's log does not hold the plugin's")
	}
}

// TestEveryRowArrives has no case with eKuiper's own batches (batchSize): under
// load 2.4.0 overwrites batches that wait for the sink, before any sink sees them.
func TestEveryRowArrives(t *testing.T) {
	for name, action := range map[string]map[string]any{
		"Plain":          {},
		"Single":         {"sendSingle": true},
		"Acks":           {"requireAck": true},
		"AcksWithResend": {"requireAck": true, "resendInterval": 100},
		"Concurrency":    {"concurrency": 3},
		"SelectedFields": {"fields": []any{"id", "name"}},
		"WithTemplate":   {"dataTemplate": `{"id":{{.id}},"name":{{json .name}}}`, "sendSingle": true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id BIGINT PRIMARY KEY, name VARCHAR(50), x DOUBLE)")
			const rows = 5_000
			b.stream("numbers", 0, rows)
			action["url"], action["table"] = b.url(""), "numbers"
			b.rule("numbers", "SELECT * FROM numbers", action)
			b.waitCount(rows, "SELECT COUNT(*) FROM numbers")
			b.must(b.host.StopRule("numbers"))
			if n := b.checkSequence("numbers"); n != rows {
				t.Errorf("%d rows, want %d", n, rows)
			}
			if n := b.count(`SELECT COUNT(*) FROM numbers WHERE name IN ('it''s', 'back\\slash', 'plain', '漢字 <b>&')`); n != rows {
				t.Errorf("%d of %d names as they were made", n, rows)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	b := newBundle(t, "CREATE TABLE totals (n BIGINT, first BIGINT, last BIGINT)")
	b.stream("numbers", 0, 1000)
	b.rule("totals", "SELECT count(*) AS n, min(id) AS first, max(id) AS last FROM numbers GROUP BY COUNTWINDOW(100)",
		map[string]any{"url": b.url(""), "table": "totals"})
	b.waitCount(10, "SELECT COUNT(*) FROM totals")
	if n := b.count("SELECT SUM(n) FROM totals"); n != 1000 {
		t.Errorf("windows of %d rows in all, want 1000", n)
	}
}

func TestInstancesOfOneStream(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.stream("numbers", 200, 100)
	b.must(b.host.CreateRule(map[string]any{
		"id": "numbers", "sql": "SELECT * FROM numbers", "actions": []any{map[string]any{"mysql": map[string]any{"url": b.url(""), "table": "numbers"}}},
		"options": map[string]any{"concurrency": 2, "disableBufferFullDiscard": true},
	}))
	b.waitCount(100, "SELECT COUNT(*) FROM numbers")
	if n := b.count("SELECT COUNT(DISTINCT id) FROM numbers"); n != 100 {
		t.Errorf("%d different rows, want 100", n)
	}
}

func TestStopInMidStream(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.stream("numbers", 0, 0)
	b.rule("numbers", "SELECT * FROM numbers", map[string]any{"url": b.url(""), "table": "numbers"})
	status, err := b.host.WaitRule("numbers", limit, func(s ekuiper.RuleStatus) bool { return s.SinkOut("mysql") >= 10_000 })
	b.must(err)
	sent := status.SinkOut("mysql")
	b.must(b.host.StopRule("numbers"))
	b.waitFinished("numbers", 1)
	if n := b.checkSequence("numbers"); n < sent {
		t.Errorf("%d rows in the table, the host had sent %d", n, sent)
	}
}

func TestTwentyCyclesOfStartAndStop(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.stream("numbers", 0, 0)
	b.rule("numbers", "SELECT * FROM numbers", map[string]any{"url": b.url(""), "table": "numbers"})
	for cycle := 1; cycle <= 20; cycle++ {
		b.waitCount(100, "SELECT COUNT(*) FROM numbers")
		b.must(b.host.StopRule("numbers"))
		b.waitFinished("numbers", cycle)
		b.checkSequence("numbers")
		_, err := b.db.Exec("TRUNCATE numbers")
		b.must(err)
		if cycle < 20 {
			b.must(b.host.StartRule("numbers"))
		}
	}
}

func TestRefusedStartThenCorrected(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.stream("numbers", 0, 10)
	wrong := map[string]any{"url": b.url(""), "table": "numbers", "maxBatchRows": -5, "timezone": "Nowhere/Land"}
	_ = b.host.CreateRule(map[string]any{"id": "numbers", "sql": "SELECT * FROM numbers", "actions": []any{map[string]any{"mysql": wrong}}})
	for _, property := range []string{"maxBatchRows", "timezone"} {
		if _, err := b.host.WaitLog(limit, `level=ERROR.*`+property); err != nil {
			t.Errorf("the log does not name %s: %v", property, err)
		}
	}
	// eKuiper 2.4.0 itself crashes when a rule is replaced while its start fails.
	_, err := b.host.WaitRule("numbers", limit, func(s ekuiper.RuleStatus) bool { return strings.HasPrefix(s.State(), "stopped") })
	b.must(err)
	b.must(b.host.UpdateRule("numbers", map[string]any{
		"id": "numbers", "sql": "SELECT * FROM numbers",
		"actions": []any{map[string]any{"mysql": map[string]any{"url": b.url(""), "table": "numbers"}}},
	}))
	b.waitCount(10, "SELECT COUNT(*) FROM numbers")
}

func TestRefusedMessagesComeAgain(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT PRIMARY KEY, name VARCHAR(50), x DOUBLE)")
	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	const rows = 1_000
	b.stream("numbers", 0, rows)
	b.rule("numbers", "SELECT * FROM numbers", map[string]any{
		"url": b.url(hole.Addr()), "table": "numbers", "journal": "off", "maxQueueBytes": 64 << 10, "requireAck": true,
		"enableCache": true, "resendInterval": 5, "memoryCacheThreshold": 1024, "maxDiskCache": 1_024_000, "bufferPageSize": 256,
	})
	if _, err := b.host.WaitLog(limit, "the queue is full"); err != nil {
		t.Fatal(err)
	}
	hole.Pass()
	b.waitCount(rows, "SELECT COUNT(*) FROM numbers")
	b.checkSequence("numbers")
}

// TestMappedRows: the host hands on what columns says as it is, and makes rows
// with values inside of others.
func TestMappedRows(t *testing.T) {
	b := newBundle(t, "CREATE TABLE mapped (id BIGINT PRIMARY KEY, temp DOUBLE, label VARCHAR(50), site VARCHAR(10), rule VARCHAR(20), number BIGINT, at DATETIME, device_name VARCHAR(50), rest TEXT)")
	const rows = 500
	b.stream("numbers", 0, rows)
	columns := map[string]any{
		"temp": "payload.inner.list[1]", "label": "payload.`the.name`", "site": map[string]any{"value": "north.1"}, "rule": map[string]any{"meta": "rule"},
		"number": map[string]any{"meta": "number"}, "at": map[string]any{"meta": "received"},
	}
	b.rule("mapped", `SELECT id, name AS deviceName, object_construct("inner", object_construct("list", array_create(0, x)), "the.name", name) AS payload, "more" AS extra FROM numbers`,
		map[string]any{"url": b.url(""), "table": "mapped", "columns": columns, "fieldCase": "snake", "restField": "rest", "excludeFields": []any{"extra"}})
	b.waitCount(rows, "SELECT COUNT(*) FROM mapped")
	b.must(b.host.StopRule("mapped"))
	for query, want := range map[string]int64{
		"SELECT COUNT(*) FROM mapped WHERE id = number + 1 AND site = 'north.1' AND rule = 'mapped' AND label = device_name AND temp BETWEEN 0 AND 100": rows,
		"SELECT COUNT(*) FROM mapped WHERE ABS(TIMESTAMPDIFF(SECOND, at, UTC_TIMESTAMP())) < 600":                                                       rows,
		"SELECT COUNT(*) FROM mapped WHERE JSON_LENGTH(rest) = 1 AND JSON_UNQUOTE(JSON_EXTRACT(rest, '$.payload.\"the.name\"')) = label":                rows,
	} {
		if n := b.count(query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}
