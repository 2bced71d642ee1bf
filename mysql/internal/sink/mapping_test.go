package sink

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/journal"
)

// object is a property that is an object.
type object = map[string]any

func TestColumns(t *testing.T) {
	takingFiles(t, true)
	for _, road := range []string{"insert", "load"} {
		t.Run(road, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE m (id BIGINT, temp DOUBLE DEFAULT 99, unit VARCHAR(10), site VARCHAR(10), version INT, tags JSON, doc JSON, raw TEXT, at DATETIME, rule VARCHAR(10), row_no BIGINT)")
			s := b.open(b.props("", "m", "road", road, "restField", "raw", "fieldCase", "snake", "columns", object{
				"id": "deviceId", "temp": "payload.sensors[1].t", "unit": "payload.`unit.of`", "tags": "payload.sensors", "site": object{"value": "no.rth"}, "version": 3.0,
				"doc": object{"value": object{"a": []any{1.0, "<x>"}}}, "at": object{"meta": "received"}, "rule": object{"meta": "rule"},
			}))
			var rows []string
			for i := range 400 {
				rows = append(rows, fmt.Sprintf(`{"deviceId":%d,"payload":{"sensors":[{"t":1},{"t":%d.25}],"unit.of":"\u003cC\u003e"},"rowNo":%d,"more":{"big":12345678901234567890.50}}`, i, i, i))
			}
			rows[7] = `{"deviceId":7,"payload":{"sensors":[]},"row_no":7}`
			rows[8] = `{"deviceId":8,"payload":{"sensors":[0,{"t":"warm"}]},"row_no":8}`
			before := time.Now().Add(-time.Second)
			b.collect(s, "["+strings.Join(rows, ",")+"]")
			b.settle(s)
			b.wantFate(s, 399, 1)
			b.wantLoaded(s, false) // some of the rows lack a column
			b.collect(s, "["+strings.Join(rows[100:], ",")+"]")
			b.settle(s)
			b.wantLoaded(s, road == "load")
			const columns = "id, temp, unit, site, version, JSON_LENGTH(tags), JSON_UNQUOTE(JSON_EXTRACT(doc, '$.a[1]')), rule, row_no"
			b.wantRows("SELECT DISTINCT "+columns+" FROM m WHERE id IN (5, 6, 7, 8, 399) ORDER BY id", "5,5.25,<C>,no.rth,3,2,<x>,rule,5", "6,6.25,<C>,no.rth,3,2,<x>,rule,6",
				"7,99,NULL,no.rth,3,0,<x>,rule,7", "399,399.25,<C>,no.rth,3,2,<x>,rule,399")
			b.wantRows("SELECT DISTINCT raw FROM m WHERE id IN (6, 200)", rest)
			b.wantRows("SELECT raw FROM m WHERE id = 7", `{"payload":{"sensors":[]}}`)
			for _, at := range b.query("SELECT DISTINCT at FROM m") {
				when, err := time.Parse(time.DateTime, at)
				if err != nil || when.Before(before.Add(-time.Second)) || when.After(time.Now()) {
					t.Errorf("received at %s, %v; it is %v", at, err, time.Now().UTC())
				}
			}
			if b.log.count(`column "temp": "warm" does not fit double`) != 1 || b.log.count("(columns: from payload.sensors[1].t)") != 1 {
				t.Error("the refused row's reason does not name the column and where it comes from")
			}
			b.wantLetters(b.lettersDir(), rows[8])
		})
	}
}

const rest = `{"payload":{"sensors":[{"t":1},{"t":6.25}],"unit.of":"<C>"},"more":{"big":12345678901234567890.50}}
{"payload":{"sensors":[{"t":1},{"t":200.25}],"unit.of":"<C>"},"more":{"big":12345678901234567890.50}}`

func TestWholeRowAndNothingElse(t *testing.T) {
	b := newBundle(t, "CREATE TABLE docs (id INT PRIMARY KEY AUTO_INCREMENT, a INT, doc TEXT NOT NULL, short VARCHAR(12))")
	s := b.open(b.props("", "docs", "restField", "DOC", "restContent", "row", "otherFields", "ignore", "columns", `{"short": "id"}`))
	b.collect(s, `[{"a":1.50,"id":"k"},{"a":[]},{},{"id":"this text is too long"}]`)
	b.settle(s)
	b.wantRows("SELECT a, doc, short FROM docs", `NULL,{"a":1.50,"id":"k"},k`, `NULL,{"a":[]},NULL`)
	b.wantFate(s, 2, 2)
	b.wantLetters(b.lettersDir(), "{}", `{"id":"this text is too long"}`)
}

