package sink

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/test/markdown"
)

// TestExamplesAreTaken: each action in the documents has properties that the
// sink knows, and takes.
func TestExamplesAreTaken(t *testing.T) {
	const root = "../../../"
	t.Setenv("EKUIPER_MYSQL_SECRETS", t.TempDir())
	t.Setenv("MYSQL_PLANT_PASSWORD", "secret")
	pages, err := filepath.Glob(root + "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range append(pages, root+"README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range markdown.Parse(string(text)).Blocks {
			var rule struct {
				MySQL   map[string]any
				Actions []struct{ MySQL map[string]any }
			}
			if block.Language != "json" || json.Unmarshal([]byte(block.Text), &rule) != nil {
				continue
			}
			props := rule.MySQL
			if len(rule.Actions) > 0 {
				props = rule.Actions[0].MySQL
			}
			if props == nil {
				continue
			}
			if props["connectionSelector"] != nil {
				props["url"] = "user@tcp(localhost:3306)/database" // as eKuiper adds it
			}
			found++
			s := New(nil)
			if err := s.Configure(props); err != nil || len(s.warnings) > 0 {
				t.Errorf("%s:%d: %v, warnings %s", filepath.Base(path), block.Line, err, strings.Join(s.warnings, "; "))
			}
		}
	}
	if found < 20 {
		t.Errorf("%d examples found, want more", found)
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	const url = "user@tcp(localhost:3306)/database"
	for _, c := range []struct {
		props map[string]any
		want  []string
	}{
		{map[string]any{"url": url, "tabel": "t"}, []string{"property table: missing", "property tabel is not known", "did you mean table?"}},
		{
			map[string]any{"url": url, "table": "t", "errors": map[string]any{"1452": "perhaps"}, "columns": map[string]any{"x": "a["}, "autoCreate": true, "schema": map[string]any{"x": "NUMBER"}},
			[]string{"property errors: ", "property columns: ", "property schema: "},
		},
	} {
		err := New(nil).Configure(c.props)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nwant %q", err, want)
			}
		}
	}
}
