package check

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ekuiper-mysql/test/mariadb"
)

const password = "p@:/?#w"

var own *mariadb.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "check")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if own, err = mariadb.Run(dir); err == nil {
		err = own.CreateUser("user", password, "ALL PRIVILEGES ON *.*")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer own.Close()
	code := m.Run()
	if code == 0 {
		_ = own.Close()
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// bundle is one test's database.
type bundle struct {
	*testing.T
	database string
	server   *mariadb.Server
	folder   string
	timeout  time.Duration
}

func newBundle(t *testing.T, ddl ...string) *bundle {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "_", "-", "_", " ", "_", ",", "_", "#", "_").Replace(t.Name()))
	b := &bundle{t, name[:min(len(name), 60)], own, t.TempDir(), 30 * time.Second}
	if err := os.Chmod(b.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := own.CreateDatabase(b.database); err != nil {
		t.Fatal(err)
	}
	for _, text := range ddl {
		b.exec(strings.ReplaceAll(text, "@", "`"+b.database+"`"))
	}
	return b
}

func (b *bundle) exec(text string) {
	b.Helper()
	if err := b.server.Exec(text); err != nil {
		b.Fatalf("%s: %v", text, err)
	}
}

// props are an action's, with more or other ones: names and values.
func (b *bundle) props(table string, more ...any) map[string]any {
	p := map[string]any{"url": fmt.Sprintf("user:%s@tcp(%s)/%s", password, b.server.Addr(), b.database), "table": table}
	for i := 0; i < len(more); i += 2 {
		p[more[i].(string)] = more[i+1]
	}
	return p
}

// run checks, and sees to it that no secret is told.
func (b *bundle) run(props map[string]any, rows string) []Step {
	b.Helper()
	o := Options{Props: props, Timeout: b.timeout, Folder: func() (string, error) { return b.folder, nil }}
	if rows != "" {
		o.Rows = []byte(rows)
	}
	told := 0
	o.Tell = func(Step) { told++ }
	steps := Run(context.Background(), o)
	if told != len(steps) {
		b.Errorf("%d of %d steps were told", told, len(steps))
	}
	text, err := json.Marshal(steps)
	if err != nil {
		b.Fatal(err)
	}
	for _, secret := range []string{password, "@tcp(127", "BY PASSWORD", "zq7"} {
		if strings.Contains(string(text), secret) {
			b.Errorf("%q is told: %s", secret, text)
		}
	}
	return steps
}

// find returns the first step of a name.
func find(steps []Step, name string) (Step, bool) {
	for _, s := range steps {
		if s.Name == name {
			return s, true
		}
	}
	return Step{}, false
}

// want tests that a step of that name ended so, with words in detail and remedy.
func (b *bundle) want(steps []Step, name string, status Status, detail, remedy string) {
	b.Helper()
	s, found := find(steps, name)
	if !found || s.Status != status || !strings.Contains(s.Detail, detail) || !strings.Contains(s.Remedy, remedy) {
		b.Errorf("%s: %s, %q, %q; want %s, %q, %q", name, s.Status, s.Detail, s.Remedy, status, detail, remedy)
	}
	if (s.Status == Failed || s.Status == Warning) && s.Remedy == "" {
		b.Errorf("%s: no remedy: %+v", name, s)
	}
}

// wantAll tests how all steps ended: names that did not end well, and how.
func (b *bundle) wantAll(steps []Step, others map[string]Status) {
	b.Helper()
	for _, s := range steps {
		want, other := others[s.Name]
		if !other {
			want = OK
		}
		if s.Status != want {
			b.Errorf("%s: %s, want %s: %s -> %s", s.Name, s.Status, want, s.Detail, s.Remedy)
		}
	}
}

func isMariaDB(b *bundle) bool {
	var version string
	if err := b.server.DB().QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		b.Fatal(err)
	}
	return strings.Contains(version, "MariaDB")
}
