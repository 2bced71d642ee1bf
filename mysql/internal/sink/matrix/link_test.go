package matrix_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/test/certificates"
	"ekuiper-mysql/test/proxy"
)

// user makes a user with these grants on the trial's database.
func (t *trial) user(name, how, grants string) {
	t.Helper()
	t.exec("DROP USER IF EXISTS " + name + "@'%'")
	t.exec("CREATE USER " + name + "@'%' " + how)
	t.exec("GRANT " + grants + " ON " + quote(t.database) + ".* TO " + name + "@'%'")
}

func encrypted(t *trial) {
	if t.server.CA == "" {
		t.notThere("has no TLS here")
	}
	t.exec(t.keyless())
	t.user("secure", "IDENTIFIED BY '"+password+"' REQUIRE SSL", "INSERT, SELECT")
	props := t.props("t", "tls", "verifyIdentity", "tlsCa", t.server.CA)
	props["url"] = strings.Replace(props["url"].(string), "writer:", "secure:", 1)
	r := t.open(props)
	r.collect(numbered(0, 100))
	r.wantFate(100, 0)
	r.close()
	props["tlsCa"] = certificates.New(t.T, "another").PEM
	other := t.openRule("other", props)
	other.collect(numbered(100, 200))
	t.log.await(t, "certificate")
	other.close()
	t.wantRows("SELECT COUNT(*) FROM t", "100")
}

// compressed sends text that shrinks by way of a proxy that counts bytes.
func compressed(t *trial) {
	t.exec(t.keyless())
	const rows = 200
	message := "[" + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"id":1,"x":0.5,"name":"%040d"},`, 7), rows), ",") + "]"
	sent := map[bool]int64{}
	first, err := t.server.Addr()
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range []bool{false, true} {
		way := proxy.Start(t.T, first)
		t.exec("DELETE FROM t")
		props := t.props("t", "road", "insert")
		props["url"] = fmt.Sprintf("writer:%s@tcp(%s)/%s?compress=%t", password, way.Addr(), t.database, on)
		r := t.openRule(fmt.Sprintf("compressed-%t", on), props)
		r.collect(message)
		r.wantFate(rows, 0)
		r.close()
		sent[on] = way.Sent()
		t.wantRows("SELECT COUNT(*), COUNT(DISTINCT name), MIN(LENGTH(name)) FROM t", fmt.Sprintf("%d,1,40", rows))
	}
	switch less := sent[true] < sent[false]/2; {
	case t.is("demo") && !less:
		t.differs("does not compress: with `compress` as much is sent as without")
	case !less:
		t.Errorf("%d bytes were sent with compression, %d without", sent[true], sent[false])
	}
}

func passwordChanged(t *trial) {
	t.exec(t.keyless())
	name := "secret_" + t.server.Name
	secret := filepath.Join(os.Getenv(config.SecretsFolder), name)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.user("rotated", "IDENTIFIED BY 'next-"+password+"'", "INSERT, SELECT")
	write(password) // of before
	props := map[string]any{"url": fmt.Sprintf("rotated@tcp(%s)/%s", strings.Join(t.server.Hosts, ","), t.database), "passwordFile": name, "table": "t"}
	r := t.open(props)
	r.collect(numbered(0, 10))
	t.log.await(t, "failed, attempt")
	write("next-" + password)
	r.wantFate(10, 0)
	t.wantRows("SELECT COUNT(*) FROM t", "10")
}

// sessions: what initSql sets holds beside what the sink relies on.
func sessions(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(5), d DATETIME)")
	t.exec("CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY, place VARCHAR(20), waits INT)")
	r := t.open(t.props("t", "initSql", []any{
		"SET @place = 'plant; 1'", "SET SESSION sql_mode = ''",
		"SET SESSION group_concat_max_len = 7777", "INSERT INTO seen (place, waits) VALUES (@place, @@group_concat_max_len)",
	}))
	r.collect(`[{"id":1,"d":"2026-11-20T10:30:17Z"},{"id":2,"name":"too long"}]`)
	r.wantFate(1, 1)
	t.wantRows("SELECT id, d FROM t", "1,2026-11-20 10:30:17")
	t.wantRows("SELECT DISTINCT place, waits FROM seen", "plant; 1,7777")
}