// A column that columns names and the table lacks is told of once. The rows
// are what extraFields makes of them, and can be replayed when it is there.
func TestMappedColumnThatIsNotThere(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m (id BIGINT)")
	props := b.props("", "m", "restField", "doc", "columns", object{"temp": "p.t"})
	s := b.open(props)
	b.collect(s, `{"id":1,"p":{"t":1}}`, `{"id":2,"p":{"t":2}}`, `{"id":3,"p":{"t":3}}`)
	b.settle(s)
	b.wantFate(s, 0, 3)
	const told = `has no column "temp" (columns), "doc" (restField): rows with a value for it are set aside until it has`
	if n := b.log.count("warn table \"m\""); n != 1 || b.log.count(told) != 1 {
		t.Errorf("told %d times", n)
	}
	if n := b.log.count(`column "temp" (columns: from p.t): table "m" has no such column; add it to the table, or correct the property`); n != 3 {
		t.Errorf("%d reasons", n)
	}
	b.end(s)
	s = b.open(b.props("", "m", "columns", object{"temp": "p.t"}, "extraFields", "ignore"))
	b.collect(s, `{"id":4,"p":{"t":4}}`)
	b.settle(s)
	if f := s.outbox.Load().meter.Snapshot(); f.ExtraFields != 1 || f.SetAside != 3 || b.log.count(`has no column "temp" (columns): values for it are dropped`) != 1 {
		t.Errorf("%v", f)
	}
	b.end(s)
	b.exec("ALTER TABLE m ADD temp DOUBLE, ADD doc TEXT")
	got, err := b.target(props).Replay(t.Context(), b.reader(), deadletter.Filter{}, all, nil)
	if err != nil || got.Stored != 3 || got.Refused != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	b.wantRows("SELECT id, temp, doc FROM m ORDER BY id", `1,1,{"p":{"t":1}}`, `2,2,{"p":{"t":2}}`, `3,3,{"p":{"t":3}}`, "4,NULL,NULL")
}

// The table loses a column and gets another while rows of the old one are on
// their way: they are mapped again, for the table that it is now.
func TestMappingOfATableThatIsAltered(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m (id BIGINT, x INT, doc TEXT, row_no BIGINT)")
	s := b.open(b.props("", "m", "restField", "doc", "columns", object{"row_no": object{"meta": "number"}, "y": "p.y"}, "extraFields", "ignore"))
	b.collect(s, `{"id":1,"x":1,"p":{"y":10}}`)
	b.settle(s)
	b.exec("ALTER TABLE m DROP x, ADD y INT")
	b.collect(s, `[{"id":2,"x":2,"p":{"y":20}},{"id":3,"x":3,"p":{"y":30}}]`)
	b.settle(s)
	if b.log.count("is not as it was read") != 1 {
		t.Error("the rows were not on their way: nothing was tested")
	}
	b.wantRows("SELECT id, doc, row_no, y FROM m ORDER BY id", `1,{"p":{"y":10}},0,NULL`, `2,{"x":2,"p":{"y":20}},1,20`, `3,{"x":3,"p":{"y":30}},2,30`)
	b.wantFate(s, 3, 0)
}

// factColumns take all that is known of a row.
var factColumns = object{
	"rule": object{"meta": "rule"}, "op": object{"meta": "op"}, "instance": object{"meta": "instance"}, "host": object{"meta": "host"},
	"journal": object{"meta": "journal"}, "number": object{"meta": "number"}, "at": object{"meta": "received"},
}

const factTable = "CREATE TABLE m (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, rule VARCHAR(20), op VARCHAR(20), instance INT, host VARCHAR(255), journal CHAR(32), number BIGINT, at DATETIME)"

