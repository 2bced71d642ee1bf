// Package example proves that the quick start of sdk/README.md works: its very
// commands, one after the other, with the real eKuiper.
package example

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/markdown"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit ends a test that hangs.
const limit = 2 * time.Minute

// quickStart are the scripts of the quick start, by the step that they are.
func quickStart(t *testing.T, root string) (build, install, use string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "sdk", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "\n## Quick start\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	var scripts []string
	for _, block := range markdown.Parse(chapter).Blocks {
		if block.Language == "sh" {
			scripts = append(scripts, block.Text)
		}
	}
	if len(scripts) != 3 {
		t.Fatalf("the quick start has %d scripts: want build, install and use", len(scripts))
	}
	return scripts[0], scripts[1], scripts[2]
}

// sh runs a script in a folder, with each of the pairs replaced: what a reader
// has to adapt.
func sh(t *testing.T, folder, script string, adapt ...string) {
	t.Helper()
	for i := 0; i < len(adapt); i += 2 {
		if !strings.Contains(script, adapt[i]) {
			t.Fatalf("the script has no %s to adapt:\n%s", adapt[i], script)
		}
	}
	command := exec.Command("sh", "-eu", "-c", strings.NewReplacer(adapt...).Replace(script))
	command.Dir = folder
	// The SDK's own modules, which its go.sum vouches for, must do.
	command.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off")
	out, err := command.CombinedOutput()
	t.Logf("%s%s", script, out)
	if err != nil {
		t.Fatalf("%v (it needs go, zip and curl: make deps)", err)
	}
}

func run(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func TestQuickStart(t *testing.T) {
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	build, install, use := quickStart(t, root)
	run(t, filepath.Join(root, "sdk"), "go", "mod", "download")
	host := ekuiper.Start(t, ekuiper.Options{})
	home := filepath.Join(host.Base, "author") // where the host sees it
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(home, "myplugin")
	const rest = "http://127.0.0.1:9081"
	sh(t, home, build, "/path/to/sdk", filepath.Join(root, "sdk"))
	sh(t, folder, install, rest, host.URL())
	info, err := host.PluginInfo("example")
	if err != nil || fmt.Sprint(info["sources"], info["functions"], info["sinks"]) != "[ticks] [twice] [lines]" {
		t.Fatalf("installed %v, %v", info, err)
	}
	sh(t, folder, use, rest, host.URL())

	const rows = 20
	await(t, filepath.Join(folder, "doubled.txt"), rows)
	status, err := host.WaitRule("doubled", limit, func(s ekuiper.RuleStatus) bool { return s.SinkOut("lines") >= rows })
	if err != nil {
		t.Fatal(err)
	}
	if n := status.SinkExceptions("lines"); n != 0 || status.State() != "running" {
		t.Errorf("%d exceptions: %s", n, status)
	}
	if err := host.StopRule("doubled"); err != nil {
		t.Error(err)
	}
}

// await waits until the rule's sink has written rows, in order from the first
// one, each doubled.
func await(t *testing.T, path string, rows int) {
	t.Helper()
	var text []byte
	err := ekuiper.Wait(limit, func() (done bool, err error) {
		if text, err = os.ReadFile(path); os.IsNotExist(err) {
			return false, nil
		}
		return strings.Count(string(text), "\n") >= rows, err
	})
	if err != nil {
		t.Fatalf("%v; the file has %q", err, text)
	}
	for i, line := range strings.SplitN(string(text), "\n", rows+1)[:rows] {
		if want := fmt.Sprintf(`{"n":%d}`, 2*(i+1)); line != want {
			t.Fatalf("line %d is %s, want %s", i, line, want)
		}
	}
}

// TestMockHost drives the same plugin as a process, and kills its worker.
func TestMockHost(t *testing.T) {
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	program, path := filepath.Join(t.TempDir(), "example"), filepath.Join(t.TempDir(), "lines.txt")
	run(t, filepath.Join(root, "sdk", "example"), "go", "build", "-o", program, ".")
	host, err := fakehost.New("example")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	plugin, err := host.Launch(program, fakehost.LaunchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := plugin.KillPlugin(); err != nil || t.Failed() {
			t.Errorf("%v; the plugin's log:\n%s", err, plugin.Log())
		}
	}()
	rule := fmt.Sprintf("example%d", os.Getpid())
	function, err := host.OpenFunc("twice")
	if err != nil {
		t.Fatal(err)
	}
	defer function.Close()
	sink, err := host.OpenSink(fakehost.Sink(rule, "lines", map[string]any{"path": path, "requireAck": true}))
	if err != nil {
		t.Fatal(err)
	}
	source, err := host.OpenSource(fakehost.Source(rule, "ticks", map[string]any{"every": "1ms"}))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 5; n++ {
		row, err := source.Read(limit)
		if err != nil || row.Message["n"] != float64(n) {
			t.Fatalf("row %d is %v, %v", n, row, err)
		}
		doubled, err := function.Exec(sink.Control.Meta, 0, row.Message["n"])
		if err != nil || !doubled.State {
			t.Fatalf("%v, %v", doubled, err)
		}
		if err := sink.Collect(fmt.Appendf(nil, `{"n":%v}`, doubled.Result), limit); err != nil {
			t.Fatal(err)
		}
	}
	await(t, path, 5)
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	former, err := plugin.KillWorker()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plugin.WaitWorker(former); err != nil {
		t.Fatal(err)
	}
	if err := sink.Collect([]byte(`{"n":12}`), limit); err != nil {
		t.Fatal(err)
	}
	await(t, path, 6)
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
}
