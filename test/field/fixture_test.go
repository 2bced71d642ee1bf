// Package field holds what people do with the plugin: messages of a real MQTT
// broker, a file that is replayed, updates while rows flow, the plugin removed,
// a container made anew, ten rules at once. The packaged plugin runs in the
// real eKuiper and writes to a real server.
package field

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/suite"
)

// limit ends a test that hangs; nothing here takes nearly as long.
const limit = 2 * time.Minute

var (
	zip string // of the plugin
	cli string // its executable, beside eKuiper
)

func TestMain(m *testing.M) {
	os.Exit(suite.Run(m, func(dir string) (_ func() error, err error) {
		if zip, err = ekuiper.Pack(context.Background(), dir); err != nil {
			return nil, err
		}
		cli = filepath.Join(dir, "mysql")
		return nil, ekuiper.Extract(zip, "mysql", cli)
	}))
}

// site is a host with the plugin installed, a server with an empty database,
// and an address where the host takes rows.
type site struct {
	*testing.T
	host   *ekuiper.Host
	server *mariadb.Server
	db     *sql.DB
	push   string // host:port
	env    []string
}

// newSite starts a server and a host. The plugin is not installed yet.
func newSite(t *testing.T, ddl ...string) *site {
	t.Helper()
	s := prepare(t, ddl...)
	s.start(ekuiper.Options{})
	return s
}

// start starts a host in place of any before.
func (s *site) start(options ekuiper.Options) {
	s.Helper()
	options.Env = s.env
	s.host = ekuiper.Start(s.T, options)
}

// prepare starts a server, and leaves the host to be started.
func prepare(t *testing.T, ddl ...string) *site {
	t.Helper()
	s := &site{T: t, server: mariadb.Start(t)}
	s.must(s.server.CreateDatabase("plant"))
	config, err := mysql.ParseDSN(s.server.DSN("plant"))
	s.must(err)
	config.Logger = &mysql.NopLogger{} // a killed server is no news here
	connector, err := mysql.NewConnector(config)
	s.must(err)
	s.db = sql.OpenDB(connector)
	t.Cleanup(func() { _ = s.db.Close() })
	for _, statement := range ddl {
		_, err := s.db.Exec(statement)
		s.must(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.push = listener.Addr().String()
	s.must(listener.Close())
	_, port, err := net.SplitHostPort(s.push)
	s.must(err)
	s.env = []string{"KUIPER__SOURCE__HTTPSERVERPORT=" + port}
	return s
}

// installed is newSite with the plugin.
func installed(t *testing.T, ddl ...string) *site {
	t.Helper()
	s := newSite(t, ddl...)
	s.must(s.host.InstallPlugin("mysql", zip))
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// posted makes a stream of what is posted to it.
func (s *site) posted(name string) {
	s.Helper()
	// Without a method named the host answers every request with 405.
	s.must(s.host.PutSourceConfig("httppush", "post", map[string]any{"method": "POST"}))
	s.must(s.host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="httppush", DATASOURCE="/%[1]s", FORMAT="json", CONF_KEY="post")`, name)))
}

// random makes a stream of the plugin's own source.
func (s *site) random(name string, props map[string]any) {
	s.Helper()
	s.must(s.host.PutSourceConfig("randomrows", name, props))
	s.must(s.host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="randomrows", FORMAT="json", CONF_KEY="%[1]s")`, name)))
}

// rule makes a rule that loses nothing inside the host.
func (s *site) rule(id, query string, action map[string]any) {
	s.Helper()
	s.must(s.host.CreateRule(s.document(id, query, action)))
}

func (s *site) document(id, query string, action map[string]any) map[string]any {
	action = maps.Clone(action)
	action["url"] = s.server.DSN("plant")
	return map[string]any{
		"id": id, "sql": query, "actions": []any{map[string]any{"mysql": action}},
		"options": map[string]any{"disableBufferFullDiscard": true, "bufferLength": 100_000},
	}
}

// running waits until a rule runs.
func (s *site) running(rule string) {
	s.Helper()
	_, err := s.host.WaitRule(rule, limit, func(status ekuiper.RuleStatus) bool { return status.State() == "running" })
	s.must(err)
}

