package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proxy"
)

// arena is where one scenario takes place: a mock host with one rule, the
// plugin, a table, and the sender's ledger.
type arena struct {
	*testing.T
	mode    mode
	options options
	server  *mariadb.Server
	proxy   *proxy.Proxy // nil where the plugin reaches the server itself
	real    *real        // the real eKuiper, nil where the mock host stands for it
	host    *fakehost.Host
	plugin  *fakehost.Process
	rule    *fakehost.SinkConn
	data    string // the folder that outlives the plugin
	ledger  ledger

	hostDied bool             // in this round: what it held in memory is gone
	healed   time.Time        // when this round's fault was over; zero if there was none
	before   counts           // the plugin's own account when the round began
	distinct int64            // rows found so far, each once
	stored   int64            // rows in the table so far, copies included
	setAside int64            // dead letters so far
	poisoned map[int64]string // this round's rows that the table refuses, and how they are wrong; nil where that is open
}

func newArena(t *testing.T, m mode, o options, proxied bool) *arena {
	t.Helper()
	a := &arena{T: t, mode: m, options: o, server: server, data: t.TempDir()}
	a.prepareDatabase()
	address := server.Addr()
	if proxied {
		a.proxy = proxy.Start(t, address)
		address = a.proxy.Addr()
	}
	var err error
	a.host, err = fakehost.New("mysql")
	a.must(err)
	t.Cleanup(func() {
		if a.plugin != nil {
			if t.Failed() {
				t.Logf("the end of the plugin's log:\n%s", tail(a.plugin.Log(), 60))
			}
			_ = a.plugin.KillPlugin()
		}
		if a.rule != nil {
			_ = a.rule.Disconnect()
		}
		_ = a.host.Close()
	})
	a.launch()
	a.rule, err = a.host.OpenSink(fakehost.Sink(ruleName, "mysql", a.action(address)))
	a.must(err)
	return a
}

// ruleName is the rule's.
const ruleName = "fault"

// prepareDatabase makes the database, the plugin's user and the table.
func (a *arena) prepareDatabase() {
	a.Helper()
	a.must(a.server.CreateDatabase("d"))
	a.exec("CREATE TABLE d.parents (id BIGINT PRIMARY KEY)")
	a.must(a.server.CreateUser("writer", "secret", "SELECT, INSERT, UPDATE, DELETE, CREATE ON d.*"))
	a.createTable()
}

// action is the rule's, to a database at address.
func (a *arena) action(address string) map[string]any {
	action := map[string]any{"url": "writer:secret@tcp(" + address + ")/d" + a.options.parameters, "table": "t"}
	if a.mode.acks {
		action["requireAck"], action["resendInterval"] = true, resendPause.Milliseconds()
	}
	if a.mode.once {
		action["delivery"] = "exactlyOnce"
	}
	for k, v := range a.options.action {
		action[k] = v
	}
	return action
}

func (a *arena) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// exec runs statements as root.
func (a *arena) exec(statements ...string) {
	a.Helper()
	for _, s := range statements {
		a.must(a.server.Exec(s))
	}
}

// columns are those of every table: what the sender fills, when the row was
// stored, and in which order.
const columns = "id BIGINT NOT NULL, grp INT NOT NULL, note VARCHAR(200) NOT NULL, at TIMESTAMP(3) NOT NULL DEFAULT 0, " +
	"born TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), n BIGINT NOT NULL AUTO_INCREMENT"

// createTable makes the table that the rule writes to.
func (a *arena) createTable() {
	a.Helper()
	keys := ", PRIMARY KEY (n), KEY (id), KEY (grp)"
	if a.mode.keyed {
		keys = ", PRIMARY KEY (id), KEY (n), KEY (grp)"
	}
	a.exec("CREATE TABLE d.t (" + columns + a.options.columns + keys + ")")
}

// launch starts the plugin; the host replays its starts.
func (a *arena) launch() {
	a.Helper()
	var err error
	a.plugin, err = a.host.Launch(executable, fakehost.LaunchOptions{Env: []string{"EKUIPER_MYSQL_DATA=" + a.data}})
	a.must(err)
}

// killPlugin ends supervisor and worker at once.
func (a *arena) killPlugin() {
	a.Helper()
	a.must(a.plugin.KillPlugin())
}

