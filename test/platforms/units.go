//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// rooms are the packages whose unit tests are run on every system, by module:
// those that touch disks, sockets, processes, numbers and bytes.
var rooms = map[string][]string{
	".": {
		"./mysql/internal/journal", "./mysql/internal/deadletter", "./mysql/internal/marker", "./mysql/internal/payload",
		"./mysql/internal/schema", "./mysql/internal/mapping", "./mysql/internal/statement", "./mysql/internal/plan",
		"./mysql/internal/config", "./mysql/internal/storage", "./mysql/internal/memory", "./mysql/internal/random",
	},
	"sdk": {"./connection", "./runtime", "./supervisor", "./context"},
}

// units runs the unit tests and tells how many passed.
func (p *place) units(enter []string) (string, error) {
	tmp := filepath.Join(p.shared, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", err
	}
	wrapper := filepath.Join(p.dir, "exec.sh")
	text := "#!/bin/sh\nexec " + quoted(enter) + ` "$@"` + "\n"
	if err := os.WriteFile(wrapper, []byte(text), 0o755); err != nil {
		return "", err
	}
	var sum tally
	for _, module := range []string{"sdk", "."} {
		args := append([]string{"test", "-json", "-short", "-p", "1", "-timeout", "30m", "-exec", wrapper}, rooms[module]...)
		command := p.command("go", args...)
		command.Dir = filepath.Join(p.root, module)
		// Test binaries must lie where the command sees them.
		command.Env = append(append(command.Env, p.environment()...), "GOTMPDIR="+tmp)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.StdoutPipe()
		if err == nil {
			err = command.Start()
		}
		if err != nil {
			return "", err
		}
		sum.read(bufio.NewScanner(out))
		err = command.Wait()
		if len(sum.failed) > 0 || err != nil && sum.excused == 0 {
			return sum.String(), fmt.Errorf("%w: %s\n%s%s", err, strings.Join(sum.failed, ", "), sum.output.String(), stderr.String())
		}
	}
	return sum.String(), nil
}

// quoted is words for a shell.
func quoted(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(all, " ")
}

// tally counts tests.
type tally struct {
	passed, skipped, excused int
	failed                   []string
	output                   bytes.Buffer // of what failed
	said                     map[string]string
}

func (t *tally) String() string {
	text := fmt.Sprintf("%d passed", t.passed)
	if t.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", t.skipped)
	}
	return text
}

// read takes what go test -json prints.
func (t *tally) read(lines *bufio.Scanner) {
	t.said = map[string]string{}
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		name := filepath.Base(e.Package) + "." + e.Test
		switch {
		case e.Action == "output":
			t.said[name] += e.Output
		case e.Test == "" && e.Action == "fail":
			t.fail(name)
		case e.Test == "":
		case e.Action == "pass":
			t.passed++
		case e.Action == "skip":
			t.skipped++
		case e.Action == "fail":
			t.fail(name)
		}
	}
}

func (t *tally) fail(name string) {
	t.failed = append(t.failed, name)
	t.output.WriteString(t.said[name])
}
