package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Look is what connecting to one place has shown, as far as it came: for a
// person who wants to know where it ends.
type Look struct {
	Reached  bool          // somebody listens there
	Took     time.Duration // until that was known
	Version  string        // as the greeting has it; empty where none came, or it came through a socket
	TLS      *tls.ConnectionState
	Shown    []*x509.Certificate // the server's, trusted or not
	LoggedIn bool                // and the session's variables of the url are set, where initSql leaves that to the driver
	Conn     driver.Conn         // the caller's to close; nil after an error
}

// Hosts are those of the url, host:port; none where it names a socket.
func (c *Connector) Hosts() []string { return slices.Clone(c.options.Hosts) }

// Resolve returns the addresses of a host, host:port, of the url.
func (c *Connector) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	return c.cluster.resolve(ctx, c.options.Driver.Net, hostOf(host))
}

// Look connects to one address of a host of the url, or to its socket, where
// host is empty, as Connect would, and tells how far it came. With database
// the connection has chosen the url's. The error is that of the last thing tried.
func (c *Connector) Look(ctx context.Context, host string, address netip.Addr, database bool) (l Look, err error) {
	password, err := c.options.Password.read()
	if err != nil {
		return l, err
	}
	config, err := c.settings(password)
	if err != nil {
		return l, err
	}
	if !database {
		config.DBName = ""
	}
	if config.TLS != nil {
		l.watch(config.TLS)
	}
	target := config.Addr
	if host != "" {
		_, port, _ := net.SplitHostPort(host)
		config.Addr, target = host, net.JoinHostPort(address.String(), port)
	}
	config.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		start := time.Now()
		conn, err := dialer(false).DialContext(ctx, network, target)
		l.Reached, l.Took = err == nil, time.Since(start)
		return conn, err
	}
	l.Conn, err = c.openSeen(ctx, config, &l)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		l.Shown = untrusted.UnverifiedCertificates
	}
	return l, err
}

// watch notes what t makes of the server.
func (l *Look) watch(t *tls.Config) {
	verify := t.VerifyConnection
	t.VerifyConnection = func(state tls.ConnectionState) error {
		l.Shown = state.PeerCertificates
		if verify != nil {
			if err := verify(state); err != nil {
				return err
			}
		}
		l.TLS = &state
		return nil
	}
}

// Standing is whether a server takes rows.
type Standing struct {
	Takes  bool
	Reason string // why not, or why another is better; empty where there is nothing to say
	Unseen string // what this user may not see of it; empty if nothing is
}

// Standing asks the server at the other end of conn whether it takes rows, as
// is done wherever there is a choice of hosts.
func (c *Connector) Standing(ctx context.Context, conn driver.Conn) (Standing, error) {
	var s Standing
	fresh := &Cluster{} // which tells what it could not see, whoever asked before
	found, err := fresh.examine(ctx, conn, func(string, ...any) {
		s.Unseen = "performance_schema.replication_group_members"
	})
	s.Takes, s.Reason = err == nil && found.fitness != unfit, found.reason
	return s, err
}

// settings are the driver's for a connection made now.
func (c *Connector) settings(password string) (*mysql.Config, error) {
	config := c.options.Driver.Clone()
	if c.options.Password != (Password{}) {
		config.Passwd = password
	}
	var err error
	if config.TLS, err = c.secure.config(); err != nil {
		return nil, err
	}
	config.AllowFallbackToPlaintext = config.AllowFallbackToPlaintext || c.options.TLS.Optional
	return config, nil
}
