// Package integration runs the plugin's executable against the mock host and a
// real MariaDB, and kills it.
package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proxy"
	"ekuiper-mysql/test/suite"
)

// limit ends a test that hangs; nothing here takes nearly as long.
const limit = time.Minute

var executable string

func TestMain(m *testing.M) {
	os.Exit(suite.Run(m, func(dir string) (func() error, error) {
		executable = filepath.Join(dir, "mysql")
		root, err := ekuiper.Root()
		if err != nil {
			return nil, err
		}
		command := exec.Command("go", "build", "-o", executable, "./mysql")
		command.Dir = root
		if out, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build: %w\n%s", err, out)
		}
		return nil, nil
	}))
}

// bundle is a mock host, a server with a table, and a folder that outlives the plugin.
type bundle struct {
	*testing.T
	host   *fakehost.Host
	server *mariadb.Server
	plugin *fakehost.Process
	data   string
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{T: t, server: mariadb.Start(t), data: t.TempDir()}
	b.must(b.server.CreateDatabase("d"))
	b.must(b.server.Exec("CREATE TABLE d.t (id BIGINT PRIMARY KEY)"))
	var err error
	b.host, err = fakehost.New("mysql")
	b.must(err)
	t.Cleanup(func() {
		if b.plugin != nil {
			if t.Failed() {
				t.Logf("the plugin's log:\n%s", b.plugin.Log())
			}
			_ = b.plugin.Kill()
		}
		_ = b.host.Close()
	})
	return b
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// launch starts the plugin, anew if there was one; the host replays its starts.
func (b *bundle) launch() {
	b.Helper()
	if b.plugin != nil {
		b.must(b.plugin.Kill())
	}
	var err error
	b.plugin, err = b.host.Launch(executable, fakehost.LaunchOptions{Env: []string{"EKUIPER_MYSQL_DATA=" + b.data}})
	b.must(err)
}

func (b *bundle) open(address string, more map[string]any) *fakehost.SinkConn {
	b.Helper()
	config := map[string]any{"url": "root@tcp(" + address + ")/d", "table": "t"}
	for k, v := range more {
		config[k] = v
	}
	rule, err := b.host.OpenSink(fakehost.Sink("kill", "mysql", config))
	b.must(err)
	return rule
}

func (b *bundle) waitRows(want int) {
	b.Helper()
	var n int
	err := ekuiper.Wait(limit, func() (bool, error) {
		err := b.server.DB().QueryRow("SELECT COUNT(*) FROM d.t").Scan(&n)
		return n >= want, err
	})
	if err != nil || n != want {
		b.Fatalf("%d rows in the table, want %d: %v", n, want, err)
	}
}

// killsAmong chooses after which of so many rows to kill.
func killsAmong(t *testing.T, kills, rows int) map[int]bool {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	at := map[int]bool{}
	for len(at) < kills {
		at[random.IntN(rows)] = true
	}
	return at
}

// TestAcknowledgedRowsSurviveKills kills the plugin at random moments; what it
// has acknowledged must reach the table.
func TestAcknowledgedRowsSurviveKills(t *testing.T) {
	b := newBundle(t)
	b.launch()
	rule := b.open(b.server.Addr(), map[string]any{"requireAck": true, "resendInterval": 10})
	const kills, rows = 10, 3000
	killAt := killsAmong(t, kills, rows)
	for id := range rows {
		message := fmt.Appendf(nil, `[{"id":%d}]`, id)
		if killAt[id] {
			// Killed with the message on its way: taken or not, no answer counts.
			b.must(rule.Send(message))
			b.launch()
			for rule.ReadAck(100*time.Millisecond) == nil {
				continue
			}
		}
		err := rule.Collect(message, 5*time.Second)
		for errors.Is(err, fakehost.ErrNoAck) { // lost in the socket of the plugin that was killed
			err = rule.Collect(message, 5*time.Second)
		}
		b.must(err)
	}
	b.waitRows(rows)
	b.must(rule.Close())
}

// TestRowsSurviveAKillWhileTheDatabaseIsAway: all that waits is on disk.
func TestRowsSurviveAKillWhileTheDatabaseIsAway(t *testing.T) {
	b := newBundle(t)
	hole := proxy.Start(t, b.server.Addr())
	hole.BlackHole()
	b.launch()
	rule := b.open(hole.Addr(), map[string]any{"requireAck": true})
	const rows = 2000
	for id := range rows {
		b.must(rule.Collect(fmt.Appendf(nil, `[{"id":%d}]`, id), 5*time.Second))
	}
	for range 3 {
		b.launch()
	}
	if line := b.journal(); line.Pending != rows || line.Received != rows {
		t.Errorf("the command line sees %+v, want %d rows pending", line, rows)
	}
	hole.Pass()
	b.waitRows(rows)
	if log := b.plugin.Log(); !strings.Contains(log, fmt.Sprintf("going on with %d rows", rows)) {
		t.Error("the log does not tell how many rows were waiting")
	}
	b.must(rule.Close())
}

// counts is what `mysql journal list --json` prints.
type counts struct{ Received, Stored, Superseded, SetAside, Dropped, Lost, Pending int }

// journal reads the only journal's counts with the command line.
func (b *bundle) journal() (c counts) {
	b.Helper()
	out, err := b.command("journal", "list", "--json")
	b.must(err)
	b.must(json.Unmarshal(out, &c))
	if c.Received != c.Stored+c.Superseded+c.SetAside+c.Dropped+c.Lost+c.Pending {
		b.Errorf("the sums do not add up: %+v", c)
	}
	return c
}

func (b *bundle) command(args ...string) ([]byte, error) {
	command := exec.Command(executable, args...)
	command.Env = append(os.Environ(), "EKUIPER_MYSQL_DATA="+b.data)
	return command.Output()
}

// TestRefusedRowsAreKeptOverAKill: the dead letters are on disk, each once.
func TestRefusedRowsAreKeptOverAKill(t *testing.T) {
	b := newBundle(t)
	b.launch()
	rule := b.open(b.server.Addr(), map[string]any{"requireAck": true})
	for id := range 100 {
		b.must(rule.Collect(fmt.Appendf(nil, `[{"id":%d},{"id":"wrong %d"},{"id":%d}]`, id, id, id), 5*time.Second))
	}
	b.waitRows(100)
	b.launch()
	b.must(ekuiper.Wait(limit, func() (bool, error) { return b.journal().Pending == 0, nil }))
	if c := b.journal(); c.Stored != 100 || c.SetAside != 200 {
		t.Errorf("%+v, want 100 stored and 200 set aside", c)
	}
	out, err := b.command("deadletters", "export")
	b.must(err)
	var wrong, doubled int
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.Contains(line, "wrong"):
			wrong++
		case strings.Contains(line, "1062"):
			doubled++
		}
	}
	if wrong != 100 || doubled != 100 {
		t.Errorf("%d and %d dead letters, want 100 that do not convert and 100 duplicates", wrong, doubled)
	}
	b.must(rule.Close())
}

