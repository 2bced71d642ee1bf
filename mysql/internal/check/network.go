package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/link"
)

// soon is how long before its end a certificate is warned of.
const soon = 30 * 24 * time.Hour

// mostAddresses bounds the addresses that are tried of one host.
const mostAddresses = 8

// Numbers of the server's errors about the database, which come after the login.
const (
	databaseDenied  = 1044
	unknownDatabase = 1049
)

// network asks every host of the url. Rows go to the first that takes them:
// what is wrong with others is a warning then.
func (c *checking) network(ctx context.Context) {
	names := []string{resolve, connect, tlsStep, login, takesRows}
	if root, bad := c.bad[properties]; bad {
		for _, n := range names {
			c.told(Step{Name: n, Status: Skipped, Detail: "it needs the step " + root + ", which failed"})
			c.bad[n] = root
		}
		return
	}
	if _, bad := c.bad[files]; bad {
		for _, n := range names {
			c.lacks(n, files)
		}
		return
	}
	hosts := c.link.Hosts()
	if len(hosts) == 0 {
		hosts = []string{""} // a socket
	}
	var steps []Step
	for _, host := range hosts {
		steps = append(steps, c.host(ctx, host)...)
	}
	taken := slices.ContainsFunc(steps, func(s Step) bool { return s.Name == takesRows && s.Status != Failed && s.Status != Skipped })
	for _, s := range steps {
		if s.Status == Failed && taken {
			s.Status = Warning
		}
		c.told(s)
	}
	if c.conn == nil {
		return
	}
	for _, n := range names { // another host has them
		delete(c.bad, n)
	}
	c.db = sqlx.NewDb(sql.OpenDB(&one{conn: c.conn}), "mysql")
	c.db.SetMaxOpenConns(1)
	c.db.SetMaxIdleConns(1)
}

// host asks one host at all of its addresses, or the socket.
func (c *checking) host(ctx context.Context, host string) (steps []Step) {
	shown := host
	addresses := []netip.Addr{{}}
	if host == "" {
		shown = c.config.Driver.Addr
		steps = append(steps, Step{Name: resolve, Host: shown, Status: OK, Detail: "a socket of this machine"})
	} else {
		bounded, cancel := c.bound(ctx)
		defer cancel()
		var err error
		if addresses, err = c.link.Resolve(bounded, host); err != nil {
			s := c.failed(resolve, err)
			s.Host = shown
			return append(append(steps, s), c.skipped(shown, resolve, connect, tlsStep, login, takesRows)...)
		}
		var texts []string
		for _, a := range addresses {
			texts = append(texts, a.String())
		}
		steps = append(steps, Step{Name: resolve, Host: shown, Status: OK, Detail: strings.Join(texts, ", ")})
	}
	if len(addresses) > mostAddresses {
		addresses = addresses[:mostAddresses]
	}
	for _, a := range addresses {
		at := shown
		if len(addresses) > 1 {
			at += " (" + a.String() + ")"
		}
		steps = append(steps, c.address(ctx, host, a, at)...)
	}
	return steps
}

// skipped are steps that need one that failed.
func (c *checking) skipped(host, root string, names ...string) (steps []Step) {
	for _, n := range names {
		steps = append(steps, Step{Name: n, Host: host, Status: Skipped, Detail: "it needs the step " + root + ", which failed"})
		if _, known := c.bad[n]; !known {
			c.bad[n] = root
		}
	}
	return steps
}