// Rows that come again after an answer that was lost are recognised by what
// they are, whatever the machine is called by then.
func TestMappedRowsAreRecognised(t *testing.T) {
	b := newBundle(t, factTable, "CREATE TRIGGER renamed BEFORE INSERT ON m FOR EACH ROW SET NEW.host = 'an earlier name'")
	faults := &lossy{what: inserts, every: 4}
	s := b.openLossy(faults, b.props("", "m", "maxBatchRows", 100, "columns", factColumns))
	for i := 0; i < 2000; i += 50 {
		b.collect(s, numbered(i, i+50))
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*), SUM(id = number), COUNT(DISTINCT number), COUNT(DISTINCT journal) FROM m", "2000,2000,2000,1")
	b.wantFate(s, 2000, 0)
	faults.wantLosses(t, 3)
}

func TestMappedRowsExactlyOnce(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m (id BIGINT, number BIGINT, doc TEXT)")
	faults := &lossy{what: commits, every: 3}
	s := b.openLossy(faults, b.props("", "m", "delivery", "exactlyOnce", "maxBatchRows", 30, "restField", "doc", "columns", object{"number": object{"meta": "number"}}))
	for i := 0; i < 1000; i += 50 {
		b.collect(s, numbered(i, i+50))
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id), SUM(id = number) FROM m", "1000,1000,1000")
	b.wantRows("SELECT doc FROM m WHERE id = 77", `{"name":"row 77","x":77.5}`)
	b.wantFate(s, 1000, 0)
	faults.wantLosses(t, 5)
}

