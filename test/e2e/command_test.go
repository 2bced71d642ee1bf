package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/proxy"
)

// command runs the installed plugin as a person does: from its folder, and
// without telling it where things are.
func (b *bundle) command(args ...string) string {
	b.Helper()
	command := exec.Command("./mysql", args...)
	command.Dir = filepath.Join(b.host.Base, "plugins", "portable", "mysql")
	out, err := command.CombinedOutput()
	if err != nil {
		b.Fatalf("mysql %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// action writes a rule's action to a file.
func (b *bundle) action(table string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "action.json")
	b.must(os.WriteFile(path, fmt.Appendf(nil, `{"mysql":{"url":%q,"table":%q}}`, b.url(""), table), 0o600))
	return path
}

// journalLine is what mysql journal list --json prints.
type journalLine struct {
	Identity                    string
	Open, Orphan                bool
	Received, SetAside, Pending int64
}

// journal is what the command line lists of a rule's.
func (b *bundle) journal(rule string) (line journalLine) {
	b.Helper()
	for text := range strings.Lines(b.command("journal", "list", "--json")) {
		b.must(json.Unmarshal([]byte(text), &line))
		if strings.HasPrefix(line.Identity, "rule "+rule+",") {
			return line
		}
	}
	return journalLine{} // not made yet
}

// TestRefusedAndOrphanedRowsComeBack by the installed plugin's command line,
// beside the host that runs it.
func TestRefusedAndOrphanedRowsComeBack(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id TINYINT, name VARCHAR(50), x DOUBLE)", "CREATE TABLE others (id BIGINT, name VARCHAR(50), x DOUBLE)")
	const rows = 300 // of which a TINYINT takes 127
	b.stream("few", 0, rows)
	b.rule("narrow", "SELECT * FROM few", map[string]any{"url": b.url(""), "table": "numbers", "deadLetterTable": "refused"})
	b.waitCount(127, "SELECT COUNT(*) FROM numbers")
	b.must(ekuiper.Wait(limit, func() (bool, error) { return b.journal("narrow").SetAside == rows-127, nil }))
	b.waitCount(1, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'refused'")
	b.waitCount(rows-127, "SELECT COUNT(*) FROM refused WHERE rule = 'narrow' AND column_name = 'id'")
	_, err := b.db.Exec("ALTER TABLE numbers MODIFY id INT")
	b.must(err)
	if out := b.command("deadletters", "replay", "--rule", "narrow", "--props", b.action("numbers")); out != "173 stored, 0 refused again and kept\n" {
		t.Errorf("replay: %s", out)
	}
	if n := b.checkSequence("numbers"); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}

	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	b.stream("more", 0, rows)
	b.rule("gone", "SELECT * FROM more", map[string]any{"url": b.url(hole.Addr()), "table": "others"})
	b.must(ekuiper.Wait(limit, func() (bool, error) { return b.journal("gone").Pending == rows, nil }))
	b.must(b.host.DeleteRule("gone"))
	if j := b.journal("gone"); !j.Open || j.Orphan {
		t.Errorf("while the plugin still tries: %+v", j)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	b.must(b.host.Terminate(ctx))
	b.waitNoPlugin()
	b.must(b.host.Restart(ctx))
	if j := b.journal("gone"); !j.Orphan || j.Pending != rows {
		t.Errorf("after a restart: %+v", j)
	}
	b.command("journal", "verify")
	b.command("journal", "drain", "gone", "--props", b.action("others"))
	if n := b.checkSequence("others"); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
	b.command("journal", "purge", "gone", "--yes")
}
