//go:build clusters && unix

package sink

import (
	"database/sql"
	"os"
	"strconv"
	"testing"
	"time"
)

// ledgerAt tells how far the ledger stands on a node, as a client there reads it.
func (c *cluster) ledgerAt(node int, database string) int {
	c.t.Helper()
	n, err := strconv.Atoi(c.sql(node, "SELECT position FROM "+database+".ekuiper_mysql_ledger"))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// lag makes a node fall behind without leaving the cluster; the function that
// it returns lets it catch up.
func (c *cluster) lag(b *bundle, node int) (catchUp func()) {
	c.t.Helper()
	// Reads are answered, and what comes from the other nodes waits in a queue.
	db, err := sql.Open("mysql", "root@tcp("+c.addr(node)+")/")
	if err != nil {
		c.t.Fatal(err)
	}
	lock := "FLUSH TABLES WITH READ LOCK"
	if !c.galera { // which could then not become the primary
		lock = "LOCK TABLES " + b.database + ".t READ, " + b.database + ".ekuiper_mysql_ledger READ"
	}
	conn, err := db.Conn(c.t.Context())
	if err == nil {
		_, err = conn.ExecContext(c.t.Context(), lock)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return func() {
		_, _ = conn.ExecContext(c.t.Context(), "UNLOCK TABLES")
		_ = conn.Close()
		_ = db.Close()
	}
}

// prepare sets what a node forgets when it dies.
func (c *cluster) prepare(node int) {
	if !c.galera {
		c.sql(node, "SET GLOBAL group_replication_consistency = '"+consistency()+"'")
	}
}

// TestClusterStaleNode turns to a node that has not applied the last
// transactions: what it says of the ledger is old. It must not be believed.
func TestClusterStaleNode(t *testing.T) {
	c := theCluster(t)
	b := newClusterBundle(c)
	for node := 1; node <= 3; node++ {
		c.prepare(node)
	}
	s := b.openCluster(c)
	rows, stale, slowest := 0, 0, time.Duration(0)
	send := func(n int) {
		t.Helper()
		for range n / 20 {
			b.collect(s, numbered(rows, rows+20))
			rows += 20
		}
	}
	for round := range clusterRounds() {
		from := c.writable()
		c.turnTo(from)
		send(200)
		b.settleSlowly(s)
		others := []int{from%3 + 1, (from+1)%3 + 1}
		var catchUp []func()
		if c.galera {
			others = others[:1] // the other one keeps the cluster going
		}
		for _, node := range others {
			catchUp = append(catchUp, c.lag(b, node))
		}
		send(400)
		b.settleSlowly(s)
		at, behind := c.ledgerAt(from, b.database), c.ledgerAt(others[0], b.database)
		if behind < at {
			stale++
		}
		kills := !c.galera || round%2 == 1 // Galera lets one write to any node
		if kills {
			c.sigkill(from)
		}
		killed := time.Now()
		if round%4 >= 2 { // the plugin dies too, and resumes there
			restore := b.snapshot()
			restore()
			s = b.openCluster(c)
		}
		c.turnTo(others[0])
		send(400)
		// The death is noticed, a group elects; then the sink meets a node that
		// lags, at the latest when it begins to catch up.
		wait := time.Second
		if kills {
			wait = 10 * time.Second
		}
		<-time.After(wait)
		for _, f := range catchUp {
			f()
		}
		b.settleSlowly(s)
		slowest = max(slowest, time.Since(killed))
		b.wantOnce(c, rows)
		if kills {
			c.run("start", strconv.Itoa(from))
			c.prepare(from)
		}
		if t.Failed() {
			return
		}
	}
	lost, doubled := b.wantOnce(c, rows)
	if n := b.log.count("has gone back") + b.log.count("entry of this journal was gone"); n != 0 {
		t.Errorf("%d times it is said that the database has gone back, and it has not", n)
	}
	if stale == 0 {
		t.Error("no node lagged: the test tested nothing")
	}
	t.Logf("%s: %d rounds, %d with a node that lagged, %d rows, lost %d, doubled %d, %v at most; %d times the ledger was found elsewhere, %d conflicts, %d failed attempts in the log",
		b.query("SELECT VERSION()")[0], clusterRounds(), stale, rows, lost, doubled, slowest.Round(time.Millisecond), b.log.count("and not at row"), b.log.count("debug writing")+b.log.count("debug resuming"), b.log.count("failed, attempt"))
}

// consistency is the group's group_replication_consistency: as a group of
// before MySQL 8.4 has it, unless CLUSTER_CONSISTENCY names another.
func consistency() string {
	if v := os.Getenv("CLUSTER_CONSISTENCY"); v != "" {
		return v
	}
	return "EVENTUAL"
}
