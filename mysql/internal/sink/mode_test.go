package sink

import (
	"fmt"
	"strings"
	"testing"
)

const devices = "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT 'none', x DOUBLE, n INT NOT NULL DEFAULT 7)"

// wantFates checks the sums of the sink's rows, all of which are settled.
func (b *bundle) wantFates(s *Sink, stored, superseded, setAside uint64) {
	b.t.Helper()
	m := s.outbox.Load().meter.Snapshot()
	if m.Stored != stored || m.Superseded != superseded || m.SetAside != setAside || m.Received != stored+superseded+setAside || m.Pending != 0 {
		b.t.Errorf("fate %v; want stored %d, superseded %d, set aside %d", m, stored, superseded, setAside)
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		name                         string
		props                        []any
		ddl                          string
		seed                         string
		messages                     []string
		want                         []string
		stored, superseded, setAside uint64
	}{
		{
			name: "insertIgnore", props: []any{"mode", "insertIgnore"}, seed: "(1,'old',1,1)",
			messages: []string{`[{"id":1,"name":"new"},{"id":2,"name":"b"},{"id":2,"name":"c"},{"id":3,"name":"d"}]`, `[{"id":4,"name":"far too long for its column, by a lot"},{"id":4,"x":4},{"id":1}]`},
			want:     []string{"1,old,1,1", "2,b,NULL,7", "3,d,NULL,7", "4,none,4,7"}, stored: 3, superseded: 3, setAside: 1,
		},
		{
			name: "replace", props: []any{"mode", "replace"}, seed: "(1,'old',1,1)",
			messages: []string{`[{"id":1,"x":5},{"id":2,"name":"b"},{"id":2,"name":"c","n":3}]`},
			want:     []string{"1,none,5,7", "2,c,NULL,3"}, stored: 3,
		},
		{
			name: "upsert leaves columns that a row lacks", props: []any{"mode", "UPSERT"}, seed: "(1,'old',1,1),(2,'two',2,2)",
			messages: []string{`[{"id":1,"x":5},{"id":2,"name":"b","x":null},{"id":3,"n":3},{"id":1,"name":"later"},{"x":1},{"id":null,"x":2}]`},
			want:     []string{"1,later,5,1", "2,b,NULL,2", "3,none,NULL,3"}, stored: 4, setAside: 2,
		},
		{
			name: "update", props: []any{"mode", "update"}, seed: "(1,'old',1,1),(2,'two',2,2),(3,'three',3,3)",
			messages: []string{`[{"id":1,"x":5},{"id":2,"name":"b","x":null},{"id":9,"n":3},{"id":1,"x":6},{"id":1,"name":"later"},{"id":3}]`},
			want:     []string{"1,later,6,1", "2,b,NULL,2", "3,three,3,3"}, stored: 6,
		},
		{
			name: "update by another field", props: []any{"mode", "update", "keyField", "name"}, seed: "(1,'a',1,1),(2,'A ',2,2),(3,'c',3,3),(4,NULL,4,4)",
			messages: []string{`[{"name":"a","x":10},{"name":"c","x":11},{"name":null,"x":12},{"x":13}]`},
			want:     []string{"1,a,10,1", "2,A ,10,2", "3,c,11,3", "4,NULL,12,4"}, stored: 3, setAside: 1,
		},
		{
			name: "delete", props: []any{"mode", "delete"}, seed: "(1,'old',1,1),(2,'two',2,2),(3,'three',3,3)",
			messages: []string{`[{"id":1,"x":"not looked at"},{"id":2,"nothing":1},{"id":9}]`},
			want:     []string{"3,three,3,3"}, stored: 3,
		},
		{
			name: "kinds by row", props: []any{"rowkindField", "action", "keyField", "id"}, seed: "(1,'old',1,1),(2,'two',2,2)",
			messages: []string{`[{"id":1,"action":"delete"},{"id":1,"name":"again"},{"action":"update","id":1,"x":8},{"action":"upsert","id":2,"x":9},{"action":"insert","id":2},
				{"action":"Update","id":2},{"action":3,"id":2},{"action":null,"id":4},{"action":"delete","id":4},{"action":"update","n":1}]`},
			want: []string{"1,again,8,7", "2,two,9,2"}, stored: 6, setAside: 4,
		},
		{
			name: "expressions", props: []any{"mode", "upsert", "updateFields", map[string]any{"n": "add", "x": "max", "name": "coalesce"}}, seed: "(1,'old',1.5,1),(2,'two',NULL,2)",
			messages: []string{`[{"id":1,"n":4,"x":1,"name":null},{"id":1,"n":5,"x":3,"name":"b"},{"id":2,"n":1,"x":-1,"name":"c"},{"id":2,"n":1,"x":null,"name":null},{"id":3,"n":1}]`},
			want:     []string{"1,b,3,10", "2,c,-1,4", "3,none,NULL,1"}, stored: 5,
		},
		{
			name: "expressions of NULL", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY, name TIMESTAMP NOT NULL DEFAULT '2020-01-01', x DOUBLE NOT NULL DEFAULT 3, n INT NOT NULL DEFAULT 7)",
			props: []any{"mode", "upsert", "updateFields", map[string]any{"n": "add", "x": "max", "name": "coalesce"}}, seed: "(1,'2026-01-01',5,1)",
			messages: []string{`{"id":1,"name":null}`, `[{"id":1,"n":null,"x":null},{"id":1,"n":1,"x":9,"name":null},{"id":2,"n":null,"x":null,"name":null},{"id":3,"n":2,"x":null}]`},
			want:     []string{"1,2026-01-01 00:00:00,9,2", "2,2020-01-01 00:00:00,3,7", "3,2020-01-01 00:00:00,3,2"}, stored: 5,
		},
		{
			name: "expressions of updates", props: []any{"mode", "update", "updateFields", `{"n":"add","x":"min","*":"set"}`}, seed: "(1,'old',1.5,1),(2,'two',NULL,2),(3,'c',3,3)",
			messages: []string{`[{"id":1,"n":4,"x":1,"name":null},{"id":1,"n":5,"x":3,"name":"b"},{"id":2,"n":1,"x":-1,"name":"c"},{"id":3,"n":-1,"x":null,"name":"d"}]`},
			want:     []string{"1,b,1,10", "2,c,-1,3", "3,d,3,2"}, stored: 4,
		},
		{
			name: "updateFields and keepFields", props: []any{"mode", "upsert", "keepFields", "name"}, seed: "(1,'old',1.5,1)",
			messages: []string{`[{"id":1,"n":4,"name":"new"},{"id":2,"n":5,"name":"b"}]`, `[{"id":2,"name":"only the name"}]`},
			want:     []string{"1,old,1.5,4", "2,b,NULL,5"}, stored: 3,
		},
		{
			name: "updateFields", props: []any{"mode", "upsert", "updateFields", []any{"x", "N"}}, seed: "(1,'old',1.5,1)",
			messages: []string{`[{"id":1,"n":4,"x":2,"name":"new"},{"id":2,"n":5,"x":2,"name":"b"}]`},
			want:     []string{"1,old,2,4", "2,b,2,5"}, stored: 2,
		},
		{
			name: "newest wins", props: []any{"mode", "upsert", "versionField", "n"}, seed: "(1,'old',1.5,10),(2,'two',2,2)",
			messages: []string{`{"id":1,"n":9,"name":"older"}`, `{"id":1,"n":10,"name":"as old"}`, `[{"id":2,"n":4,"name":"d"},{"id":2,"n":3,"name":"c"},{"id":3,"n":1}]`, `[{"id":2,"n":1},{"id":1,"n":2}]`, `{"id":1,"x":1}`},
			want:     []string{"1,old,1.5,10", "2,d,2,4", "3,none,NULL,1"}, stored: 3, superseded: 4, setAside: 1,
		},
		{
			name: "newest updates win", props: []any{"mode", "update", "versionField", "n"}, seed: "(1,'old',1.5,10),(2,'two',2,2)",
			messages: []string{`[{"id":1,"n":9,"name":"older"},{"id":2,"n":4,"name":"d"},{"id":2,"n":3,"name":"c"},{"id":3,"n":1}]`, `[{"id":2,"n":4,"x":9},{"id":1,"n":11,"x":9}]`},
			want:     []string{"1,old,9,11", "2,d,2,4"}, stored: 2, superseded: 4,
		},
		{
			name: "newest deletions win", props: []any{"mode", "delete", "versionField", "n"}, seed: "(1,'old',1.5,10),(2,'two',2,2),(3,'c',3,3)",
			messages: []string{`[{"id":1,"n":9},{"id":2,"n":4},{"id":3,"n":3}]`},
			want:     []string{"1,old,1.5,10", "3,c,3,3"}, stored: 1, superseded: 2,
		},
		{
			name: "a stored NULL is older than all", props: []any{"mode", "upsert", "versionField", "x"}, seed: "(1,'old',NULL,10)",
			messages: []string{`[{"id":1,"x":-5,"name":"new"}]`, `[{"id":1,"x":-6,"name":"newer?"}]`},
			want:     []string{"1,new,-5,10"}, stored: 1, superseded: 1,
		},
		{
			name: "another unique key", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL UNIQUE, x DOUBLE, n INT)", props: []any{"mode", "upsert"}, seed: "(1,'a',1,1),(2,'b',2,2)",
			messages: []string{`[{"id":1,"name":"z","x":5},{"id":3,"name":"b","x":6},{"id":4,"name":"a","x":7},{"name":"b","x":8}]`},
			want:     []string{"1,z,5,1", "2,b,8,2", "4,a,7,NULL"}, stored: 3, setAside: 1,
		},
		{
			name: "a number that is null", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL UNIQUE, x DOUBLE, n INT)", props: []any{"mode", "upsert"}, seed: "(1,'a',1,1),(2,'b',2,2)",
			messages: []string{`{"id":null,"name":"c","x":8}`, `[{"id":null,"name":"a","x":5},{"id":7,"name":"g","x":6},{"id":null,"name":"b","x":9}]`},
			want:     []string{"1,a,5,1", "2,b,9,2", "3,c,8,NULL", "7,g,6,NULL"}, stored: 4,
		},
		{
			name: "a column that each row must have", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL)", props: []any{"rowkindField", "kind"}, seed: "(1,'a'),(2,'b')",
			messages: []string{`[{"id":1,"kind":"upsert"},{"id":2,"name":"c","kind":"upsert"},{"id":1,"kind":"update"}]`},
			want:     []string{"1,a", "2,c"}, stored: 2, setAside: 1,
		},
		{
			name: "tied by another key", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE)", props: []any{"mode", "upsert", "rowkindField", "kind"}, seed: "(1,'a'),(7,'g')",
			messages: []string{`[{"id":7,"kind":"delete"},{"id":2,"name":"a"},{"id":1,"kind":"delete"}]`}, stored: 2, setAside: 1,
		},
		{
			name: "rows that refer to others", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY, name BIGINT, FOREIGN KEY (name) REFERENCES t (id))", props: []any{"mode", "delete"}, seed: "(9,NULL),(3,9),(4,NULL)",
			messages: []string{`[{"id":9},{"id":4},{"id":3}]`}, want: []string{"9,NULL"}, stored: 2, setAside: 1,
		},
		{
			name: "another key in keyField", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL UNIQUE, x DOUBLE, n INT)", props: []any{"mode", "upsert", "keyField", "name"}, seed: "(1,'a',1,1),(2,'b',2,2)",
			messages: []string{`[{"name":"B","x":5},{"name":"c","x":6}]`},
			want:     []string{"1,a,1,1", "2,b,5,2", "3,c,6,NULL"}, stored: 2,
		},
		{
			name: "values swapped between rows", ddl: "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) UNIQUE, x DOUBLE, n INT)", props: []any{"mode", "update"}, seed: "(1,'a',1,1),(2,'b',2,2)",
			messages: []string{`[{"id":1,"name":"c"},{"id":2,"name":"a"},{"id":1,"name":"b"}]`},
			want:     []string{"1,b,1,1", "2,a,2,2"}, stored: 3,
		},
		{
			name: "composite key with text and NULL", ddl: "CREATE TABLE t (id BIGINT NULL, name VARCHAR(20) NOT NULL, x DOUBLE, n INT, KEY (id, name))", props: []any{"mode", "update", "keyField", "id, name"}, seed: "(1,'a',1,1),(1,'b',2,2),(NULL,'a',3,3)",
			messages: []string{`[{"id":1,"name":"A","x":7},{"id":null,"name":"a","x":8},{"id":1,"name":"a","x":9},{"id":1,"name":"b","x":10}]`},
			want:     []string{"NULL,a,8,3", "1,a,9,1", "1,b,10,2"}, stored: 4,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, delivery := range []string{"atLeastOnce", "exactlyOnce"} {
				t.Run(delivery, func(t *testing.T) {
					ddl := c.ddl
					if ddl == "" {
						ddl = devices
					}
					b := newBundle(t, ddl, "INSERT INTO t VALUES "+c.seed)
					s := b.open(b.props("", "t", append(c.props, "delivery", delivery)...))
					for _, m := range c.messages {
						b.collect(s, m)
						b.settle(s)
					}
					b.wantRows("SELECT * FROM t ORDER BY id, name", c.want...)
					b.wantFates(s, c.stored, c.superseded, c.setAside)
				})
			}
		})
	}
}

