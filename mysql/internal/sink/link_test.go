package sink

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/test/certificates"
	"ekuiper-mysql/test/mariadb"
)

// newPair starts two servers that have the same empty tables and know nothing of
// each other.
func newPair(t *testing.T, b *bundle, ddl string) (both [2]*mariadb.Server) {
	t.Helper()
	for i := range both {
		s := mariadb.Start(t)
		both[i] = s
		for _, err := range []error{s.CreateDatabase(b.database), s.CreateUser("user", password, "ALL PRIVILEGES ON *.*"), s.Exec("CREATE TABLE `" + b.database + "`." + ddl)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return both
}

// ids returns what each server has.
func ids(t *testing.T, b *bundle, servers []*mariadb.Server) (all []int, counts []int) {
	t.Helper()
	for _, s := range servers {
		rows, err := s.DB().Query("SELECT id FROM `" + b.database + "`.t")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			var id int
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			all = append(all, id)
			n++
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		counts = append(counts, n)
	}
	slices.Sort(all)
	return all, counts
}

// TestRowsFollowTheWritableHost: what the host that is demoted refuses, or a
// killed one has not taken, goes to the other, for all rules that share them.
func TestRowsFollowTheWritableHost(t *testing.T) {
	b := newBundle(t)
	both := newPair(t, b, "t (id BIGINT, name VARCHAR(20), x DOUBLE)")
	execute := func(i int, on bool) {
		t.Helper()
		if err := both[i].Exec(fmt.Sprintf("SET GLOBAL read_only = %v", on)); err != nil {
			t.Fatal(err)
		}
	}
	// A user whom read_only binds, as is usual.
	for _, s := range both {
		if err := s.CreateUser("writer", password, "INSERT ON `"+b.database+"`.t"); err != nil {
			t.Fatal(err)
		}
	}
	execute(1, true)
	props := b.props(both[0].Addr()+","+both[1].Addr(), "t")
	props["url"] = strings.Replace(props["url"].(string), "user:", "writer:", 1)
	rules := []*Sink{b.openRule("one", props), b.openRule("two", props)}
	next := 0
	burst := func() {
		t.Helper()
		for range 50 {
			for _, s := range rules {
				b.collect(s, numbered(next, next+10))
				next += 10
			}
		}
	}
	burst()
	b.settle(rules[0])
	b.settle(rules[1])
	_, before := ids(t, b, both[:])
	execute(0, true)
	burst()
	execute(1, false)
	b.settle(rules[0])
	b.settle(rules[1])
	all, after := ids(t, b, both[:])
	if len(all) != next || after[0] != before[0] || after[1] == 0 {
		t.Errorf("%v rows, then %v, of %d", before, after, next)
	}
	for i, id := range all {
		if id != i {
			t.Fatalf("row %d is lost or doubled", i)
		}
	}
	// The one that takes them is killed, and the other takes over.
	execute(0, false)
	burst()
	if err := both[1].Kill(); err != nil {
		t.Fatal(err)
	}
	burst()
	b.settle(rules[0])
	b.settle(rules[1])
	if err := both[1].Restart(); err != nil {
		t.Fatal(err)
	}
	all, _ = ids(t, b, both[:])
	if got := len(slices.Compact(all)); got != next { // what was in flight may be on both
		t.Errorf("%d of %d rows are there", got, next)
	}
	if !b.log.contains("writing to host " + both[1].Addr() + " from now on; " + both[0].Addr() + ": read_only is ON") {
		t.Errorf("the log does not tell where rows go, and why")
	}
}

// TestPrivilegedUserLeavesADemotedHost: read_only does not bind this user, so
// that no error ever tells that the host has been demoted. The connection is
// asked from time to time.
func TestPrivilegedUserLeavesADemotedHost(t *testing.T) {
	b := newBundle(t)
	both := newPair(t, b, "t (id BIGINT, name VARCHAR(20), x DOUBLE)")
	s := b.open(b.props(both[0].Addr()+","+both[1].Addr(), "t"))
	b.collect(s, numbered(0, 10))
	b.settle(s)
	if err := both[0].Exec("SET GLOBAL read_only = true"); err != nil {
		t.Fatal(err)
	}
	moved := b.log.saying("writing to host " + both[1].Addr() + " from now on; " + both[0].Addr() + ": read_only is ON")
	rows := 10
	for limit := time.Now().Add(time.Minute); ; {
		b.collect(s, numbered(rows, rows+10))
		rows += 10
		b.settle(s)
		select {
		case <-moved:
			all, counts := ids(t, b, both[:])
			if len(all) != rows || counts[1] == 0 {
				t.Errorf("%v of %d rows", counts, rows)
			}
			return
		default:
			if time.Now().After(limit) {
				t.Fatal("rows still go to a host that is read-only")
			}
		}
	}
}

// contains tells whether a line holds part.
func (l *logLines) contains(part string) bool { return l.count(part) > 0 }

// TestPasswordIsChangedWhileTheRuleRuns: rows wait for the file to hold the new one.
func TestPasswordIsChangedWhileTheRuleRuns(t *testing.T) {
	b := newBundle(t, keyless)
	folder := t.TempDir()
	t.Setenv(config.SecretsFolder, folder)
	secret := filepath.Join(folder, "db")
	write := func(text string) {
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.CreateUser("rotated", password, "INSERT ON `"+b.database+"`.t"); err != nil {
		t.Fatal(err)
	}
	props := map[string]any{"url": "tcp(" + server.Addr() + ")/" + b.database, "user": "rotated", "passwordFile": "db", "table": "t"}
	s := b.open(props)
	b.collect(s, numbered(0, 10))
	missing := b.log.saying("warn property passwordFile: db in " + folder + ": no such file or directory; rows wait until it is mended")
	await(t, missing, "the missing file to be told of")
	write(password + "\n")
	b.settle(s)
	// The server forgets the connection with the password.
	for _, statement := range []string{"ALTER USER rotated@'%' IDENTIFIED BY 'next-" + password + "'", "KILL USER rotated"} {
		if err := server.Exec(statement); err != nil && !strings.Contains(statement, "KILL") {
			t.Fatal(err)
		}
	}
	b.cut("rotated")
	b.collect(s, numbered(10, 20))
	await(t, b.log.saying("Access denied"), "the denial to be told of")
	write("next-" + password)
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "20")
	// The journal goes on under the new password, however it is given.
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	id := s.config.Target
	t.Setenv("MYSQL_PASSWORD_OF_TEST", "next-"+password)
	delete(props, "passwordFile")
	props["passwordEnv"] = "MYSQL_PASSWORD_OF_TEST"
	s = b.open(props)
	b.collect(s, numbered(20, 30))
	b.settle(s)
	if s.config.Target != id {
		t.Errorf("the rows' place is %q, before %q", s.config.Target, id)
	}
	b.wantRows("SELECT COUNT(*) FROM t", "30")
}

// cut ends all connections of a user.
func (b *bundle) cut(user string) {
	b.t.Helper()
	for _, id := range b.query("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '" + user + "'") {
		if _, err := strconv.Atoi(id); err == nil {
			_, _ = b.db.Exec("KILL " + id) // it may have gone by itself
		}
	}
}

// TestInitSQL is done on each connection, and leaves what the sink relies on.
func TestInitSQL(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT, place VARCHAR(20) NOT NULL DEFAULT '', zone VARCHAR(20), waits INT)",
		"CREATE TRIGGER filled BEFORE INSERT ON t FOR EACH ROW SET NEW.place = @place, NEW.zone = @@time_zone, NEW.waits = @@innodb_lock_wait_timeout")
	s := b.open(b.props("", "t", "initSql", []any{"SET @place = 'plant; 1', sql_mode = ''", "SET SESSION innodb_lock_wait_timeout = 7"}))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.cut("user")
	b.collect(s, `{"id":2}`)
	b.settle(s)
	b.wantRows("SELECT id, place, zone, waits FROM t ORDER BY id", "1,plant; 1,+00:00,7", "2,plant; 1,+00:00,7")
	b.wantFate(s, 2, 0)

	wrong := b.openRule("wrong", b.props("", "t", "initSql", []any{"SET @x = 1", "SET SESSION no_such_variable = '" + password + "'"}))
	if err := wrong.Collect(b.context("wrong"), []byte(`{"id":3}`)); err != nil {
		t.Fatal(err)
	}
	await(t, b.log.saying("initSql statement 2: Error 1193"), "the statement that fails to be told of")
}

