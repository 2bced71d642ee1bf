package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/connections"
	"ekuiper-mysql/mysql/internal/memory"
)

const token = "a-token-of-32-signs-0123456789ab"

// read returns what environment, of "NAME=value" without EKUIPER_MYSQL_, and
// the file's text give; no file where that is empty.
func read(t *testing.T, file string, environment ...string) (s Settings, wrong string) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, File), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return readIn(dir, environment...)
}

func readIn(dir string, environment ...string) (s Settings, wrong string) {
	env := map[string]string{}
	for _, e := range environment {
		name, v, _ := strings.Cut(e, "=")
		env["EKUIPER_MYSQL_"+name] = v
	}
	s, errs := Read(func(name string) string { return env[name] }, func() (string, error) { return dir, nil })
	return s, fmt.Sprint(errors.Join(errs...))
}

var usual = Settings{MaxConnections: connections.Usual, Memory: memory.Usual}

func TestRead(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secrets, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("another"+token), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file string
		env  []string
		want Settings
	}{
		"nothing":                {"", nil, usual},
		"one document":           {"---\nmemory: 2MiB\n...\n", nil, Settings{"", connections.Usual, 2 << 20, ""}},
		"empty":                  {"# nothing yet\n", nil, usual},
		"null":                   {"metrics:\nmemory: ~\n", nil, usual},
		"file":                   {"metrics: 127.0.0.1:9112\nmaxConnections: 20\nmemory: 256MiB # more\ntoken: " + token, nil, Settings{"127.0.0.1:9112", 20, 256 << 20, token}},
		"quoted":                 {`{"metrics": "[::1]:0", 'memory': '1048576'}`, nil, Settings{"[::1]:0", connections.Usual, 1 << 20, ""}},
		"environment":            {"", []string{"METRICS=:9112", "MAX_CONNECTIONS=7", "MEMORY=1GiB", "TOKEN=" + token}, Settings{":9112", 7, 1 << 30, token}},
		"both":                   {"metrics: 127.0.0.1:1\nmemory: 2MiB", []string{"METRICS=127.0.0.1:2"}, Settings{"127.0.0.1:2", connections.Usual, 2 << 20, ""}},
		"token file":             {"tokenFile: " + secrets, nil, Settings{"", connections.Usual, memory.Usual, token}},
		"token, and file's file": {"tokenFile: " + other, []string{"TOKEN=" + token}, Settings{"", connections.Usual, memory.Usual, token}},
		"file, and file's token": {"token: another" + token, []string{"TOKEN_FILE=" + secrets}, Settings{"", connections.Usual, memory.Usual, token}},
		"windows":                {"\ufeffmetrics: 127.0.0.1:9112\r\nmaxConnections: 3\r\n", nil, Settings{"127.0.0.1:9112", 3, memory.Usual, ""}},
	} {
		if got, wrong := read(t, c.file, c.env...); got != c.want || wrong != "<nil>" {
			t.Errorf("%s: %#v, %s; want %#v", name, got, wrong, c.want)
		}
	}
}

