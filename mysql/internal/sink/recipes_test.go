package sink

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"ekuiper-mysql/test/markdown"
)

// recipe is what a section of docs/recipes.md tells to do.
type recipe struct {
	statements []string
	action     map[string]any
}

// readRecipes are those that are marked, by their names.
func readRecipes(t *testing.T) map[string]recipe {
	t.Helper()
	page, err := os.ReadFile("../../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	recipes := map[string]recipe{}
	for _, part := range strings.Split(string(page), "<!-- recipe: ")[1:] {
		name, text, _ := strings.Cut(part, " -->")
		text, _, _ = strings.Cut(text, "\n## ")
		var r recipe
		for _, block := range markdown.Parse(text).Blocks {
			switch block.Language {
			case "sql":
				r.statements = append(r.statements, strings.Split(block.Text, ";\n")...)
			case "json":
				var rule struct {
					MySQL   map[string]any
					Actions []struct{ MySQL map[string]any }
				}
				if err := json.Unmarshal([]byte(block.Text), &rule); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if r.action = rule.MySQL; len(rule.Actions) > 0 {
					r.action = rule.Actions[0].MySQL
				}
			}
		}
		recipes[name] = r
	}
	return recipes
}

// TestRecipes does what docs/recipes.md says on a real server: the statements as
// they stand there, the action with another address, and rows through it.
func TestRecipes(t *testing.T) {
	recipes := readRecipes(t)
	for name, c := range map[string]struct {
		before   []string // what a reader has already
		messages []string
		query    string
		want     []string
		fate     [3]uint64 // stored, set aside, superseded
	}{
		"native": {
			before:   []string{"CREATE TABLE devices (id BIGINT PRIMARY KEY, name VARCHAR(20))"},
			messages: []string{`[{"id":1,"name":"it's","action":"insert"},{"id":2,"name":"b","action":"insert"},{"id":1,"name":"c","action":"update"},{"id":2,"action":"delete"}]`},
			query:    "SELECT * FROM devices", want: []string{"1,c"}, fate: [3]uint64{4, 0, 0},
		},
		"privileges": {
			before:   []string{"CREATE TABLE readings (id BIGINT)"},
			messages: []string{`{"id":1}`, `{"id":2}`},
			query:    "SELECT * FROM readings ORDER BY id", want: []string{"1", "2"}, fate: [3]uint64{2, 0, 0},
		},
		"series": {
			messages: []string{`[{"device":"a","ts":1767323045678,"temperature":21.5},{"device":"a","ts":"2026-02-03T04:05:06Z","humidity":4}]`, `{"device":"a","ts":1767323045678,"temperature":99}`},
			query:    "SELECT * FROM readings ORDER BY ts", want: []string{"a,2026-01-02 03:04:05.678,21.5,NULL", "a,2026-02-03 04:05:06.000,NULL,4"}, fate: [3]uint64{2, 0, 1},
		},
		"tenants": {
			before:   []string{"CREATE TABLE readings_acme (x INT)", "CREATE TABLE readings_globex (x INT)", "CREATE TABLE readings_acme_bills (x INT)"},
			messages: []string{`[{"tenant":"acme","x":1},{"tenant":"globex","x":2},{"tenant":"acme_bills","x":3},{"x":4}]`},
			query:    "SELECT x FROM readings_acme UNION ALL SELECT x FROM readings_globex UNION ALL SELECT x FROM readings_acme_bills", want: []string{"1", "2"}, fate: [3]uint64{2, 2, 0},
		},
		"offline": {
			before:   []string{"CREATE TABLE devices (id BIGINT PRIMARY KEY, ts DATETIME(3), x INT)", "INSERT INTO devices VALUES (1, '2026-01-01 00:00:02', 2)"},
			messages: []string{`{"id":1,"ts":"2026-01-01T00:00:01Z","x":1}`, `{"id":2,"ts":"2026-01-01T00:00:01Z","x":1}`},
			query:    "SELECT id, x FROM devices ORDER BY id", want: []string{"1,2", "2,1"},
		},
	} {
		r, found := recipes[name]
		delete(recipes, name)
		if !found || r.action == nil {
			t.Errorf("docs/recipes.md has no recipe %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, c.before...)
			own := strings.NewReplacer("plant.", b.database+".", "'plant'@'10.1.%'", "'recipe'@'%'")
			props := b.props("", "")
			for property, value := range r.action {
				if property != "url" && property != "passwordFile" && property != "user" {
					props[property] = value
				}
			}
			if name == "privileges" {
				b.exec("DROP USER IF EXISTS 'recipe'@'%'")
				props["url"] = server.UserDSN("recipe", "a long random text", b.database)
			}
			for _, statement := range r.statements {
				b.exec(own.Replace(statement))
			}
			s := b.open(props)
			b.collect(s, c.messages...)
			b.settle(s)
			b.wantRows(c.query, c.want...)
			if sum := s.outbox.Load().meter.Snapshot(); c.fate != [3]uint64{} && [3]uint64{sum.Stored, sum.SetAside, sum.Superseded} != c.fate {
				t.Errorf("stored, set aside, superseded: %+v, want %v", sum, c.fate)
			}
		})
	}
	for name := range recipes {
		t.Errorf("docs/recipes.md has a recipe %s that no test does", name)
	}
}
