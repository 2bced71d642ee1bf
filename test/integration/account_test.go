package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/proxy"
)

// dice returns chance with a seed that the log tells.
func dice(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func (b *bundle) rows(query string) (n int) {
	b.Helper()
	b.must(b.server.DB().QueryRow(query).Scan(&n))
	return n
}

// letterCount counts the dead letters with the command line.
func (b *bundle) letterCount() (n int) {
	b.Helper()
	out, err := b.command("deadletters", "count", "--json")
	b.must(err)
	var all []struct{ Letters int }
	b.must(json.Unmarshal(out, &all))
	for _, c := range all {
		n += c.Letters
	}
	return n
}

// TestSumsAddUpOverKills kills the plugin, the database and the way between
// them at random, and recounts every time, from the files and the table.
func TestSumsAddUpOverKills(t *testing.T) {
	b := newBundle(t)
	random := dice(t)
	way := proxy.Start(t, b.server.Addr())
	b.launch()
	rule := b.open(way.Addr(), map[string]any{"requireAck": true, "resendInterval": 10})
	const rounds, messages = 12, 60
	id, wrong := 0, 0
	for round := range rounds {
		for range messages {
			message := fmt.Appendf(nil, `[{"id":%d},{"id":%d}]`, id, id+1)
			id += 2
			if random.IntN(10) == 0 {
				message = fmt.Appendf(nil, `[{"id":"wrong %d"}]`, wrong)
				id -= 2
				wrong++
			}
			b.must(rule.Collect(message, 5*time.Second))
		}
		switch random.IntN(3) {
		case 0:
			way.Cut()
		case 1:
			b.must(b.server.Restart())
		}
		b.must(b.plugin.Kill())
		c := b.journal()
		table, letters := b.rows("SELECT COUNT(*) FROM d.t"), b.letterCount()
		if c.Received != id+wrong || c.Lost+c.Dropped+c.Superseded != 0 ||
			table < c.Stored || letters < c.SetAside || table+letters > c.Stored+c.SetAside+c.Pending {
			t.Fatalf("round %d: %d rows in the table and %d letters; of %d sent the journal says %+v", round, table, letters, id+wrong, c)
		}
		b.launch()
	}
	b.waitRows(id)
	b.must(ekuiper.Wait(limit, func() (bool, error) { return b.journal().Pending == 0, nil }))
	if c := b.journal(); c.Stored != id || c.SetAside != wrong || b.letterCount() != wrong {
		t.Errorf("%+v and %d letters; want %d stored and %d set aside", c, b.letterCount(), id, wrong)
	}
	b.must(rule.Close())
}

// props writes an action's properties to a file.
func (b *bundle) props(more string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "action.json")
	b.must(os.WriteFile(path, fmt.Appendf(nil, `{"mysql":{"url":"root@tcp(%s)/d","table":"t"%s}}`, b.server.Addr(), more), 0o600))
	return path
}

// untilDone runs a command again and again, killed at a random moment each
// time but the last, and returns how often it was.
func (b *bundle) untilDone(random *rand.Rand, kills int, args ...string) (killed int) {
	b.Helper()
	for try := 0; ; try++ {
		command := exec.Command(executable, args...)
		command.Env = append(os.Environ(), "EKUIPER_MYSQL_DATA="+b.data)
		var out bytes.Buffer
		command.Stdout, command.Stderr = &out, &out
		b.must(command.Start())
		if try < kills {
			timer := time.AfterFunc(time.Duration(20+random.IntN(200))*time.Millisecond, func() { _ = command.Process.Kill() })
			err := command.Wait()
			timer.Stop()
			if err != nil && command.ProcessState.ExitCode() < 0 {
				killed++
				continue
			}
			if err == nil {
				return killed
			}
			b.Fatalf("%v: %v\n%s", args, err, &out)
		}
		if err := command.Wait(); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, &out)
		}
		return killed
	}
}

