package docs

import (
	"os/exec"
	"strings"
	"testing"
)

// TestUnitTestsNeedNoServer: what make test-unit runs depends on nothing that
// starts a server or a host.
func TestUnitTestsNeedNoServer(t *testing.T) {
	output := func(name string, args ...string) string {
		t.Helper()
		command := exec.Command(name, args...)
		command.Dir = root
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%s %q: %v", name, args, err)
		}
		return string(out)
	}
	_, rest, found := strings.Cut(output("make", "-n", "test-unit"), "go test $(")
	list, _, ended := strings.Cut(rest, ")\n")
	if !found || !ended {
		t.Fatalf("make test-unit has no list of packages: %s", rest)
	}
	packages := strings.Fields(output("sh", "-c", list))
	if len(packages) < 20 {
		t.Fatalf("only %q", packages)
	}
	args := append([]string{"list", "-test", "-deps"}, packages...)
	for _, used := range strings.Fields(output("go", args...)) {
		switch used {
		case "ekuiper-mysql/test/mariadb", "ekuiper-mysql/test/ekuiper", "ekuiper-mysql/test/mosquitto":
			t.Errorf("a package among those of make test-unit needs %s", used)
		}
	}
}
