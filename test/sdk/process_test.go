package sdk

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// probe builds the probe plugin, once.
var probe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return "", err
	}
	exe := filepath.Join(dir, "probe")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", exe, "ekuiper-mysql/test/conformance/probe").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the probe: %w\n%s", err, out)
	}
	return exe, nil
})

func buildProbe(t *testing.T) string {
	t.Helper()
	exe, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// launch runs the probe under a host of its own; both end with the test.
func launch(t *testing.T) (*fakehost.Host, *fakehost.Process) {
	t.Helper()
	exe := buildProbe(t)
	name := unique("p")
	host, err := fakehost.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	p, err := host.Launch(exe, fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + name}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		if t.Failed() {
			t.Logf("the probe's log:\n%s", p.Log())
		}
	})
	return host, p
}

func recorded(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// A plugin that is killed loses nothing that the host still has: the replayed
// start listens on the same address.
func TestKilledAndBack(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(*fakehost.Process) error{
		"as eKuiper kills": (*fakehost.Process).Kill, "both at once": (*fakehost.Process).KillPlugin,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killedAndBack(t, kill)
		})
	}
}

func killedAndBack(t *testing.T, kill func(*fakehost.Process) error) {
	host, p := launch(t)
	file := filepath.Join(t.TempDir(), "record")
	rule, err := host.OpenSink(fakehost.Sink(unique("r"), "probe", map[string]any{"record": file, "requireAck": true}))
	if err != nil {
		t.Fatal(err)
	}
	if err := rule.Collect([]byte("before"), limit); err != nil {
		t.Fatal(err)
	}
	if err := kill(p); err != nil {
		t.Fatal(err)
	}
	again, err := host.Launch(buildProbe(t), fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + host.Name()}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Kill()
	if err := rule.Collect([]byte("after"), limit); err != nil {
		t.Fatal(err)
	}
	if err := rule.Close(); err != nil {
		t.Fatal(err)
	}
	got := recorded(t, file)
	for _, want := range []string{`"text":"before"`, `"text":"after"`, `"event":"close"`} {
		if strings.Count(got, want) != 1 {
			t.Errorf("not once: %s in\n%s", want, got)
		}
	}
}

// Told to end, a plugin closes its symbols and exits with 0.
func TestTerminated(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM: hosts there only kill")
	}
	host, p := launch(t)
	file := filepath.Join(t.TempDir(), "record")
	rule, err := host.OpenSink(fakehost.Sink(unique("r"), "probe", map[string]any{"record": file, "requireAck": true}))
	if err != nil {
		t.Fatal(err)
	}
	defer rule.Disconnect()
	if err := rule.Collect([]byte("x"), limit); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(limit); err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
	if got := recorded(t, file); !strings.HasSuffix(got, "{\"event\":\"close\"}\n") {
		t.Errorf("recorded\n%s", got)
	}
}

func TestByHand(t *testing.T) {
	t.Parallel()
	p, err := fakehost.Spawn(buildProbe(t), fakehost.LaunchOptions{Args: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(limit); err != nil || code != 2 || !strings.Contains(p.Log(), "eKuiper starts it by itself") {
		t.Errorf("exit code %d, %v: %s", code, err, p.Log())
	}
}

// hostChildEnv makes the test's executable a host: its value is the name of
// the plugin, the probe's executable, and the file to record to.
const hostChildEnv = "SDK_TEST_HOST_CHILD"

// hostChild runs a rule until it is killed. It prints the plugin's process id.
func hostChild() {
	name, args, _ := strings.Cut(os.Getenv(hostChildEnv), "|")
	exe, file, _ := strings.Cut(args, "|")
	host, err := fakehost.New(name)
	if err != nil {
		panic(err)
	}
	p, err := host.Launch(exe, fakehost.LaunchOptions{Env: []string{"PROBE_NAME=" + name}, Stderr: os.Stderr})
	if err != nil {
		panic(err)
	}
	rule, err := host.OpenSink(fakehost.Sink(name, "probe", map[string]any{"record": file, "requireAck": true}))
	if err != nil {
		panic(err)
	}
	if err := rule.Collect([]byte("x"), limit); err != nil {
		panic(err)
	}
	fmt.Println(p.Pid())
	select {}
}

// A plugin ends by itself when its host has been killed.
func TestHostKilled(t *testing.T) {
	t.Parallel()
	if err := adoptOrphans(); err != nil {
		t.Fatal(err)
	}
	name, file := unique("p"), filepath.Join(t.TempDir(), "record")
	t.Cleanup(func() { // what the killed host leaves behind
		left, _ := filepath.Glob("/tmp/*" + name + "*.ipc")
		for _, f := range left {
			_ = os.Remove(f)
		}
	})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hostChildEnv+"="+strings.Join([]string{name, buildProbe(t), file}, "|"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the plugin's last record", func() bool {
		return strings.HasSuffix(recorded(t, file), "{\"event\":\"close\"}\n")
	})
	_ = cmd.Wait()
	eventually(t, "the plugin's end", func() bool { return !alive(pid) })
	took := time.Since(killed)
	t.Logf("the plugin ended %v after its host", took)
	if took > 2*time.Second+loaded {
		t.Errorf("the plugin ended %v after its host", took)
	}
}