// revive starts the plugin again after killPlugin, as a host does, and notes
// the crash.
func (a *arena) revive() {
	a.Helper()
	received := a.counts().Received
	a.launch()
	a.ledger.crashed(received)
	a.healed = time.Now()
}

// killSupervisor ends the process that the host has started; the worker then
// ends by itself, and the host starts the plugin again.
func (a *arena) killSupervisor() {
	a.Helper()
	a.must(a.plugin.Kill())
	a.launch()
	a.awake(-1)
}

// killWorker ends the process that does the work; the supervisor starts
// another by itself.
func (a *arena) killWorker() {
	a.Helper()
	killed, err := a.plugin.KillWorker()
	a.must(err)
	_, err = a.plugin.WaitWorker(killed)
	a.must(err)
	a.awake(-1)
}

// awake waits until rows arrive again, and notes the crash. received is how
// many had come before it, or -1 where that is not known.
func (a *arena) awake(received int64) {
	a.Helper()
	a.healed = time.Now()
	before := a.counts().Received
	a.must(ekuiper.Wait(limit, func() (bool, error) { return a.counts().Received > before, nil }))
	a.ledger.crashed(received)
}

// counts is what `mysql journal list --json` prints: a reading of the
// journal's files beside the plugin.
type counts struct {
	Received, Stored, Superseded, SetAside, Dropped, Lost, Pending int64
	Damaged                                                        int64 `json:"damagedBytes"`
}

func (a *arena) counts() (c counts) {
	a.Helper()
	out, err := a.command("journal", "list", "--json")
	a.must(err)
	for line := range bytes.Lines(out) {
		var j struct {
			Identity string
			counts
		}
		a.must(json.Unmarshal(line, &j))
		if strings.HasPrefix(j.Identity, "rule "+ruleName+",") {
			c = j.counts
		}
	}
	if c.Received != c.Stored+c.Superseded+c.SetAside+c.Dropped+c.Lost+c.Pending {
		a.Errorf("the plugin's sums do not add up: %+v", c)
	}
	return c
}

func (a *arena) command(args ...string) ([]byte, error) {
	command := exec.Command(executable, args...)
	command.Env = append(os.Environ(), "EKUIPER_MYSQL_DATA="+a.data)
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%v: %w: %s", args, err, exit.Stderr)
	}
	return out, err
}

// begin opens a round with an empty table.
func (a *arena) begin() {
	a.Helper()
	a.exec("TRUNCATE d.t")
	a.poisoned = nil
	a.before = counts{}
	if a.distinct > 0 || a.setAside > 0 {
		a.before = a.counts()
	}
	a.healed, a.hostDied = time.Time{}, false
	a.ledger.open()
}

// settle waits until the plugin has a fate for every row that it got, and has
// got the last one: rows come in order. What the mock host has an
// acknowledgement for has come; the real one may have rows on their way.
func (a *arena) settle() {
	a.Helper()
	var c counts
	err := ekuiper.Wait(limit, func() (bool, error) {
		c = a.counts()
		return c.Pending == 0 && (a.mode.acks && a.real == nil || a.arrived(a.ledger.next-1)), nil
	})
	if err == nil {
		// A connection that a killed plugin or a broken network left behind may
		// still be writing.
		err = ekuiper.Wait(limit, func() (bool, error) { return a.connections("AND command <> 'Sleep'") == 0, nil })
	}
	if err != nil {
		a.Fatalf("rows are left: %+v; the last is there: %v; %v", c, a.arrived(a.ledger.next-1), err)
	}
}

// arrived tells whether a row is in the table or among the dead letters.
func (a *arena) arrived(id int64) bool {
	var n int
	a.must(a.server.DB().QueryRow("SELECT COUNT(*) FROM d.t WHERE id = ?", id).Scan(&n))
	if n > 0 {
		return true
	}
	for _, l := range a.letters() {
		if l.id == id {
			return true
		}
	}
	return false
}

func tail(text string, lines int) string {
	end := len(text)
	for i := len(text) - 1; i > 0 && lines > 0; i-- {
		if text[i-1] == '\n' {
			lines--
			end = i
		}
	}
	return text[end:]
}