// shared is rule for a stream that several rules share. eKuiper keeps nothing
// back for these: what comes faster than they take it is lost.
func (s *site) shared(id, query string, action map[string]any) {
	s.Helper()
	document := s.document(id, query, action)
	delete(document, "options")
	s.must(s.host.CreateRule(document))
}

// account is what mysql journal list --json tells of a rule's journal.
type account struct {
	Folder, Identity                                               string
	Open, Orphan                                                   bool
	Received, Stored, Superseded, SetAside, Dropped, Lost, Pending int64
}

// data is the plugin's data folder.
func (s *site) data() string { return filepath.Join(s.host.Base, "data", "mysql") }

// command runs the plugin's command line on what the plugin keeps.
func (s *site) command(args ...string) string {
	s.Helper()
	command := exec.Command(cli, args...)
	command.Env = append(os.Environ(), "EKUIPER_MYSQL_DATA="+s.data())
	out, err := command.CombinedOutput()
	if err != nil {
		s.Fatalf("mysql %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// account is that of a rule, empty if it has none yet.
func (s *site) account(rule string) account {
	s.Helper()
	if _, err := os.Stat(filepath.Join(s.data(), "journal")); err != nil {
		return account{} // no rule has begun yet: the command line takes that for a mistake
	}
	for text := range strings.Lines(s.command("journal", "list", "--json")) {
		var a account
		s.must(json.Unmarshal([]byte(text), &a))
		if strings.HasPrefix(a.Identity, "rule "+rule+",") {
			return a
		}
	}
	return account{}
}

// wait waits until something is so; what tells it if it never is.
func (s *site) wait(what string, so func() bool) {
	s.Helper()
	if err := ekuiper.Wait(limit, func() (bool, error) { return so(), nil }); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// received waits until a rule has received so many rows.
func (s *site) received(rule string, rows int64) account {
	s.Helper()
	var a account
	s.wait(fmt.Sprintf("rule %s receives %d rows", rule, rows), func() bool {
		a = s.account(rule)
		return a.Received >= rows
	})
	return a
}

// settled waits until a rule has received so many rows and none of them waits,
// and checks that the sums add up.
func (s *site) settled(rule string, rows int64) account {
	s.Helper()
	var a account
	err := ekuiper.Wait(limit, func() (bool, error) {
		a = s.account(rule)
		return a.Received >= rows && a.Pending == 0, nil
	})
	if err != nil {
		s.Fatalf("rule %s: %v: %d rows wanted, %+v", rule, err, rows, a)
	}
	if a.Received != a.Stored+a.Superseded+a.SetAside || a.Dropped != 0 || a.Lost != 0 {
		s.Errorf("rule %s: the sums do not add up: %+v", rule, a)
	}
	return a
}

// count is the number that a query gives, 0 for NULL.
func (s *site) count(query string) int64 {
	s.Helper()
	var n sql.NullInt64
	s.must(s.db.QueryRow(query).Scan(&n))
	return n.Int64
}

// equal checks the number that a query gives.
func (s *site) equal(query string, want int64) {
	s.Helper()
	if got := s.count(query); got != want {
		s.Errorf("%s gives %d, want %d", query, got, want)
	}
}

// rows is a result, its values as text, NULL as a dash.
func (s *site) rows(query string) (all [][]string) {
	s.Helper()
	rows, err := s.db.Query(query)
	s.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	s.must(err)
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		to := make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		s.must(rows.Scan(to...))
		row := make([]string, len(columns))
		for i, v := range values {
			if row[i] = v.String; !v.Valid {
				row[i] = "-"
			}
		}
		all = append(all, row)
	}
	s.must(rows.Err())
	return all
}

// same compares a result with what it must be, and tells the first difference.
func (s *site) same(query string, want [][]string) {
	s.Helper()
	got := s.rows(query)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !slices.Equal(got[i], want[i]) {
			s.Errorf("%s: %d rows, want %d; row %d is %q, want %q", query, len(got), len(want), i, at(got, i), at(want, i))
			return
		}
	}
}

func at(rows [][]string, i int) []string {
	if i < len(rows) {
		return rows[i]
	}
	return nil
}

// logged counts the lines of eKuiper's log that match.
func (s *site) logged(pattern string) int {
	return len(regexp.MustCompile(pattern).FindAllString(s.host.Log(), -1))
}

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }
