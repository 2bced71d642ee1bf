package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAdditionsAreListed: the SDK's README names what the SDK has beyond the
// public surface of eKuiper's, all of it and nothing else.
func TestAdditionsAreListed(t *testing.T) {
	additions := map[string]bool{}
	for _, name := range []string{"api", "mock", "runtime"} {
		for n := range topLevel(t, filepath.Join(root, "sdk", name)) {
			additions[name+"."+n] = true
		}
		for n := range topLevel(t, filepath.Join(root, "test", "surface", "stub", name)) {
			if !additions[name+"."+n] {
				t.Errorf("the SDK lacks %s.%s", name, n)
			}
			delete(additions, name+"."+n)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "sdk", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| Addition |")
	if !found {
		t.Fatal("sdk/README.md has no table of additions")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	listed := map[string]bool{}
	for _, row := range strings.Split(table, "\n")[2:] {
		for _, name := range regexp.MustCompile("`([a-z]+\\.[A-Z]\\w*)`").FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
			listed[name[1]] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(additions)); !slices.Equal(got, want) {
		t.Errorf("sdk/README.md lists\n%q\nthe SDK adds\n%q", got, want)
	}
}

// topLevel are the names that a package exports.
func topLevel(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range parse(t, folder) {
		for name, d := range exported(file) {
			if d.method == "" {
				names[name] = true
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s exports nothing", folder)
	}
	return names
}
