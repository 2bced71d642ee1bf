package acks

import (
	"archive/zip"
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
)

var (
	rounds = flag.Int("rounds", fromEnv("FAULT_ROUNDS", 5), "kills in each of the tests with the real eKuiper")
	seed   = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments of the kills")
)

func fromEnv(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

// rowsPerKill is how many rows pass, at most, between two kills.
const rowsPerKill = 1200

// rig is a real eKuiper whose rule reads a file of rows as fast as its sink
// acknowledges them, and a plugin to kill.
type rig struct {
	*testing.T
	host   *ekuiper.Host
	plugin string
	random *rand.Rand
	slow   []time.Duration // from each kill to the next row at the sink
}

func newRig(t *testing.T, plugin, zip string, rows func(w *bufio.Writer)) *rig {
	t.Helper()
	t.Parallel()
	r := &rig{T: t, host: ekuiper.Start(t, ekuiper.Options{}), plugin: plugin, random: rand.New(rand.NewPCG(*seed, 0))}
	t.Logf("seed %d, %d kills", *seed, *rounds)
	must(t, r.host.InstallPlugin(plugin, zip))
	file, err := os.Create(filepath.Join(r.host.Base, "rows.json"))
	must(t, err)
	w := bufio.NewWriter(file)
	rows(w)
	must(t, errors.Join(w.Flush(), file.Close()))
	must(t, r.host.PutSourceConfig("file", "lines", map[string]any{"path": r.host.Base, "fileType": "lines", "interval": "1h"}))
	must(t, r.host.CreateStream(`CREATE STREAM rows () WITH (TYPE="file", DATASOURCE="rows.json", CONF_KEY="lines", FORMAT="json")`))
	must(t, r.host.CreateStream(`CREATE STREAM none () WITH (TYPE="memory", DATASOURCE="none", FORMAT="json")`))
	return r
}

// rule makes the rule, and another, stopped, whose start makes the host start
// a dead plugin again.
func (r *rig) rule(action map[string]any) {
	r.Helper()
	revive := maps.Clone(action)
	if revive["record"] != nil {
		revive["record"] = filepath.Join(r.host.Base, "revive")
	}
	for _, document := range []map[string]any{
		{"id": "revive", "sql": "SELECT * FROM none", "triggered": false, "actions": []any{map[string]any{r.plugin: revive}}},
		{"id": "rows", "sql": "SELECT * FROM rows", "actions": []any{map[string]any{r.plugin: action}}, "options": map[string]any{"disableBufferFullDiscard": true}},
	} {
		must(r.T, r.host.CreateRule(document))
	}
}

// kills kills the plugin, or its worker, at random moments and waits, each time, until more
// rows have reached the sink. taken tells how many have.
func (r *rig) kills(taken func() (int, error), all int) {
	r.Helper()
	last := 0
	reach := func(n int) {
		r.Helper()
		err := ekuiper.Wait(limit, func() (bool, error) {
			var err error
			last, err = taken()
			return last >= min(n, all), err
		})
		if err != nil {
			s, _ := r.host.RuleStatus("rows")
			r.Fatalf("%d of %d rows have reached the sink, and no more come: %v\n%v", last, all, err, s)
		}
	}
	reach(1500) // by then the runtime knows that no two rows are alike
	for range *rounds {
		moment := time.NewTimer(time.Duration(r.random.IntN(150_000)) * time.Microsecond)
		<-moment.C
		began, whole := time.Now(), r.random.IntN(2) == 0
		r.kill(whole)
		var err error
		last, err = taken()
		must(r.T, err)
		if whole {
			must(r.T, r.host.StartRule("revive"))
		}
		reach(last + 1)
		r.slow = append(r.slow, time.Since(began))
		if whole {
			must(r.T, r.host.StopRule("revive"))
		}
	}
	for last < all { // it may take long, but it must go on
		reach(last + 1000)
	}
}

// kill kills the worker, which the plugin makes good for by itself, or the
// whole plugin, and waits until the host knows.
func (r *rig) kill(whole bool) {
	r.Helper()
	if !whole {
		must(r.T, r.host.KillWorker(r.plugin))
		return
	}
	before := strings.Count(r.host.Log(), "stops with error signal: killed")
	must(r.T, r.host.KillPlugin(r.plugin))
	err := ekuiper.Wait(limit, func() (bool, error) {
		return strings.Count(r.host.Log(), "stops with error signal: killed") > before, nil
	})
	if err != nil {
		r.Fatalf("the host's log does not say that the plugin was killed: %v", err)
	}
}

// exceptions is how many messages the rule has sent in vain.
func (r *rig) exceptions() int64 {
	r.Helper()
	s, err := r.host.RuleStatus("rows")
	must(r.T, err)
	return s.SinkExceptions(r.plugin)
}

// stop stops the rule, which a host that waits for an acknowledgement cannot.
func (r *rig) stop() {
	r.Helper()
	must(r.T, r.host.StopRule("rows"))
	_, err := r.host.WaitRule("rows", limit, func(s ekuiper.RuleStatus) bool { return strings.HasPrefix(s.State(), "stopped") })
	must(r.T, err)
}

// TestNoShift kills a plugin whose sink refuses one row in 500 once. The host
// must send again that row and no other, which it will not if it ever takes
// the acknowledgement of one row for that of another.
func TestNoShift(t *testing.T) {
	all := 1800 + *rounds*rowsPerKill
	isRefused := func(n int) bool { return n%500 == 499 }
	r := newRig(t, "acks", packed(t), func(w *bufio.Writer) {
		for n := range all {
			fmt.Fprintf(w, "{\"n\":%d,\"odd\":%t}\n", n, isRefused(n))
		}
	})
	record := filepath.Join(r.host.Base, "record")
	r.rule(map[string]any{"requireAck": true, "resendInterval": 20, "sendSingle": true, "record": record, "refuse": `"odd":true`})
	r.kills(func() (int, error) {
		s, err := os.Stat(record)
		if err != nil {
			return 0, nil // not opened yet
		}
		return int(s.Size()) / len(`k {"n":12345,"odd":false}`+"\n"), nil
	}, all*len(`k {"n":123,"odd":false}`)/len(`k {"n":12345,"odd":false}`))
	must(t, ekuiper.Wait(limit, func() (bool, error) {
		s, err := r.host.RuleStatus("rows")
		return s.SinkOut("acks") >= int64(all), err
	}))
	want, lost, doubled, shifted := 0, 0, 0, 0
	again := -1 // the row that was refused, and has to be the next
	for _, line := range seen(t, record) {
		what, text, _ := strings.Cut(line, "=")
		var row struct{ N int }
		must(t, json.Unmarshal([]byte(text), &row))
		if again >= 0 && row.N != again {
			shifted++
		}
		again = -1
		switch {
		case what == "r":
			again = row.N
		case row.N == want:
			want++
		case row.N > want:
			lost += row.N - want
			want = row.N + 1
		default:
			doubled++
		}
	}
	r.report(all, lost, doubled, r.exceptions())
	if shifted > 0 || lost > 0 || doubled > 0 || want != all {
		t.Errorf("shifted %d, lost %d, doubled %d, the last row is %d of %d", shifted, lost, doubled, want-1, all)
	}
	r.stop()
}

// TestJournalledOverKills is the plugin itself with its journal and a real
// server; three rows in succession are equal. What the rule handed over is
// what the journal has received.
func TestJournalledOverKills(t *testing.T) {
	const alike = 3
	all := 1800 + *rounds*rowsPerKill
	server := mariadb.Start(t)
	must(t, server.CreateDatabase("d"))
	must(t, server.Exec("CREATE TABLE d.t (v BIGINT)"))
	r := newRig(t, "mysql", mysqlZip(t), func(w *bufio.Writer) {
		for n := range all {
			fmt.Fprintf(w, "{\"v\":%d}\n", n/alike)
		}
	})
	r.rule(map[string]any{
		"requireAck": true, "enableCache": true, "resendInterval": 20, "sendSingle": true,
		// 2.4.0 loses rows once its cache goes to its disk: it is to stay in memory.
		"memoryCacheThreshold": (all/256 + 2) * 256, "maxDiskCache": (all/256 + 2) * 256,
		"url": "root@tcp(" + server.Addr() + ")/d", "table": "t",
	})
	r.kills(func() (n int, err error) {
		err = server.DB().QueryRow("SELECT COUNT(*) FROM d.t").Scan(&n)
		return n, err
	}, all)
	must(t, ekuiper.Wait(limit, func() (bool, error) {
		s, err := r.host.RuleStatus("rows")
		return s.SinkOut("mysql") >= int64(all), err
	}))
	var fewer, rows, received int
	must(t, server.DB().QueryRow("SELECT COUNT(*) FROM d.t").Scan(&rows))
	must(t, ekuiper.Wait(limit, func() (bool, error) {
		var pending int
		received, pending = r.journal()
		return pending == 0, nil
	}))
	var least sql.NullInt64
	must(t, server.DB().QueryRow(fmt.Sprintf("SELECT COUNT(*), MIN(c) FROM (SELECT COUNT(*) AS c FROM d.t GROUP BY v HAVING c < %d) AS f", alike)).Scan(&fewer, &least))
	var distinct int
	must(t, server.DB().QueryRow("SELECT COUNT(DISTINCT v) FROM d.t").Scan(&distinct))
	lost := fewer + (all/alike-distinct)*alike
	r.report(all, lost, received-all, r.exceptions())
	t.Logf("the table has %d rows", rows)
	if lost > 0 || received < all {
		t.Errorf("%d values have fewer rows than were sent, %d values of %d; the journal has received %d of %d rows", fewer, distinct, all/alike, received, all)
	}
	// Each may come twice of which nobody knows whether its ok went out.
	if received-all > *rounds/10+1 {
		t.Errorf("the journal has received %d rows more than were sent, in %d kills", received-all, *rounds)
	}
	r.stop()
}

func (r *rig) report(rows, lost, doubled int, exceptions int64) {
	r.Helper()
	slowest, sum := time.Duration(0), time.Duration(0)
	for _, d := range r.slow {
		slowest, sum = max(slowest, d), sum+d
	}
	r.Logf("%d kills, %d rows, lost %d, doubled %d, sent in vain %d; rows came again after %v on average, %v at most",
		*rounds, rows, lost, doubled, exceptions, (sum / time.Duration(max(len(r.slow), 1))).Round(time.Millisecond), slowest.Round(time.Millisecond))
}

// journal reads what the rule's journal has received, and what is pending,
// with the plugin's command line.
func (r *rig) journal() (received, pending int) {
	r.Helper()
	command := exec.Command(filepath.Join(r.host.Base, "plugins", "portable", "mysql", "mysql"), "journal", "list", "--json", "--dir", filepath.Join(r.host.Base, "data", "mysql", "journal"))
	out, err := command.Output()
	must(r.T, err)
	for line := range strings.Lines(string(out)) {
		var c struct {
			Identity          string
			Received, Pending int
		}
		must(r.T, json.Unmarshal([]byte(line), &c))
		if strings.HasPrefix(c.Identity, "rule rows,") {
			return c.Received, c.Pending
		}
	}
	r.Fatalf("no journal of the rule in %s", out)
	return 0, 0
}

// packed is the test's plugin as a host installs it.
func packed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "acks.zip")
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	z := zip.NewWriter(file)
	executable, err := os.ReadFile(program)
	must(t, err)
	for _, f := range []struct {
		name    string
		mode    os.FileMode
		content []byte
	}{
		{"acks.json", 0o644, []byte(`{"version":"v1.0.0","language":"go","executable":"acks","sinks":["acks"]}`)},
		{"acks", 0o755, executable},
	} {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		must(t, err)
		_, err = w.Write(f.content)
		must(t, err)
	}
	must(t, z.Close())
	return path
}

// mysqlZip is the plugin as a user would install it.
func mysqlZip(t *testing.T) string {
	t.Helper()
	root, err := ekuiper.Root()
	must(t, err)
	dir := t.TempDir()
	if out, err := exec.Command(filepath.Join(root, "package.sh"), "-o", dir).CombinedOutput(); err != nil {
		t.Fatalf("package.sh: %v\n%s", err, out)
	}
	zips, err := filepath.Glob(filepath.Join(dir, "mysql_*.zip"))
	must(t, err)
	if len(zips) != 1 {
		t.Fatalf("package.sh made %q, want one zip", zips)
	}
	return zips[0]
}
