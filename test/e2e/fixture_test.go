// Package e2e holds the proof on the real thing: the packaged plugin, the real
// eKuiper, a real MariaDB. Each test has a host of its own.
package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/suite"
)

// limit ends a test that hangs; nothing here takes nearly as long.
const limit = 2 * time.Minute

var (
	server *mariadb.Server
	zip    string
)

func TestMain(m *testing.M) {
	os.Exit(suite.Run(m, func(dir string) (func() error, error) {
		var err error
		if zip, err = ekuiper.Pack(context.Background(), dir); err != nil {
			return nil, err
		}
		if server, err = mariadb.Run(filepath.Join(dir, "mariadb")); err != nil {
			return nil, err
		}
		return server.Close, errors.Join(server.CreateDatabase("database"), server.CreateUser("user", "test", "ALL PRIVILEGES ON *.*"))
	}))
}

// bundle is a host with the plugin installed, and a database.
type bundle struct {
	*testing.T
	host *ekuiper.Host
	db   *sql.DB
	name string // of the database
}

func newBundle(t *testing.T, ddl ...string) *bundle {
	t.Helper()
	t.Parallel()
	b := &bundle{T: t, host: ekuiper.Start(t, ekuiper.Options{}), name: strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_"))}
	b.must(b.host.InstallPlugin("mysql", zip))
	b.must(server.CreateDatabase(b.name))
	b.open()
	for _, statement := range ddl {
		_, err := b.db.Exec(statement)
		b.must(err)
	}
	return b
}

// open connects to the database, for as long as the test.
func (b *bundle) open() {
	b.Helper()
	var err error
	b.db, err = sql.Open("mysql", server.DSN(b.name))
	b.must(err)
	b.Cleanup(func() { _ = b.db.Close() })
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// stream makes a stream of rows with a sequence 1, 2, 3, ... in id, at rate
// rows a second; 0 for as fast as the host takes them.
func (b *bundle) stream(name string, rate, count int) {
	b.Helper()
	b.must(b.host.PutSourceConfig("randomrows", name, map[string]any{
		"rate": rate, "count": count,
		"fields": []any{
			map[string]any{"name": "id", "type": "sequence", "start": 1},
			map[string]any{"name": "name", "type": "choice", "values": []any{"it's", `back\slash`, "plain", "漢字 <b>&"}},
			map[string]any{"name": "x", "type": "float", "min": 0, "max": 100},
		},
	}))
	b.must(b.host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="randomrows", FORMAT="json", CONF_KEY="%s")`, name, name)))
}

// url is a DSN for a rule, through address or to the server itself.
func (b *bundle) url(address string) string {
	if address == "" {
		address = server.Addr()
	}
	return fmt.Sprintf("user:test@tcp(%s)/%s", address, b.name)
}

// rule makes a rule that loses nothing inside the host.
func (b *bundle) rule(id, query string, action map[string]any) {
	b.Helper()
	b.must(b.host.CreateRule(map[string]any{
		"id": id, "sql": query, "actions": []any{map[string]any{"mysql": action}},
		"options": map[string]any{"disableBufferFullDiscard": true},
	}))
}

// count is the number that a query gives.
func (b *bundle) count(query string) int64 {
	b.Helper()
	var n sql.NullInt64
	b.must(b.db.QueryRow(query).Scan(&n))
	return n.Int64
}

// waitCount waits until a query gives at least want.
func (b *bundle) waitCount(want int64, query string) {
	b.Helper()
	var last int64
	err := ekuiper.Wait(limit, func() (bool, error) {
		last = b.count(query)
		return last >= want, nil
	})
	if err != nil {
		b.Fatalf("%s gave %d, want %d: %v", query, last, want, err)
	}
}

// checkSequence fails unless the table holds ids 1 to n, each once.
func (b *bundle) checkSequence(table string) (n int64) {
	b.Helper()
	n = b.count("SELECT COUNT(*) FROM " + table)
	if distinct, last := b.count("SELECT COUNT(DISTINCT id) FROM "+table), b.count("SELECT MAX(id) FROM "+table); distinct != n || last != n {
		b.Errorf("%d rows, %d different, the last is %d: want the same number", n, distinct, last)
	}
	return n
}

// waitFinished waits until the plugin says that all rows of a stopped rule are
// dealt with, times times.
func (b *bundle) waitFinished(rule string, times int) {
	b.Helper()
	said := regexp.MustCompile(`finished: received=.*rule=` + regexp.QuoteMeta(rule))
	err := ekuiper.Wait(limit, func() (bool, error) {
		return len(said.FindAllString(b.host.Log(), -1)) >= times, nil
	})
	if err != nil {
		b.Fatalf("the log does not say %v %d times: %v", said, times, err)
	}
}
