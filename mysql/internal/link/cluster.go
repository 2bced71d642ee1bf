package link

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// stagger is how long a host is waited for before the next is asked as
	// well, and how long a preferred one is once another has answered: one that
	// is dead in silence costs no more than this.
	stagger = 250 * time.Millisecond
	// memory is how long the finding that no host takes rows is good for all
	// who ask: many rules that wait must not ask a cluster that elects its
	// primary as often as they do.
	memory = 100 * time.Millisecond
)

// Cluster is what is known of the hosts of one url, shared by all who connect
// to them. Its methods may be called from any goroutine.
type Cluster struct {
	// Lookup resolves a host's name; nil asks the system.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	mu       sync.Mutex
	current  place // that the last connection went to
	failed   *NoHostError
	failedAt time.Time
	unseen   sync.Once // the state of a group's members was asked for in vain
}

// place is where a server listens.
type place struct {
	host    string     // host:port, as the url has it
	address netip.Addr // of the host
}

func (p place) String() string {
	if p.address.IsValid() && p.address.String() != hostOf(p.host) {
		return fmt.Sprintf("%s (%s)", p.host, p.address)
	}
	return p.host
}

// logger takes a line of the log.
type logger func(format string, args ...any)

// opener makes one connection.
type opener func(context.Context, *mysql.Config) (driver.Conn, error)

// connect makes a connection to the host that takes rows: the one of the last
// connection as long as it does, so that all write to the same, and otherwise
// the first of hosts that does. A single host is taken as it is; of its
// addresses, one that takes rows is preferred.
func (c *Cluster) connect(ctx context.Context, hosts []string, config *mysql.Config, open opener, log logger) (driver.Conn, error) {
	if err := c.remembered(); err != nil {
		return nil, err
	}
	s := &survey{cluster: c, config: config, open: open, log: log, single: len(hosts) == 1, recheck: recheckOf(hosts)}
	c.mu.Lock()
	s.current = c.current
	c.mu.Unlock()
	order := slices.Clone(hosts)
	if i := slices.Index(order, s.current.host); i > 0 {
		order = slices.Insert(slices.Delete(order, i, i+1), 0, s.current.host)
	}
	found, errs := race(ctx, len(order), func(ctx context.Context, i int) (finding, error) { return s.host(ctx, order[i]) })
	if found.conn == nil {
		return nil, c.none(ctx, order, errs)
	}
	c.mu.Lock()
	changed := c.current != found.place
	before := c.current
	c.current, c.failed = found.place, nil
	c.mu.Unlock()
	if changed && (len(hosts) > 1 || before != place{}) {
		log("writing to host %v from now on%s", found.place, passedOver(order, errs))
	}
	return found.conn, nil
}

// remembered returns the error of the last search, if that was just now.
func (c *Cluster) remembered() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil && time.Since(c.failedAt) < memory {
		return c.failed
	}
	return nil
}

// none is the error of a search that has found nothing.
func (c *Cluster) none(ctx context.Context, hosts []string, errs []error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(hosts) == 1 {
		return errs[0]
	}
	e := &NoHostError{text: "no host takes rows" + passedOver(hosts, errs), cause: commonCause(errs)}
	if e.cause == nil { // what another password may mend is nobody else's trouble
		c.mu.Lock()
		c.failed, c.failedAt = e, time.Now()
		c.mu.Unlock()
	}
	return e
}

// passedOver says why hosts were not taken.
func passedOver(hosts []string, errs []error) string {
	var b strings.Builder
	for i, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintf(&b, "; %s: %v", hosts[i], err)
		}
	}
	return b.String()
}

// NoHostError says that of several hosts none takes rows.
type NoHostError struct {
	text  string
	cause error // where all have one that waiting does not mend, or are full
}

func (e *NoHostError) Error() string { return e.text }
func (e *NoHostError) Unwrap() error { return e.cause }

// unfitError says why a host that answers takes no rows.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return e.reason }

