package check

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/certificates"
	"ekuiper-mysql/test/mariadb"
)

// inOrder are all steps, once each, of a url with one host.
var inOrder = []string{
	properties, files, resolve, connect, tlsStep, login, takesRows, server, sqlMode, timeZone, clock, packet, database, table, keys, row, statements, road, privileges, disk,
}

// TestAllIsWell: all steps are told, in one order, and nothing is written.
func TestAllIsWell(t *testing.T) {
	b := newBundle(t, "CREATE TABLE @.t (id BIGINT PRIMARY KEY, name VARCHAR(50), t DATETIME(3), x DECIMAL(10,2) NOT NULL DEFAULT 1)")
	written := func() string {
		rows, err := b.server.DB().Query("SHOW GLOBAL STATUS WHERE Variable_name REGEXP '^Com_(insert|replace|update|delete|load|create_table|alter_table|drop_table|insert_select)$'")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var all []string
		for rows.Next() {
			var name, value string
			if err := rows.Scan(&name, &value); err != nil {
				t.Fatal(err)
			}
			all = append(all, name+"="+value)
		}
		if len(all) < 8 {
			t.Fatalf("too few counters: %q", all)
		}
		return strings.Join(all, " ")
	}
	before := written()
	steps := b.run(b.props("t", "maxJournalBytes", "1MiB"), `{"id":1,"name":"a","t":"2026-11-21T10:00:00.5Z","x":1.50}`)
	if after := written(); after != before {
		t.Errorf("the server counts\n%s\nafter\n%s", after, before)
	}
	b.wantAll(steps, nil)
	var names []string
	for _, s := range steps {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, inOrder) {
		t.Errorf("steps %q\nwant  %q", names, inOrder)
	}
	b.want(steps, properties, OK, "valid, for "+own.Addr()+"/"+b.database, "")
	b.want(steps, connect, OK, "greeted by ", "")
	b.want(steps, tlsStep, OK, "nothing leaves this machine", "")
	b.want(steps, login, OK, "as user@%", "")
	b.want(steps, sqlMode, OK, "STRICT_ALL_TABLES", "")
	b.want(steps, clock, OK, "give or take", "")
	b.want(steps, table, OK, "t has 4 columns, primary key id, engine InnoDB, atomic", "")
	b.want(steps, row, OK, "1 row fits", "")
	b.want(steps, privileges, OK, "INSERT on t, SELECT on t", "")
	if s, _ := find(steps, statements); !slices.Equal(s.SQL, []string{"INSERT INTO `t` (`id`,`name`,`t`,`x`) VALUES (?,?,?,?)"}) {
		t.Errorf("statements %q", s.SQL)
	}
	s, _ := find(steps, row)
	var got []string
	for _, f := range s.Fields {
		got = append(got, fmt.Sprintf("%s %s %s %s", f.Field, f.Column, f.Type, *f.Value))
	}
	if want := []string{"id id bigint", "name name varchar(50) a", "t t datetime(3) 2026-11-21 10:00:00.500", "x x decimal(10,2) 1.50"}; len(got) != 4 || !strings.HasPrefix(got[0], want[0]) || !slices.Equal(got[1:], want[1:]) {
		t.Errorf("fields %q, want %q", got, want)
	}
}