// TestUpsertByATimestamp never takes the row of another unique key, also where the
// server makes its clock's time of NULL.
func TestUpsertByATimestamp(t *testing.T) {
	for _, explicit := range []string{"0", "1"} {
		t.Run(explicit, func(t *testing.T) {
			b := newBundle(t)
			alone := b.alone()
			alone("SET SESSION explicit_defaults_for_timestamp = " + explicit)
			alone("CREATE TABLE t (at TIMESTAMP(3) NOT NULL, u INT NOT NULL, x INT, PRIMARY KEY (at), UNIQUE (u))")
			alone("INSERT INTO t VALUES ('2026-01-01 00:00:00.5', 7, 1), ('2026-01-02', 8, 1)")
			props := b.props("", "t", "mode", "upsert")
			props["url"] = fmt.Sprint(props["url"], "?explicit_defaults_for_timestamp=", explicit)
			s := b.open(props)
			b.collect(s, `[{"at":"2026-01-03","u":7,"x":2},{"at":"2026-01-01T00:00:00.5Z","u":7,"x":3},{"at":"2026-01-02","u":9},{"at":"2026-01-04","u":7}]`)
			b.settle(s)
			b.wantRows("SELECT * FROM t ORDER BY at", "2026-01-01 00:00:00.500,7,3", "2026-01-02 00:00:00.000,9,1")
			b.wantFates(s, 2, 0, 2)
			if n := b.log.count("another unique key of the table has the row's values"); n != 2 {
				t.Errorf("the reason is told %d times, want 2:\n%s", n, b.log)
			}
		})
	}
}

