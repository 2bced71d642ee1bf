package integration

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/test/certificates"
	"ekuiper-mysql/test/mariadb"
)

// secured starts a server of its own that has certificates.
func secured(t *testing.T, certificate certificates.Pair, ca string, flags ...string) *mariadb.Server {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flags = append(flags, "--ssl-ca="+write("ca.pem", ca), "--ssl-cert="+write("cert.pem", certificate.Cert), "--ssl-key="+write("key.pem", certificate.Key))
	s := mariadb.Start(t, flags...)
	if err := s.CreateUser("user", password, "ALL PRIVILEGES ON *.*"); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTLS(t *testing.T) {
	ca, stranger := certificates.New(t, "ca"), certificates.New(t, "stranger")
	s := secured(t, ca.Issue("127.0.0.1", time.Now().Add(time.Hour)), ca.PEM)
	execute(t, s, "CREATE USER certified@'%' IDENTIFIED BY 'certified' REQUIRE X509")
	client := ca.Issue("client", time.Now().Add(time.Hour))
	both := func(o link.TLS) link.TLS {
		o.On = true
		return o
	}
	const cipher = "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_version'"
	version := cipher
	if isMariaDB(t) {
		version = strings.ReplaceAll(cipher, "performance_schema.", "information_schema.")
	}
	cases := []struct {
		name    string
		options link.TLS
		user    string
		problem string // empty: it connects
	}{
		{"off", link.TLS{}, "user", ""},
		{"required", both(link.TLS{}), "user", ""},
		{"preferred", both(link.TLS{Optional: true}), "user", ""},
		{"lowest version", both(link.TLS{MinVersion: tls.VersionTLS13}), "user", ""},
		{"verifyCA", both(link.TLS{VerifyCA: true, CA: ca.PEM}), "user", ""},
		{"verifyCA of a stranger", both(link.TLS{VerifyCA: true, CA: stranger.PEM}), "user", "certificate signed by unknown authority"},
		{"verifyCA of the system's", both(link.TLS{VerifyCA: true}), "user", "unknown authority"},
		{"verifyIdentity", both(link.TLS{VerifyCA: true, VerifyName: true, CA: ca.PEM}), "user", ""},
		{"verifyIdentity of a stranger", both(link.TLS{VerifyCA: true, VerifyName: true, CA: stranger.PEM}), "user", "certificate signed by unknown authority"},
		{"another name", both(link.TLS{VerifyCA: true, VerifyName: true, CA: ca.PEM, ServerName: "db.example"}), "user", "certificate is not valid for any names, but wanted to match db.example"},
		{"another name, verifyCA", both(link.TLS{VerifyCA: true, CA: ca.PEM, ServerName: "db.example"}), "user", ""},
		{"no client certificate", both(link.TLS{}), "certified", "Access denied"},
		{"a client certificate", both(link.TLS{Cert: client.Cert, Key: client.Key}), "certified", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			o.Hosts, o.TLS = []string{s.Addr()}, c.options
			if o.Driver.User = c.user; c.user != "user" {
				o.Driver.Passwd = c.user
			}
			db := pool(t, o, &link.Cluster{})
			if c.problem != "" {
				refused(t, db, c.problem)
				if _, err := ask(db, "SELECT 1"); fault.Classify(err) != fault.Operator {
					t.Errorf("%v is %v: somebody must mend it", err, fault.Classify(err))
				}
				return
			}
			got, err := ask(db, version)
			if err != nil || strings.HasPrefix(got, "TLSv1.") != c.options.On {
				t.Errorf("it speaks %q: %v", got, err)
			}
		})
	}
}

