package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestAPrintedRuleRuns: what mysql rule prints is what eKuiper takes, as it is,
// and what mysql check has said of it holds.
func TestAPrintedRuleRuns(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT PRIMARY KEY, name VARCHAR(50), x DOUBLE)")
	const rows = 200
	b.stream("printed", 0, rows)
	text := b.command("rule", "--id", "printed", "--stream", "printed", "--url", "root@tcp("+server.Addr()+")/"+b.name, "--table", "numbers", "--safe", "--set", "mode=upsert")
	var rule struct {
		ID      string
		SQL     string `json:"sql"`
		Actions []map[string]map[string]any
		Options map[string]any
	}
	b.must(json.Unmarshal([]byte(text), &rule))
	if rule.ID != "printed" || len(rule.Actions) != 1 || rule.Options["disableBufferFullDiscard"] != true {
		t.Fatalf("%s", text)
	}
	file := filepath.Join(t.TempDir(), "rule.json")
	b.must(os.WriteFile(file, []byte(text), 0o600))
	b.command("check", "--props", file)
	b.must(b.host.CreateRule(json.RawMessage(text)))
	b.waitCount(rows, "SELECT COUNT(*) FROM numbers")
	if n := b.checkSequence("numbers"); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
}
