// Package integration_test provokes errors on real servers: a private MariaDB,
// and whatever server TEST_MYSQL_DSN names beside it, as a user who may do
// everything ("root@tcp(127.0.0.1:3306)/").
package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/test/mariadb"
)

var maria *mariadb.Server

func TestMain(m *testing.M) {
	os.Exit(mariadb.RunTests(m, 1, func(_ int, s *mariadb.Server) error {
		maria = s
		return nil
	}, "--max-allowed-packet=1M", "--max-prepared-stmt-count=16", "--max-user-connections=20"))
}

// target is a server to provoke.
type target struct {
	name    string
	dsn     string // of the administrator, without a database
	db      *sql.DB
	flavour fault.Flavour
}

func targets(t *testing.T) []*target {
	dsns := map[string]string{"MariaDB": maria.DSN("")}
	if dsn := os.Getenv("TEST_MYSQL_DSN"); dsn != "" {
		dsns["TEST_MYSQL_DSN"] = dsn
	}
	var all []*target
	for name, dsn := range dsns {
		db := connect(t, dsn, "")
		var version string
		if err := db.QueryRow("SELECT VERSION()").Scan(&version); err != nil {
			t.Fatal(err)
		}
		all = append(all, &target{name + " " + version, dsn, db, fault.FlavourOf(version)})
	}
	return all
}