// address connects to one address, and keeps the first connection that takes rows.
func (c *checking) address(ctx context.Context, host string, a netip.Addr, at string) (steps []Step) {
	bounded, cancel := c.bound(ctx)
	defer cancel()
	look, err := c.link.Look(bounded, host, a, true)
	inDatabase := err
	if number, _ := fault.Number(err); !look.LoggedIn && (number == databaseDenied || number == unknownDatabase) {
		look, err = c.link.Look(bounded, host, a, false) // the rest can be looked at all the same
	} else {
		inDatabase = nil
	}
	if !look.Reached || err != nil && look.Version == "" && !fromServer(err) && look.TLS == nil && host != "" && len(look.Shown) == 0 && !isTLS(err) {
		s := c.failed(connect, err)
		s.Host = at
		return append(append(steps, s), c.skipped(at, connect, tlsStep, login, takesRows)...)
	}
	reached := "connected in " + round(look.Took)
	if look.Version != "" {
		reached += ", greeted by " + shownVersion(look.Version)
	}
	steps = append(steps, Step{Name: connect, Host: at, Status: OK, Detail: reached})
	if err != nil && isTLS(err) {
		s := c.failed(tlsStep, err)
		s.Host = at
		if len(look.Shown) > 0 {
			s.Detail += "; " + certificate(look.Shown[0])
			s.Remedy = remedyOfCertificate(err, look.Shown)
		}
		return append(append(steps, s), c.skipped(at, tlsStep, login, takesRows)...)
	}
	if err == nil || look.TLS != nil {
		s := c.encryption(look, time.Now())
		s.Host = at
		steps = append(steps, s)
	} else {
		steps = append(steps, Step{Name: tlsStep, Host: at, Status: Skipped, Detail: "the login failed first"})
	}
	if err != nil {
		s := c.failed(login, err)
		s.Host = at
		if look.LoggedIn {
			s.Remedy = "the account is let in, and the server does not take this: correct initSql or the variables of the url, or grant what it asks for"
		}
		return append(append(steps, s), c.skipped(at, login, takesRows)...)
	}
	s := c.asUser(bounded, look.Conn)
	s.Host = at
	steps = append(steps, s, c.standing(bounded, look.Conn, at))
	takes := steps[len(steps)-1].Status != Failed
	if c.conn != nil && (c.takes || !takes) {
		_ = look.Conn.Close()
		return steps
	}
	if c.conn != nil { // one that takes none, which can be looked at where there is no other
		_ = c.conn.Close()
	}
	c.takes = takes
	c.conn, c.noDatabase = look.Conn, inDatabase
	return steps
}

// standing asks whether rows are taken there.
func (c *checking) standing(ctx context.Context, conn driver.Conn, at string) Step {
	s := Step{Name: takesRows, Host: at, Status: OK, Detail: "it does"}
	found, err := c.link.Standing(ctx, conn)
	switch {
	case err != nil:
		s = c.failed(takesRows, err)
		s.Host = at
	case !found.Takes:
		s.Status, s.Detail = Failed, found.Reason
		s.Remedy = "name a host that takes rows, several of a cluster as in user@tcp(db1:3306,db2:3306)/database, or make this one writable; rows wait in the journal until one does"
	case found.Reason != "":
		s.Status, s.Detail = Warning, found.Reason
		s.Remedy = "it is taken only where there is no other; wait until it is done"
	case found.Unseen != "":
		s.Status, s.Detail = Warning, "it does, as far as this user can see: it may not read "+found.Unseen
		s.Remedy = "grant SELECT on it, so that a member that has lost its group is known before a write fails: GRANT SELECT ON " + found.Unseen + " TO " + c.account()
	}
	return s
}

// method finds out how the account is authenticated. The statement holds a hash, of which nothing is kept.
func method(ctx context.Context, conn driver.Conn) string {
	for _, query := range []string{"SHOW CREATE USER CURRENT_USER()", "SHOW CREATE USER CURRENT_USER"} {
		if text, err := scalar(ctx, conn, query); err == nil {
			return methodIn(text)
		}
	}
	return ""
}

func methodIn(text string) string {
	for _, word := range []string{"IDENTIFIED WITH ", "IDENTIFIED VIA "} {
		if _, rest, found := strings.Cut(text, word); found {
			name := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '\'' || r == '`' || r == '"' })
			if len(name) > 0 && len(name[0]) < 40 && isWord(name[0]) {
				return name[0]
			}
		}
	}
	if strings.Contains(text, "IDENTIFIED BY PASSWORD") {
		return "mysql_native_password"
	}
	return ""
}

func isWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// asUser tells who is logged in.
func (c *checking) asUser(ctx context.Context, conn driver.Conn) Step {
	user, err := scalar(ctx, conn, "SELECT CURRENT_USER()")
	if err != nil {
		return c.failed(login, err)
	}
	if c.conn == nil || !c.takes {
		c.user = user
	}
	detail := "as " + user
	if m := method(ctx, conn); m != "" {
		detail += ", by " + m
	}
	if c.passwordless() {
		return Step{Name: login, Status: Warning, Detail: detail + ", without a password", Remedy: "give the account a password, and the action passwordFile or passwordEnv"}
	}
	return Step{Name: login, Status: OK, Detail: detail}
}

