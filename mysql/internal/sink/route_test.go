package sink

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/deadletter"
)

// reasons are those of all letters on disk, in order.
func (b *bundle) reasons() (all []string) {
	b.t.Helper()
	for l, err := range deadletter.NewReader(b.folder+"/"+lettersFolder, nil).Letters(deadletter.Filter{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, l.Table+": "+l.Text)
	}
	return all
}

func TestRowsChooseTheirTable(t *testing.T) {
	for _, journal := range []string{"on", "off"} {
		t.Run("journal "+journal, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE m_a (device VARCHAR(9), x INT)", "CREATE TABLE m_b (x DOUBLE, site VARCHAR(9))", "CREATE TABLE other (x INT)")
			s := b.open(b.props("", "m_{device}", "allowedTables", "m_*", "journal", journal))
			b.collect(s,
				`[{"device":"a","x":1},{"device":"b","x":1.5},{"device":"a","x":2},{"device":"b","x":2.5,"site":"s"}]`,
				`{"device":"none","x":1}`, `{"x":1}`, `{"device":"a","x":"no number"}`, `{"device":"a","x":3}`,
				"{\"device\":\"a` (x) VALUES (1); DROP TABLE other; -- \"}", `no row`)
			b.settle(s)
			b.wantFate(s, 5, 5)
			b.wantRows("SELECT device, x FROM m_a ORDER BY x", "a,1", "a,2", "a,3")
			b.wantRows("SELECT x, site FROM m_b ORDER BY x", "1.5,NULL", "2.5,s")
			b.wantRows("SELECT COUNT(*) FROM other", "0")
			got := strings.Join(b.reasons(), "\n")
			for _, want := range []string{
				"m_none: m_none: no such table", `m_{device}: the row names no table: it has no field "device"`, `m_a: column "x": "no number"`,
				"a name with a space at an end", "m_{device}: not JSON",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("no letter says %q:\n%s", want, got)
				}
			}
		})
	}
}

func TestFieldNamesTheTable(t *testing.T) {
	b := newBundle(t, "CREATE TABLE users (id INT)", "CREATE TABLE orders (id INT, kind VARCHAR(9))", "CREATE TABLE rest (id INT)", "CREATE TABLE secret (id INT)")
	s := b.open(b.props("", b.database+".rest", "tableField", "kind", "allowedTables", []any{"users", "/ord.*/"}))
	b.collect(s, `{"kind":"users","id":1}`, `{"kind":"orders","id":2}`, `{"id":3}`, `{"kind":null,"id":4}`, `{"kind":"secret","id":5}`, `{"kind":"`+b.database+`.users","id":6}`)
	b.settle(s)
	b.wantFate(s, 4, 2)
	b.wantRows("SELECT id FROM users", "1")
	b.wantRows("SELECT id, kind FROM orders", "2,orders")
	b.wantRows("SELECT id FROM rest ORDER BY id", "3", "4")
	b.wantRows("SELECT id FROM secret")
}

// Tables are made for the names that are allowed, and for no more of them than
// maxTables. Whatever the rows say, nothing else comes to be.
func TestChosenTablesAreMade(t *testing.T) {
	b := newBundle(t, "CREATE TABLE victim (id INT)")
	s := b.open(b.props("", "m_{device}", "allowedTables", "m_*", "autoCreate", true, "maxTables", 5))
	names := []string{"a", "B", "мир", "x-1", "$9"}
	bad := []string{
		"a`", "a.b", "..", "../x", "a b", "a ", "a\u00a0", "a\u0000b", "a\n", "'", `"`, ";", "a/*", "a\\", "\U0001f600", "mysql.user", "\u202e", "a`;DROP TABLE victim;--",
		strings.Repeat("x", 63), "%", "", "a\u200b", "\ufffd",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 { // none of which can be right: it holds what no pattern takes
		var n []rune
		for range 1 + random.IntN(8) {
			n = append(n, rune(random.IntN(0x3000)))
		}
		bad = append(bad, string(n)+[]string{"`", ".", ";", " x", "\x00"}[random.IntN(5)])
	}
	rows := 0
	for _, n := range append(names, bad...) {
		b.collect(s, fmt.Sprintf(`{"device":%s,"id":1}`, quoteJSON(n)))
		rows++
	}
	b.collect(s, `{"device":"sixth","id":1}`)
	b.settle(s)
	b.wantFate(s, uint64(len(names)), uint64(len(bad)+1))
	b.wantRows("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()", fmt.Sprint(len(names)+1))
	for _, n := range names {
		b.wantRows("SELECT device, id FROM `m_"+n+"`", n+",1")
	}
	all := b.reasons()
	if last := all[len(all)-1]; !strings.Contains(last, `table "m_sixth": rows have chosen 5 tables, and maxTables is 5`) {
		t.Error(last)
	}
}

// No row reaches the ledger where other rules of the database have their places.
func TestNoRowChoosesTheLedger(t *testing.T) {
	b := newBundle(t, "CREATE TABLE ekuiper_mysql_ledger (kind VARCHAR(40), position INT)", "CREATE TABLE rest (position INT)")
	s := b.open(b.props("", "rest", "tableField", "kind", "allowedTables", "*"))
	b.collect(s, `{"kind":"ekuiper_mysql_ledger","position":9}`, `{"kind":"EKUIPER_MySQL_ledger","position":9}`, `{"position":1}`)
	b.settle(s)
	b.wantFate(s, 1, 2)
	b.wantRows("SELECT position FROM ekuiper_mysql_ledger")
	if got := strings.Join(b.reasons(), "\n"); strings.Count(got, "a table of the sink's own") != 2 {
		t.Error(got)
	}
}

func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String() + `"`
}