// TestWayToTheServer: what keeps an action from its server is found where it is, with its remedy.
func TestWayToTheServer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	silent := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	web := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) })
	own := own.Addr()
	secrets := t.TempDir()
	t.Setenv("EKUIPER_MYSQL_SECRETS", secrets)
	for _, c := range []struct {
		name           string
		url            string // user and all; ADDR is the server
		more           []any
		step           string
		detail, remedy string
		timeout        time.Duration
	}{
		{name: "wrong password", url: "user:zq7@tcp(ADDR)/DB", step: login, detail: "Access denied for user 'user'", remedy: "user and password are of no account that may come from this machine: correct them; an account that requires TLS"},
		{name: "no password", url: "user@tcp(ADDR)/DB", step: login, detail: "Access denied", remedy: "no password was given: set passwordFile or passwordEnv"},
		{name: "no such user", url: "nobody:" + password + "@tcp(ADDR)/DB", step: login, detail: "Access denied for user 'nobody'", remedy: "correct them"},
		{name: "no such host", url: "user:" + password + "@tcp(no-such-host.invalid:3306)/DB", step: resolve, detail: "no-such-host.invalid", remedy: "enter it in the name server or in /etc/hosts"},
		{name: "closed port", url: "user:" + password + "@tcp(" + nobody + ")/DB", step: connect, detail: "connection refused", remedy: "nobody listens there: start the server, correct the port"},
		{name: "silence", url: "user:" + password + "@tcp(" + silent + ")/DB", step: connect, detail: "no answer within 100ms", remedy: "see whether a firewall is in between", timeout: 100 * time.Millisecond},
		{name: "another protocol", url: "user:" + password + "@tcp(" + web + ")/DB", step: connect, detail: "does not speak MySQL's protocol", remedy: "correct the property url"},
		{name: "no such socket", url: "user:" + password + "@unix(/nowhere/mysql.sock)/DB", step: connect, detail: "/nowhere/mysql.sock", remedy: "there is no such socket: start the server, or correct the path"},
		{name: "no such file", url: "user@tcp(ADDR)/DB", more: []any{"passwordFile", "none"}, step: files, detail: "no such file", remedy: "the user that eKuiper runs as must be able to read it; a password is looked for with the variables of this command"},
		{name: "no such variable", url: "user@tcp(ADDR)/DB", more: []any{"passwordEnv", "MYSQL_NOT_SET_HERE"}, step: properties, detail: `the variable "MYSQL_NOT_SET_HERE" is not set`, remedy: "with the variables of this command: give it those that eKuiper has"},
		{name: "no such property value", url: "user:" + password + "@tcp(ADDR)/DB", more: []any{"mode", "upsrt"}, step: properties, detail: `property mode: "upsrt"; allowed: insert`, remedy: "correct the action"},
		{name: "a wrong plan", url: "user:" + password + "@tcp(ADDR)/DB", more: []any{"errors", map[string]any{"x": "retry"}}, step: properties, detail: "property errors", remedy: "correct the action"},
		{name: "a session variable that is none", url: "user:" + password + "@tcp(ADDR)/DB?no_such_variable=1", step: login, detail: "no_such_variable", remedy: "a session variable of the url or of initSql is not one that this server takes"},
		{name: "initSql", url: "user:" + password + "@tcp(ADDR)/DB", more: []any{"initSql", "SELECT 'zq7secret' FROM nowhere.nothing"}, step: login, detail: "initSql statement 1", remedy: "correct initSql or the variables of the url, or grant what it asks for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE @.t (id BIGINT PRIMARY KEY)")
			if b.timeout = c.timeout; c.timeout == 0 {
				b.timeout = 30 * time.Second
			}
			props := b.props("t", append(c.more, "url", strings.NewReplacer("ADDR", own, "DB", b.database).Replace(c.url))...)
			steps := b.run(props, `{"id":1}`)
			b.want(steps, c.step, Failed, c.detail, c.remedy)
			after := slices.Index(inOrder, c.step) + 1
			for _, name := range inOrder[after:] {
				s, found := find(steps, name)
				if name == disk && c.step != properties {
					continue
				}
				if !found || s.Status != Skipped || !strings.Contains(s.Detail, "the step "+c.step+", which failed") {
					t.Errorf("after %s, %s: %+v", c.step, name, s)
				}
			}
			if n := Count(steps)[Failed]; n != 1 {
				t.Errorf("%d steps failed", n)
			}
		})
	}
}

