//go:build clusters && unix

package sink

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// These tests need a cluster of three nodes, which test/clusters/run.sh starts:
// CLUSTER is the script that starts and kills its nodes, CLUSTER_DIR the folder
// of theirs, CLUSTER_PORT the first one's port.

type cluster struct {
	t      *testing.T
	script string
	dir    string
	port   int
	galera bool

	mu    sync.Mutex
	next  int // the node that is dialled first
	conns map[net.Conn]struct{}
	kill  atomic.Pointer[killing]
}

// killing is a moment: the nth request that what finds.
type killing struct {
	what  func(request []byte) bool
	left  atomic.Int64
	after time.Duration // of the request
	done  chan int      // the node that was killed
}

func theCluster(t *testing.T) *cluster {
	t.Helper()
	port, err := strconv.Atoi(os.Getenv("CLUSTER_PORT"))
	if err != nil {
		t.Fatal("there is no cluster; type: test/clusters/run.sh")
	}
	script := os.Getenv("CLUSTER")
	c := &cluster{t: t, script: script, dir: os.Getenv("CLUSTER_DIR"), port: port, galera: strings.Contains(script, "galera"), next: 1, conns: map[net.Conn]struct{}{}}
	mysql.SetLogger(&mysql.NopLogger{})
	return c
}

func (c *cluster) addr(node int) string { return fmt.Sprintf("127.0.0.1:%d", c.port+node-1) }

// run calls the cluster's script.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	out, err := exec.Command(c.script, args...).CombinedOutput()
	if err != nil {
		c.t.Logf("%v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *cluster) sql(node int, statement string) string {
	c.t.Helper()
	return c.run("sql", strconv.Itoa(node), statement)
}

// sigkill ends a node at once.
func (c *cluster) sigkill(node int) {
	text, err := os.ReadFile(fmt.Sprintf("%s/n%d/pid", c.dir, node))
	if err == nil {
		var pid int
		if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if err != nil {
		c.t.Errorf("kill node %d: %v", node, err)
	}
}

// dial reaches the first node that listens, from the one whose turn it is. A
// connection that is given up sends the next one to another node.
func (c *cluster) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var err error
	for range 3 {
		c.mu.Lock()
		node := c.next
		c.mu.Unlock()
		var conn net.Conn
		if conn, err = (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, c.addr(node)); err == nil {
			w := &clusterConn{Conn: conn, cluster: c, node: node}
			c.mu.Lock()
			c.conns[w] = struct{}{}
			c.mu.Unlock()
			return w, nil
		}
		c.turn(node)
	}
	return nil, err
}

// turn makes the node after that one the next to be dialled.
func (c *cluster) turn(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == node {
		c.next = node%3 + 1
	}
}

// turnTo cuts every connection and leads new ones to a node.
func (c *cluster) turnTo(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = node
	for conn := range c.conns {
		_ = conn.(*clusterConn).Conn.Close()
	}
	clear(c.conns)
}

type clusterConn struct {
	net.Conn
	cluster *cluster
	node    int
	refused bool // the server does not take rows: the next connection goes to another node
}

func (c *clusterConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if k := c.cluster.kill.Load(); k != nil && len(b) > 4 && k.what(b[4:]) && k.left.Add(-1) == 0 {
		time.Sleep(k.after) // a random moment; nothing waits for it
		c.cluster.sigkill(c.node)
		c.cluster.kill.Store(nil)
		c.cluster.turn(c.node)
		k.done <- c.node
	}
	return n, err
}

func (c *clusterConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	// An error packet of a node that is no primary, or not in the cluster.
	for _, number := range []int{1290, 1047, 3797, 3798, 1180, 3100} {
		if n > 7 && b[4] == 0xff && int(b[5])|int(b[6])<<8 == number || n > 3 && b[0] == 0xff && int(b[1])|int(b[2])<<8 == number {
			c.refused = true
		}
	}
	return n, err
}

func (c *clusterConn) Close() error {
	if c.refused {
		c.cluster.turn(c.node)
	}
	c.cluster.mu.Lock()
	delete(c.cluster.conns, c)
	c.cluster.mu.Unlock()
	return c.Conn.Close()
}

// writable waits for a node that takes rows and returns its number.
func (c *cluster) writable() int {
	c.t.Helper()
	limit := time.Now().Add(2 * time.Minute)
	for time.Now().Before(limit) {
		for node := 1; node <= 3; node++ {
			query := "SELECT @@super_read_only"
			if c.galera {
				query = "SHOW STATUS LIKE 'wsrep_ready'"
			}
			if answer := c.sql(node, query); answer == "0" || strings.HasSuffix(answer, "ON") {
				return node
			}
		}
		time.Sleep(50 * time.Millisecond) // between polls of another process
	}
	c.t.Fatal("no node takes rows")
	return 0
}

// newClusterBundle makes a database on the cluster in place of the private server.
func newClusterBundle(c *cluster) *bundle {
	t := c.t
	b := &bundle{t: t, journal: "on", log: &logLines{}, folder: t.TempDir(), database: strings.ToLower(t.Name())}
	b.outboxes = b.newOutboxes()
	c.next = c.writable()
	config := mysql.NewConfig()
	config.User, config.Net, config.DBName, config.DialFunc = "root", "tcp", b.database, c.dial
	c.sql(c.next, "DROP DATABASE IF EXISTS "+b.database+"; CREATE DATABASE "+b.database)
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	b.db = sql.OpenDB(connector)
	b.db.SetMaxIdleConns(0)
	t.Cleanup(func() {
		b.outboxes.Close()
		_ = b.db.Close()
		if t.Failed() {
			t.Logf("log:\n%s", b.log)
		}
	})
	// Group replication refuses a table without a primary key. Neither has one
	// that could tell a row that is written twice.
	if c.galera {
		b.exec(keyless)
	} else {
		b.exec("CREATE TABLE t (own BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT, name VARCHAR(20), x DOUBLE)")
	}
	return b
}

func (b *bundle) openCluster(c *cluster) *Sink {
	b.t.Helper()
	s := New(b.outboxes)
	props := map[string]any{"url": "root@tcp(127.0.0.1:1)/" + b.database, "table": "t", "delivery": "exactlyOnce", "maxBatchRows": 50}
	if err := s.Configure(props); err != nil {
		b.t.Fatal(err)
	}
	s.config.Driver.DialFunc = c.dial
	if err := s.Open(b.context("rule")); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close(b.context("rule")) })
	return s
}