// A table that does not take rows stops no other: its first rows wait, those
// that follow are set aside.
func TestOneTableDoesNotStopOthers(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m_a (id INT, device VARCHAR(9))", "CREATE TABLE m_b (id INT, device VARCHAR(9))")
	poor := "poor_route"
	if err := server.CreateUser(poor, password, "SELECT, INSERT ON "+b.database+".m_a"); err != nil {
		t.Fatal(err)
	}
	b.exec(fmt.Sprintf("GRANT SELECT ON %s.m_b TO '%s'@'%%'", b.database, poor))
	props := b.props("", "m_{device}", "allowedTables", "m_*")
	props["url"] = strings.Replace(props["url"].(string), "user:", poor+":", 1)
	s := b.open(props)
	denied := b.log.saying("INSERT command denied")
	b.collect(s, `{"device":"b","id":-1}`)
	await(t, denied, "the log to tell of the table")
	const rows = 12000
	for n := range rows / 100 {
		var m []string
		for i := range 100 {
			m = append(m, fmt.Sprintf(`{"device":"b","id":%d},{"device":"a","id":%d}`, 100*n+i, 100*n+i))
		}
		b.collect(s, "["+strings.Join(m, ",")+"]")
	}
	b.eventually("SELECT COUNT(*) FROM m_a", fmt.Sprint(rows))
	b.exec(fmt.Sprintf("GRANT INSERT ON %s.m_b TO '%s'@'%%'", b.database, poor))
	b.settle(s)
	m := s.outbox.Load().meter.Snapshot()
	if m.SetAside == 0 || m.Stored+m.SetAside != 2*rows+1 || m.Stored < rows+1000 {
		t.Errorf("fate %v", m)
	}
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM m_b", fmt.Sprintf("%d,%d", m.Stored-rows, m.Stored-rows))
	for _, r := range b.reasons() {
		if !strings.Contains(r, `table "m_b" takes no rows`) {
			t.Fatal(r)
		}
	}

	// What was set aside comes back by the same way.
	b.outboxes.Close()
	c, _, err := config.Parse(props)
	if err != nil {
		t.Fatal(err)
	}
	done, err := NewTarget(c, b.log).Replay(context.Background(), deadletter.NewReader(b.folder+"/"+lettersFolder, nil), deadletter.Filter{}, 1<<62, func(l deadletter.Letter, err error) { t.Error(l.ID, err) })
	if err != nil || done.Stored != int(m.SetAside) || done.Refused != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM m_b", fmt.Sprintf("%d,%d", rows+1, rows+1))
	b.outboxes = b.newOutboxes()
}

// eventually waits until a query gives one row.
func (b *bundle) eventually(query, want string) {
	b.t.Helper()
	for range 3000 {
		if got := b.query(query); len(got) == 1 && got[0] == want {
			return
		}
	}
	b.t.Fatalf("%s: %q, want %q", query, b.query(query), want)
}

