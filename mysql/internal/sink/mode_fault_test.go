package sink

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/deadletter"
)

// changes are messages of rows of all kinds, of few keys, and the table as it
// is to end. None is refused: a kind fits what the row before has left.
func changes(random *rand.Rand, messages, rows int) (sent []string, want []string) {
	const keys = 12
	var there [keys]bool
	var names [keys]string
	var sums [keys]int
	for m := range messages {
		var list []string
		for r := range rows {
			id, name := random.IntN(keys), fmt.Sprintf("row %d.%d", m, r)
			kinds := []string{"upsert", "update", "delete"}
			if !there[id] {
				kinds = []string{"insert", "upsert"}
			}
			kind := kinds[random.IntN(len(kinds))]
			n := 1 + random.IntN(9)
			list = append(list, fmt.Sprintf(`{"id":%d,"name":%q,"n":%d,"kind":%q}`, id, name, n, kind))
			switch kind {
			case "delete":
				there[id], sums[id] = false, 0
			default:
				there[id], names[id] = true, name
				sums[id] += n
			}
		}
		sent = append(sent, "["+strings.Join(list, ",")+"]")
	}
	for id := range keys {
		if there[id] {
			want = append(want, fmt.Sprintf("%d,%s,%d", id, names[id], sums[id]))
		}
	}
	return sent, want
}

const changed = "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), n INT)"

func TestKindsWhereAnswersAreLost(t *testing.T) {
	for _, c := range []struct {
		delivery string
		n        string // what n is at the end, by its column
		add      map[string]any
	}{
		{"exactlyOnce", "n", map[string]any{"n": "add", "*": "set"}},
		{"atLeastOnce", "0", nil},
	} {
		t.Run(c.delivery, func(t *testing.T) {
			b := newBundle(t, changed)
			faults := &lossy{what: commits, every: 3}
			props := b.props("", "t", "rowkindField", "kind", "delivery", c.delivery, "maxBatchRows", 25)
			if c.add != nil {
				props["updateFields"] = c.add
			}
			s := b.openLossy(faults, props)
			sent, want := changes(rand.New(rand.NewPCG(3, 4)), 40, 20)
			b.collect(s, sent...)
			b.settle(s)
			if c.add == nil {
				for i, row := range want {
					want[i] = row[:strings.LastIndex(row, ",")] + ",0"
				}
			}
			b.wantRows("SELECT id, name, "+c.n+" FROM t ORDER BY id", want...)
			b.wantFates(s, 800, 0, 0)
			faults.wantLosses(t, 5)
		})
	}
}

// TestKindsOfAKilledProcess: all rows come again after a kill that came before
// anything was settled, and the table ends the same.
func TestKindsOfAKilledProcess(t *testing.T) {
	b := newBundle(t, changed)
	props := b.props("", "t", "rowkindField", "kind", "maxBatchRows", 25)
	sent, want := changes(rand.New(rand.NewPCG(5, 6)), 10, 20)
	restore := b.waiting(props, sent...)
	first := b.query("SELECT * FROM t ORDER BY id")
	restore()
	s := b.open(props)
	b.settle(s)
	b.wantRows("SELECT * FROM t ORDER BY id", first...)
	if len(first) != len(want) {
		t.Errorf("%d rows, want %d", len(first), len(want))
	}
	b.wantCounts(s, 200, 0)
}

// TestNumbersOfAKilledProcess: what the server has numbered keeps its number when
// it comes again with null for it.
func TestNumbersOfAKilledProcess(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL UNIQUE, n INT)")
	props := b.props("", "t", "rowkindField", "kind")
	restore := b.waiting(props, `[{"id":null,"name":"a","kind":"insert"},{"id":null,"name":"b"},{"id":null,"name":"b","n":1,"kind":"upsert"}]`)
	first := b.query("SELECT * FROM t ORDER BY name")
	restore()
	s := b.open(props)
	b.settle(s)
	b.wantRows("SELECT * FROM t ORDER BY name", first...)
	b.wantCounts(s, 3, 0)
}

