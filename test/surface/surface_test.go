// Package surface holds the program to the public surface of eKuiper's Go SDK:
// it must compile against nothing more, and plugins written for that surface
// must compile against ours.
package surface

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const replacement = "github.com/lf-edge/ekuiper/sdk/go => "

func TestProgramUsesOnlyTheSurface(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	stub := filepath.Join(root, "test", "surface", "stub")
	modfile := filepath.Join(t.TempDir(), "go.mod")
	document := read(t, filepath.Join(root, "go.mod"))
	changed := strings.Replace(document, replacement+"./sdk", replacement+stub, 1)
	if changed == document {
		t.Fatalf("go.mod has no line %q", replacement+"./sdk")
	}
	write(t, modfile, changed)
	write(t, strings.TrimSuffix(modfile, ".mod")+".sum", read(t, filepath.Join(root, "go.sum")))
	for _, packages := range []string{"./mysql", "./test/surface/plugin"} {
		build(t, root, "-modfile="+modfile, packages)
		build(t, root, packages)
	}
}

func build(t *testing.T, root string, args ...string) {
	t.Helper()
	command := exec.Command("go", append([]string{"build", "-o", t.TempDir()}, args...)...)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("go build %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
