package mariadb_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"ekuiper-mysql/test/mariadb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKillAndRestartKeepCommittedRows(t *testing.T) {
	s := mariadb.Start(t, "--max-connections=17")
	must(t, s.CreateDatabase("d"))
	must(t, s.Exec("CREATE TABLE d.t (a INT)"))
	must(t, s.Exec("INSERT INTO d.t VALUES (?)", 7))
	port := s.Port
	must(t, s.Kill())
	if s.PID() != 0 {
		t.Error("a killed server has a process id")
	}
	if err := s.DB().Ping(); err == nil {
		t.Error("a killed server answers")
	}
	must(t, s.Restart())
	var a, limit int
	must(t, s.DB().QueryRow("SELECT a, @@max_connections FROM d.t").Scan(&a, &limit))
	if a != 7 || limit != 17 || s.Port != port {
		t.Errorf("after the restart: a = %d, max_connections = %d, port %d, want 7, 17, %d", a, limit, s.Port, port)
	}
	must(t, s.Stop())
	must(t, s.Restart("--max-connections=18"))
	must(t, s.DB().QueryRow("SELECT a, @@max_connections FROM d.t").Scan(&a, &limit))
	if a != 7 || limit != 18 {
		t.Errorf("after the second restart: a = %d, max_connections = %d, want 7, 18", a, limit)
	}
}

func TestUserHasOnlyItsGrants(t *testing.T) {
	s := mariadb.Start(t)
	must(t, s.CreateDatabase("d"))
	must(t, s.Exec("CREATE TABLE d.t (a INT)"))
	must(t, s.CreateUser("writer", "secret", "INSERT ON d.t"))
	db, err := sql.Open("mysql", s.UserDSN("writer", "secret", "d"))
	must(t, err)
	defer db.Close()
	if _, err := db.Exec("INSERT INTO t VALUES (1)"); err != nil {
		t.Error(err)
	}
	if _, err := db.Exec("DELETE FROM t"); err == nil {
		t.Error("a user without the privilege deletes")
	}
}

func TestServersStandApart(t *testing.T) {
	a, b := mariadb.Start(t), mariadb.Start(t)
	must(t, a.CreateDatabase("only_a"))
	var n int
	must(t, b.DB().QueryRow("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'only_a'").Scan(&n))
	if n != 0 {
		t.Error("a database made in one server shows in the other")
	}
}

func TestWrongFlagIsToldWithTheServersWords(t *testing.T) {
	if s, err := mariadb.Run("", "--no-such-flag"); err == nil {
		t.Error(errors.Join(errors.New("a wrong flag is accepted"), s.Close()))
	}
}

func TestOtherServerThatIsNotThere(t *testing.T) {
	s, err := mariadb.RunOther([]string{"/nowhere/mysqld", "--mysqlx=OFF"}, t.TempDir())
	if err == nil {
		must(t, s.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "/nowhere/mysqld") {
		t.Errorf("%v: it does not name the program", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
