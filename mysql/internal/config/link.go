package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// Link is how connections to the database are made, beside what Driver says.
// It may hold secrets: never print it.
type Link struct {
	Hosts   []string // host:port, the preferred one first; none where the url names a socket
	Secret  Secret
	TLS     TLS
	InitSQL []string // statements for each new connection, in order
}

// Secret is where the password is kept: in one of these, or in Driver where
// all are empty.
type Secret struct {
	Env    string // an environment variable
	Folder string // the operator's, of File
	File   string // below Folder
}

// TLSMode is how far the encryption of a connection goes.
type TLSMode string

// The modes, as --ssl-mode of the mysql client knows them.
const (
	TLSOff            TLSMode = "off"
	TLSPreferred      TLSMode = "preferred"      // encrypted where the server can; nobody is verified
	TLSRequired       TLSMode = "required"       // encrypted; nobody is verified
	TLSVerifyCA       TLSMode = "verifyCA"       // the server's certificate is of a CA that is trusted
	TLSVerifyIdentity TLSMode = "verifyIdentity" // and names the host
)

// TLS is how connections are encrypted.
type TLS struct {
	Mode       TLSMode
	CA         string // PEM text, or the path of a file with it; empty: the system's
	Cert, Key  string // the client's, likewise; both or none
	ServerName string // that the server's certificate must name; empty: the host of the url
	MinVersion uint16 // as of crypto/tls
}

// IsPEM tells whether s is PEM text, and not the path of a file with it.
func IsPEM(s string) bool { return strings.Contains(s, "-----BEGIN ") }

// ofDSN are the modes that the url's parameter tls means.
var ofDSN = map[string]TLSMode{
	"false": TLSOff, "preferred": TLSPreferred, "skip-verify": TLSRequired, "true": TLSVerifyIdentity,
}

// finishLink judges what several properties say together about the connection.
func (r *reader) finishLink() {
	r.finishSecret()
	r.finishTLS()
	if d := r.config.Driver; d.AllowCleartextPasswords && !r.alwaysTLS() {
		r.fail("property url: parameter allowCleartextPasswords without tls would show the password to the network; allowed: with tls=true or tls=skip-verify")
	}
}

func (r *reader) alwaysTLS() bool {
	mode := r.config.Link.TLS.Mode
	return mode != TLSOff && mode != TLSPreferred && !r.config.Driver.AllowFallbackToPlaintext
}

func (r *reader) finishSecret() {
	var given []string
	if r.config.Driver.Passwd != "" && r.passwords == 0 {
		return
	}
	if r.config.Driver.Passwd != "" {
		given = append(given, "url")
	}
	for _, name := range []string{"password", "passwordEnv", "passwordFile"} {
		if v := r.given[strings.ToLower(name)]; v != nil && v != "" {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		r.fail("properties %s: the password is given more than once; allowed: one of them", strings.Join(given, " and "))
		return
	}
	if r.password != "" {
		r.config.Driver.Passwd = r.password
	}
}

// finishTLS settles the mode, which the url or the property may give, and
// whether the rest goes with it.
func (r *reader) finishTLS() {
	d, t := r.config.Driver, &r.config.Link.TLS
	inURL := ofDSN[d.TLSConfig] // empty where the url does not say
	var others []string
	for _, o := range []struct{ name, value string }{{"tlsCa", t.CA}, {"tlsCert", t.Cert}, {"tlsKey", t.Key}, {"tlsServerName", t.ServerName}} {
		if o.value != "" {
			others = append(others, o.name)
		}
	}
	switch {
	case t.Mode != "" && inURL != "" && t.Mode != inURL:
		r.fail("property tls: %q differs from the url's parameter tls=%s; allowed: one of them", t.Mode, d.TLSConfig)
		return
	case t.Mode == "" && inURL != "":
		t.Mode = inURL
	case t.Mode == "" && len(others) > 0:
		t.Mode = TLSVerifyIdentity // who gives a CA or a name wants it looked at
	case t.Mode == "":
		t.Mode = TLSOff
	}
	verifies := t.Mode == TLSVerifyCA || t.Mode == TLSVerifyIdentity
	switch {
	case t.Mode == TLSOff && len(others) > 0:
		r.fail("property %s: has no effect with tls off; allowed: tls preferred, required, verifyCA or verifyIdentity beside it", others[0])
	case t.CA != "" && !verifies:
		r.fail("property tlsCa: with tls %s nobody would look at it; allowed: tls verifyCA or verifyIdentity beside it", t.Mode)
	case t.ServerName != "" && t.Mode != TLSVerifyIdentity:
		r.fail("property tlsServerName: with tls %s nobody would look at it; allowed: tls verifyIdentity beside it", t.Mode)
	case (t.Cert == "") != (t.Key == ""):
		r.fail("properties tlsCert and tlsKey: one is missing; allowed: both or none")
	case t.Mode == TLSVerifyIdentity && d.Net == "unix" && t.ServerName == "":
		r.fail("property tls: a socket has no name to verify; allowed: tlsServerName beside it, or off, required, verifyCA")
	}
	if d.AllowFallbackToPlaintext && (verifies || t.Mode == TLSRequired && inURL == "") {
		r.fail("property url: parameter allowFallbackToPlaintext with tls %s would let anybody on the way switch it off; allowed: leave it out, or tls preferred", t.Mode)
	}
	if t.MinVersion == 0 {
		t.MinVersion = tls.VersionTLS12
	}
	if d.AllowFallbackToPlaintext && t.Mode == TLSRequired {
		t.Mode = TLSPreferred // which it amounts to
	}
}

// address names the hosts, in an order that does not depend on the url's: the
// rows that wait for them are the same whichever is preferred.
func (r *reader) address() string {
	hosts := slices.Sorted(slices.Values(r.config.Link.Hosts))
	if len(hosts) == 0 {
		return r.config.Driver.Addr
	}
	return strings.Join(hosts, ",")
}
