// Package plant is the plugin's executable at work: the mock host feeds it
// rows, a private MariaDB takes some and refuses others, and what it serves
// over HTTP can be asked for. Tests of the page and of the dashboards look at
// it.
package plant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
)

// Limit ends a wait that hangs; nothing takes nearly as long.
const Limit = 2 * time.Minute

// Database is where the tables are.
const Database = "plant"

// Plant is a running plugin with a server. Its methods are for one goroutine,
// but for Ask and the flows.
type Plant struct {
	Server  *mariadb.Server
	Plugin  *fakehost.Process
	Address string // host:port of metrics and page

	tb         testing.TB
	executable string
	env        []string
	host       *fakehost.Host
	rules      []*fakehost.SinkConn
	client     *http.Client
}

// Build builds the plugin's executable into dir and returns its path.
func Build(dir string) (string, error) {
	root, err := ekuiper.Root()
	if err != nil {
		return "", err
	}
	executable := dir + "/mysql"
	command := exec.Command("go", "build", "-o", executable, "./mysql")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return executable, nil
}

// Start runs the executable, until the test ends, with more variables in its
// environment and after the statements.
func Start(tb testing.TB, executable string, env []string, statements ...string) *Plant {
	tb.Helper()
	p := &Plant{tb: tb, Server: mariadb.Start(tb), executable: executable, client: &http.Client{Timeout: Limit}}
	p.must(p.Server.CreateDatabase(Database))
	for _, s := range statements {
		p.must(p.Server.Exec(s))
	}
	var err error
	p.Address, err = freeAddress()
	p.must(err)
	p.env = append([]string{"EKUIPER_MYSQL_DATA=" + tb.TempDir(), "EKUIPER_MYSQL_METRICS=" + p.Address}, env...)
	p.host, err = fakehost.New("mysql")
	p.must(err)
	tb.Cleanup(p.close)
	p.Launch()
	return p
}

// Launch starts the plugin, anew if there was one.
func (p *Plant) Launch() {
	p.tb.Helper()
	if p.Plugin != nil {
		p.must(p.Plugin.KillPlugin())
	}
	var err error
	p.Plugin, err = p.host.Launch(p.executable, fakehost.LaunchOptions{Env: p.env})
	p.must(err)
}

func (p *Plant) close() {
	if p.Plugin != nil {
		if p.tb.Failed() {
			p.tb.Logf("the plugin's log:\n%s", p.Plugin.Log())
		}
		_ = p.Plugin.KillPlugin()
	}
	for _, rule := range p.rules {
		_ = rule.Disconnect()
	}
	_ = p.host.Close()
	p.client.CloseIdleConnections()
}

func (p *Plant) must(err error) {
	p.tb.Helper()
	if err != nil {
		p.tb.Fatal(err)
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// Rule starts a rule that writes to a table through address, or to the server
// itself where that is empty.
func (p *Plant) Rule(id, table, address string, more map[string]any) *fakehost.SinkConn {
	p.tb.Helper()
	if address == "" {
		address = p.Server.Addr()
	}
	props := map[string]any{"url": "root@tcp(" + address + ")/" + Database, "table": table}
	for name, value := range more {
		props[name] = value
	}
	rule, err := p.host.OpenSink(fakehost.Sink(id, "mysql", props))
	p.must(err)
	p.rules = append(p.rules, rule)
	return rule
}

// Flow sends what next makes to a rule every so often, until stop is called or
// the test ends.
func (p *Plant) Flow(rule *fakehost.SinkConn, every time.Duration, next func(i int) string) (stop func()) {
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-tick.C:
				_ = rule.Send([]byte(next(i))) // a plugin that is killed takes none
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(end)
		done.Wait()
	})
	p.tb.Cleanup(stop)
	return stop
}

// Count is the number that a query gives.
func (p *Plant) Count(query string) (n int) {
	p.tb.Helper()
	p.must(p.Server.DB().QueryRow(query).Scan(&n))
	return n
}

// Wait waits until done.
func (p *Plant) Wait(what string, done func() bool) {
	p.tb.Helper()
	if err := ekuiper.Wait(Limit, func() (bool, error) { return done(), nil }); err != nil {
		p.tb.Fatalf("waiting for %s: %v", what, err)
	}
}

// Ask sends one request and returns the code and the body of the answer.
func (p *Plant) Ask(method, path, body string, header http.Header) (code int, answer []byte, err error) {
	request, err := http.NewRequest(method, "http://"+p.Address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// Get asks for JSON and reports whether it came: the plugin may be about to
// listen.
func (p *Plant) Get(path, token string, to any) bool {
	p.tb.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	code, body, err := p.Ask(http.MethodGet, path, "", header)
	if err != nil {
		return false
	}
	if code != http.StatusOK {
		p.tb.Fatalf("GET %s: %d %s", path, code, body)
	}
	if err := json.Unmarshal(body, to); err != nil {
		p.tb.Fatalf("GET %s: %v: %s", path, err, body)
	}
	return true
}

// Program finds a program that the tests need, and says how it is installed.
func Program(name, target string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		err = fmt.Errorf("%s is not installed; type: make %s", name, target)
	}
	return path, err
}
