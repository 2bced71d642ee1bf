package matrix_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// killable skips a test where nothing survives the server.
func (t *trial) killable() {
	t.Helper()
	if !t.server.Survives() {
		t.notThere("keeps rows in memory only: none survives the server")
	}
}

func outage(t *trial) {
	t.killable()
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	r := t.open(t.props("t"))
	const count = 3000
	for i := 0; i < count; i += 50 {
		switch i {
		case 1000:
			if err := t.server.Kill(); err != nil {
				t.Fatal(err)
			}
		case 2000:
			if err := t.server.Restart(); err != nil {
				t.Fatal(err)
			}
		}
		r.collect(numbered(i, i+50))
	}
	r.wantFate(count, 0)
	t.wantRows("SELECT COUNT(*), SUM(id) FROM t", fmt.Sprintf("%d,%d", count, count*(count-1)/2))
}

// onceOverOutage kills the server while rows of a table without a key are
// written, time after time.
func onceOverOutage(t *trial) {
	t.killable()
	t.exec(t.keyless())
	r := t.open(t.props("t", "delivery", "exactlyOnce", "maxBatchRows", 50))
	rows := 0
	for range rounds(2, 5) {
		for range 40 {
			r.collect(numbered(rows, rows+50))
			rows += 50
		}
		if err := t.server.Kill(); err != nil {
			t.Fatal(err)
		}
		r.collect(numbered(rows, rows+50))
		rows += 50
		if err := t.server.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	r.wantFate(rows, 0)
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", fmt.Sprintf("%[1]d,%[1]d", rows))
}

// leftBehind: a node that is not in its cluster, as one that has just started,
// takes writes like any server, and they are lost. The sink passes it over.
func leftBehind(t *trial) {
	if !t.is("group") {
		t.notThere("has no node that takes rows outside of its cluster")
	}
	t.exec(t.keyless())
	first, err := t.server.Addr()
	if err != nil {
		t.Fatal(err)
	}
	r := t.open(t.props("t"))
	r.collect(numbered(0, 100))
	r.wantFate(100, 0)
	r.close()
	node := t.server.At(first)
	defer node.Close()
	for _, statement := range []string{"STOP GROUP_REPLICATION", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"} {
		if _, err := node.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	hosts := append([]string{first}, slices.DeleteFunc(slices.Clone(t.server.Hosts), func(host string) bool { return host == first })...)
	r = t.open(t.props("t", "url", fmt.Sprintf("writer:%s@tcp(%s)/%s", password, strings.Join(hosts, ","), t.database)))
	for i := 100; i < 1000; i += 50 {
		r.collect(numbered(i, i+50))
	}
	r.settle()
	var lost int
	if err := node.QueryRow("SELECT COUNT(*) FROM " + quote(t.database) + ".t WHERE id >= 100").Scan(&lost); err != nil {
		t.Fatal(err)
	}
	if lost != 0 {
		t.Errorf("%d rows are on the node that has left", lost)
	}
	if _, err := node.Exec("START GROUP_REPLICATION"); err != nil {
		t.Fatal(err)
	}
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "1000,1000")
}

// rounds are how often something is tried.
func rounds(short, long int) int {
	if *full {
		return long
	}
	return short
}

// onceOverKills runs the sink in a process of its own and kills it with
// SIGKILL at random moments, again and again.
func onceOverKills(t *trial) {
	t.exec(t.keyless())
	random := rand.New(rand.NewPCG(*seed, 0))
	props := t.props("t", "delivery", "exactlyOnce", "maxBatchRows", 40)
	rows, bad := 0, 0
	for range rounds(5, 25) {
		c := t.startChild(props)
		for range 10 + random.IntN(60) {
			c.collect(numbered(rows, rows+20))
			rows += 20
		}
		c.collect(`{"id":"wrong"}`)
		bad++
		time.Sleep(time.Duration(random.IntN(20_000)) * time.Microsecond) // a random moment; nothing waits for it
		c.kill()
	}
	c := t.startChild(props)
	f := t.settled(c.metrics, "rule")
	if f["stored_total"] != rows || f["set_aside_total"] != bad {
		t.Errorf("fate %v; want stored %d, set aside %d", f, rows, bad)
	}
	c.kill()
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", fmt.Sprintf("%[1]d,%[1]d", rows))
	if n := strings.Count(strings.Join(t.letters(), "\n"), "wrong"); n != bad {
		t.Errorf("%d dead letters, want %d", n, bad)
	}
}
