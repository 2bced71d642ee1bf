package field

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mosquitto"
)

// otherVersion is what the other build of the plugin says of itself.
const otherVersion = "0.99.7"

// otherZip builds the plugin anew with another version, from sources in which
// nothing but that is different.
func otherZip(t *testing.T) string {
	t.Helper()
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	var descriptor map[string]any
	if err := json.Unmarshal(text, &descriptor); err != nil {
		t.Fatal(err)
	}
	descriptor["version"] = otherVersion
	write := func(name string, content any) string {
		path := filepath.Join(dir, name)
		text, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay := write("overlay.json", map[string]any{"Replace": map[string]string{
		filepath.Join(root, "plugin.json"): write("plugin.json", descriptor),
	}})
	executable, packed := filepath.Join(dir, "mysql"), filepath.Join(dir, "other.zip")
	for _, args := range [][]string{
		{"build", "-overlay", overlay, "-trimpath", "-buildvcs=false", "-o", executable, "./mysql"},
		{"run", "-overlay", overlay, "./packaging/pack", "-o", packed, "-executable", executable, "-os", runtime.GOOS},
	} {
		command := exec.Command("go", args...)
		command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return packed
}

// version is what eKuiper and the installed executable say.
func (s *site) version() (host, own string) {
	s.Helper()
	about, err := s.host.PluginInfo("mysql")
	s.must(err)
	out, err := exec.Command(filepath.Join(s.host.Base, "plugins", "portable", "mysql", "mysql"), "version").CombinedOutput()
	s.must(err)
	return fmt.Sprint(about["version"]), string(out)
}

// TestHotUpdate: the plugin is replaced again and again while three rules get
// rows: over MQTT and over HTTP with acknowledgements, where what was handed to
// eKuiper is in the table once, and from the plugin's own source without, where
// what the plugin has accepted is. Nobody touches a rule.
func TestHotUpdate(t *testing.T) {
	t.Parallel()
	other := otherZip(t)
	broker := mosquitto.Start(t)
	s := installed(t, "CREATE TABLE messages"+readingsTable, "CREATE TABLE posts"+readingsTable, "CREATE TABLE made (id BIGINT NOT NULL)")
	s.must(s.host.PutSourceConfig("mqtt", "plant", map[string]any{"server": "tcp://" + broker.Addr(), "qos": 1}))
	s.must(s.host.CreateStream(`CREATE STREAM plant (id BIGINT, device STRING, temp FLOAT) WITH (TYPE="mqtt", DATASOURCE="plant/+", FORMAT="json", CONF_KEY="plant")`))
	s.posted("posts")
	s.random("made", map[string]any{"rate": 500, "fields": []any{map[string]any{"name": "id", "type": "sequence"}}})
	s.rule("messages", "SELECT * FROM plant", safely("messages"))
	s.rule("posts", "SELECT * FROM posts", safely("posts"))
	s.rule("made", "SELECT * FROM made", map[string]any{"table": "made", "delivery": "exactlyOnce"})
	s.wait("eKuiper subscribes", func() bool { return broker.Subscriptions() > 0 })

	p, err := broker.Publisher(t.Context(), "plant/readings")
	s.must(err)
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	t.Cleanup(end)
	flow := func(send func(n int) error) *flowing {
		f := &flowing{}
		f.group.Go(func() { f.sent, f.err = steadily(stop, send) })
		return f
	}
	messages := flow(func(n int) error {
		message, _ := json.Marshal(readings(n, n)[0])
		return p.Publish(message)
	})
	posts := flow(func(n int) error { return s.tryPost("posts", readings(n, n)...) })
	rules := []string{"messages", "posts", "made"}
	for _, rule := range rules {
		s.received(rule, 100)
	}
	for i, update := range []string{other, zip, other} {
		began := time.Now()
		s.must(s.host.UpdatePlugin("mysql", update))
		put := time.Since(began)
		want := map[string]string{zip: s.packaged(), other: otherVersion}[update]
		if host, own := s.version(); host != want || !strings.Contains(own, want) {
			t.Errorf("update %d: eKuiper says %s, the plugin %s, want %s", i+1, host, own, want)
		}
		for _, rule := range rules {
			now := s.account(rule).Stored
			s.wait("rows of "+rule+" are stored after the update", func() bool { return s.account(rule).Stored >= now+100 })
		}
		t.Logf("update %d: PUT answers after %v, rows of all rules are stored again %v after it", i+1, put.Round(time.Millisecond), (time.Since(began) - put).Round(time.Millisecond))
		for _, rule := range rules {
			s.running(rule)
		}
		status, err := s.host.PluginStatus("mysql")
		s.must(err)
		t.Logf("eKuiper says of the plugin: %s %s", status.Status, status.ErrMsg)
	}
	end()
	for rule, f := range map[string]*flowing{"messages": messages, "posts": posts} {
		f.group.Wait()
		s.must(f.err)
		if rule == "messages" {
			s.must(p.Close())
		}
		s.settled(rule, int64(f.sent))
		s.equal("SELECT COUNT(*) FROM "+rule, int64(f.sent))
		s.equal("SELECT COUNT(DISTINCT id) FROM "+rule, int64(f.sent))
		s.equal("SELECT MAX(id) FROM "+rule, int64(f.sent))
	}
	s.must(s.host.StopRule("made"))
	a := s.settled("made", 1)
	s.equal("SELECT COUNT(*) FROM made", a.Stored)
	t.Logf("%d messages, %d posted rows: all stored, each once; %d rows of the plugin's source: all that were accepted", messages.sent, posts.sent, a.Stored)
}

// safely is an action that loses nothing and doubles nothing.
func safely(table string) map[string]any {
	return map[string]any{"table": table, "delivery": "exactlyOnce", "requireAck": true, "resendInterval": 50}
}

// packaged is the version of the sources.
func (s *site) packaged() string {
	s.Helper()
	root, err := ekuiper.Root()
	s.must(err)
	text, err := os.ReadFile(filepath.Join(root, "plugin.json"))
	s.must(err)
	var descriptor struct{ Version string }
	s.must(json.Unmarshal(text, &descriptor))
	return descriptor.Version
}

// flowing is a stream of rows that goes on beside the test.
type flowing struct {
	group sync.WaitGroup
	sent  int
	err   error
}

// steadily sends 1, 2, 3, ... until stop, some hundred a second: as a plant
// does, and not as fast as eKuiper's buffers fill.
func steadily(stop <-chan struct{}, send func(n int) error) (sent int, err error) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return sent, nil
		case <-tick.C:
		}
		if err := send(sent + 1); err != nil {
			return sent, err
		}
		sent++
	}
}

