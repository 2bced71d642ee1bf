package sink

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// columns returns a table's columns: name, type, whether it takes NULL.
func (b *bundle) columns(table string) string {
	b.t.Helper()
	return strings.Join(b.query("SELECT CONCAT(COLUMN_NAME, ' ', COLUMN_TYPE, IF(IS_NULLABLE = 'NO', ' NOT NULL', '')) FROM information_schema.COLUMNS "+
		"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '"+table+"' ORDER BY ORDINAL_POSITION"), ", ")
}

// plain makes the columns of both servers alike: MariaDB's JSON is LONGTEXT,
// and its integers have a width.
func plain(columns string) string {
	return strings.NewReplacer("longtext", "json", "(20)", "", "(11)", "", "(10) uns", " uns").Replace(columns)
}

func TestTableIsMadeFromRows(t *testing.T) {
	for _, delivery := range []string{"atLeastOnce", "exactlyOnce"} {
		t.Run(delivery, func(t *testing.T) {
			b := newBundle(t)
			s := b.open(b.props("", "made", "autoCreate", true, "delivery", delivery, "primaryKey", "id"))
			b.collect(s,
				`[{"id":1,"temp":21,"ok":true,"name":"a","at":"2026-11-20T10:30:17.5Z","tags":["x","y"],"null":null},{"id":2,"temp":21.5,"big":18446744073709551615}]`,
				`{"id":3,"name":null,"tags":{"a":1}}`)
			b.settle(s)
			b.wantFate(s, 3, 0)
			want := "id bigint NOT NULL, temp double, ok tinyint(1), name varchar(255), at datetime(6), tags json, null text, big decimal(38,0)"
			if got := plain(b.columns("made")); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			b.wantRows("SELECT id, temp, ok, name, at, REPLACE(tags, ' ', ''), `null`, big FROM made ORDER BY id",
				`1,21,1,a,2026-11-20 10:30:17.500000,["x","y"],NULL,NULL`, "2,21.5,NULL,NULL,NULL,NULL,NULL,18446744073709551615", `3,NULL,NULL,NULL,NULL,{"a":1},NULL,NULL`)
			b.wantRows("SELECT ENGINE, TABLE_COLLATION LIKE 'utf8mb4%' FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'made'", "InnoDB,1")
			if b.log.count("did not exist and is made") != 1 {
				t.Error("the log does not say what was made")
			}
		})
	}
}

func TestTableIsMadeAsDeclared(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", "true", "primaryKey", []any{"device", "at"}, "schema", map[string]any{
		"temp": "DECIMAL(6,2)", "at": "TIMESTAMP(3)", "device": "VARCHAR(40) COLLATE utf8mb4_bin", "state": "ENUM('on','it''s off') NOT NULL DEFAULT 'on'",
	}))
	b.collect(s, `{"device":"a","at":1763634617123,"temp":20}`, `{"device":"A","at":1763634617123,"temp":20.25,"state":"it's off"}`, `{"device":"b","at":1,"other":1}`)
	b.settle(s)
	b.wantFate(s, 2, 1)
	want := "device varchar(40) NOT NULL, at timestamp(3) NOT NULL, state enum('on','it''s off') NOT NULL, temp decimal(6,2)"
	if got := b.columns("made"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	b.wantRows("SELECT device, at, temp, state FROM made ORDER BY temp", "a,2025-11-20 10:30:17.123,20.00,on", "A,2025-11-20 10:30:17.123,20.25,it's off")
}

// The key that finds a row is the table's, and what says what a row does is no column.
func TestTableIsMadeForUpserts(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true, "autoEvolve", true, "mode", "upsert", "keyField", "id", "rowkindField", "kind"))
	b.collect(s, `{"id":"a","x":1,"kind":"insert"}`, `{"id":"a","x":2}`, `{"id":"b","x":3}`, `{"id":"b","kind":"delete"}`, `{"id":"c","x":4,"y":5,"kind":"upsert"}`)
	b.settle(s)
	b.collect(s, `{"id":"c","z":"new","kind":"update"}`)
	b.settle(s)
	if got := plain(b.columns("made")); got != "id varchar(255) NOT NULL, x bigint, y bigint, z varchar(255)" {
		t.Error(got)
	}
	b.wantRows("SELECT id, x, y, z FROM made ORDER BY id", "a,2,NULL,NULL", "c,4,5,new")
}

