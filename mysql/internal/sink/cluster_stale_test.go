//go:build clusters && unix

package sink

import (
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
	if !c.galera {
		c.sql(node, "STOP REPLICA SQL_THREAD FOR CHANNEL 'group_replication_applier'")
		return func() { c.sql(node, "START REPLICA SQL_THREAD FOR CHANNEL 'group_replication_applier'") }
	}
	// Applying a change of all rows of a table without a key takes a scan for each.
	c.sql(node, "SET GLOBAL wsrep_desync = ON")
	b.exec("UPDATE slow SET a = a + 1")
	return func() { c.sql(node, "SET GLOBAL wsrep_desync = OFF") }
}

// TestClusterStaleNode turns to a node that has not applied the last
// transactions: what it says of the ledger is old. It must not be believed.
func TestClusterStaleNode(t *testing.T) {
	c := theCluster(t)
	b := newClusterBundle(c)
	if c.galera {
		b.exec("CREATE TABLE slow (a INT, b CHAR(100)) AS SELECT seq AS a, 'x' AS b FROM seq_1_to_20000")
	} else {
		for node := 1; node <= 3; node++ {
			c.sql(node, "SET GLOBAL group_replication_consistency = '"+consistency()+"'")
		}
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
		for _, node := range others {
			catchUp = append(catchUp, c.lag(b, node))
		}
		send(400)
		b.settleSlowly(s)
		at, behind := c.ledgerAt(from, b.database), c.ledgerAt(others[0], b.database)
		if behind < at {
			stale++
		}
		c.sigkill(from)
		killed := time.Now()
		if round%2 == 1 { // the plugin dies too, and resumes there
			restore := b.snapshot()
			restore()
			s = b.openCluster(c)
		}
		c.turnTo(others[0])
		send(400)
		if !c.galera {
			// The group elects; what the sink then meets is a primary that lags.
			<-time.After(10 * time.Second)
		}
		for _, f := range catchUp {
			f()
		}
		b.settleSlowly(s)
		slowest = max(slowest, time.Since(killed))
		b.wantOnce(rows)
		c.run("start", strconv.Itoa(from))
		if t.Failed() {
			return
		}
	}
	lost, doubled := b.wantOnce(rows)
	if n := b.log.count("has gone back") + b.log.count("entry of this journal was gone"); n != 0 {
		t.Errorf("%d times it is said that the database has gone back, and it has not", n)
	}
	if stale == 0 {
		t.Error("no node lagged: the test tested nothing")
	}
	t.Logf("%s: %d rounds, %d with a node that lagged, %d rows, lost %d, doubled %d, %v at most; %d conflicts, %d failed attempts in the log",
		b.query("SELECT VERSION()")[0], clusterRounds(), stale, rows, lost, doubled, slowest.Round(time.Millisecond), b.log.count("debug writing"), b.log.count("failed, attempt"))
}

// consistency is the group's group_replication_consistency: as a group of
// before MySQL 8.4 has it, unless CLUSTER_CONSISTENCY names another.
func consistency() string {
	if v := os.Getenv("CLUSTER_CONSISTENCY"); v != "" {
		return v
	}
	return "EVENTUAL"
}
