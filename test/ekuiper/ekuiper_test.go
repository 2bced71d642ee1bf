package ekuiper

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wait = 30 * time.Second

// startTicking makes a rule that a simulator of the host's own feeds.
func startTicking(t *testing.T, host *Host, id string) {
	t.Helper()
	props := map[string]any{"data": []any{map[string]any{"a": 1}}, "interval": 20, "loop": true}
	if err := host.PutSourceConfig("simulator", "ticking", props); err != nil {
		t.Fatal(err)
	}
	if err := host.CreateStream(`CREATE STREAM ` + id + `_in () WITH (TYPE="simulator", CONF_KEY="ticking", FORMAT="json")`); err != nil {
		t.Fatal(err)
	}
	rule := map[string]any{"id": id, "sql": "SELECT * FROM " + id + "_in", "actions": []any{map[string]any{"nop": map[string]any{}}}}
	if err := host.CreateRule(rule); err != nil {
		t.Fatal(err)
	}
}

func TestRuleLives(t *testing.T) {
	host := Start(t, Options{})
	startTicking(t, host, "r1")
	status, err := host.WaitRule("r1", wait, func(s RuleStatus) bool { return s.SinkIn("nop") >= 3 })
	if err != nil {
		t.Fatal(err)
	}
	if status.State() != "running" {
		t.Errorf("state is %q", status.State())
	}
	if err := host.StopRule("r1"); err != nil {
		t.Fatal(err)
	}
	if status, err = host.RuleStatus("r1"); err != nil || !strings.HasPrefix(status.State(), "stopped") {
		t.Errorf("after the stop the state is %q (%v)", status.State(), err)
	}
	if err := host.StartRule("r1"); err != nil {
		t.Fatal(err)
	}
	if err := host.DeleteRule("r1"); err != nil {
		t.Fatal(err)
	}
	if err := host.DropStream("r1_in"); err != nil {
		t.Fatal(err)
	}
}

func TestHostsRunSideBySide(t *testing.T) {
	first := Start(t, Options{})
	if !first.Isolated() {
		t.Log("no mount namespace here: hosts take turns, nothing to see")
		return
	}
	second := Start(t, Options{})
	if first.URL() == second.URL() || first.TmpDir() == second.TmpDir() || first.Pid() == second.Pid() {
		t.Errorf("the hosts share something: %s %s", first.URL(), second.URL())
	}
}

func TestFolderSurvivesTheHost(t *testing.T) {
	host := Start(t, Options{})
	startTicking(t, host, "r1")
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	for name, end := range map[string]func() error{
		"kill":      host.Kill,
		"terminate": func() error { return host.Terminate(ctx) },
	} {
		if err := host.Restart(ctx); err == nil {
			t.Fatalf("%s: a running host was started again", name)
		}
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if pid := host.Pid(); pid != 0 {
			t.Errorf("%s: the host still has pid %d", name, pid)
		}
		if err := host.Restart(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := host.WaitRule("r1", wait, func(s RuleStatus) bool { return s.SinkIn("nop") > 0 }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusalsAreTold(t *testing.T) {
	host := Start(t, Options{})
	err := host.CreateStream("nonsense")
	var refusal *RESTError
	if !errors.As(err, &refusal) || refusal.Code != http.StatusBadRequest {
		t.Errorf("a wrong statement gave %v", err)
	}
	if _, err := host.PluginInfo("absent"); err == nil {
		t.Error("an absent plugin was found")
	}
	if err := host.InstallPlugin("absent", filepath.Join(t.TempDir(), "absent.zip")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent zip gave %v", err)
	}
	if _, err := host.WaitLog(wait, `Serving kuiper \(version - [12]\.`); err != nil {
		t.Error(err)
	}
}

func TestAbsentHostSaysHowToBuildIt(t *testing.T) {
	_, err := New(context.Background(), Options{Binary: "build/no-such-host"})
	if err == nil || !strings.Contains(err.Error(), "make host") {
		t.Errorf("got %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	host, err := New(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := host.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(host.Base); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestSharedTmpIsTakenInTurns(t *testing.T) {
	first, err := New(context.Background(), Options{SharedTmp: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := New(context.Background(), Options{SharedTmp: true, LockLimit: 50 * time.Millisecond}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second host got the same /tmp: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := New(context.Background(), Options{SharedTmp: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}
