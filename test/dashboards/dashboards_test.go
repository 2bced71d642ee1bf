// Package dashboards asks a real Prometheus, which reads the metrics of a
// plugin at work, every query of the Grafana dashboard and of the alert rules
// in docs/dashboards, and has promtool judge rules and metrics.
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/markdown"
	"ekuiper-mysql/test/plant"
	"ekuiper-mysql/test/proxy"
	"ekuiper-mysql/test/suite"
)

var executable string

func TestMain(m *testing.M) {
	os.Exit(suite.Run(m, func(dir string) (_ func() error, err error) {
		executable, err = plant.Build(dir)
		return nil, err
	}))
}

// document reads a file of docs/dashboards.
func document(t *testing.T, name string) (path string, text []byte) {
	t.Helper()
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(root, "docs", "dashboards", name)
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return path, text
}

// promtool runs it and returns what it says.
func promtool(t *testing.T, stdin []byte, args ...string) (said string, err error) {
	t.Helper()
	program, err := plant.Program("promtool", "deps")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, args...)
	command.Stdin = bytes.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	rules, _ := document(t, "alerts.yaml")
	tests, _ := document(t, "alerts_test.yaml")
	for _, args := range [][]string{{"check", "rules", "--lint=all", "--lint-fatal", rules}, {"test", "rules", tests}} {
		if said, err := promtool(t, nil, args...); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, said)
		}
	}
}

