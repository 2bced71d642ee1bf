package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPlacesExist: where a document sends a reader to a name in a file, as in
// schema/column.go:parseType, that is there.
func TestPlacesExist(t *testing.T) {
	place := regexp.MustCompile(`^([a-zA-Z0-9_./-]+/[a-z0-9_]+\.go)(?::(\w+))?$`)
	places := map[string]int{}
	for name, document := range documents(t) {
		for _, span := range document.Spans {
			if p := place.FindStringSubmatch(span.Text); p != nil {
				places[name]++
				if reason := absent(p[1], p[2]); reason != "" {
					t.Errorf("%s:%d: %s: %s", name, span.Line, span.Text, reason)
				}
			}
		}
	}
	if places["CONTRIBUTING.md"] < 10 || places["sdk/README.md"] < 10 {
		t.Errorf("places found: %v", places)
	}
}

// TestMapIsWhole: CONTRIBUTING.md names every room, by its folder.
func TestMapIsWhole(t *testing.T) {
	named := map[string]bool{}
	for _, span := range documents(t)["CONTRIBUTING.md"].Spans {
		named[span.Text] = true
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
