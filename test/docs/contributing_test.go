package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
)

// TestMapIsWhole: CONTRIBUTING.md names every room, by its folder, and every
// file and name that it sends a reader to exists.
func TestMapIsWhole(t *testing.T) {
	document := documents(t)["CONTRIBUTING.md"]
	named := map[string]bool{}
	place := regexp.MustCompile(`^([a-zA-Z0-9_./-]+/[a-z0-9_]+\.(?:go|sh|json))(?::(\w+))?$`)
	places := 0
	for _, span := range document.Spans {
		named[path.Base(span.Text)] = true
		if p := place.FindStringSubmatch(span.Text); p != nil {
			places++
			if reason := absent(p[1], p[2]); reason != "" {
				t.Errorf("CONTRIBUTING.md:%d: %s: %s", span.Line, span.Text, reason)
			}
		}
	}
	if places < 10 {
		t.Errorf("only %d places found", places)
	}
	for _, top := range []string{"mysql/internal", "sdk", "test"} {
		entries, err := os.ReadDir(filepath.Join(root, top))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() && !named[entry.Name()] {
				t.Errorf("CONTRIBUTING.md: the map lacks %s/%s", top, entry.Name())
			}
		}
	}
}

// absent says what is missing: a file, from the top or from mysql/internal, or
// a word in it.
func absent(file, word string) string {
	for _, from := range []string{root, filepath.Join(root, "mysql", "internal"), filepath.Join(root, "sdk")} {
		text, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(file)))
		if err != nil {
			continue
		}
		if word != "" && !regexp.MustCompile(`\b`+word+`\b`).Match(text) {
			return "no such name in it"
		}
		return ""
	}
	return "no such file"
}

func TestAbsentPlacesAreFound(t *testing.T) {
	for place, want := range map[[2]string]string{
		{"schema/column.go", "parseType"}: "", {"schema/column.go", "parse"}: "no such name in it", {"runtime/optional.go", ""}: "",
		{"test/clusters/run.sh", ""}: "", {"schema/columns.go", ""}: "no such file",
	} {
		if got := absent(place[0], place[1]); got != want {
			t.Errorf("%v: %q, want %q", place, got, want)
		}
	}
}