// commonCause returns what a person must mend, where all hosts agree that it
// is no matter of waiting; or that one has no connection left, which others
// of this process can help with.
func commonCause(errs []error) error {
	passing := false
	for _, err := range errs {
		var server *mysql.MySQLError
		if errors.As(err, &server) && (server.Number == 1040 || server.Number == 1203 || server.Number == 1226) {
			return err
		}
		var op *net.OpError
		var dns *net.DNSError
		var unfit *unfitError
		passing = passing || errors.As(err, &op) || errors.As(err, &dns) || errors.As(err, &unfit) || server == nil && !isSetting(err)
	}
	if passing {
		return nil
	}
	return errs[0]
}

func isSetting(err error) bool {
	var s *SettingError
	return errors.As(err, &s)
}

// survey is one search for a host.
type survey struct {
	cluster *Cluster
	config  *mysql.Config
	open    opener
	log     logger
	single  bool
	recheck time.Duration
	current place
}

// host connects to a host, at that of its addresses which takes rows.
func (s *survey) host(ctx context.Context, host string) (finding, error) {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	addresses, err := s.cluster.resolve(ctx, s.config.Net, hostOf(host))
	if err != nil {
		return finding{}, err
	}
	if s.single {
		ctx = whole // a slow answer is better than none
	}
	if i := slices.Index(addresses, s.current.address); i > 0 && s.current.host == host {
		addresses = slices.Insert(slices.Delete(addresses, i, i+1), 0, s.current.address)
	}
	known := s.single && len(addresses) == 1 // there is nothing to choose from
	found, errs := race(ctx, len(addresses), func(ctx context.Context, i int) (finding, error) {
		return s.address(ctx, place{host, addresses[i]}, known)
	})
	if found.conn == nil {
		err := worst(errs)
		if errors.Is(err, context.DeadlineExceeded) && whole.Err() == nil {
			err = &unfitError{fmt.Sprintf("no answer within %v", s.config.Timeout)}
		}
		return finding{}, err
	}
	return found, nil
}

// address connects to one address, and sees whether rows are taken there
// unless that is known.
func (s *survey) address(ctx context.Context, p place, known bool) (finding, error) {
	config := s.config.Clone()
	config.Addr = p.host
	_, port, _ := net.SplitHostPort(p.host)
	config.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer(!s.single).DialContext(ctx, network, net.JoinHostPort(p.address.String(), port))
	}
	conn, err := s.open(ctx, config)
	if err != nil {
		return finding{}, err
	}
	found := finding{s.bind(conn, p, known), p, fit}
	if known {
		return found, nil
	}
	state, err := s.cluster.examine(ctx, conn, s.log)
	if err == nil && state.fitness == unfit {
		if s.single {
			state.fitness = poor // it is what there is, and says itself what it does not take
		} else {
			err = &unfitError{state.reason}
		}
	}
	if err != nil {
		_ = conn.Close()
		return finding{}, err
	}
	found.fitness = state.fitness
	return found, nil
}

// worst returns the error that tells the most: what a server said, before what
// kept others from answering.
func worst(errs []error) error {
	for _, err := range errs {
		var server *mysql.MySQLError
		if errors.As(err, &server) {
			return err
		}
	}
	return errs[0]
}

// resolve returns the addresses of a host, which may be one itself.
func (c *Cluster) resolve(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	lookup := c.Lookup
	if lookup == nil {
		lookup = lookUp
	}
	all, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var kept []netip.Addr
	for _, a := range all {
		a = a.Unmap()
		if network == "tcp4" && !a.Is4() || network == "tcp6" && a.Is4() || slices.Contains(kept, a) {
			continue
		}
		kept = append(kept, a)
	}
	if len(kept) == 0 {
		return nil, &net.DNSError{Err: "no suitable address", Name: host, IsNotFound: true}
	}
	return kept, nil
}

// lookUp asks the system, which sorts addresses by how well they can be reached.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	all, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for _, a := range all {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			addresses = append(addresses, ip.Unmap().WithZone(a.Zone))
		}
	}
	return addresses, nil
}
