package conformance

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// limit bounds every wait for something that is to happen.
const limit = 60 * time.Second

// buildProbe builds the probe plugin into a folder.
func buildProbe(tb testing.TB, dir string) string {
	tb.Helper()
	exe := filepath.Join(dir, "probe")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", exe, "./probe").CombinedOutput(); err != nil {
		tb.Fatalf("build the probe: %v\n%s", err, out)
	}
	return exe
}

// sourceConfigs are the probe's source configurations: the packaged one, and
// one that a CONF_KEY names and that overlays it.
func sourceConfigs(record string) (packaged, two map[string]any) {
	return map[string]any{"record": record, "rows": []any{map[string]any{"n": 1.0}}, "flavour": "plain"},
		map[string]any{"rows": []any{map[string]any{"n": 2.0}, map[string]any{"n": 3.0}}}
}

// packProbe makes the zip that a host installs. Configurations are JSON,
// which YAML is a superset of.
func packProbe(tb testing.TB, exe, record string) string {
	tb.Helper()
	path := filepath.Join(filepath.Dir(exe), "probe.zip")
	file, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	packaged, two := sourceConfigs(record)
	program, err := os.ReadFile(exe)
	if err != nil {
		tb.Fatal(err)
	}
	z := zip.NewWriter(file)
	for _, f := range []struct {
		name    string
		mode    os.FileMode
		content []byte
	}{
		{"probe.json", 0o644, encode(tb, map[string]any{
			"version": "v1.0.0", "language": "go", "executable": filepath.Base(exe),
			"sources": []string{"probe_rows"}, "sinks": []string{"probe"}, "functions": []string{"probe_twice"},
		})},
		{filepath.Base(exe), 0o755, program},
		{"sources/probe_rows.yaml", 0o644, encode(tb, map[string]any{"default": packaged, "two": two})},
	} {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.Copy(w, bytes.NewReader(f.content))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// event is a line of a record that the probe writes.
type event struct {
	Event    string
	Source   string
	Config   map[string]any
	Rule, Op string
	Instance int
	Text     string
}

// record is a file that the probe writes.
type record string

func (r record) events(tb testing.TB) []event {
	tb.Helper()
	text, err := os.ReadFile(string(r))
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	var events []event
	for line := range strings.Lines(string(text)) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			tb.Fatalf("record %s: %q: %v", r, line, err)
		}
		events = append(events, e)
	}
	return events
}

// messages are the texts of the messages that the sink has taken.
func (r record) messages(tb testing.TB) []string {
	tb.Helper()
	texts := []string{}
	for _, e := range r.events(tb) {
		if e.Event == "message" {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func (r record) count(tb testing.TB, name string) int {
	tb.Helper()
	n := 0
	for _, e := range r.events(tb) {
		if e.Event == name {
			n++
		}
	}
	return n
}

// await waits until exactly these messages have been taken.
func (r record) await(tb testing.TB, want ...string) {
	tb.Helper()
	var got []string
	eventually(tb, func() bool { got = r.messages(tb); return len(got) >= len(want) },
		func() string { return fmt.Sprintf("%d messages %q, want %q", len(got), got, want) })
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Fatalf("messages\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func eventually(tb testing.TB, cond func() bool, state func() string) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatalf("not within %v: %s", limit, state())
		}
	}
}