// settleSlowly is settle, with patience for an election.
func (b *bundle) settleSlowly(s *Sink) {
	b.t.Helper()
	select {
	case <-s.outbox.Load().queue.Empty():
	case <-time.After(3 * time.Minute):
		b.t.Fatal("the rows are not written")
	}
}

// wantOnce checks that each of the rows is there, once, and returns how many
// are lost and doubled.
func (b *bundle) wantOnce(c *cluster, rows int) (lost, doubled int) {
	b.t.Helper()
	conn, err := b.db.Conn(b.t.Context())
	if err == nil && c.galera { // it may be another node than the one written to
		_, err = conn.ExecContext(b.t.Context(), "SET SESSION wsrep_sync_wait = 1")
	}
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.QueryRowContext(b.t.Context(), "SELECT COUNT(DISTINCT id), COUNT(*) FROM t").Scan(&lost, &doubled); err != nil {
		b.t.Fatal(err)
	}
	lost, doubled = rows-lost, doubled-lost
	if lost != 0 || doubled != 0 {
		b.t.Errorf("of %d rows %d are lost, %d doubled", rows, lost, doubled)
	}
	return lost, doubled
}

func clusterRounds() int {
	if n, err := strconv.Atoi(os.Getenv("CLUSTER_ROUNDS")); err == nil {
		return n
	}
	return 5
}

// TestClusterNodeKilled kills the node that is written to with SIGKILL, round
// after round, at random requests; in every other round the plugin dies with
// it and resumes on another node.
func TestClusterNodeKilled(t *testing.T) {
	c := theCluster(t)
	b := newClusterBundle(c)
	s := b.openCluster(c)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	moments := []func([]byte) bool{commits, commits, inserts, advances}
	const each = 2000
	rows := 0
	var slowest time.Duration
	for round := range clusterRounds() {
		k := &killing{what: moments[random.IntN(len(moments))], after: time.Duration(random.IntN(3000)) * time.Microsecond, done: make(chan int, 1)}
		k.left.Store(1 + random.Int64N(15))
		c.kill.Store(k)
		for range each / 20 {
			b.collect(s, numbered(rows, rows+20))
			rows += 20
		}
		var node int
		select {
		case node = <-k.done:
		case <-time.After(2 * time.Minute):
			t.Fatal("no moment came to kill a node")
		}
		killed := time.Now()
		if round%2 == 1 {
			restore := b.snapshot()
			restore()
			s = b.openCluster(c)
		}
		b.settleSlowly(s)
		slowest = max(slowest, time.Since(killed))
		b.wantOnce(c, rows)
		c.run("start", strconv.Itoa(node))
		if t.Failed() {
			return
		}
	}
	lost, doubled := b.wantOnce(c, rows)
	if n := b.log.count("has gone back") + b.log.count("entry of this journal was gone"); n != 0 {
		t.Errorf("%d times it is said that the database has gone back, and it has not", n)
	}
	t.Logf("%s: %d rounds, %d rows, lost %d, doubled %d, %v at most until all was written; %d conflicts, %d failed attempts in the log",
		b.query("SELECT VERSION()")[0], clusterRounds(), rows, lost, doubled, slowest.Round(time.Millisecond), b.log.count("debug writing"), b.log.count("failed, attempt"))
}