func TestNewestWinsWhenABacklogComesAgain(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), n INT)")
	props := b.props("", "t", "mode", "upsert", "versionField", "n", "updateFields", map[string]any{"name": "set"}, "journal", "on")
	restore := b.waiting(props, `[{"id":1,"name":"a","n":1},{"id":2,"name":"b","n":1},{"id":1,"name":"c","n":2}]`)
	b.exec("UPDATE t SET name = 'fresher', n = 7 WHERE id = 2")
	restore()
	s := b.open(props)
	b.settle(s)
	b.wantRows("SELECT * FROM t ORDER BY id", "1,c,2", "2,fresher,7")
	if n := s.outbox.Load().queue.Counts(); n.Superseded != 3 || n.Stored != 0 || n.Received != 3 {
		t.Errorf("counts %+v; want all three superseded", n)
	}
}

// TestReplayInAManner: letters do as the rule's rows do. An insert whose key is
// there is refused again: what came after it is in the table.
func TestReplayInAManner(t *testing.T) {
	b := newBundle(t, changed, "INSERT INTO t VALUES (1,'later',1),(2,'old',2),(3,'three',3)")
	store := b.set("t", `{"id":1,"name":"early","kind":"insert"}`, `{"id":2,"name":"new","kind":"upsert"}`, `{"id":3,"kind":"delete"}`, `{"id":4,"name":"four"}`)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	var refused []string
	done, err := b.target(b.props("", "t", "rowkindField", "kind")).Replay(t.Context(), b.reader(), deadletter.Filter{}, 1000, func(l deadletter.Letter, reason error) { refused = append(refused, reason.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	b.wantRows("SELECT * FROM t ORDER BY id", "1,later,1", "2,new,2", "4,four,NULL")
	if done.Stored != 3 || done.Refused != 1 || len(refused) != 1 || !strings.Contains(refused[0], "1062") {
		t.Errorf("%+v, refused %q", done, refused)
	}
}

func TestDrainInAManner(t *testing.T) {
	b := newBundle(t, changed, "INSERT INTO t VALUES (1,'old',5),(2,'old',2)")
	dir := b.abandon(`[{"id":1,"name":"a","n":4},{"id":2,"name":"b","n":3}]`, `{"id":3,"n":1}`)
	d := b.openDrain(dir)
	if err := d.Run(t.Context(), b.target(b.props("", "t", "mode", "update", "versionField", "n"))); err != nil {
		t.Fatal(err)
	}
	if c := d.Counts(); c.Received != 3 || c.Stored != 1 || c.Superseded != 2 || c.Pending != 0 {
		t.Errorf("%+v", c)
	}
	b.wantRows("SELECT * FROM t ORDER BY id", "1,old,5", "2,b,3")
	if err := b.target(b.props("", "t", "mode", "upsert", "keyField", "n")).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "an upsert finds its row by a unique key") {
		t.Errorf("check: %v", err)
	}
}

// TestAnotherModeForRowsThatWait: the rule is changed while its rows wait.
func TestAnotherModeForRowsThatWait(t *testing.T) {
	b := newBundle(t, changed, "INSERT INTO t VALUES (1,'old',1)")
	s := b.open(b.props("", "t"))
	b.collect(s, `{"id":2,"name":"before"}`)
	b.settle(s)
	b.exec("RENAME TABLE t TO away")
	b.collect(s, `{"id":1,"name":"new"}`)
	await(t, b.log.saying("needs mending"), "the table to be missed")
	b.end(s)
	s = b.open(b.props("", "t", "mode", "upsert", "keyField", "id"))
	b.exec("RENAME TABLE away TO t")
	b.collect(s, `{"id":2,"name":"after"}`)
	b.settle(s)
	b.wantRows("SELECT * FROM t ORDER BY id", "1,new,1", "2,after,NULL")
}

// TestAlteredTableInAManner: rows that were converted for the table as it was
// are converted again.
func TestAlteredTableInAManner(t *testing.T) {
	b := newBundle(t, changed, "INSERT INTO t VALUES (1,'old',1),(2,'two',2)")
	s := b.open(b.props("", "t", "rowkindField", "kind", "extraFields", "ignore"))
	b.collect(s, `{"id":1,"name":"a","kind":"update"}`)
	b.settle(s)
	b.exec("ALTER TABLE t DROP COLUMN name, ADD COLUMN extra INT FIRST")
	b.collect(s, `[{"id":1,"name":"b","n":8,"kind":"update"},{"id":2,"kind":"delete"},{"id":3,"name":"c","n":3}]`)
	b.settle(s)
	b.wantRows("SELECT id, n FROM t ORDER BY id", "1,8", "3,3")
	b.wantFates(s, 4, 0, 0)
}

// TestKeysAreFoundByIndex: the server's own count of rows read in passing.
func TestKeysAreFoundByIndex(t *testing.T) {
	const rows, written = 20000, 400
	for name, c := range map[string]struct {
		ddl, key string
		value    func(i int) string
	}{
		"a number":       {"id BIGINT PRIMARY KEY, ref INT, x INT, v INT", "id", func(i int) string { return fmt.Sprintf(`"id":%d`, i) }},
		"text":           {"id VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY, ref INT, x INT, v INT", "id", func(i int) string { return fmt.Sprintf(`"id":"%d"`, i) }},
		"text, bytewise": {"id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, ref INT, x INT, v INT", "id", func(i int) string { return fmt.Sprintf(`"id":"%d"`, i) }},
		"a decimal":      {"id DECIMAL(20,2) PRIMARY KEY, ref INT, x INT, v INT", "id", func(i int) string { return fmt.Sprintf(`"id":"%d.00"`, i) }},
		"composite":      {"id INT, ref VARCHAR(20), x INT, v INT, PRIMARY KEY (ref, id)", "id, ref", func(i int) string { return fmt.Sprintf(`"id":%d,"ref":"%d"`, i, i) }},
		"takes NULL":     {"id INT, ref INT, x INT, v INT, KEY (ref, id)", "id, ref", func(i int) string { return fmt.Sprintf(`"id":%d,"ref":%d`, i, i) }},
		"a time":         {"id DATETIME(3) PRIMARY KEY, ref INT, x INT, v INT", "id", func(i int) string { return fmt.Sprintf(`"id":%d`, (1700000000+i)*1000) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE t ("+c.ddl+")")
			b.fill(c.value, rows)
			for _, props := range [][]any{{"mode", "update"}, {"mode", "update", "versionField", "v"}, {"mode", "delete", "versionField", "v"}, {"mode", "delete"}} {
				s := b.openRule(fmt.Sprint(props...), b.props("", "t", append(props, "keyField", c.key)...))
				var list []string
				for i := range written {
					list = append(list, fmt.Sprintf(`{%s,"x":2,"v":2}`, c.value(i*37)))
				}
				b.collect(s, list[0]) // reads what it needs to know of the table
				b.settle(s)
				before := b.scanned()
				b.collect(s, "["+strings.Join(list[1:], ",")+"]")
				b.settle(s)
				if n := b.scanned() - before; n > rows/2 {
					t.Errorf("%v: the server read %d rows one after the other to write %d", props, n, written)
				}
				b.end(s)
			}
			b.wantRows("SELECT COUNT(*), COALESCE(SUM(x), 0) FROM t", fmt.Sprint(rows-written, ",", rows-written))
		})
	}
}

// fill gives the table rows with x and v of 1.
func (b *bundle) fill(value func(i int) string, rows int) {
	b.t.Helper()
	s := b.openRule("fill", b.props("", "t"))
	for from := 0; from < rows; from += 1000 {
		var list []string
		for i := range 1000 {
			list = append(list, fmt.Sprintf(`{%s,"x":1,"v":1}`, value(from+i)))
		}
		b.collect(s, "["+strings.Join(list, ",")+"]")
	}
	b.settle(s)
	b.end(s)
	b.exec("ANALYZE TABLE t")
}

// scanned is how many rows the server has read without an index.
func (b *bundle) scanned() int {
	b.t.Helper()
	line := b.query("SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'")[0]
	n, err := strconv.Atoi(line[strings.LastIndex(line, ",")+1:])
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}