func TestModesThatTheTableCannotServe(t *testing.T) {
	for _, c := range []struct {
		name, ddl string
		props     []any
		want      string
	}{
		{"no key", "CREATE TABLE t (id INT)", []any{"mode", "upsert"}, `table \"t\" has no primary key, nor a unique key that is NOT NULL`},
		{"a nullable key", "CREATE TABLE t (id INT UNIQUE)", []any{"mode", "delete"}, "nor a unique key that is NOT NULL"},
		{"no such column", "CREATE TABLE t (id INT PRIMARY KEY)", []any{"mode", "update", "keyField", "ident"}, `keyField \"ident\": table \"t\" has no such column`},
		{"no unique key", "CREATE TABLE t (id INT PRIMARY KEY, x INT)", []any{"mode", "upsert", "keyField", "x"}, `keyField \"x\": an upsert finds its row by a unique key`},
		{"a FLOAT", "CREATE TABLE t (id INT PRIMARY KEY, x FLOAT)", []any{"mode", "update", "keyField", "x"}, `keyField \"x\": a column of type float finds no row again`},
		{"no version", "CREATE TABLE t (id INT PRIMARY KEY, x BLOB)", []any{"mode", "upsert", "versionField", "x"}, `versionField \"x\": of two values of type blob none is the newer`},
		{"no sum", "CREATE TABLE t (id INT PRIMARY KEY, x TEXT)", []any{"mode", "upsert", "updateFields", map[string]any{"x": "add"}}, `column \"x\" of type text takes no such expression`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBundle(t, c.ddl)
			s := b.open(b.props("", "t", c.props...))
			b.collect(s, `{"id":1,"x":1}`)
			await(t, b.log.saying(strings.ReplaceAll(c.want, `\"`, `"`)), c.want)
			if n := s.outbox.Load().queue.Counts().Pending; n != 1 {
				t.Errorf("%d rows wait, want 1", n)
			}
		})
	}
}

// TestUpsertsInManyBatches with rows that share columns, and rows that do not.
func TestUpsertsInManyBatches(t *testing.T) {
	b := newBundle(t, devices)
	s := b.open(b.props("", "t", "mode", "upsert", "maxBatchRows", 100))
	for round := range 3 {
		var rows []string
		for i := range 1000 {
			if i%3 == 0 {
				rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"r%d"}`, i, round))
			} else {
				rows = append(rows, fmt.Sprintf(`{"id":%d,"x":%d.5}`, i, round))
			}
		}
		b.collect(s, "["+strings.Join(rows, ",")+"]")
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*), SUM(name = 'r2'), SUM(x = 2.5) FROM t", "1000,334,666")
	b.wantFates(s, 3000, 0, 0)
}