// TestCertificates: a rule whose certificates are wrong starts, says so, and
// its rows go when they are mended.
func TestCertificates(t *testing.T) {
	b := newBundle(t)
	ca := certificates.New(t, "ca")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	of := ca.Issue("127.0.0.1", time.Now().Add(time.Hour))
	own := mariadb.Start(t, "--ssl-ca="+write("ca.pem", ca.PEM), "--ssl-cert="+write("cert.pem", of.Cert), "--ssl-key="+write("key.pem", of.Key))
	client := ca.Issue("client", time.Now().Add(time.Hour))
	for _, err := range []error{
		own.CreateDatabase(b.database), own.Exec("CREATE TABLE `" + b.database + "`.t (id BIGINT, name VARCHAR(20), x DOUBLE)"), own.Exec("CREATE USER certified@'%' REQUIRE X509"),
		own.Exec("GRANT INSERT ON `" + b.database + "`.t TO certified@'%'"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	key := write("client-key.pem", of.Key) // another's
	s := b.open(map[string]any{
		"url": "certified@tcp(" + own.Addr() + ")/" + b.database, "table": "t",
		"tls": "verifyIdentity", "tlsCa": filepath.Join(dir, "ca.pem"), "tlsCert": client.Cert, "tlsKey": key,
	})
	b.collect(s, numbered(0, 10))
	await(t, b.log.saying("warn property tlsKey: the key is not that of the certificate in tlsCert; rows wait until it is mended"), "the wrong key to be told of")
	write("client-key.pem", client.Key)
	b.settle(s)
	b.wantFate(s, 10, 0)
	for _, secret := range []string{client.Key, of.Key} {
		if strings.Contains(b.log.String(), secret[40:80]) {
			t.Error("a key is in the log")
		}
	}
}

// TestInsertAloneSuffices: what the user may do with the table is INSERT, and
// nothing else anywhere.
func TestInsertAloneSuffices(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(5), doc JSON, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP)")
	if err := server.CreateUser("inserter", password, "INSERT ON `"+b.database+"`.t"); err != nil {
		t.Fatal(err)
	}
	for _, road := range []string{"insert", "load"} {
		b.exec("DELETE FROM t")
		props := b.props("", "t", "road", road)
		props["url"] = strings.Replace(props["url"].(string), "user:", "inserter:", 1)
		s := b.openRule(road, props)
		var rows []string
		for i := range 2000 {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"n","doc":{"a":[1]}}`, i))
		}
		b.collect(s, "["+strings.Join(rows, ",")+`,{"id":7,"name":"again"},{"id":3000,"name":"too long"}]`)
		b.settle(s)
		b.wantFate(s, 2000, 2)
		b.wantRows("SELECT COUNT(*), COUNT(made), MIN(JSON_EXTRACT(doc, '$.a[0]')) FROM t", "2000,2000,1")
		if err := s.Close(b.context(road)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplayAndDrainUseTheSameLink: what a person does by hand goes by the
// same properties.
func TestReplayAndDrainUseTheSameLink(t *testing.T) {
	b := newBundle(t, keyless)
	folder := t.TempDir()
	t.Setenv(config.SecretsFolder, folder)
	if err := os.WriteFile(filepath.Join(folder, "db"), []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Parse(map[string]any{
		"url": "user@tcp(127.0.0.1:1," + server.Addr() + ")/" + b.database, "table": "t", "passwordFile": "db", "initSql": "SET @x = 1",
	})
	if err != nil {
		t.Fatal(err)
	}
	target := NewTarget(c, b.log)
	if err := target.Check(context.Background()); err != nil {
		t.Errorf("%v: %v", target, err)
	}
	if text := target.String(); strings.Contains(text, password) || !strings.Contains(text, server.Addr()) {
		t.Error(text)
	}
}
