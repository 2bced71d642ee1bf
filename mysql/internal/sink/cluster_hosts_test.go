//go:build clusters && unix

package sink

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// firstWrite returns how long it takes until a plain client, which tries all
// nodes but one all the time, has written a row.
func (c *cluster) firstWrite(ctx context.Context, database string, without int) time.Duration {
	start := time.Now()
	written := make(chan struct{}, 3)
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before it waits
	for node := 1; node <= 3; node++ {
		if node == without {
			continue
		}
		config := mysql.NewConfig()
		config.User, config.Net, config.Addr, config.DBName, config.Timeout = "root", "tcp", c.addr(node), database, time.Second
		connector, err := mysql.NewConnector(config)
		if err != nil {
			c.t.Fatal(err)
		}
		work.Go(func() {
			db := sql.OpenDB(connector)
			defer db.Close()
			for ctx.Err() == nil {
				if _, err := db.ExecContext(ctx, "INSERT INTO probe (node) VALUES (?)", node); err == nil {
					written <- struct{}{}
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Millisecond): // between polls of another process
				}
			}
		})
	}
	select {
	case <-written:
	case <-ctx.Done():
	}
	return time.Since(start)
}

// stored returns when the sink has stored more than n rows.
func (b *bundle) stored(s *Sink, n uint64) {
	b.t.Helper()
	for limit := time.Now().Add(2 * time.Minute); s.outbox.Load().queue.Counts().Stored <= n; time.Sleep(2 * time.Millisecond) { // between polls
		if time.Now().After(limit) {
			b.t.Fatal("nothing is written any more")
		}
	}
}

// writtenTo is the node that the log names last.
func (c *cluster) writtenTo(log *logLines) int {
	log.mu.Lock()
	defer log.mu.Unlock()
	node := 0
	for _, line := range log.lines {
		for n := 1; n <= 3; n++ {
			if strings.HasPrefix(line, "info writing to host "+c.addr(n)) {
				node = n
			}
		}
	}
	return node
}

// TestClusterHosts kills the node that is written to under load, round after
// round; the rule knows all three, and goes on within a second of the moment
// at which the cluster takes rows again.
func TestClusterHosts(t *testing.T) {
	c := theCluster(t)
	b := newClusterBundle(c)
	b.exec("CREATE TABLE probe (id BIGINT AUTO_INCREMENT PRIMARY KEY, node INT)")
	s := New(b.outboxes)
	props := map[string]any{
		"url": fmt.Sprintf("root@tcp(%s,%s,%s)/%s", c.addr(1), c.addr(2), c.addr(3), b.database), "table": "t", "delivery": "exactlyOnce", "maxBatchRows": 50,
	}
	if err := s.Configure(props); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(b.context("rule")) })
	rows := 0
	more := func(n int) {
		for range n / 20 {
			b.collect(s, numbered(rows, rows+20))
			rows += 20
		}
	}
	var slowest, recovery time.Duration
	for round := range clusterRounds() {
		more(500)
		b.settleSlowly(s)
		node := c.writtenTo(b.log)
		if node == 0 {
			t.Fatal("the log does not tell which node is written to")
		}
		more(5000)
		killed := time.Now()
		c.sigkill(node)
		own := make(chan time.Duration, 1)
		go func() { own <- c.firstWrite(t.Context(), b.database, node) }()
		time.Sleep(50 * time.Millisecond) // for the answers that were on their way
		b.stored(s, s.outbox.Load().queue.Counts().Stored)
		ours, plain := time.Since(killed), <-own
		t.Logf("round %d: node %d killed, the cluster takes rows after %v, ours are written after %v", round, node, plain.Round(time.Millisecond), ours.Round(time.Millisecond))
		slowest, recovery = max(slowest, ours-plain), max(recovery, plain)
		if ours-plain > time.Second {
			t.Errorf("%v after the cluster itself", ours-plain)
		}
		b.settleSlowly(s)
		c.turnTo(c.writtenTo(b.log)) // the others may lag
		b.wantOnce(c, rows)
		c.run("start", fmt.Sprint(node))
		if t.Failed() {
			return
		}
	}
	lost, doubled := b.wantOnce(c, rows)
	t.Logf("%s: %d rounds, %d rows, lost %d, doubled %d; the cluster took up to %v to take rows again, ours at most %v more",
		b.query("SELECT VERSION()")[0], clusterRounds(), rows, lost, doubled, recovery.Round(time.Millisecond), slowest.Round(time.Millisecond))
}