// listen serves connections until the test ends.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// TestTable: what is wrong with tables, rows, modes and privileges.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		name   string
		ddl    []string
		table  string
		more   []any
		rows   string
		others map[string]Status // steps that do not end well
		step   string
		detail string
		remedy string
		sql    string
	}{
		{
			name: "no table", table: "absent", rows: `{"id":1}`, others: map[string]Status{table: Failed, keys: Skipped, row: Skipped, statements: Skipped, road: Skipped},
			step: table, detail: "absent: no such table", remedy: "mysql ddl prints a statement from sample rows",
		},
		{
			name: "autoCreate", table: "absent", more: []any{"autoCreate", "true", "primaryKey", "id"}, rows: `[{"id":1,"x":1.5},{"id":2,"name":"a"}]`,
			step: table, detail: "does not exist; autoCreate would make it, of these 2 rows, with 3 columns", sql: "CREATE TABLE IF NOT EXISTS `absent` (`id` BIGINT NOT NULL",
		},
		{
			name: "autoCreate, upsert", table: "absent", more: []any{"autoCreate", "true", "primaryKey", "id", "mode", "upsert"}, rows: `{"id":1,"x":1.5}`,
			step: statements, detail: "the table is not made yet", sql: "INSERT INTO `absent` (`id`,`x`) VALUES (?,?)",
		},
		{
			name: "autoCreate dry", table: "absent", more: []any{"autoCreate", "dryRun"}, rows: `{"id":1,"x":1.5}`, others: map[string]Status{table: Warning},
			step: table, detail: "does not exist", remedy: "autoCreate is dryRun, which makes nothing",
		},
		{
			name: "autoCreate without rows", table: "absent", more: []any{"autoCreate", "true"}, others: map[string]Status{table: Warning, keys: Skipped, row: Skipped, statements: Skipped, road: Skipped},
			step: table, detail: "does not exist, and autoCreate is on", remedy: "give sample rows with --row",
		},
		{
			name: "autoEvolve", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, more: []any{"autoEvolve", "true"}, rows: `{"id":1,"x":1.5}`,
			step: row, detail: "1 row fits",
		},
		{
			name: "no row", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY, name TEXT, twice INT AS (id * 2))"}, others: map[string]Status{row: Skipped},
			step: statements, detail: "the server takes it, and was not asked to run it", sql: "INSERT INTO `t` (`id`,`name`) VALUES (?,?)",
		},
		{
			name: "an unfit value", table: "t", ddl: []string{"CREATE TABLE @.t (id TINYINT PRIMARY KEY)"}, rows: `[{"id":1},{"id":300}]`, others: map[string]Status{row: Failed},
			step: row, detail: `1 row fits, 1 would be set aside: row 2: column "id"`, remedy: "what is set aside becomes a dead letter",
		},
		{
			name: "a field without a column", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, rows: `{"id":1,"xyz":2}`, others: map[string]Status{row: Failed, statements: Skipped},
			step: row, detail: `row 1: field "xyz": table "t" has no such column`, remedy: "extraFields",
		},
		{
			name: "a field that is dropped", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, more: []any{"extraFields", "ignore"}, rows: `{"id":1,"xyz":2}`, others: map[string]Status{row: Warning},
			step: row, detail: "1 fields have no column and are dropped", remedy: "extraFields is ignore",
		},
		{
			name: "a column without a field", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY, must INT NOT NULL)"}, rows: `{"id":1}`, others: map[string]Status{row: Failed, statements: Skipped},
			step: row, detail: "row 1: the table wants must, which the row has not and which has no default",
		},
		{
			name: "no row in the sample", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, rows: ` `, others: map[string]Status{row: Warning, statements: Skipped},
			step: row, detail: "the sample has no row", remedy: "at least one JSON object",
		},
		{
			name: "what is no row", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, rows: `[1,{"id":1}] {`, others: map[string]Status{row: Failed},
			step: row, detail: "1 row fits, 2 would be set aside: row 1:",
		},
		{
			name: "mapping", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY, temp DOUBLE, rule VARCHAR(50) NOT NULL)"},
			more: []any{"columns", map[string]any{"temp": "payload.t", "rule": map[string]any{"meta": "rule"}}, "otherFields", "byName"}, rows: `{"id":1,"payload":{"t":"1e2"}}`,
			step: statements, sql: "INSERT INTO `t` (`id`,`rule`,`temp`)",
		},
		{
			name: "upsert without a key", table: "t", ddl: []string{"CREATE TABLE @.t (id INT)"}, more: []any{"mode", "upsert"}, rows: `{"id":1}`,
			others: map[string]Status{table: Warning, keys: Failed, row: Skipped, statements: Skipped, road: OK},
			step:   keys, detail: "no primary key", remedy: "docs/modes.md",
		},
		{
			name: "upsert", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY, n INT)"}, more: []any{"mode", "upsert"}, rows: `{"id":1,"n":2}`,
			step: statements, sql: "ON DUPLICATE KEY UPDATE",
		},
		{
			name: "delete", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY, n INT)"}, more: []any{"mode", "delete"}, rows: `{"id":1,"n":2}`,
			step: statements, sql: "DELETE FROM `t` WHERE `id` IN (",
		},
		{
			name: "exactly once without transactions", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY) ENGINE=MyISAM"}, more: []any{"delivery", "exactlyOnce"}, rows: `{"id":1}`, others: map[string]Status{table: Failed, road: Skipped},
			step: table, detail: "not atomic", remedy: "ALTER TABLE `t` ENGINE=InnoDB",
		},
		{
			name: "a view without transactions", table: "v", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY) ENGINE=MyISAM", "CREATE VIEW @.v AS SELECT id FROM @.t"}, rows: `{"id":1}`, others: map[string]Status{table: Warning},
			step: table, detail: "engine MyISAM of the view's table testtable_", remedy: "`.`t` ENGINE=InnoDB",
		},
		{
			name: "a unique key alone", table: "t", ddl: []string{"CREATE TABLE @.t (id INT NOT NULL UNIQUE)"}, rows: `{"id":1}`,
			step: table, detail: "no primary key, but a unique one, id, engine InnoDB",
		},
		{
			name: "a unique key that takes NULL", table: "t", ddl: []string{"CREATE TABLE @.t (id INT UNIQUE)"}, rows: `{"id":1}`, others: map[string]Status{table: Warning},
			step: table, detail: "no primary key, engine InnoDB", remedy: "or a unique one that is NOT NULL",
		},
		{
			name: "rows that choose", table: "m_{id}", ddl: []string{"CREATE TABLE @.m_1 (id INT PRIMARY KEY)"}, more: []any{"allowedTables", "m_*"}, rows: `{"id":1}`,
			step: table, detail: "m_1 has 1 columns",
		},
		{
			name: "rows that choose, none given", table: "m_{id}", more: []any{"allowedTables", "m_*"}, others: map[string]Status{table: Warning, keys: Skipped, row: Skipped, statements: Skipped, road: Skipped, privileges: Skipped},
			step: table, detail: "rows choose their table", remedy: "give sample rows with --row",
		},
		{
			name: "rows that choose what is not allowed", table: "m_{id}", more: []any{"allowedTables", "n_*"}, rows: `{"id":1}`, others: map[string]Status{table: Failed, keys: Skipped, row: Skipped, statements: Skipped, road: Skipped, privileges: Skipped},
			step: table, detail: "it is not among allowedTables", remedy: "correct table, tableField or allowedTables",
		},
		{
			name: "road load", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY) ENGINE=MyISAM"}, more: []any{"road", "load"}, rows: `{"id":1}`, others: map[string]Status{table: Warning, road: Warning},
			step: road, detail: "batches go by INSERT although road is load", remedy: "set road to auto",
		},
		{
			name: "journal off", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, more: []any{"journal", "off"}, rows: `{"id":1}`, others: map[string]Status{disk: Warning},
			step: disk, detail: "lost when the plugin ends", remedy: "leave journal out",
		},
		{
			name: "a disk that is too small", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, more: []any{"maxJournalBytes", "1048576GiB"}, rows: `{"id":1}`, others: map[string]Status{disk: Warning},
			step: disk, detail: "maxJournalBytes 1048576.0 GiB", remedy: "the disk is full before the journal is",
		},
		{
			name: "an unknown property", table: "t", ddl: []string{"CREATE TABLE @.t (id INT PRIMARY KEY)"}, more: []any{"tabel", "x"}, rows: `{"id":1}`, others: map[string]Status{properties: Warning},
			step: properties, detail: "did you mean table?", remedy: "correct or remove",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBundle(t, c.ddl...)
			props := b.props(c.table, append([]any{"maxJournalBytes", "1MiB"}, c.more...)...)
			steps := b.run(props, c.rows)
			b.wantAll(steps, c.others)
			status := OK
			if s, other := c.others[c.step]; other {
				status = s
			}
			b.want(steps, c.step, status, c.detail, c.remedy)
			if s, _ := find(steps, c.step); c.sql != "" && !strings.Contains(strings.Join(s.SQL, "\n"), c.sql) {
				t.Errorf("%s: %q, want %q in it", c.step, s.SQL, c.sql)
			}
			if _, err := os.Stat(filepath.Join(b.folder, "journal")); err == nil {
				t.Error("a journal was made")
			}
		})
	}
}