// alerts is what is read of the rules and of their tests.
type alerts struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr         string
			Labels, Annotations map[string]string
		}
	}
	Tests []struct {
		Cases []struct {
			Alert    string `yaml:"alertname"`
			Expected []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

func readAlerts(t *testing.T, name string) (a alerts) {
	t.Helper()
	_, text := document(t, name)
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAlertsAreWhole: each says what has happened, what to do and where to
// read on, which exists; each is tested to fire and not to fire.
func TestAlertsAreWhole(t *testing.T) {
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range readAlerts(t, "alerts_test.yaml").Tests {
		for _, c := range test.Cases {
			if len(c.Expected) > 0 {
				fires[c.Alert] = true
			} else {
				rests[c.Alert] = true
			}
		}
	}
	count := 0
	for _, group := range readAlerts(t, "alerts.yaml").Groups {
		for _, rule := range group.Rules {
			count++
			for _, name := range []string{"summary", "description", "runbook"} {
				if rule.Annotations[name] == "" {
					t.Errorf("%s has no %s", rule.Alert, name)
				}
			}
			if s := rule.Labels["severity"]; s != "warning" && s != "critical" {
				t.Errorf("%s: severity %q", rule.Alert, s)
			}
			if reason := unresolved(t, rule.Annotations["runbook"]); reason != "" {
				t.Errorf("%s: runbook %s: %s", rule.Alert, rule.Annotations["runbook"], reason)
			}
			if !fires[rule.Alert] || !rests[rule.Alert] {
				t.Errorf("%s is tested to fire: %v, not to fire: %v", rule.Alert, fires[rule.Alert], rests[rule.Alert])
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d alerts", count)
	}
}

// unresolved says what is wrong with a link to a heading, from the top.
func unresolved(t *testing.T, link string) string {
	t.Helper()
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	path, heading, _ := strings.Cut(link, "#")
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		return err.Error()
	}
	if !markdown.Parse(string(text)).Anchors[heading] {
		return "no such heading"
	}
	return ""
}

// dashboard is what is read of grafana.json.
type dashboard struct {
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID      int
	Title   string
	Type    string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr string }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	_, text := document(t, "grafana.json")
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboardIsLaidOut: no panel hides another, no two have the same number.
func TestDashboardIsLaidOut(t *testing.T) {
	d := readDashboard(t)
	ids, taken := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if other, twice := ids[p.ID]; twice {
			t.Errorf("%q and %q have the number %d", p.Title, other, p.ID)
		}
		ids[p.ID] = p.Title
		if p.Title == "" || p.Type != "row" && len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%+v", p)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" && other != p.Title {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	if d.SchemaVersion < 39 || len(d.Panels) < 20 {
		t.Errorf("schema %d, %d panels", d.SchemaVersion, len(d.Panels))
	}
}

// prometheus is a server that reads the metrics of one plugin.
type prometheus struct {
	t       *testing.T
	address string
}

const scrapes = `
global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}
rule_files: [%s]
scrape_configs:
  - job_name: ekuiper-mysql
    static_configs: [{targets: [%q]}]
`

// startPrometheus runs it until the test ends.
func startPrometheus(t *testing.T, target, rules string) *prometheus {
	t.Helper()
	program, err := plant.Program("prometheus", "deps")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheus{t, l.Addr().String()}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	for _, err := range []error{l.Close(), os.WriteFile(config, fmt.Appendf(nil, scrapes, rules, target), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.address, "--log.level=warn")
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Logf("prometheus says:\n%.3000s", said.String())
		}
	})
	return p
}

// series is one line of an answer.
type series struct {
	Metric map[string]string
	Value  [2]any
}

// ask asks a query; ready is false while the server does not answer yet.
func (p *prometheus) ask(query string) (found []series, ready bool, err error) {
	response, err := http.Get("http://" + p.address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return nil, false, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusServiceUnavailable {
		return nil, false, nil
	}
	var answer struct {
		Status, Error string
		Data          struct{ Result []series }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, true, fmt.Errorf("%w: %.200s", err, text)
	}
	if answer.Status != "success" {
		return nil, true, fmt.Errorf("%s", answer.Error)
	}
	return answer.Data.Result, true, nil
}

// await waits until a query has what is wanted.
func (p *prometheus) await(query string, wanted func([]series) bool) (found []series) {
	p.t.Helper()
	err := ekuiper.Wait(plant.Limit, func() (bool, error) {
		var err error
		found, _, err = p.ask(query)
		return wanted(found), err
	})
	if err != nil {
		p.t.Errorf("%s: %v; it gives %v", query, err, found)
	}
	return found
}

func some(found []series) bool { return len(found) > 0 }

// positive tells whether a value is a number above 0.
func positive(found []series) bool {
	for _, s := range found {
		if text, _ := s.Value[1].(string); text != "" && text != "0" && text != "NaN" && !strings.HasPrefix(text, "-") {
			return true
		}
	}
	return false
}

var variables = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$rule", ".*")

// moving are the queries whose figure cannot be 0 in the state of the test,
// by a part of them.
var moving = regexp.MustCompile(`rows_(received|stored|set_aside)_total|rows_pending|pending_bytes|oldest_pending|batches_total|stage_seconds|batch_rows|retries_total|dead_letters|data_(free|size)|build_info|resident|open_fds|goroutines|row_memory_limit`)

// resting are those of them whose figure is 0 all the same.
var resting = regexp.MustCompile(`batches_loaded|changes\(`)

// TestEveryQueryHasAnAnswer of the dashboard and of the alert rules, from a
// plugin that stores rows, has refused some and waits with others.
func TestEveryQueryHasAnAnswer(t *testing.T) {
	p := plant.Start(t, executable, nil, "CREATE TABLE plant.t (id BIGINT, x TINYINT)", "CREATE TABLE plant.away (id BIGINT)")
	way := proxy.Start(t, p.Server.Addr())
	way.BlackHole()
	flowing, away := p.Rule(`flows "quoted" \ 漢字`, "t", "", nil), p.Rule("waits", "away", way.Addr(), nil)
	p.Flow(flowing, 10*time.Millisecond, func(i int) string { return fmt.Sprintf(`[{"id":%d,"x":1},{"id":%d,"x":%d}]`, i, i, i%200) })
	p.Flow(away, 50*time.Millisecond, func(i int) string { return fmt.Sprintf(`{"id":%d}`, i) })
	rules, _ := document(t, "alerts.yaml")
	server := startPrometheus(t, p.Address, rules)
	way.Cut()
	// Rates are of two readings at least; a retry is the last to come.
	server.await(`sum(rate(ekuiper_mysql_rows_stored_total[5m])) > 0 and sum(rate(ekuiper_mysql_rows_set_aside_total[5m])) > 0 and sum(ekuiper_mysql_rows_pending{rule="waits"}) > 0`, some)
	d := readDashboard(t)
	asked := 0
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			asked++
			query := variables.Replace(target.Expr)
			if strings.Contains(query, "$") {
				t.Errorf("%s: a variable is left: %s", panel.Title, query)
			}
			server.await(query, some)
			if moving.MatchString(query) && !resting.MatchString(query) {
				server.await("max("+query+") > 0", positive)
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		of := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(variables.Replace(v.Definition))
		if of == nil {
			t.Errorf("variable %s: %s", v.Name, v.Definition)
			continue
		}
		found := server.await(of[1], some)
		if len(found) > 0 && found[0].Metric[of[2]] == "" {
			t.Errorf("variable %s: no label %s in %v", v.Name, of[2], found[0].Metric)
		}
	}
	for _, group := range readAlerts(t, "alerts.yaml").Groups {
		for _, rule := range group.Rules {
			asked++
			if _, _, err := server.ask(rule.Expr); err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
			for _, metric := range regexp.MustCompile(`\b(?:ekuiper|process)_\w+`).FindAllString(rule.Expr, -1) {
				server.await(metric, some)
			}
		}
	}
	t.Logf("%d queries", asked)
	// Prometheus evaluates the rules with no complaint, and one of them fires.
	server.await(`ALERTS{alertname="EkuiperMysqlRowsRefused"}`, some)
	_, text, err := p.Ask(http.MethodGet, "/metrics", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if said, err := promtool(t, text, "check", "metrics"); err != nil || said != "" {
		t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
}