// TestServerWithoutTLS: preferred goes on, required does not, and neither does
// a server that is too old.
func TestServerWithoutTLS(t *testing.T) {
	flag := "--skip-ssl"
	if !isMariaDB(t) {
		flag = "--tls-version="
	}
	s := mariadb.Start(t, flag)
	if err := s.CreateUser("user", password); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Hosts, o.TLS = []string{s.Addr()}, link.TLS{On: true, Optional: true}
	want(t, pool(t, o, &link.Cluster{}), "SELECT 1", "1")
	o.TLS.Optional = false
	refused(t, pool(t, o, &link.Cluster{}), "TLS requested but server does not support TLS")
	if isMariaDB(t) {
		ca := certificates.New(t, "ca")
		old := secured(t, ca.Issue("127.0.0.1", time.Now().Add(time.Hour)), ca.PEM, "--tls-version=TLSv1.2")
		o.Hosts, o.TLS = []string{old.Addr()}, link.TLS{On: true, MinVersion: tls.VersionTLS13}
		refused(t, pool(t, o, &link.Cluster{}), "protocol version not supported")
	}
}

// TestRotation: passwords and certificates change while connections are made.
func TestRotation(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := servers[0]
	if err := s.CreateUser("rotated", "first-"+password); err != nil {
		t.Fatal(err)
	}
	write("db", "first-"+password+"\n")
	o := options(0)
	o.Driver.User, o.Driver.Passwd = "rotated", ""
	o.Password = link.Password{Folder: folder, File: "db"}
	db := pool(t, o, &link.Cluster{})
	want(t, db, "SELECT 1", "1")
	execute(t, s, "ALTER USER rotated@'%' IDENTIFIED BY 'second'")
	refused(t, db, "Access denied")
	write("db", "second")
	want(t, db, "SELECT 1", "1")
	if err := os.Remove(filepath.Join(folder, "db")); err != nil {
		t.Fatal(err)
	}
	refused(t, db, "property passwordFile: db in "+folder+": no such file or directory")
	if _, err := ask(db, "SELECT 1"); fault.Classify(err) != fault.Operator {
		t.Errorf("%v is %v", err, fault.Classify(err))
	}
}

// TestAccounts logs in by every method that the server has.
func TestAccounts(t *testing.T) {
	s := servers[0]
	methods := map[string]string{"native": "mysql_native_password"}
	if isMariaDB(t) {
		execute(t, s, "INSTALL SONAME 'auth_ed25519'")
		execute(t, s, "CREATE USER IF NOT EXISTS ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('"+password+"')")
		execute(t, s, "CREATE USER IF NOT EXISTS native@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('"+password+"')")
		methods["ed"] = "ed25519"
	} else {
		execute(t, s, "CREATE USER IF NOT EXISTS sha2@'%' IDENTIFIED WITH caching_sha2_password BY '"+password+"'")
		delete(methods, "native") // Oracle has removed it
		methods["sha2"] = "caching_sha2_password"
	}
	for name, method := range methods {
		// The server remembers whom it has seen: caching_sha2 goes two ways.
		for _, round := range []string{"first", "again"} {
			for _, encrypted := range []bool{false, true} {
				o := options(0)
				o.Driver.User = name
				o.TLS.On = encrypted && !isMariaDB(t) // MariaDB's has no certificate
				if round == "first" && !isMariaDB(t) {
					execute(t, s, "FLUSH PRIVILEGES")
				}
				want(t, pool(t, o, &link.Cluster{}), "SELECT '"+method+"'", method)
			}
		}
	}
}

// TestSocket logs in by the system's own word where the server takes that.
func TestSocket(t *testing.T) {
	var path string
	if err := servers[0].DB().QueryRow("SELECT @@socket").Scan(&path); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Driver.Net, o.Driver.Addr = "unix", path
	db := pool(t, o, &link.Cluster{})
	want(t, db, "SELECT @@port", port(0))
	if !isMariaDB(t) {
		return
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	o.Driver.User, o.Driver.Passwd = who.Username, ""
	execute(t, servers[0], fmt.Sprintf("CREATE OR REPLACE USER '%s'@localhost IDENTIFIED VIA unix_socket", who.Username))
	defer execute(t, servers[0], fmt.Sprintf("GRANT ALL ON *.* TO '%s'@localhost IDENTIFIED VIA mysql_native_password USING '' WITH GRANT OPTION", who.Username))
	want(t, pool(t, o, &link.Cluster{}), "SELECT SUBSTRING_INDEX(USER(), '@', 1)", who.Username)
}