// TestDatabaseThatIsNotThere: the server is looked at all the same.
func TestDatabaseThatIsNotThere(t *testing.T) {
	b := newBundle(t)
	steps := b.run(b.props("t", "url", fmt.Sprintf("user:%s@tcp(%s)/nowhere", password, own.Addr())), "")
	b.want(steps, database, Failed, "Unknown database 'nowhere'", "CREATE DATABASE `nowhere`")
	b.want(steps, sqlMode, OK, "STRICT", "")
	b.want(steps, table, Skipped, "the step database", "")
}

// TestPrivileges: what is missing is told with the statement that grants it.
func TestPrivileges(t *testing.T) {
	b := newBundle(t, "CREATE TABLE @.t (id INT PRIMARY KEY, n INT)", "CREATE TABLE @.u (id INT PRIMARY KEY)")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(own.CreateUser("poor", password, "INSERT ON "+b.database+".t", "SELECT ON "+b.database+".u"))
	url := fmt.Sprintf("poor:%s@tcp(%s)/%s", password, own.Addr(), b.database)

	steps := b.run(b.props("t", "url", url), `{"id":1,"n":1}`)
	b.wantAll(steps, map[string]Status{privileges: Warning})
	b.want(steps, privileges, Warning, "there: INSERT on t; missing: SELECT on t, without which a row that may have been stored before",
		"GRANT SELECT ON `"+b.database+"`.`t` TO 'poor'@'%'")

	b.exec("CREATE TABLE `" + b.database + "`.v (id INT NOT NULL UNIQUE)")
	b.exec("GRANT INSERT ON `" + b.database + "`.v TO poor@'%'")
	b.want(b.run(b.props("v", "url", url), `{"id":1}`), privileges, Warning, "missing: SELECT on v, without which a row that may have been stored before", "GRANT SELECT")

	steps = b.run(b.props("u", "url", url), `{"id":1}`)
	b.want(steps, privileges, Failed, "missing: INSERT on u, without which no row is written", "GRANT INSERT ON `"+b.database+"`.`u` TO 'poor'@'%'")
	b.want(steps, statements, Failed, "INSERT command denied", "GRANT INSERT ON `"+b.database+"`.`u` TO 'poor'@'%'")

	steps = b.run(b.props("t", "url", url, "delivery", "exactlyOnce", "deadLetterTable", "letters"), `{"id":1}`)
	b.want(steps, privileges, Failed, "CREATE on ekuiper_mysql_ledger, without which the ledger is not made", "GRANT UPDATE ON `"+b.database+"`.`ekuiper_mysql_ledger`")
	b.want(steps, privileges, Failed, "INSERT on letters, without which dead letters are on disk alone", "")

	steps = b.run(b.props("t", "url", url, "mode", "upsert"), `{"id":1,"n":1}`)
	b.want(steps, statements, Failed, "denied", "GRANT INSERT, UPDATE, SELECT ON")

	b.exec("CREATE ROLE IF NOT EXISTS checker")
	b.exec("GRANT ALL PRIVILEGES ON `" + strings.ReplaceAll(b.database, "_", `\_`) + "`.* TO checker")
	must(own.CreateUser("played", password))
	b.exec("GRANT checker TO played@'%'")
	steps = b.run(b.props("t", "url", fmt.Sprintf("played:%s@tcp(%s)/%s", password, own.Addr(), ""), "table", b.database+".t", "initSql", "SET ROLE checker"), `{"id":1,"n":1}`)
	b.want(steps, privileges, OK, "INSERT on", "")
	b.want(steps, statements, OK, "the server takes it", "")
}