// encryption tells how the connection is protected.
func (c *checking) encryption(l link.Look, now time.Time) Step {
	mode := c.config.Link.TLS.Mode
	if l.TLS == nil {
		s := Step{Name: tlsStep, Status: OK, Detail: "none: tls is " + string(mode)}
		switch {
		case c.config.Driver.Net == "unix" || c.isLocal():
			s.Detail += "; nothing leaves this machine"
		case mode == config.TLSPreferred:
			s.Status, s.Detail = Warning, "none: the server offers no TLS, and tls is preferred"
			s.Remedy = "turn TLS on in the server; then set tls to verifyIdentity, with tlsCa"
		default:
			s.Status = Warning
			s.Remedy = "rows can be read on the way, and the server may be another one: set tls to verifyIdentity, with tlsCa"
		}
		return s
	}
	detail := tls.VersionName(l.TLS.Version) + ", " + tls.CipherSuiteName(l.TLS.CipherSuite)
	if len(l.Shown) == 0 {
		return Step{Name: tlsStep, Status: OK, Detail: detail}
	}
	first := l.Shown[0]
	s := Step{Name: tlsStep, Status: OK, Detail: detail + "; " + certificate(first)}
	left := first.NotAfter.Sub(now)
	switch {
	case mode != config.TLSVerifyCA && mode != config.TLSVerifyIdentity:
		s.Status, s.Detail = Warning, s.Detail+"; not verified: tls is "+string(mode)
		s.Remedy = "who stands between could read all: set tls to verifyIdentity, with tlsCa"
	case left < soon:
		s.Status = Warning
		s.Remedy = "renew the server's certificate before it ends: connections fail from then on"
	case mode == config.TLSVerifyCA:
		s.Detail += "; the CA is verified, the name is not"
	default:
		s.Detail += "; CA and name are verified"
	}
	return s
}

// isLocal tells whether all hosts are this machine.
func (c *checking) isLocal() bool {
	for _, h := range c.link.Hosts() {
		host, _, _ := strings.Cut(h, ":")
		a, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if strings.HasPrefix(h, "[::1]") {
			continue
		}
		if host != "localhost" && (err != nil || !a.IsLoopback()) {
			return false
		}
	}
	return true
}

// certificate describes one for a person.
func certificate(x *x509.Certificate) string {
	names := append([]string{}, x.DNSNames...)
	for _, ip := range x.IPAddresses {
		names = append(names, ip.String())
	}
	of := x.Subject.String()
	if of == "" {
		of = "no subject"
	}
	by := "issued by " + x.Issuer.String()
	if x.Issuer.String() == x.Subject.String() {
		by = "self-signed"
	}
	text := fmt.Sprintf("certificate of %s, %s, valid until %s", of, by, x.NotAfter.UTC().Format(time.DateOnly))
	if days := int(time.Until(x.NotAfter).Hours() / 24); days >= 0 {
		text += fmt.Sprintf(" (%d days)", days)
	}
	if len(names) > 0 {
		text += ", for " + strings.Join(names[:min(len(names), 10)], ", ")
	}
	return text
}

// one hands out one connection, once.
type one struct {
	mu   sync.Mutex
	conn driver.Conn
}

var errGone = errors.New("the connection was lost")

// Connect implements driver.Connector.
func (o *one) Connect(context.Context) (driver.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil {
		return nil, errGone
	}
	conn := o.conn
	o.conn = nil
	return conn, nil
}

// Driver implements driver.Connector.
func (o *one) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// scalar returns the first column of the first row of a query.
func scalar(ctx context.Context, conn driver.Conn, query string) (string, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return "", errors.New("the driver lacks queries with contexts")
	}
	rows, err := q.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	cells := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(cells); err != nil {
		return "", err
	}
	if len(cells) == 0 {
		return "", errors.New("an answer without columns")
	}
	if b, ok := cells[0].([]byte); ok {
		return string(b), nil
	}
	return fmt.Sprint(cells[0]), nil
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// round shows a duration with three digits.
func round(d time.Duration) string {
	unit := time.Microsecond
	switch {
	case d > time.Second:
		unit = 10 * time.Millisecond
	case d > time.Millisecond:
		unit = 10 * time.Microsecond
	}
	return d.Round(unit).String()
}

// shownVersion is a version without what old clients want before MariaDB's.
func shownVersion(v string) string { return strings.TrimPrefix(v, "5.5.5-") }
