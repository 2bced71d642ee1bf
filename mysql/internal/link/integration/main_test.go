// Package integration tries connections on real servers: those of MariaDB, or
// of the MySQL that TEST_MYSQLD names.
package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/test/mariadb"
)

const password = "p@ss:w/o?r#d%41"

// Three servers that know nothing of each other: what a host list sees of a
// cluster is which of them takes rows.
var servers [3]*mariadb.Server

func TestMain(m *testing.M) {
	os.Exit(mariadb.RunTests(m, len(servers), func(i int, s *mariadb.Server) error {
		servers[i] = s
		return s.CreateUser("user", password, "ALL PRIVILEGES ON *.*")
	}))
}

// options are those of the user at the servers of the numbers given.
func options(numbers ...int) link.Options {
	d := mysql.NewConfig()
	d.User, d.Passwd, d.Net, d.Logger = "user", password, "tcp", &mysql.NopLogger{}
	_ = d.Apply(mysql.Charset("utf8mb4", ""))
	d.Timeout, d.ReadTimeout, d.WriteTimeout = 10*time.Second, 20*time.Second, 20*time.Second
	o := link.Options{Driver: d}
	for _, n := range numbers {
		o.Hosts = append(o.Hosts, servers[n].Addr())
	}
	return o
}

// logLines is a log that tests read.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// pool opens connections as o says, none of which it keeps.
func pool(t *testing.T, o link.Options, cluster *link.Cluster) *sql.DB {
	t.Helper()
	c, err := link.New(o, cluster)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(0)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// ask returns the answer to a query over a new connection.
func ask(db *sql.DB, query string) (answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a bound on what hangs
	defer cancel()
	return answer, db.QueryRowContext(ctx, query).Scan(&answer)
}

// want checks what a new connection answers.
func want(t *testing.T, db *sql.DB, query, answer string) {
	t.Helper()
	if got, err := ask(db, query); err != nil || got != answer {
		t.Errorf("%s: %q, %v; want %q", query, got, err, answer)
	}
}

// wantSoon is want where the search before has found no host: for a moment that
// is everybody's answer, also where a server was restarted faster than that.
func wantSoon(t *testing.T, db *sql.DB, query, answer string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		if _, err := ask(db, query); !errors.As(err, new(*link.NoHostError)) {
			break
		}
	}
	want(t, db, query, answer)
}

// refused checks that no connection is made, and why.
func refused(t *testing.T, db *sql.DB, problems ...string) {
	t.Helper()
	got, err := ask(db, "SELECT 'connected'")
	if err == nil {
		t.Errorf("%s, want %q", got, problems)
		return
	}
	for _, p := range problems {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%v, want %q", err, p)
		}
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("the password shows: %v", err)
	}
}

func execute(t *testing.T, s *mariadb.Server, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func isMariaDB(t *testing.T) bool {
	t.Helper()
	var version string
	if err := servers[0].DB().QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(version, "MariaDB")
}
