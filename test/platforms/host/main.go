// Command host plays eKuiper for a plugin of any system that this machine can
// run: it starts the plugin's executable as the zip has it, over the sockets
// that eKuiper uses, sends rows, kills, and compares a real database's tables
// with what was sent. It prints a line of JSON for each step and ends with 1
// where one failed. Test/platforms builds it, for Windows too, and runs it.
package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

func main() {
	var s stage
	flag.StringVar(&s.executable, "plugin", "", "the plugin's `executable`")
	flag.StringVar(&s.data, "data", "", "an empty `folder` for what the plugin keeps")
	flag.StringVar(&s.address, "address", "", "`host:port` of a database whose user root has no password")
	flag.StringVar(&s.database, "database", "platforms", "a database that is made anew for this")
	flag.DurationVar(&s.limit, "limit", 2*time.Minute, "how long anything may take that waits for the plugin")
	only := flag.String("only", "", "the only step to take; all by default")
	asHost := flag.Bool("as-host", false, "start the plugin, print its processes and wait: what another such command kills")
	flag.Parse()
	if *asHost {
		fail(beHost(&s))
		return
	}
	fail(s.run(*only))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
}

// Step is what is printed of a step.
type Step struct {
	Name   string `json:"step"`
	Detail string `json:"detail,omitempty"`
	Error  string `json:"error,omitempty"`
}

// stage is what the steps work on.
type stage struct {
	executable, data  string
	address, database string
	limit             time.Duration

	host   *fakehost.Host
	plugin *fakehost.Process
	db     *sql.DB
}

// Steps in their order. Each leaves the plugin running for the next, but the
// last. Their names are the columns of the table.
func (s *stage) steps() []struct {
	name string
	take func() (string, error)
} {
	return []struct {
		name string
		take func() (string, error)
	}{
		{"rule with kills", s.rule},
		{"exactly once", s.exactlyOnce},
		{"refused rows", s.refused},
		{"source", s.source},
		{"journal by the command line", s.journal},
		{"ends with its host", s.orphan},
	}
}

func (s *stage) run(only string) error {
	var err error
	if s.db, err = sql.Open("mysql", "root@tcp("+s.address+")/"); err != nil {
		return err
	}
	defer s.db.Close()
	if err := s.exec("DROP DATABASE IF EXISTS "+s.database, "CREATE DATABASE "+s.database); err != nil {
		return err
	}
	if s.host, err = fakehost.New("mysql"); err != nil {
		return err
	}
	defer s.host.Close()
	s.host.BeforeDial = func(url string) { occupy(url).met() }
	occupy("ipc:///tmp/plugin_mysql.ipc").met()
	if err := s.launch(); err != nil {
		return err
	}
	defer func() { _ = s.plugin.KillPlugin() }()
	failed := false
	for _, step := range s.steps() {
		if only != "" && step.name != only {
			continue
		}
		done := Step{Name: step.name}
		if done.Detail, err = step.take(); err != nil {
			done.Error, failed = err.Error(), true
		}
		line, err := json.Marshal(done)
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	if failed {
		return fmt.Errorf("there were failures; the plugin's log:\n%s", s.plugin.Log())
	}
	return nil
}

func (s *stage) exec(statements ...string) error {
	for _, statement := range statements {
		if _, err := s.db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func (s *stage) launch() (err error) {
	s.plugin, err = s.host.Launch(s.executable, fakehost.LaunchOptions{Env: s.environment()})
	return err
}

func (s *stage) environment() []string { return []string{"EKUIPER_MYSQL_DATA=" + s.data} }

// open starts a rule's sink.
func (s *stage) open(rule string, config map[string]any) (*fakehost.SinkConn, error) {
	props := map[string]any{"url": "root@tcp(" + s.address + ")/" + s.database}
	for name, value := range config {
		props[name] = value
	}
	control := fakehost.Sink(rule, "mysql", props)
	occupy(fmt.Sprintf("ipc:///tmp/%s_%s_0_ack.ipc", rule, control.Meta.OpID))
	return s.host.OpenSink(control)
}

// deliver sends a message again, as eKuiper does with resendInterval, until
// it is acknowledged.
func (s *stage) deliver(rule *fakehost.SinkConn, message []byte) error {
	const again = 100 * time.Millisecond
	patience := s.limit / 12
	tick := time.NewTicker(again)
	defer tick.Stop()
	for end := time.Now().Add(s.limit); ; <-tick.C {
		err := rule.Collect(message, patience)
		var refusal *fakehost.AckError
		if err == nil || !errors.Is(err, fakehost.ErrNoAck) && !errors.As(err, &refusal) || time.Now().After(end) {
			return err
		}
		if errors.Is(err, fakehost.ErrNoAck) && firstClientHangs() {
			// The rule's socket came first to the new worker's: see occupy.
			if _, err := s.replaceWorker(); err != nil {
				return err
			}
		}
	}
}

// replaceWorker kills the worker and waits for the next, which it returns.
func (s *stage) replaceWorker() (pid int, err error) {
	former, err := s.plugin.KillWorker()
	if err != nil {
		return 0, err
	}
	return s.plugin.WaitWorker(former)
}

// settle takes the acknowledgements that are left over after a kill.
func settle(rule *fakehost.SinkConn) {
	for rule.ReadAck(100*time.Millisecond) == nil {
		continue
	}
}

// count waits until a query gives a number, for as long as it gives a smaller one.
func (s *stage) count(query string, want int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(s.limit); ; <-tick.C {
		var n int
		if err := s.db.QueryRow(query).Scan(&n); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		if n == want {
			return nil
		}
		if n > want || time.Now().After(end) {
			return fmt.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

// command runs the plugin's own command line.
func (s *stage) command(args ...string) (string, error) {
	var stderr bytes.Buffer
	command := exec.Command(s.executable, args...)
	command.Env = append(os.Environ(), s.environment()...)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("mysql %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// ledger is what `mysql journal list --json` prints of a journal.
type ledger struct {
	Folder, Identity                                               string
	Received, Stored, Superseded, SetAside, Dropped, Lost, Pending int
}

// journalOf asks the command line for a rule's journal.
func (s *stage) journalOf(rule string) (l ledger, err error) {
	out, err := s.command("journal", "list", "--json")
	if err != nil {
		return l, err
	}
	for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
		l = ledger{} // what a line leaves out is 0
		if err := lines.Decode(&l); err != nil {
			return l, fmt.Errorf("mysql journal list --json: %w in %s", err, out)
		}
		if !strings.Contains(l.Identity, "rule "+rule+",") {
			continue
		}
		if sum := l.Stored + l.Superseded + l.SetAside + l.Dropped + l.Lost + l.Pending; sum != l.Received {
			return l, fmt.Errorf("the sums of rule %s do not add up: %+v", rule, l)
		}
		return l, nil
	}
	return ledger{}, nil
}
