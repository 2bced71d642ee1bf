package matrix_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// eventually waits until a query finds these rows: what the sink does beside a row's own way.
func (t *trial) eventually(query string, want ...string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		got := t.query(query)
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%.300s\n got %.2000q\nwant %.2000q", query, got, want)
		}
	}
}

func memoryOnly(t *trial) {
	t.exec(t.keyless())
	r := t.open(t.props("t", "journal", "off"))
	for i := 0; i < 1000; i += 50 {
		r.collect(numbered(i, i+50))
	}
	r.wantFate(1000, 0)
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "1000,1000")
}

// alterTable changes the table under a rule that runs.
func alterTable(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), gone INT DEFAULT 1, x INT)")
	r := t.open(t.props("t"))
	id := 0
	send := func(fields string) {
		t.Helper()
		var rows []string
		for range 50 {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"row"%s}`, id, fields))
			id++
		}
		r.collect("[" + strings.Join(rows, ",") + "]")
		r.settle()
	}
	send(`,"x":1`)
	t.exec("ALTER TABLE t DROP COLUMN gone")
	send(`,"x":2`)
	t.exec("ALTER TABLE t ADD COLUMN more INT AFTER id")
	send(`,"x":3`)
	t.exec("ALTER TABLE t MODIFY COLUMN x VARCHAR(10)")
	send(`,"x":4`)
	t.exec("ALTER TABLE t ADD COLUMN need INT NOT NULL DEFAULT 5")
	send(`,"x":5`)
	r.wantFate(250, 0)
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT x), COUNT(more), SUM(need) FROM t", "250,5,0,1250")
	t.exec("ALTER TABLE t DROP COLUMN x")
	send("")
	r.wantFate(300, 0)
	// The table is read again for a field without a column, but not for each
	// row of a rule that goes on sending them.
	tries := 0
	for end := time.Now().Add(limit); len(t.query("SELECT 1 FROM t WHERE more = 7")) == 0; tries++ {
		if time.Now().After(end) {
			t.Fatal("no row has the new column")
		}
		r.collect(fmt.Sprintf(`{"id":%d,"more":7}`, id+tries))
		r.settle()
	}
	r.wantFate(301, tries-1)
}

func tableGone(t *trial) {
	t.exec(t.keyless())
	r := t.open(t.props("t"))
	r.collect(numbered(0, 100))
	r.settle()
	t.exec("DROP TABLE t")
	r.collect(numbered(100, 200))
	t.log.await(t, "failed, attempt")
	t.exec(t.keyless())
	r.wantFate(200, 0)
	t.wantRows("SELECT COUNT(*), MIN(id), MAX(id) FROM t", "100,100,199")
}

func twoRules(t *trial) {
	if t.is("demo") { // shown with two plain connections, a row from each
		t.notThere("keeps the rows of only one of two transactions that overlap")
	}
	t.exec("CREATE TABLE t (own BIGINT AUTO_INCREMENT PRIMARY KEY, id INT, name VARCHAR(20), x DOUBLE, UNIQUE (name, id), KEY (x))")
	a, b := t.openRule("rule a", t.props("t")), t.openRule("rule b", t.props("t"))
	for i := 0; i < 2000; i += 20 { // the keys of both lie between each other's
		a.collect(numbered(2000-i, 2000-i+10))
		b.collect(numbered(i+10, i+20))
	}
	a.settle()
	b.settle()
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "2000,2000")
	a.wantFate(1000, 0)
	b.wantFate(1000, 0)
}