// What is known of a row stays the same over the end of the plugin, in a drain
// and when a dead letter is replayed.
func TestFactsStayTheSame(t *testing.T) {
	b := newBundle(t, factTable)
	props := b.props("", "m", "columns", factColumns)
	before := time.Now().Unix()
	dir := b.abandon(`[{"id":10},{"id":11,"x":"a word"},{"id":12}]`)
	after := time.Now().Unix()
	// The next second, so that the time of the delivery is another one.
	next := time.NewTimer(time.Until(time.Unix(after+1, 0)))
	<-next.C
	in, err := journal.Inspect(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := b.openDrain(dir)
	if err := d.Run(t.Context(), b.target(props)); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	b.exec("ALTER TABLE m MODIFY x VARCHAR(20)")
	if got, err := b.target(props).Replay(t.Context(), b.reader(), deadletter.Filter{}, all, nil); err != nil || got.Stored != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	const columns = "rule, op, instance, host, journal, number"
	fact := func(number int) string { return fmt.Sprintf("gone,op,0,%s,%s,%d", hostName(), in.ID, number) }
	b.wantRows("SELECT id, "+columns+" FROM m ORDER BY id", "10,"+fact(0), "11,"+fact(1), "12,"+fact(2))
	times := b.query("SELECT DISTINCT at FROM m")
	when, err := time.Parse(time.DateTime, times[0])
	if err != nil || len(times) != 1 || when.Unix() < before || when.Unix() > after {
		t.Errorf("received at %v, want one time from %d to %d", times, before, after)
	}
}

// A letter of which little is known has NULL for the rest, and not what is
// known of another.
func TestFactsOfAnUnknownRow(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m (id INT, number INT, journal TEXT, at DATETIME, rule TEXT)")
	store := b.set("m")
	id := hex.EncodeToString(make([]byte, 16))
	for _, l := range []deadletter.Letter{
		{Rule: "r", Op: "o", Accepted: time.Unix(1e9, 0), Place: deadletter.Place{Journal: id, Record: 77}, Raw: []byte(`{"id":1}`)},
		{Rule: "s", Raw: []byte(`{"id":2}`)},
		{Rule: "r", Op: "o", Accepted: time.Unix(1e9+60, 0), Place: deadletter.Place{Journal: id, Record: 78}, Raw: []byte(`{"id":3}`)},
	} {
		if err := store.Put(context.Background(), l); err != nil {
			t.Fatal(err)
		}
	}
	props := b.props("", "m", "columns", object{"number": object{"meta": "number"}, "journal": object{"meta": "journal"}, "at": object{"meta": "received"}, "rule": object{"meta": "rule"}})
	if got, err := b.target(props).Replay(t.Context(), b.reader(), deadletter.Filter{}, all, nil); err != nil || got.Stored != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	b.wantRows("SELECT id, number, journal, at, rule FROM m ORDER BY id", "1,77,"+id+",2001-09-09 01:46:40,r", "2,NULL,NULL,NULL,s", "3,78,"+id+",2001-09-09 01:47:40,r")
}

// Modes work on what a row has become: keys and versions are columns, the kind
// may come from inside of a field, and no rest takes it away.
func TestMappedRowsInModes(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m (id BIGINT PRIMARY KEY, v INT, at BIGINT, doc TEXT)")
	s := b.open(b.props("", "m", "mode", "upsert", "rowkindField", "op", "versionField", "at", "restField", "doc",
		"columns", object{"id": "payload.after.id", "v": "payload.after.v", "op": "payload.op", "at": "ts"}, "extraFields", "ignore"))
	b.collect(s, `[{"ts":10,"payload":{"after":{"id":1,"v":1}}},{"ts":10,"payload":{"after":{"id":2,"v":2}}},{"ts":10,"payload":{"after":{"id":3,"v":3},"op":"insert"}}]`,
		`[{"ts":30,"payload":{"after":{"id":1,"v":30},"op":"update"}},{"ts":20,"payload":{"after":{"id":1,"v":20},"op":"update"}},{"ts":20,"payload":{"after":{"id":2},"op":"delete"}}]`,
		`{"ts":20,"x":1,"payload":{"after":{"id":4,"v":4},"op":null}}`, `{"ts":20,"payload":{"after":{"id":5},"op":"drop"}}`)
	b.settle(s)
	b.wantRows("SELECT id, v, at, JSON_UNQUOTE(JSON_EXTRACT(doc, '$.x')) FROM m ORDER BY id", "1,30,30,NULL", "3,3,10,NULL", "4,4,20,1")
	if m := s.outbox.Load().meter.Snapshot(); m.SetAside != 1 || m.Pending != 0 || m.Received != 8 || m.Stored+m.Superseded != 7 {
		t.Errorf("%v", m)
	}
	s = b.openRule("another", b.props("", "m", "mode", "update", "keyField", "id", "rowkindField", "op", "fieldCase", "snake", "otherFields", "byName", "columns", object{"v": object{"value": 7}}))
	b.collect(s, `[{"id":3,"op":"update"},{"id":4,"op":"delete"},{"id":1,"at":31}]`)
	b.settle(s)
	b.wantRows("SELECT id, v, at FROM m ORDER BY id", "1,7,31", "3,7,10")
}

// A table that is made as the rule declares it gets rows as the rule maps them.
func TestMappingIntoATableThatIsMade(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "m", "autoCreate", true, "schema", object{"number": "BIGINT UNSIGNED", "temp": "DOUBLE", "more": "TEXT"}, "primaryKey", "number",
		"columns", object{"number": object{"meta": "number"}, "temp": "p.t"}, "restField", "more"))
	b.collect(s, `[{"p":{"t":1.5},"x":[1]},{"p":{"t":2}}]`)
	b.settle(s)
	b.wantRows("SELECT number, temp, more FROM m ORDER BY number", `0,1.5,{"p":{"t":1.5},"x":[1]}`, `1,2,{"p":{"t":2}}`)
}

func TestMappingIsRefusedAtStart(t *testing.T) {
	b := newBundle(t)
	for _, c := range []struct {
		more []any
		want string
	}{
		{[]any{"columns", object{"a": "b..c"}}, `property columns: column "a": "b..c": a part is empty; allowed: a field's name, or a path`},
		{[]any{"columns", `{"a": {"meta": "time"}}`}, `property columns: column "a": {"meta": "time"}; allowed: rule, op, instance, host, journal, number, received`},
		{[]any{"columns", object{"a": object{"meta": "number"}}, "journal", "off"}, `property columns: {"meta": "number"} with journal off`},
		{[]any{"restContent", "row"}, `property restContent: "row" without restField`},
		{[]any{"otherFields", "ignore"}, `property otherFields: "ignore" without columns`},
	} {
		if err := New(b.outboxes).Configure(b.props("", "m", c.more...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.more, err, c.want)
		}
	}
	if _, _, err := connectLazily(b.target(b.props("", "m", "columns", object{"a": ""})).config, nil, b.log); err == nil {
		t.Error("a person's target is not looked at")
	}
}