// TestServerThatTakesNoRows: a read-only server is none for a single host, and
// passed over for several.
func TestServerThatTakesNoRows(t *testing.T) {
	b := newBundle(t)
	other := mariadb.Start(t, "--read-only=ON")
	if err := other.CreateUser("user", password, "ALL PRIVILEGES ON *.*"); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("user:%s@tcp(%s)/%s", password, other.Addr(), "mysql")
	steps := b.run(b.props("t", "url", url), "")
	b.want(steps, takesRows, Failed, "read_only is ", "name a host that takes rows")
	b.want(steps, server, OK, ", ", "") // the rest is looked at all the same

	b.exec("CREATE TABLE `" + b.database + "`.t (id INT PRIMARY KEY)")
	both := fmt.Sprintf("user:%s@tcp(%s,%s)/%s", password, other.Addr(), own.Addr(), b.database)
	if err := other.Exec("CREATE DATABASE `" + b.database + "`"); err != nil {
		t.Fatal(err)
	}
	steps = b.run(b.props("t", "url", both), `{"id":1}`)
	if n := Count(steps)[Failed]; n != 0 {
		t.Errorf("%d steps failed: %+v", n, steps)
	}
	b.want(steps, takesRows, Warning, "read_only is ", "")
	b.want(steps, statements, OK, "the server takes it", "")
}