// TestWrong: each is told once, with its place, the value unless it may be a
// secret, and what is allowed; the rest is used.
func TestWrong(t *testing.T) {
	short := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(short, []byte("zq7short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file string
		env  []string
		want Settings
		told []string
	}{
		"address":        {"metrics: 9112\nmemory: 2MiB", nil, Settings{"", connections.Usual, 2 << 20, ""}, []string{File + ": metrics", `"9112"`, "host:port"}},
		"two documents":  {"memory: 2MiB\n---\nmetrics: 127.0.0.1:1\n", nil, Settings{"", connections.Usual, 2 << 20, ""}, []string{"more than one document"}},
		"no document":    {"- a\n---\nmemory: 2MiB\n", nil, usual, []string{"more than one document", "it is to have lines"}},
		"url":            {"", []string{"METRICS=http://127.0.0.1:9112"}, usual, []string{"EKUIPER_MYSQL_METRICS", "host:port"}},
		"number":         {"maxConnections: many", nil, usual, []string{"maxConnections", `"many"`, "1 to 100000"}},
		"variable":       {"maxConnections: 5", []string{"MAX_CONNECTIONS=0"}, usual, []string{"EKUIPER_MYSQL_MAX_CONNECTIONS", `"0"`}},
		"memory":         {"memory: 1KiB", nil, usual, []string{"memory", "1MiB"}},
		"unknown":        {"memry: 2MiB\nmetrics: 127.0.0.1:1", nil, Settings{"127.0.0.1:1", connections.Usual, memory.Usual, ""}, []string{"line 1", "memry", "did you mean memory?", "maxConnections"}},
		"no word":        {"'user:secret@x': y", nil, usual, []string{"line 1", "allowed: metrics"}},
		"case":           {"Metrics: 127.0.0.1:1", nil, usual, []string{"did you mean metrics?"}},
		"twice":          {"memory: 2MiB\nmemory: 4MiB", nil, Settings{"", connections.Usual, 2 << 20, ""}, []string{"twice"}},
		"list":           {"metrics: [127.0.0.1:1]", nil, usual, []string{"line 1", "one value"}},
		"nested":         {"mysql:\n  metrics: 127.0.0.1:1", nil, usual, []string{"allowed: metrics"}},
		"text":           {"metrics", nil, usual, []string{"lines such as"}},
		"no YAML":        {"a: [", nil, usual, []string{"no YAML"}},
		"short token":    {"", []string{"TOKEN=zq7short"}, usual, []string{"EKUIPER_MYSQL_TOKEN", "at least 16"}},
		"wild token":     {"token: 'zq7 zq7 zq7 zq7 zq7'", nil, usual, []string{": token", "without spaces"}},
		"no token file":  {"tokenFile: /nowhere", nil, usual, []string{"tokenFile", `"/nowhere" cannot be used (no such file`, "whole path"}},
		"no token in it": {"tokenFile: " + short, nil, usual, []string{"tokenFile", "cannot be used (what it holds is no token)", "at least 16"}},
		"folder":         {"tokenFile: /", nil, usual, []string{"tokenFile"}},
		"relative token": {"tokenFile: token", nil, usual, []string{"tokenFile", "whole path"}},
		"anchor":         {"metrics: &a 127.0.0.1:1\nmemory: *a", nil, Settings{"127.0.0.1:1", connections.Usual, memory.Usual, ""}, []string{"one value"}},
		"large":          {strings.Repeat("# all\n", maxFile/5), nil, usual, []string{"passed over", "at most"}},
	} {
		got, wrong := read(t, c.file, c.env...)
		if got != c.want {
			t.Errorf("%s: %#v, want %#v", name, got, c.want)
		}
		for _, part := range c.told {
			if !strings.Contains(wrong, part) {
				t.Errorf("%s: told %s, without %s", name, wrong, part)
			}
		}
		if strings.Contains(wrong, "\n") || strings.Contains(wrong, "zq7") || strings.Contains(wrong, "secret") {
			t.Errorf("%s: told %s: two lines, or a secret", name, wrong)
		}
	}
}

func TestTokenDoesNotPrint(t *testing.T) {
	s := Settings{Token: token}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s.Token); strings.Contains(text, token) || !strings.Contains(text, "hidden") {
		t.Error(text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("metrics: 127.0.0.1:9112\nmemory: 1MiB"))
	f.Add([]byte("a: &a [*a, *a]\n? {b: c}\n: d\n--- \n!!binary x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, wrong := parse(text)
		for key := range values {
			if !known(key) {
				t.Errorf("%q is taken", key)
			}
		}
		for _, w := range wrong {
			if strings.Contains(w, "\n") {
				t.Errorf("%q is more than a line", w)
			}
		}
	})
}