// What columns makes of the rows is what the table is made for.
func TestTableIsMadeForMappedRows(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true, "autoEvolve", true, "columns", object{"temp": "p.t", "site": object{"value": "n"}, "rule": object{"meta": "rule"}}))
	b.collect(s, `{"id":1,"p":{"t":1}}`, `{"id":2,"p":{"t":1.5}}`)
	b.settle(s)
	b.collect(s, `{"id":3,"p":{"t":2},"new":"x"}`)
	b.settle(s)
	if got := plain(b.columns("made")); got != "id bigint, rule varchar(255), site varchar(255), temp double, new varchar(255)" {
		t.Error(got)
	}
	b.wantRows("SELECT id, rule, site, temp, new FROM made ORDER BY id", "1,rule,n,1,NULL", "2,rule,n,1.5,NULL", "3,rule,n,2,x")
}

// Names that would be SQL, were they not quoted.
func TestMadeNamesAreNoSQL(t *testing.T) {
	b := newBundle(t, "CREATE TABLE victim (id INT)")
	names := []string{"a`) ; DROP TABLE victim; -- ", "a`b", "'x'", `"y"`, "a.b", "..", "%s ?", "--", "/*", "ｓｅｌｅｃｔ", "K\u212a", "select", "a\\b", "мир"}
	var fields []string
	for i, n := range names {
		fields = append(fields, fmt.Sprintf("%q:%d", strings.TrimSpace(n), i))
	}
	row := "{" + strings.Join(fields, ",") + "}"
	s := b.open(b.props("", "`we``ird; DROP TABLE victim`", "autoCreate", true, "autoEvolve", true))
	b.collect(s, row)
	b.settle(s)
	b.collect(s, "{"+strings.ReplaceAll(strings.Join(fields, ","), `":`, `2":`)+"}")
	b.settle(s)
	b.wantFate(s, 2, 0)
	b.wantRows("SELECT COUNT(*) FROM victim", "0")
	b.wantRows("SELECT COUNT(*) FROM `we``ird; DROP TABLE victim`", "2")
	b.wantRows("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'we%'", fmt.Sprint(2*len(names)))
}

func TestDryRunsOnlyTell(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", "dryRun", "autoEvolve", "dryRun", "schema", `{"id":"INT"}`, "extraFields", "ignore"))
	told := b.log.saying("by: CREATE TABLE IF NOT EXISTS `made` (`id` INT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
	b.collect(s, `{"id":1}`)
	await(t, told, "the log to tell of the table")
	if got := b.columns("made"); got != "" {
		t.Fatalf("made: %s", got)
	}
	b.exec("CREATE TABLE made (id INT)")
	_ = s.Close(b.context("rule"))
	s = b.open(b.props("", "made", "autoEvolve", "dryRun", "extraFields", "ignore"))
	b.collect(s, `{"id":2,"x":1.5}`, `{"id":3,"x":2,"y":null}`, `{"id":4,"y":"z"}`)
	b.settle(s)
	b.wantRows("SELECT * FROM made ORDER BY id", "1", "2", "3", "4")
	for _, want := range []string{"by: ALTER TABLE `made` ADD COLUMN `x` DOUBLE NULL", "by: ALTER TABLE `made` ADD COLUMN `y` VARCHAR(255) NULL"} {
		if b.log.count(want) != 1 {
			t.Errorf("%q is %d times in the log", want, b.log.count(want))
		}
	}
}

func TestColumnsAreAdded(t *testing.T) {
	for _, c := range []struct{ delivery, extra string }{{"atLeastOnce", "error"}, {"exactlyOnce", "ignore"}} {
		t.Run(c.delivery, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE t (id INT)")
			s := b.open(b.props("", "t", "autoEvolve", true, "delivery", c.delivery, "extraFields", c.extra, "schema", `{"declared":"DECIMAL(5,1) NOT NULL"}`))
			b.collect(s, `{"id":1}`, `{"id":2,"late":null}`, `{"id":3,"x":1,"declared":7}`, `{"id":4,"x":1.5}`)
			b.settle(s)
			b.collect(s, `{"id":5,"LATE":"now","X":3}`)
			b.settle(s)
			b.wantFate(s, 5, 0)
			b.wantRows("SELECT id, x, declared, LATE FROM t ORDER BY id", "1,NULL,NULL,NULL", "2,NULL,NULL,NULL", "3,1,7.0,NULL", "4,1.5,NULL,NULL", "5,3,NULL,now")
			if got := plain(b.columns("t")); got != "id int, x double, declared decimal(5,1), LATE varchar(255)" {
				t.Error(got)
			}
		})
	}
}