// TestRefusedUpdate: eKuiper removes the plugin before it looks at the new zip.
// With one that it does not take there is no plugin, and rules wait; a right one
// brings all back, with what was waiting.
func TestRefusedUpdate(t *testing.T) {
	t.Parallel()
	s := installed(t, "CREATE TABLE posts"+readingsTable)
	s.posted("posts")
	s.rule("posts", "SELECT * FROM posts", safely("posts"))
	s.post("posts", readings(1, 100)...)
	s.settled("posts", 100)
	s.must(s.server.Kill())
	s.post("posts", readings(101, 200)...)
	s.received("posts", 200)
	wrong := filepath.Join(t.TempDir(), "mysql.zip")
	s.must(os.WriteFile(wrong, []byte("no zip"), 0o600))
	if err := s.host.UpdatePlugin("mysql", wrong); err == nil {
		t.Error("a wrong zip was taken")
	}
	if _, err := s.host.PluginInfo("mysql"); err == nil {
		t.Error("the plugin is still there: the documents say that it is not")
	}
	s.post("posts", readings(201, 300)...)
	if a := s.account("posts"); a.Pending != 100 || a.Received != 200 {
		t.Errorf("what waits while there is no plugin: %+v", a)
	}
	s.must(s.server.Restart())
	s.must(s.host.InstallPlugin("mysql", zip))
	s.settled("posts", 300)
	s.equal("SELECT COUNT(*) FROM posts", 300)
	s.equal("SELECT COUNT(DISTINCT id) FROM posts", 300)
}
