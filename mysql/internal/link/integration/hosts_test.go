package integration

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/test/mariadb"
)

func port(n int) string { return fmt.Sprint(servers[n].Port) }

func readOnly(t *testing.T, on bool, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		execute(t, servers[n], fmt.Sprintf("SET GLOBAL read_only = %v", on))
	}
	if on {
		t.Cleanup(func() { readOnly(t, false, numbers...) })
	}
}

// TestWritableHost follows the one host that takes rows, although the user may
// write to a read-only one, and comes back to none by itself.
func TestWritableHost(t *testing.T) {
	var log logLines
	o := options(0, 1, 2)
	o.Log = log.add
	db := pool(t, o, &link.Cluster{})
	want(t, db, "SELECT @@port", port(0))
	readOnly(t, true, 0, 2)
	want(t, db, "SELECT @@port", port(1))
	readOnly(t, false, 0)
	want(t, db, "SELECT @@port", port(1)) // it is as good as before
	readOnly(t, true, 1)
	want(t, db, "SELECT @@port", port(0))
	readOnly(t, true, 0)
	refused(t, db, "no host takes rows; "+servers[0].Addr()+": read_only is ON; "+servers[1].Addr()+": read_only is ON; "+servers[2].Addr()+": read_only is ON")
	for i, text := range strings.Split(log.String(), "\n") {
		if w := "writing to host " + servers[[]int{0, 1, 0}[i]].Addr() + " from now on"; !strings.HasPrefix(text, w) {
			t.Errorf("log: %s, want %s", text, w)
		}
	}
	if !strings.Contains(log.String(), servers[0].Addr()+": read_only is ON") {
		t.Errorf("log: %s: why it went is not told", &log)
	}
}

// TestKilledHost leaves a host that is killed, and one that hangs with its
// listener open, and takes it again when there is no other.
func TestKilledHost(t *testing.T) {
	db := pool(t, options(0, 1, 2), &link.Cluster{})
	want(t, db, "SELECT @@port", port(0))
	readOnly(t, true, 1)
	if err := servers[0].Kill(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if servers[0].PID() == 0 {
			_ = servers[0].Restart()
		}
	}()
	want(t, db, "SELECT @@port", port(2))
	readOnly(t, true, 2)
	refused(t, db, servers[0].Addr()+": dial tcp", servers[2].Addr()+": read_only is ON")
	if err := servers[0].Restart(); err != nil {
		t.Fatal(err)
	}
	wantSoon(t, db, "SELECT @@port", port(0))
}

// silent is an address that takes connections and never says anything.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestHangingHosts(t *testing.T) {
	o := options()
	o.Hosts = []string{silent(t), silent(t), servers[2].Addr()}
	want(t, pool(t, o, &link.Cluster{}), "SELECT @@port", port(2))
}

// TestWrongPasswordIsNoOutage: it is the same at all hosts, and somebody must
// mend it.
func TestWrongPasswordIsNoOutage(t *testing.T) {
	o := options(0, 1, 2)
	o.Driver.Passwd = "wrong"
	_, err := ask(pool(t, o, &link.Cluster{}), "SELECT 1")
	if number, _ := fault.Number(err); number != 1045 || fault.Classify(err) != fault.Operator {
		t.Errorf("%v is %v", err, fault.Classify(err))
	}
	readOnly(t, true, 0, 1, 2)
	_, err = ask(pool(t, options(0, 1, 2), &link.Cluster{}), "SELECT 1")
	if fault.Classify(err) != fault.Passing || fault.Usable(err) {
		t.Errorf("%v is %v", err, fault.Classify(err))
	}
}

// TestFullHostIsNotPassedOff: that a server has no connection left is told, so
// that others of this process can give theirs up.
func TestFullHostIsNotPassedOff(t *testing.T) {
	execute(t, servers[0], "CREATE USER narrow@'%' IDENTIFIED BY 'narrow' WITH MAX_USER_CONNECTIONS 1")
	defer execute(t, servers[0], "DROP USER narrow@'%'")
	readOnly(t, true, 1)
	o := options(0, 1)
	o.Driver.User, o.Driver.Passwd = "narrow", "narrow"
	db := pool(t, o, &link.Cluster{})
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	_, err = ask(db, "SELECT 1")
	if number, _ := fault.Number(err); number != 1226 && number != 1203 {
		t.Errorf("%v", err)
	}
}

// forward passes connections on from an address of its own.
func forward(t *testing.T, from string, to *mariadb.Server) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatalf("%v (this needs the whole of 127.0.0.0/8 on the loopback, as Linux has it)", err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to.Addr())
			if err != nil {
				_ = in.Close()
				continue
			}
			pump := func(to, from net.Conn) func() {
				return func() {
					buffer := make([]byte, 32<<10)
					for {
						n, err := from.Read(buffer)
						if n > 0 {
							_, _ = to.Write(buffer[:n])
						}
						if err != nil {
							_, _ = to.Close(), from.Close()
							return
						}
					}
				}
			}
			work.Go(pump(in, out))
			work.Go(pump(out, in))
		}
	})
}

// names is a resolver whose answers change.
type names struct {
	mu        sync.Mutex
	addresses map[string][]string
}

func (n *names) set(host string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[host] = addresses
}

func (n *names) lookup(_ context.Context, host string) (all []netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.addresses[host] {
		all = append(all, netip.MustParseAddr(a))
	}
	if len(all) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return all, nil
}