// A stream of ever new names gets no more columns than maxColumns, and then
// what extraFields says.
func TestColumnsAreBounded(t *testing.T) {
	for _, extra := range []string{"error", "ignore"} {
		t.Run(extra, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE t (id INT)")
			s := b.open(b.props("", "t", "autoEvolve", true, "maxColumns", 5, "extraFields", extra))
			var rows []string
			for i := range 50 {
				rows = append(rows, fmt.Sprintf(`{"id":%d,"f%d":1}`, i, i))
			}
			b.collect(s, rows...)
			b.settle(s)
			want := uint64(4)
			if extra == "ignore" {
				want = 50
			}
			b.wantFate(s, want, 50-want)
			b.wantRows("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 't'", "5")
			if b.log.count("maxColumns is 5") != 1 {
				t.Errorf("the log tells %d times of the bound", b.log.count("maxColumns is 5"))
			}
		})
	}
}

// Processes that find the table, and later columns, missing at the same time.
func TestTwoBoxesMakeTheSame(t *testing.T) {
	b := newBundle(t)
	const boxes, rows = 4, 20
	var all []*Outboxes
	for range boxes {
		dir := t.TempDir()
		all = append(all, NewOutboxes(func() (string, error) { return dir, nil }))
	}
	sinks := make([]*Sink, boxes)
	for i, o := range all {
		sinks[i] = New(o)
		if err := sinks[i].Configure(b.props("", "made", "autoCreate", true, "autoEvolve", true)); err != nil {
			t.Fatal(err)
		}
		if err := sinks[i].Open(b.context("rule")); err != nil {
			t.Fatal(err)
		}
	}
	for _, field := range []string{"a", "b"} {
		var work sync.WaitGroup
		for i, s := range sinks {
			work.Go(func() {
				for n := range rows {
					// All share a field, and each has one of its own.
					if err := s.Collect(b.context("rule"), fmt.Appendf(nil, `{"id":%d,%q:1.5,"%s%d":"x"}`, n, field, field, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		work.Wait()
		for _, s := range sinks {
			b.settle(s)
		}
	}
	for i, s := range sinks {
		b.wantFate(s, 2*rows, 0)
		_ = s.Close(b.context("rule"))
		all[i].Close()
	}
	b.wantRows("SELECT COUNT(*), COUNT(a), COUNT(b), COUNT(a0), COUNT(b3) FROM made", fmt.Sprintf("%d,%d,%d,%d,%d", 2*boxes*rows, boxes*rows, boxes*rows, rows, rows))
}

// A user without the right to it is told the statement, and rows wait until an
// administrator has run it, or has granted the right.
func TestUserWhoMayNotMakeTables(t *testing.T) {
	b := newBundle(t)
	b.exec("CREATE TABLE other (id INT)")
	poor := "poor_" + b.database
	if len(poor) > 30 {
		poor = poor[:30]
	}
	b.exec(fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", poor, password))
	t.Cleanup(func() { _, _ = b.db.Exec(fmt.Sprintf("DROP USER '%s'@'%%'", poor)) })
	b.exec(fmt.Sprintf("GRANT INSERT, SELECT ON %s.* TO '%s'@'%%'", b.database, poor))
	props := b.props("", "made", "autoCreate", true, "autoEvolve", true)
	props["url"] = strings.Replace(props["url"].(string), "user:", poor+":", 1)
	denied := b.log.saying("grant CREATE on it to the rule's user, or let an administrator run: CREATE TABLE IF NOT EXISTS `made` (`id` BIGINT NULL)")
	s := b.open(props)
	b.collect(s, `{"id":1}`)
	await(t, denied, "the log to tell what is missing")
	b.exec("CREATE TABLE made (id BIGINT)")
	b.settle(s)
	denied = b.log.saying("grant ALTER on it to the rule's user, or let an administrator run: ALTER TABLE `made` ADD COLUMN `x` BIGINT NULL")
	b.collect(s, `{"id":2,"x":5}`)
	await(t, denied, "the log to tell what is missing")
	b.exec(fmt.Sprintf("GRANT ALTER ON %s.made TO '%s'@'%%'", b.database, poor))
	b.settle(s)
	b.wantFate(s, 2, 0)
	b.wantRows("SELECT id, x FROM made ORDER BY id", "1,NULL", "2,5")
}

// One connection is enough: the writer gives its own up for the statement.
func TestTablesAreMadeOverOneConnection(t *testing.T) {
	b := newBundle(t)
	single := "single_user"
	b.exec(fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s' WITH MAX_USER_CONNECTIONS 1", single, password))
	t.Cleanup(func() { _, _ = b.db.Exec(fmt.Sprintf("DROP USER '%s'@'%%'", single)) })
	b.exec(fmt.Sprintf("GRANT ALL ON %s.* TO '%s'@'%%'", b.database, single))
	props := b.props("", "made", "autoCreate", true, "autoEvolve", true)
	props["url"] = strings.Replace(props["url"].(string), "user:", single+":", 1)
	s := b.open(props)
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.collect(s, `{"id":2,"x":5}`)
	b.settle(s)
	b.wantRows("SELECT id, x FROM made ORDER BY id", "1,NULL", "2,5")
}

// A table that is dropped while rows are written is made again.
func TestDroppedTableIsMadeAgain(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.exec("DROP TABLE made")
	b.collect(s, `{"id":2}`)
	b.settle(s)
	b.wantFate(s, 2, 0)
	b.wantRows("SELECT id FROM made", "2")
}

// Rows from which nothing can be made do not hold up the others.
func TestRowsThatTellNothing(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true))
	b.collect(s, `[{},{"":1}]`)
	b.settle(s)
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.wantFate(s, 1, 2)
	b.wantRows("SELECT id FROM made", "1")
}

func TestWrongPlansAreRefused(t *testing.T) {
	for _, c := range []struct {
		props []any
		want  string
	}{
		{[]any{"autoCreate", "maybe"}, `property autoCreate: "maybe"; allowed: true, false, dryRun`},
		{[]any{"autoCreate", true, "schema", map[string]any{"a": "INT; DROP TABLE t"}}, `property schema: column "a": "INT; DROP TABLE t": ";" has no place in a type; allowed: a type such as`},
		{[]any{"autoCreate", true, "schema", "[1]"}, `property schema: "[1]": not the text of a JSON object; allowed: an object`},
		{[]any{"schema", map[string]any{"a": "INT"}}, "property schema: nothing is made with it"},
		{[]any{"primaryKey", "a"}, "property primaryKey: no table is made with it"},
		{[]any{"autoCreate", true, "primaryKey", "a,,b"}, `property primaryKey: "a,,b": an empty name`},
		{[]any{"autoCreate", true, "primaryKey", []any{"a", 5}}, `property primaryKey: a value of type list: a list with what is no name`},
		{[]any{"autoEvolve", true, "maxColumns", 5000}, "property maxColumns: 5000; allowed: 1 to 1017"},
	} {
		b := &bundle{t: t, journal: "off", database: "d"}
		if err := New(nil).Configure(b.props("", "t", c.props...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.props, err, c.want)
		}
	}
}

// The retention recipe of docs/recipes.md, as it stands there.
func TestRetentionRecipe(t *testing.T) {
	page, err := os.ReadFile("../../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, found := strings.Cut(string(page), "<!-- retention -->\n\n```sql\n")
	recipe, _, closed := strings.Cut(recipe, "```")
	if !found || !closed {
		t.Fatal("docs/recipes.md has no recipe")
	}
	b := newBundle(t, "CREATE TABLE metrics (id BIGINT, at DATETIME(6), INDEX (at))",
		"INSERT INTO metrics VALUES (1, UTC_TIMESTAMP(6) - INTERVAL 31 DAY), (2, UTC_TIMESTAMP(6) - INTERVAL 29 DAY)")
	for statement := range strings.SplitSeq(recipe, ";\n\n") {
		b.exec(statement)
	}
	var body string
	if err := b.db.QueryRow("SELECT EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?", b.database).Scan(&body); err != nil {
		t.Fatal(err)
	}
	b.exec(body) // as the server does, every minute
	b.wantRows("SELECT id FROM metrics", "2")
}

// TestKeyThatALaterRowTellsOf: rows that lack the key wait for one that has it, which tells its type.
func TestKeyThatALaterRowTellsOf(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "t", "autoCreate", true, "primaryKey", "id"))
	b.collect(s, `{"x":1}`)
	await(t, b.log.saying("no row that waits has such a field"), "the log to ask for the key")
	b.collect(s, `{"id":"a","x":2}`)
	b.settle(s)
	b.wantRows("SELECT x, id FROM t", "2,a")
	b.wantFate(s, 1, 1)
}
