package connections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/test/mariadb"
)

var server *mariadb.Server

func TestMain(m *testing.M) {
	os.Exit(mariadb.RunTests(m, 1, func(_ int, s *mariadb.Server) error {
		server = s
		return nil
	}))
}

// fake is a server of nothing but connections.
type fake struct {
	mu         sync.Mutex
	open, most int
	made       int
	refuse     int // at so many there is no more
}

var errCrowded = &mysql.MySQLError{Number: 1040, Message: "Too many connections"}

func (f *fake) Driver() driver.Driver { return nil }

func (f *fake) Connect(context.Context) (driver.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse > 0 && f.open >= f.refuse {
		return nil, errCrowded
	}
	f.open++
	f.made++
	f.most = max(f.most, f.open)
	return &fakeConn{server: f}, nil
}

func (f *fake) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

type fakeConn struct {
	complete // nil: what the tests do not use
	server   *fake
	dead     bool
}

func (c *fakeConn) IsValid() bool { return true }

func (c *fakeConn) ResetSession(context.Context) error {
	if c.dead {
		return driver.ErrBadConn
	}
	return nil
}

func (c *fakeConn) Close() error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.open--
	return nil
}

// places is how many are taken.
func (s *Server) places() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func connect(t *testing.T, c driver.Connector) *conn {
	t.Helper()
	got, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got.(*conn)
}

// pooled hands a connection back to its pool.
func pooled(t *testing.T, c *conn) {
	t.Helper()
	if !c.IsValid() {
		t.Fatal("a connection that is fine is not valid")
	}
}

// TestHoldersGiveWay: many that each keep their connection until another wants
// it all get one, a few at a time.
func TestHoldersGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(7)
		var all sync.WaitGroup
		end := make(chan struct{})
		served := make(chan struct{}, 200)
		for range cap(served) {
			all.Go(func() {
				c, err := s.Connector(f, "").Connect(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				served <- struct{}{}
				select {
				case <-s.Wanted():
				case <-end:
				}
			})
		}
		start := time.Now()
		for range cap(served) {
			<-served
		}
		if took := time.Since(start); took >= patience {
			t.Errorf("it takes %v: somebody was not asked", took)
		}
		close(end)
		all.Wait()
		if f.most > 7 || f.open != 0 || s.places() != 0 {
			t.Errorf("%d at a time, %d left, %d places taken", f.most, f.open, s.places())
		}
	})
}

// TestPoolsGiveWay: a connection that rests in its pool is closed for another,
// and its pool is told so when it wants it.
func TestPoolsGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(2)
		first, second := connect(t, s.Connector(f, "")), connect(t, s.Connector(f, ""))
		pooled(t, first)
		pooled(t, second)
		if err := second.ResetSession(t.Context()); err != nil { // in use again
			t.Fatal(err)
		}
		third := connect(t, s.Connector(f, ""))
		if f.most != 2 {
			t.Errorf("%d at a time", f.most)
		}
		if err := first.ResetSession(t.Context()); !errors.Is(err, driver.ErrBadConn) {
			t.Errorf("the pool of a closed connection is told %v", err)
		}
		for range 2 {
			for _, c := range []*conn{first, second, third} {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if f.open != 0 || s.places() != 0 || len(s.resting) != 0 {
			t.Errorf("%d left, %d places taken, %d rest", f.open, s.places(), len(s.resting))
		}
	})
}

// TestConnectionThatCameBackTwice: one that a pool gave to somebody who gave up
// waiting goes back unused. Once it is in use nobody may close it.
func TestConnectionThatCameBackTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(1)
		c := connect(t, s.Connector(&fake{}, ""))
		pooled(t, c)
		pooled(t, c)
		if err := c.ResetSession(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(restAtLeast)
		if s.evict() {
			t.Error("a connection in use is closed")
		}
		_ = c.Close()
	})
}

// TestPatienceEnds: where nobody gives way a connection is made all the same,
// since who holds one may wait for a second.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(1)
		first := connect(t, s.Connector(f, ""))
		start := time.Now()
		second := connect(t, s.Connector(f, ""))
		if took := time.Since(start); took != patience {
			t.Errorf("it waits for %v", took)
		}
		_ = second.Close()
		ctx, cancel := context.WithTimeout(t.Context(), patience/2)
		defer cancel()
		if _, err := s.Connector(f, "").Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end of its context: %v", err)
		}
		_ = first.Close()
		if f.open != 0 || s.places() != 0 {
			t.Errorf("%d left, %d places taken", f.open, s.places())
		}
	})
}

// TestQueueThatMovesIsWaitedFor for as long as it takes.
func TestQueueThatMovesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := New(1)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				c, err := s.Connector(f, "").Connect(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(patience / 2)
				_ = c.Close()
			})
		}
		all.Wait()
		if f.most != 1 {
			t.Errorf("%d at a time", f.most)
		}
	})
}

// TestServerHasFewer connections than the bound: others make room for the one
// that it refuses, and where nobody does its error comes.
func TestServerHasFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{refuse: 2}
		s := New(100)
		held, resting := connect(t, s.Connector(f, "")), connect(t, s.Connector(f, ""))
		pooled(t, resting)
		time.Sleep(restAtLeast)
		third := connect(t, s.Connector(f, ""))
		start := time.Now()
		if _, err := s.Connector(f, "").Connect(t.Context()); !errors.Is(err, errCrowded) || time.Since(start) != patience {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		go func() {
			<-s.Wanted()
			_ = held.Close()
		}()
		fourth := connect(t, s.Connector(f, ""))
		for _, c := range []*conn{third, fourth} {
			_ = c.Close()
		}
		if f.opened() != 0 || s.places() != 0 {
			t.Errorf("%d left, %d places taken", f.opened(), s.places())
		}
	})
}

// TestPoolsOfARealDriver share two connections: each statement finds one, and
// all that the driver can do is still there.
func TestPoolsOfARealDriver(t *testing.T) {
	cfg, err := mysql.ParseDSN(server.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := New(2)
	var pools []*sql.DB
	for range 6 {
		pool := sql.OpenDB(s.Connector(plain, "same"))
		defer pool.Close()
		pools = append(pools, pool)
	}
	for i := range 12 {
		pool := pools[i%len(pools)]
		var got int
		if err := pool.QueryRow("SELECT ? + 1", i).Scan(&got); err != nil || got != i+1 {
			t.Fatalf("%d: %d, %v", i, got, err)
		}
		if n := s.places(); n > 2 {
			t.Fatalf("%d connections", n)
		}
	}
	tx, err := pools[0].BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, pool := range pools {
		_ = pool.Close()
	}
	if s.places() != 0 || len(s.resting) != 0 {
		t.Errorf("%d places taken, %d rest", s.places(), len(s.resting))
	}
}

func TestParseLimit(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
		bad  bool
	}{{"", Usual, false}, {"1", 1, false}, {"100000", 100_000, false}, {"0", Usual, true}, {"-3", Usual, true}, {"100001", Usual, true}, {"many", Usual, true}} {
		got, err := ParseLimit(c.text)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q: %d, %v", c.text, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), Setting) || !strings.Contains(err.Error(), fmt.Sprintf("%q", c.text))) {
			t.Errorf("%q: %v names not both the setting and the value", c.text, err)
		}
	}
}
