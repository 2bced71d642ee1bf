// Package link makes connections to the database that a rule names: with the
// password as it is kept now, over TLS as asked for, to the one of several
// hosts that takes rows. It is a driver.Connector around the driver's own; what
// it needs is read again for each connection, so that passwords, certificates
// and addresses may change while rules run. It imports nothing of ours.
package link

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Options say how connections are made.
type Options struct {
	// Driver holds user, password, network, database, time limits and session
	// variables. A DialFunc of it is used as it is; otherwise its Timeout must be set.
	Driver *mysql.Config
	// Hosts are host:port, the preferred one first. Where there are none,
	// Driver's address is the only place, as of a socket.
	Hosts    []string
	Password Password // where it is kept; the zero value: Driver has it
	TLS      TLS
	InitSQL  []string // done on each connection, before Driver's session variables are set
	// Log is told which of several hosts is written to. It may be nil.
	Log func(format string, args ...any)
}

const (
	recheckHosts = 5 * time.Second
	recheckName  = 30 * time.Second // names change seldom, and some with each answer
)

// Connector makes connections. Its methods may be called from any goroutine.
type Connector struct {
	options Options
	cluster *Cluster
	secure  secure
	session string // the SET of Driver's session variables, where statements come before it
	isolate bool   // the isolation level is ours to set
}

// isolation is what the sink relies on whatever the server's default is: what
// is not committed must never be taken for stored. It is the default of MySQL
// and MariaDB; READ COMMITTED is refused by servers that log statements. The
// variable's name differs from server to server, this does not.
const isolation = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"

// New returns a Connector. What cluster knows of the hosts it shares with
// others that have the same.
func New(o Options, cluster *Cluster) (*Connector, error) {
	driver := o.Driver.Clone()
	o.Driver = driver
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	c := &Connector{options: o, cluster: cluster, secure: secure{options: o.TLS}, isolate: !isolated(driver.Params)}
	if len(o.InitSQL) > 0 {
		c.session = assignments(driver.Params)
		driver.Params = nil
	}
	// What the driver refuses, it refuses whatever the host and the password are.
	if _, err := mysql.NewConnector(driver); err != nil {
		return nil, errors.New("the driver refuses the address") // its text may hold the password
	}
	return c, nil
}

// isolated tells whether the session variables choose an isolation level.
func isolated(params map[string]string) bool {
	for name := range params {
		switch name = strings.ToLower(name); name[strings.LastIndexByte(name, '.')+1:] {
		case "transaction_isolation", "tx_isolation":
			return true
		}
	}
	return false
}

// assignments is the statement that the driver would make of params.
func assignments(params map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		all = append(all, name+" = "+params[name])
	}
	return "SET " + strings.Join(all, ", ")
}

// Recheck is how often a connection that is in use should be asked, by a ping,
// whether it still leads to the right server; 0: there is no need to.
func (c *Connector) Recheck() time.Duration { return recheckOf(c.options.Hosts) }

func recheckOf(hosts []string) time.Duration {
	switch {
	case len(hosts) > 1:
		return recheckHosts
	case len(hosts) == 1 && net.ParseIP(hostOf(hosts[0])) == nil:
		return recheckName
	}
	return 0
}

// Check tells what is wrong with the files that the options name, as they are
// now. It may be mended without a word to the Connector.
func (c *Connector) Check() error {
	_, err := c.options.Password.read()
	_, e := c.secure.config()
	return errors.Join(err, e, c.secure.expired())
}

// Driver implements driver.Connector.
func (c *Connector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// Connect implements driver.Connector.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	password, err := c.options.Password.read()
	if err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx, password)
	if again, e := c.options.Password.read(); denied(err) && e == nil && again != password {
		return c.connect(ctx, again) // it was changed at just this moment
	}
	return conn, err
}

func (c *Connector) connect(ctx context.Context, password string) (driver.Conn, error) {
	config, err := c.settings(password)
	if err != nil {
		return nil, err
	}
	if len(c.options.Hosts) == 0 || config.DialFunc != nil {
		return c.open(ctx, config)
	}
	return c.cluster.connect(ctx, c.options.Hosts, config, c.open, c.options.Log)
}

// open makes one connection to the address that config names.
func (c *Connector) open(ctx context.Context, config *mysql.Config) (driver.Conn, error) {
	return c.openSeen(ctx, config, &Look{})
}

// openSeen is open, and notes in seen how far it came.
func (c *Connector) openSeen(ctx context.Context, config *mysql.Config, seen *Look) (driver.Conn, error) {
	conn, err := c.dial(ctx, config, seen)
	if err != nil {
		return nil, err
	}
	seen.LoggedIn = true
	if c.isolate { // first: initSql may choose another
		if err := execute(ctx, conn, isolation); err != nil {
			return nil, errors.Join(fmt.Errorf("set the isolation level: %w", err), conn.Close())
		}
	}
	if c.session == "" {
		return conn, nil
	}
	for i, statement := range c.options.InitSQL {
		if err := execute(ctx, conn, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("initSql statement %d: %w", i+1, withoutTexts(err, statement)), conn.Close())
		}
	}
	if err := execute(ctx, conn, c.session); err != nil {
		return nil, errors.Join(fmt.Errorf("set the session's variables: %w", err), conn.Close())
	}
	return conn, nil
}

// loginTries bounds how often a login is tried for the driver's sake.
const loginTries = 4

// dial makes a connection on which nothing was done yet but what config says.
// The driver takes a zero at the end of the server's random bytes for their
// end: with ed25519, whose bytes have none, one login in 256 fails with
// ErrMalformPkt before a password was sent, and the next is as good as any.
func (c *Connector) dial(ctx context.Context, config *mysql.Config, seen *Look) (driver.Conn, error) {
	for try := 1; ; try++ {
		conn, err := c.login(ctx, config, seen)
		if err != mysql.ErrMalformPkt || try == loginTries { //nolint:errorlint // unreadable answers wrap it
			return conn, err
		}
	}
}

// login is one try of dial.
func (c *Connector) login(ctx context.Context, config *mysql.Config, seen *Look) (conn driver.Conn, err error) {
	var wire *greeted
	dial := config.DialFunc
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	config = config.Clone()
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := dial(ctx, network, address)
		if open, ok := plain.(transport); ok && err == nil {
			wire = greet(open)
			return wire, nil
		}
		return plain, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, errors.New("the driver refuses the address") // its text may hold the password
	}
	defer func() {
		// The driver leaves a goroutine behind, which nobody else can end.
		if p := recover(); p != nil {
			conn, err = nil, unreadable(p)
			if wire != nil {
				_ = wire.Close()
			}
		}
	}()
	conn, err = connector.Connect(ctx)
	if wire != nil {
		seen.Version = wire.version
	}
	switch {
	case err == nil:
		return guard(conn, wire), nil
	case wire != nil && wire.strange:
		return nil, errNoGreeting
	case wire != nil && wire.excess != nil:
		return nil, wire.excess
	}
	return nil, err
}

func execute(ctx context.Context, conn driver.Conn, statement string) error {
	e, ok := conn.(driver.ExecerContext)
	if !ok {
		return errors.New("the driver lacks statements with contexts")
	}
	_, err := e.ExecContext(ctx, statement, nil)
	return err
}

// Numbers of the server's errors that another password may mend.
const (
	accessDenied         = 1045
	accessDeniedNoReason = 1698
)

func denied(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == accessDenied || e.Number == accessDeniedNoReason)
}

// hostOf is the name or address in host:port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