// TestNamesAreFollowed: a name may lead elsewhere, and to several servers of
// which one takes rows.
func TestNamesAreFollowed(t *testing.T) {
	const at = "33069"
	forward(t, "127.0.71.1:"+at, servers[0])
	forward(t, "127.0.71.2:"+at, servers[1])
	dns := names{addresses: map[string][]string{}}
	var log logLines
	o := options()
	o.Hosts, o.Log = []string{"db:" + at}, log.add
	db := pool(t, o, &link.Cluster{Lookup: dns.lookup})
	_, err := ask(db, "SELECT 1")
	if dns := (*net.DNSError)(nil); !errors.As(err, &dns) || fault.Classify(err) != fault.Passing {
		t.Errorf("a name that is not known: %v is %v", err, fault.Classify(err))
	}
	dns.set("db", "127.0.71.1")
	want(t, db, "SELECT @@port", port(0))
	dns.set("db", "127.0.71.2")
	want(t, db, "SELECT @@port", port(1))
	dns.set("db", "127.0.71.9", "127.0.71.1", "127.0.71.2") // nobody listens at the first
	want(t, db, "SELECT @@port", port(1))                   // where it was
	readOnly(t, true, 1)
	want(t, db, "SELECT @@port", port(0))
	readOnly(t, true, 0)
	want(t, db, "SELECT @@port", port(0)) // a single host is taken as it is
	if !strings.Contains(log.String(), "writing to host db:"+at+" (127.0.71.2) from now on") {
		t.Errorf("log: %s", &log)
	}
	// Beside others, a host of several addresses is left where none takes rows.
	o.Hosts = append(o.Hosts, servers[2].Addr())
	want(t, pool(t, o, &link.Cluster{Lookup: dns.lookup}), "SELECT @@port", port(2))
}

// TestOneAddressIsNotAskedAnything: what costs a round trip per connection is
// only for who has a choice.
func TestOneAddressIsNotAskedAnything(t *testing.T) {
	count := func(s *mariadb.Server) (n int) {
		var name string
		if err := s.DB().QueryRow("SHOW GLOBAL STATUS LIKE 'Com_show_variables'").Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count(servers[0])
	want(t, pool(t, options(0), &link.Cluster{}), "SELECT @@port", port(0))
	if n := count(servers[0]) - before; n != 0 {
		t.Errorf("%d questions to the only host", n)
	}
	want(t, pool(t, options(0, 1), &link.Cluster{}), "SELECT @@port", port(0))
	if n := count(servers[0]) - before; n != 1 {
		t.Errorf("%d questions to the first of two hosts, want 1", n)
	}
}

// TestConnectionsToAnotherHostAreGivenUp: one that rests in its pool is not
// used any more once rows go elsewhere.
func TestConnectionsToAnotherHostAreGivenUp(t *testing.T) {
	cluster := &link.Cluster{}
	resting, other := pool(t, options(0, 1), cluster), pool(t, options(0, 1), cluster)
	resting.SetMaxIdleConns(1)
	want(t, resting, "SELECT @@port", port(0))
	want(t, resting, "SELECT @@port", port(0))
	readOnly(t, true, 0)
	want(t, other, "SELECT @@port", port(1))
	want(t, resting, "SELECT @@port", port(1))
}

// TestConnectionInUseIsAsked: a user whom read_only does not bind, as this one,
// would write on to a server that rows no longer belong to.
func TestConnectionInUseIsAsked(t *testing.T) {
	const at = "33070"
	forward(t, "127.0.72.1:"+at, servers[0])
	forward(t, "127.0.72.2:"+at, servers[1])
	dns := names{addresses: map[string][]string{"db": {"127.0.72.1"}}}
	hold := func(o link.Options) (ping func() error) {
		conn, err := pool(t, o, &link.Cluster{Lookup: dns.lookup}).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.PingContext(t.Context()); err != nil {
			t.Errorf("a connection as good as before: %v", err)
		}
		return func() error { return conn.PingContext(t.Context()) }
	}
	named := options()
	named.Hosts = []string{"db:" + at}
	two, name, still := hold(options(0, 1)), hold(named), hold(named)
	readOnly(t, true, 0)
	if err := two(); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("a host of two that has turned read-only: %v", err)
	}
	dns.set("db")
	if err := still(); err != nil {
		t.Errorf("a name that nobody resolves: %v", err)
	}
	dns.set("db", "127.0.72.2")
	if err := name(); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("a name that means another server: %v", err)
	}
	for _, c := range []struct {
		hosts []string
		want  time.Duration
	}{{nil, 0}, {[]string{"127.0.0.1:1"}, 0}, {[]string{"[::1]:1"}, 0}, {[]string{"db:1"}, 30 * time.Second}, {[]string{"127.0.0.1:1", "127.0.0.2:1"}, 5 * time.Second}} {
		o := options()
		o.Hosts = c.hosts
		if l, err := link.New(o, &link.Cluster{}); err != nil || l.Recheck() != c.want {
			t.Errorf("%v: %v, %v", c.hosts, l.Recheck(), err)
		}
	}
}

// TestConnectionFromHandToHandIsAsked: one that each of many uses for a moment
// is as old as it is, and not as its last use.
func TestConnectionFromHandToHandIsAsked(t *testing.T) {
	db := pool(t, options(0, 1), &link.Cluster{})
	db.SetMaxIdleConns(1)
	want(t, db, "SELECT @@port", port(0))
	readOnly(t, true, 0)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		got, err := ask(db, "SELECT @@port")
		switch {
		case err != nil:
			t.Fatal(err)
		case got == port(1):
			return
		case time.Now().After(end):
			t.Fatal("after a minute it leads to a server that has turned read-only")
		}
	}
}