// connect opens a pool of one connection as the DSN says, but for its database and user.
func connect(t *testing.T, dsn, database string, change ...func(*mysql.Config)) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("the DSN is wrong")
	}
	cfg.DBName = database
	cfg.Logger = &mysql.NopLogger{}
	cfg.MaxAllowedPacket = 64 << 20
	for _, c := range change {
		c(cfg)
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// numbers are what a statement gives: on MariaDB, on MySQL; 0 where it gives
// no error there or cannot be tried.
type numbers struct{ maria, mysql uint16 }

func same(n uint16) numbers { return numbers{n, n} }

func (n numbers) of(f fault.Flavour) uint16 {
	if f == fault.MariaDB {
		return n.maria
	}
	return n.mysql
}

// TestProvoked runs each case's statement in a database of its own and
// compares number, class and the column that the text names.
func TestProvoked(t *testing.T) {
	for _, server := range targets(t) {
		t.Run(server.name, func(t *testing.T) {
			for i, c := range provoked {
				if c.want.of(server.flavour) == 0 {
					continue
				}
				t.Run(fmt.Sprintf("%d %s", c.want.of(server.flavour), c.name), func(t *testing.T) {
					provoke(t, server, c, fmt.Sprintf("provoke_%d", i))
				})
			}
		})
	}
}

func provoke(t *testing.T, server *target, c provocation, database string) {
	must(t, server.db, "DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database)
	t.Cleanup(func() { must(t, server.db, "DROP DATABASE "+database) })
	db := connect(t, server.dsn, database)
	must(t, db, "SET sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'")
	must(t, db, c.ddl...)
	_, err := db.Exec(c.statement, c.args...)
	check(t, server, c, err)
	if fault.Usable(err) {
		must(t, db, "DO 1")
	}
}

func check(t *testing.T, server *target, c provocation, err error) {
	t.Helper()
	number, state := fault.Number(err)
	classifier := fault.Classifier{Flavour: server.flavour}
	t.Logf("%v", err)
	if want := c.want.of(server.flavour); number != want {
		t.Fatalf("error %v, want number %d", err, want)
	}
	for _, got := range []fault.Class{classifier.Classify(err), fault.Classify(err)} {
		if got != c.class {
			t.Errorf("class %v, want %v (state %s)", got, c.class, state)
		}
	}
	if got := fault.Column(err); got != c.column {
		t.Errorf("column %q, want %q", got, c.column)
	}
	if key, ok := fault.DuplicateKey(err); ok != (c.key != "") || key != c.key {
		t.Errorf("duplicate key %q, %v, want %q", key, ok, c.key)
	}
}

// TestProvokedByConnecting has the errors that come before any statement.
func TestProvokedByConnecting(t *testing.T) {
	for _, server := range targets(t) {
		t.Run(server.name, func(t *testing.T) {
			must(t, server.db, "CREATE DATABASE IF NOT EXISTS provoke_login", "CREATE TABLE IF NOT EXISTS provoke_login.t (a INT, b INT)",
				"DROP USER IF EXISTS poor@'%', locked@'%', tls@'%', limited@'%'",
				"CREATE USER poor@'%' IDENTIFIED BY 'secret'", "GRANT SELECT ON provoke_login.t TO poor@'%'", "GRANT INSERT (a) ON provoke_login.t TO poor@'%'",
				"CREATE USER locked@'%' IDENTIFIED BY 'secret' ACCOUNT LOCK",
				"CREATE USER tls@'%' IDENTIFIED BY 'secret' REQUIRE SSL",
				"CREATE USER limited@'%' IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 1", "GRANT SELECT ON provoke_login.t TO limited@'%'")
			t.Cleanup(func() {
				must(t, server.db, "DROP DATABASE provoke_login", "DROP USER poor@'%', locked@'%', tls@'%', limited@'%'")
			})
			user := func(name, password, database string) *sql.DB {
				return connect(t, server.dsn, database, func(c *mysql.Config) {
					c.User, c.Passwd, c.AllowNativePasswords = name, password, true
				})
			}
			busy := user("limited", "secret", "provoke_login")
			if err := busy.Ping(); err != nil {
				t.Fatal(err)
			}
			poor := user("poor", "secret", "provoke_login")
			for _, c := range []struct {
				name      string
				db        *sql.DB
				statement string
				provocation
			}{
				{"wrong password", user("poor", "wrong", ""), "DO 1", provocation{want: same(1045), class: fault.Operator}},
				{"no such user", user("nobody_at_all", "x", ""), "DO 1", provocation{want: same(1045), class: fault.Operator}},
				{"no such database", connect(t, server.dsn, "no_such_database"), "DO 1", provocation{want: same(1049), class: fault.Operator}},
				{"database not granted", user("poor", "secret", "mysql"), "DO 1", provocation{want: same(1044), class: fault.Operator}},
				{"account locked", user("locked", "secret", ""), "DO 1", provocation{want: numbers{4151, 3118}, class: fault.Operator}},
				{"without TLS", user("tls", "secret", ""), "DO 1", provocation{want: same(1045), class: fault.Operator}},
				{"too many connections of the user", user("limited", "secret", ""), "DO 1", provocation{want: same(1226), class: fault.Passing}},
				{"no grant to insert", poor, "REPLACE INTO t VALUES (1, 2)", provocation{want: same(1142), class: fault.Operator}},
				{"no grant on the column", poor, "INSERT INTO t (a, b) VALUES (1, 2)", provocation{want: same(1143), class: fault.Operator, column: "b"}},
				{"no grant for variables", poor, "SET GLOBAL read_only = 1", provocation{want: same(1227), class: fault.Operator}},
				{"no database", connect(t, server.dsn, ""), "INSERT INTO t VALUES (1)", provocation{want: same(1046), class: fault.Operator}},
			} {
				t.Run(c.name, func(t *testing.T) {
					_, err := c.db.Exec(c.statement)
					check(t, server, c.provocation, err)
				})
			}
		})
	}
}

// TestProvokedByARival has what other clients do to a writer.
func TestProvokedByARival(t *testing.T) {
	for _, server := range targets(t) {
		t.Run(server.name, func(t *testing.T) {
			must(t, server.db, "CREATE DATABASE IF NOT EXISTS provoke_rival")
			t.Cleanup(func() { must(t, server.db, "DROP DATABASE provoke_rival") })
			a, b := connect(t, server.dsn, "provoke_rival"), connect(t, server.dsn, "provoke_rival")
			must(t, a, "CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB", "INSERT INTO t VALUES (1, 0), (2, 0)")
			for name, try := range map[string]func(t *testing.T) (provocation, error){
				"lock wait": func(t *testing.T) (provocation, error) {
					must(t, a, "BEGIN", "UPDATE t SET v = 1 WHERE id = 1")
					must(t, b, "SET innodb_lock_wait_timeout = 1")
					_, err := b.Exec("UPDATE t SET v = 2 WHERE id = 1")
					must(t, a, "ROLLBACK")
					return provocation{want: same(1205), class: fault.Passing}, err
				},
				"deadlock": func(t *testing.T) (provocation, error) {
					must(t, b, "SET innodb_lock_wait_timeout = 50")
					return provocation{want: same(1213), class: fault.Passing}, deadlock(t, a, b)
				},
				"no wait": func(t *testing.T) (provocation, error) {
					must(t, a, "BEGIN", "UPDATE t SET v = 1 WHERE id = 1")
					_, err := b.Exec("SELECT * FROM t WHERE id = 1 FOR UPDATE NOWAIT")
					must(t, a, "ROLLBACK")
					return provocation{want: numbers{1205, 3572}, class: fault.Passing}, err
				},
				"killed query": func(t *testing.T) (provocation, error) {
					return provocation{want: same(1317), class: fault.Passing}, killed(t, a, b, "KILL QUERY ")
				},
				"killed connection": func(t *testing.T) (provocation, error) {
					// The server may hang up before it has said why.
					err := killed(t, a, b, "KILL ")
					switch n, _ := fault.Number(err); n {
					case 1317:
						return provocation{want: same(1317), class: fault.Passing}, err
					case 0:
						return provocation{class: fault.OutcomeUnknown}, err
					}
					class := fault.Passing
					if server.flavour == fault.MariaDB {
						class = fault.OutcomeUnknown
					}
					return provocation{want: numbers{1927, 3169}, class: class}, err
				},
				"read only": func(t *testing.T) (provocation, error) {
					must(t, server.db, "DROP USER IF EXISTS writer@'%'", "CREATE USER writer@'%' IDENTIFIED BY 'secret'", "GRANT INSERT ON provoke_rival.t TO writer@'%'", "SET GLOBAL read_only = 1")
					defer must(t, server.db, "SET GLOBAL read_only = 0", "DROP USER writer@'%'")
					w := connect(t, server.dsn, "provoke_rival", func(c *mysql.Config) { c.User, c.Passwd = "writer", "secret" })
					_, err := w.Exec("INSERT INTO t VALUES (3, 0)")
					return provocation{want: same(1290), class: fault.Passing}, err
				},
				"read only transaction": func(t *testing.T) (provocation, error) {
					must(t, a, "START TRANSACTION READ ONLY")
					_, err := a.Exec("INSERT INTO t VALUES (3, 0)")
					must(t, a, "ROLLBACK")
					return provocation{want: same(1792), class: fault.Passing}, err
				},
				"too many prepared statements": func(t *testing.T) (provocation, error) {
					if server.flavour != fault.MariaDB {
						must(t, server.db, "SET GLOBAL max_prepared_stmt_count = 16")
						defer must(t, server.db, "SET GLOBAL max_prepared_stmt_count = 16382")
					}
					var err error
					for i := 0; i < 20 && err == nil; i++ {
						var s *sql.Stmt
						if s, err = a.Prepare("INSERT INTO t VALUES (?, ?)"); err == nil {
							defer s.Close()
						}
					}
					return provocation{want: same(1461), class: fault.Operator}, err
				},
				"too many placeholders": func(t *testing.T) (provocation, error) {
					_, err := a.Prepare("SELECT " + strings.Repeat("?,", 65535) + "?")
					return provocation{want: same(1390), class: fault.TooLarge}, err
				},
				"packet": func(t *testing.T) (provocation, error) {
					must(t, server.db, "SET GLOBAL max_allowed_packet = 1048576")
					big := connect(t, server.dsn, "provoke_rival", func(c *mysql.Config) { c.InterpolateParams = true })
					_, err := big.Exec("INSERT INTO t VALUES (length(?), 0)", strings.Repeat("x", 2<<20))
					if n, _ := fault.Number(err); n == 0 { // the server hung up while we were writing
						return provocation{class: fault.OutcomeUnknown}, err
					}
					return provocation{want: same(1153), class: fault.TooLarge}, err
				},
			} {
				t.Run(name, func(t *testing.T) {
					c, err := try(t)
					check(t, server, c, err)
				})
			}
		})
	}
}

// deadlock has both connections hold one row and ask for the other's; the
// server picks its victim.
func deadlock(t *testing.T, a, b *sql.DB) error {
	must(t, a, "BEGIN", "UPDATE t SET v = 1 WHERE id = 1")
	must(t, b, "BEGIN", "UPDATE t SET v = 1 WHERE id = 2")
	other := make(chan error, 1)
	go func() {
		_, err := a.Exec("UPDATE t SET v = 2 WHERE id = 2")
		other <- err
	}()
	_, err := b.Exec("UPDATE t SET v = 2 WHERE id = 1")
	if err != nil { // we are the victim: the other may go on
		must(t, b, "ROLLBACK")
		if err := <-other; err != nil {
			t.Error(err)
		}
	} else {
		err = <-other
		must(t, b, "ROLLBACK")
	}
	must(t, a, "ROLLBACK")
	return err
}

// killed returns the error of b's statement that a ended with command.
func killed(t *testing.T, a, b *sql.DB, command string) error {
	var id int
	if err := b.QueryRow("SELECT CONNECTION_ID()").Scan(&id); err != nil {
		t.Fatal(err)
	}
	must(t, a, "BEGIN", "UPDATE t SET v = 1 WHERE id = 1")
	defer must(t, a, "ROLLBACK")
	result := make(chan error, 1)
	go func() {
		_, err := b.Exec("UPDATE t SET v = 9 WHERE id = 1") // waits for a's lock
		result <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for { // until b is waiting
		var n int
		err := a.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND info LIKE 'UPDATE t SET v = 9%'", id).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			break
		}
	}
	must(t, a, fmt.Sprint(command, id))
	return <-result
}