// TestFactsSurviveKills: what is known of a row, such as its number, is the
// same whenever the row comes, and so makes a key of which no row is twice.
func TestFactsSurviveKills(t *testing.T) {
	b := newBundle(t)
	b.must(b.server.Exec("CREATE TABLE d.facts (id BIGINT, journal CHAR(32), number BIGINT, rule VARCHAR(20), at DATETIME, PRIMARY KEY (journal, number))"))
	hole := proxy.Start(t, b.server.Addr())
	hole.BlackHole()
	b.launch()
	meta := func(name string) any { return map[string]any{"meta": name} }
	rule := b.open(hole.Addr(), map[string]any{
		"requireAck": true, "table": "facts",
		"columns": map[string]any{"journal": meta("journal"), "number": meta("number"), "rule": meta("rule"), "at": meta("received")},
	})
	const rows = 1000
	before := time.Now().Unix()
	for id := range rows {
		b.must(rule.Collect(fmt.Appendf(nil, `[{"id":%d}]`, id), 5*time.Second))
	}
	after := time.Now().Unix()
	// A time that the plugin takes when it writes would be another second's.
	for time.Now().Unix() == after {
		b.launch()
	}
	hole.Pass()
	b.launch() // with some of the rows in the table, or none yet
	var n int
	err := ekuiper.Wait(limit, func() (bool, error) {
		err := b.server.DB().QueryRow("SELECT COUNT(*) FROM d.facts").Scan(&n)
		return n >= rows, err
	})
	if err != nil || n != rows {
		t.Fatalf("%d rows in the table, want %d: %v", n, rows, err)
	}
	text := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateTime) }
	var good, journals, names int
	query := "SELECT SUM(id = number), COUNT(DISTINCT journal), COUNT(DISTINCT rule) FROM d.facts WHERE at BETWEEN ? AND ?"
	b.must(b.server.DB().QueryRow(query, text(before), text(after)).Scan(&good, &journals, &names))
	if good != rows || journals != 1 || names != 1 {
		t.Errorf("%d of %d rows as they came, from %d journals, of %d rules", good, rows, journals, names)
	}
	b.must(rule.Close())
}
