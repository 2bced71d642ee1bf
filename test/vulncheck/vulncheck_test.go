// Package vulncheck tests the checker for known vulnerabilities: that it finds
// one that is there, passes where there is none, and never takes a database
// that it could not read for a pass.
package vulncheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run has the script check a small module with the database, and returns how it
// ended and what it said.
func run(t *testing.T, database string) (code int, said string) {
	t.Helper()
	tool, err := filepath.Abs("../../build/tools/govulncheck")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tool); err != nil {
		t.Fatalf("%v: make build/tools/govulncheck", err)
	}
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module small\n\ngo 1.26.0\n",
		"main.go": "package main\n\nimport \"strings\"\n\nfunc main() { println(strings.ToUpper(\"x\")) }\n",
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("../tools/vulncheck.sh", tool, module)
	cmd.Env = append(os.Environ(), "VULNDB="+database)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// database makes one in which the symbol of the standard library is vulnerable.
func database(t *testing.T, symbol string) string {
	t.Helper()
	const id, modified = "GO-2026-0001", "2026-01-01T00:00:00Z"
	folder := t.TempDir()
	write := func(name string, v any) {
		t.Helper()
		text, err := json.Marshal(v)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type object = map[string]any
	write("index/db.json", object{"modified": modified})
	write("index/modules.json", []object{{"path": "stdlib", "vulns": []object{{"id": id, "modified": modified}}}})
	write("index/vulns.json", []object{{"id": id, "modified": modified, "aliases": []string{}}})
	write("ID/"+id+".json", object{
		"schema_version": "1.3.1", "id": id, "modified": modified, "published": modified, "summary": "A fault made for this test", "details": "None.",
		"affected": []object{{
			"package":            object{"name": "stdlib", "ecosystem": "Go"},
			"ranges":             []object{{"type": "SEMVER", "events": []object{{"introduced": "0"}}}},
			"ecosystem_specific": object{"imports": []object{{"path": "strings", "symbols": []string{symbol}}}},
		}},
		"database_specific": object{"url": "https://pkg.go.dev/vuln/" + id},
	})
	return "file://" + folder
}

func TestVulncheck(t *testing.T) {
	for _, c := range []struct {
		name, database string
		code           int
		says           string
	}{
		{"nothing that is called", database(t, "ToTitle"), 0, "vulncheck: no known vulnerability"},
		{"what is called", database(t, "ToUpper"), 3, "GO-2026-0001"},
		{"no database", "file://" + filepath.Join(t.TempDir(), "none"), 2, "vulncheck: NOT CHECKED: the database of vulnerabilities cannot be read"},
		{"nobody answers", "http://" + closed(t), 2, "vulncheck: NOT CHECKED: the database of vulnerabilities cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, said := run(t, c.database)
			if code != c.code || !strings.Contains(said, c.says) || code != 0 && strings.Contains(said, "no known vulnerability") {
				t.Errorf("ended with %d, want %d and %q:\n%s", code, c.code, c.says, said)
			}
		})
	}
}

// closed returns an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