// TestReplaySurvivesKills: beside the running plugin, no row is missing, and
// in a table with a key none is refused because it was stored before.
func TestReplaySurvivesKills(t *testing.T) {
	b := newBundle(t)
	random := dice(t)
	b.launch()
	rule := b.open(b.server.Addr(), map[string]any{"requireAck": true})
	const rows = 2000
	var message []string
	for id := range rows {
		message = append(message, fmt.Sprintf(`{"id":%d,"late":%d}`, id, id))
	}
	b.must(rule.Collect([]byte("["+strings.Join(message, ",")+"]"), 5*time.Second))
	b.must(ekuiper.Wait(limit, func() (bool, error) { return b.journal().SetAside == rows, nil }))
	b.must(b.server.Exec("ALTER TABLE d.t ADD COLUMN late INT"))
	b.must(b.server.Exec(slow("t", 0.0005)))
	killed := b.untilDone(random, 20, "deadletters", "replay", "--all", "--props", b.props(`,"maxBatchRows":100`))
	t.Logf("killed %d times", killed)
	if killed == 0 {
		t.Error("no replay was killed")
	}
	if n := b.rows("SELECT COUNT(*) FROM d.t WHERE late = id"); n != rows || b.letterCount() != 0 {
		t.Errorf("%d rows in the table, %d letters left", n, b.letterCount())
	}
	b.must(rule.Collect([]byte(`{"id":-1}`), 5*time.Second)) // the plugin noticed nothing
	b.waitRows(rows + 1)
	b.must(rule.Close())
}

// TestDrainSurvivesKills: an orphan is told of, and reaches another table with
// each row once.
func TestDrainSurvivesKills(t *testing.T) {
	b := newBundle(t)
	random := dice(t)
	b.must(b.server.Exec("CREATE TABLE d.bare (id BIGINT)"))
	b.must(b.server.Exec(slow("bare", 0.00005)))
	hole := proxy.Start(t, b.server.Addr())
	hole.BlackHole()
	b.launch()
	rule := b.open(hole.Addr(), map[string]any{"requireAck": true})
	const messages, each = 300, 100
	id := 0
	for range messages {
		var rows []string
		for range each {
			rows = append(rows, fmt.Sprintf(`{"id":%d}`, id))
			id++
		}
		b.must(rule.Collect([]byte("["+strings.Join(rows, ",")+"]"), 5*time.Second))
	}
	if out, err := b.command("journal", "drain", "kill", "--props", b.props("")); err == nil {
		t.Errorf("a journal in use was drained: %s", out)
	}
	b.must(b.plugin.Kill())
	if out, err := b.command("journal", "verify"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	killed := b.untilDone(random, 20, "journal", "drain", "kill", "--into", "bare", "--props", b.props(`,"delivery":"exactlyOnce","maxBatchRows":500`))
	t.Logf("killed %d times", killed)
	if killed == 0 {
		t.Error("no drain was killed")
	}
	if n, distinct := b.rows("SELECT COUNT(*) FROM d.bare"), b.rows("SELECT COUNT(DISTINCT id) FROM d.bare"); n != id || distinct != id {
		t.Errorf("%d rows in the table, %d different ones; want %d", n, distinct, id)
	}
	if c := b.journal(); c.Stored != id || c.Pending != 0 {
		t.Errorf("%+v", c)
	}
	if out, err := b.command("journal", "purge", "kill", "--yes"); err != nil || !strings.Contains(string(out), "0 pending rows") {
		t.Errorf("%v: %s", err, out)
	}
	hole.Pass()
	b.launch() // the rule begins a new journal
	b.must(rule.Collect([]byte(`{"id":-1}`), 5*time.Second))
	b.waitRows(1)
	b.must(rule.Close())
}

// slow is a statement that makes inserts into a table take so many seconds a
// row, so that a kill finds work under way.
func slow(table string, seconds float64) string {
	return fmt.Sprintf("CREATE TRIGGER d.slow_%s BEFORE INSERT ON d.%s FOR EACH ROW SET @slow = SLEEP(%f)", table, table, seconds)
}