// TestEncryption: what the server shows, and what is wrong with it.
func TestEncryption(t *testing.T) {
	b := newBundle(t)
	ca, stranger := certificates.New(t, "ca"), certificates.New(t, "stranger")
	secured := func(until time.Time, name string) *mariadb.Server {
		dir, pair := t.TempDir(), ca.Issue(name, until)
		write := func(name, text string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		s := mariadb.Start(t, "--ssl-ca="+write("ca.pem", ca.PEM), "--ssl-cert="+write("cert.pem", pair.Cert), "--ssl-key="+write("key.pem", pair.Key))
		if err := s.CreateUser("user", password, "ALL PRIVILEGES ON *.*"); err != nil {
			t.Fatal(err)
		}
		return s
	}
	good, expired := secured(time.Now().Add(40*24*time.Hour), "127.0.0.1"), secured(time.Now().Add(-time.Minute), "127.0.0.1")
	ending := secured(time.Now().Add(50*time.Hour), "db.example")
	for _, c := range []struct {
		name           string
		of             *mariadb.Server
		more           []any
		status         Status
		detail, remedy string
	}{
		{"verified", good, []any{"tls", "verifyIdentity", "tlsCa", ca.PEM}, OK, "TLS 1.3, ", ""},
		{"verified, days", good, []any{"tls", "verifyIdentity", "tlsCa", ca.PEM}, OK, "(39 days), for 127.0.0.1; CA and name are verified", ""},
		{"the CA alone", good, []any{"tls", "verifyCA", "tlsCa", ca.PEM}, OK, "the CA is verified, the name is not", ""},
		{"not verified", good, []any{"tls", "required"}, Warning, "not verified: tls is required", "set tls to verifyIdentity"},
		{"of a stranger", good, []any{"tls", "verifyIdentity", "tlsCa", stranger.PEM}, Failed, "certificate of CN=127.0.0.1, issued by CN=ca", "name the certificate of the CA that issued it as tlsCa"},
		{"of a stranger, verifyCA", good, []any{"tls", "verifyCA", "tlsCa", stranger.PEM}, Failed, "unknown authority", "tlsCa"},
		{"another name", ending, []any{"tls", "verifyIdentity", "tlsCa", ca.PEM}, Failed, "", "the certificate is for db.example: write one of these as the url's host, or into tlsServerName"},
		{"ends soon", ending, []any{"tls", "verifyIdentity", "tlsCa", ca.PEM, "tlsServerName", "db.example"}, Warning, "(2 days)", "renew the server's certificate before it ends"},
		{"expired", expired, []any{"tls", "verifyIdentity", "tlsCa", ca.PEM}, Failed, "expired", "renew the server's certificate; where it is valid, set this machine's clock right"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := *b
			b.T, b.server = t, c.of
			url := fmt.Sprintf("user:%s@tcp(%s)/mysql", password, c.of.Addr())
			steps := b.run(b.props("t", append(c.more, "url", url)...), "")
			b.want(steps, tlsStep, c.status, c.detail, c.remedy)
			if c.status == Failed {
				b.want(steps, login, Skipped, "the step tls", "")
			} else {
				b.want(steps, login, OK, "as user@%", "")
			}
		})
	}
	t.Run("a server without", func(t *testing.T) {
		b := *b
		b.T = t
		flag := "--skip-ssl"
		if !isMariaDB(&b) {
			flag = "--tls-version="
		}
		bare := mariadb.Start(t, flag)
		if err := bare.CreateUser("user", password, "ALL PRIVILEGES ON *.*"); err != nil {
			t.Fatal(err)
		}
		url := fmt.Sprintf("user:%s@tcp(%s)/mysql", password, bare.Addr())
		steps := b.run(b.props("t", "url", url, "tls", "required"), "")
		b.want(steps, tlsStep, Failed, "does not support TLS", "the server has TLS switched off")
	})
}

// TestInterrupted: a check ends when it is told to.
func TestInterrupted(t *testing.T) {
	b := newBundle(t)
	ctx, cancel := context.WithCancel(context.Background())
	steps := Run(ctx, Options{
		Props: b.props("t"), Timeout: time.Minute, Folder: func() (string, error) { return b.folder, nil },
		Tell: func(s Step) {
			if s.Name == files {
				cancel()
			}
		},
	})
	if len(steps) != 2 {
		t.Errorf("%+v", steps)
	}
}