// A locked table stops no other either, and its rows wait.
func TestLockedTableDoesNotStopOthers(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m_a (id INT, device VARCHAR(9))", "CREATE TABLE m_b (id INT, device VARCHAR(9))")
	conn, err := b.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), "LOCK TABLES m_b WRITE"); err != nil {
		t.Fatal(err)
	}
	s := b.open(b.props("", "m_{device}", "allowedTables", "m_*"))
	for i := range 50 {
		b.collect(s, fmt.Sprintf(`[{"device":"b","id":%d},{"device":"a","id":%d}]`, i, i))
	}
	b.eventually("SELECT COUNT(*) FROM m_a", "50")
	if _, err := conn.ExecContext(context.Background(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	b.wantFate(s, 100, 0)
	b.wantRows("SELECT COUNT(*), MIN(id), MAX(id) FROM m_b", "50,0,49")
}

// Many tables share few connections, and each keeps its rows' order.
func TestManyTablesShareConnections(t *testing.T) {
	const tables, rows = 60, 6000
	b := newBundle(t)
	s := b.open(b.props("", "m_{device}", "allowedTables", "m_*", "autoCreate", true, "schema", `{"n":"BIGINT AUTO_INCREMENT","id":"INT"}`, "primaryKey", "n"))
	for i := range rows {
		b.collect(s, fmt.Sprintf(`{"device":%d,"id":%d}`, i%tables, i))
	}
	b.settle(s)
	b.wantFate(s, rows, 0)
	for i := range tables {
		b.wantRows(fmt.Sprintf("SELECT COUNT(*), SUM(id <> (n - 1) * %d + %d) FROM m_%d", tables, i, i), fmt.Sprintf("%d,0", rows/tables))
	}
	if m := s.outbox.Load().meter.Snapshot(); m.Connects > tables/2 {
		t.Errorf("%d connections were made", m.Connects)
	}
}

// Rows that wait when the plugin ends go where they should when it is back,
// and the drain of a rule that is no more finds their tables too.
func TestChosenTablesOverRestarts(t *testing.T) {
	b := newBundle(t)
	proxied := b.props("127.0.0.1:1", "m_{device}", "allowedTables", "m_*", "autoCreate", true) // nobody is there
	s := b.open(proxied)
	for i := range 200 {
		b.collect(s, fmt.Sprintf(`{"device":%d,"id":%d}`, i%7, i))
	}
	id := s.outbox.Load().id
	_ = s.Close(b.context("rule"))
	b.outboxes.Close()
	b.outboxes = b.newOutboxes()
	dir, err := b.outboxes.journalDir(id)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenDrain(dir, b.folder+"/"+lettersFolder, b.folder+"/spare", b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, _, err := config.Parse(b.props("", "m_{device}", "allowedTables", "m_*", "autoCreate", true))
	if err != nil {
		t.Fatal(err)
	}
	target := NewTarget(c, b.log)
	if err := target.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := d.Run(context.Background(), target); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		want := 200 / 7
		if i < 200%7 {
			want++
		}
		b.wantRows(fmt.Sprintf("SELECT COUNT(*), SUM(id %% 7 <> %d) FROM m_%d", i, i), fmt.Sprintf("%d,0", want))
	}
}

// A rule that comes back with fewer tables allowed sends no row to the others.
func TestTablesNoLongerAllowed(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m_a (id INT, device VARCHAR(9))", "CREATE TABLE m_b (id INT, device VARCHAR(9))")
	s := b.open(b.props("127.0.0.1:1", "m_{device}", "allowedTables", "m_*", "url", "user:x@tcp(127.0.0.1:1)/"+b.database))
	b.collect(s, `{"device":"a","id":1}`, `{"device":"b","id":2}`)
	_ = s.Close(b.context("rule"))
	s = b.open(b.props("127.0.0.1:1", "m_{device}", "allowedTables", "m_a", "url", "user:x@tcp(127.0.0.1:1)/"+b.database))
	b.collect(s, `{"device":"b","id":3}`)
	told := b.log.saying("it is not among allowedTables")
	await(t, told, "the row to be set aside")
}

func TestWrongRoutesAreRefused(t *testing.T) {
	for _, c := range []struct {
		props []any
		want  string
	}{
		{[]any{"table", "t_{a}"}, "property allowedTables: missing"},
		{[]any{"table", "t_{a|b}", "allowedTables", "t_*"}, "property table:"},
		{[]any{"table", "{a}.t", "allowedTables", "t_*"}, "the database is the rule's to choose"},
		{[]any{"allowedTables", "/(/", "tableField", "a"}, `property allowedTables: "/(/": no regular expression`},
		{[]any{"allowedTables", "u"}, `property table: "t" is not among allowedTables; allowed: u`},
		{[]any{"tableField", "a{b", "allowedTables", "u"}, `property tableField: "a{b"`},
	} {
		b := &bundle{t: t, journal: "off", database: "d"}
		if err := New(nil).Configure(b.props("", "t", c.props...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.props, err, c.want)
		}
	}
}
