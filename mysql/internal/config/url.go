package config

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// endpoint is a url taken apart. Its errors never quote any part of it: where
// a url is malformed, any part may be a piece of the password.
type endpoint struct {
	user, password string
	network        string   // tcp, tcp4, tcp6 or unix
	address        string   // host:port of the first host, or the socket's path
	hosts          []string // host:port of each; none of a socket
	database       string
	params         []param // in order; names and values decoded
}

type param struct{ name, value string }

// schemes are the beginnings of the URL form, all with one meaning.
var schemes = []string{"mysql://", "mariadb://", "tidb://"}

const defaultPort = "3306"

var (
	errForm      = errors.New("not a database address; allowed: user:password@tcp(host:port)/database or mysql://user:password@host:port/database")
	errNoSlash   = errors.New("no / after the address; allowed: a / and the database, e.g. tcp(host:port)/database")
	errNetwork   = errors.New("the address is not one; allowed: tcp(host:port) or unix(/path/of/socket) before the /, with the closing bracket; a / in a parameter is written %2F")
	errRawSign   = errors.New("a character out of place; allowed: in the mysql:// form every @ : / ? # % that belongs to user, password, database or a parameter is written %40 %3A %2F %3F %23 %25")
	errEncoding  = errors.New("a % that encodes nothing; allowed: %25 for the sign itself")
	errNUL       = errors.New("a NUL character in the user or the password; allowed: any other")
	errPort      = errors.New("the port is not one; allowed: 1 to 65535")
	errHost      = errors.New("the host is not one; allowed: a name, an IPv4 address or an IPv6 address in [ ]; in the mysql:// form signs of a password are percent-encoded")
	errHosts     = errors.New("too many hosts, or one of them twice; allowed: up to 16 different ones, joined by commas")
	errSocket    = errors.New("the socket's path is not one; allowed: unix(/path/of/socket)")
	errDatabase  = errors.New("the database's name is not one; allowed: 1 to 64 characters, none a control character, / @ : ( ) written %2F %40 %3A %28 %29")
	errParameter = errors.New("a parameter without a name or a value; allowed: name=value, joined by &")
)

// parseEndpoint reads either form. Where the forms could be confused, the
// prefix with :// decides.
func parseEndpoint(s string) (endpoint, error) {
	e, err := parseForm(strings.TrimSpace(s))
	if err == nil && strings.ContainsRune(e.user+e.password, 0) { // which ends either on the wire
		err = errNUL
	}
	return e, err
}

func parseForm(s string) (endpoint, error) {
	for _, scheme := range schemes {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return parseURL(s[len(scheme):])
		}
	}
	e, err := parseDSN(s)
	if err != nil && strings.Contains(s, "://") {
		err = errForm
	}
	return e, err
}

// addressLike reports whether s may be a url that stands where none belongs.
func addressLike(s string) bool {
	for _, sign := range []string{"://", "@tcp", "@unix", ")/"} {
		if strings.Contains(s, sign) {
			return true
		}
	}
	return false
}

// parseDSN reads the Go driver's form, [user[:password]@][net[(address)]]/database[?params].
// As in the driver, the last / begins the database and the last @ before it
// ends the password, which therefore may hold either; nothing before the /
// is decoded.
func parseDSN(s string) (endpoint, error) {
	var e endpoint
	slash := strings.LastIndexByte(s, '/')
	if slash < 0 {
		return e, errNoSlash
	}
	left, right := s[:slash], s[slash+1:]
	if at := strings.LastIndexByte(left, '@'); at >= 0 {
		e.user, e.password, _ = strings.Cut(left[:at], ":")
		left = left[at+1:]
	}
	if err := e.readNetwork(left); err != nil {
		return e, err
	}
	return e, e.readTail(right)
}

// readNetwork reads net(address) of the driver's form. Nothing at all is the
// driver's default, the local server.
func (e *endpoint) readNetwork(s string) error {
	network, address, bracket := strings.Cut(s, "(")
	e.network = strings.ToLower(network)
	if e.network == "" {
		e.network = "tcp"
	}
	if bracket {
		var closed bool
		if address, closed = strings.CutSuffix(address, ")"); !closed {
			return errNetwork
		}
	}
	switch e.network {
	case "tcp", "tcp4", "tcp6":
		return e.readAddress(address)
	case "unix":
		return e.readSocket(address)
	}
	return errNetwork
}

// parseURL reads what follows the scheme: [user[:password]@]host[:port][/database][?params],
// where net(address) may stand for host and port.
func parseURL(s string) (endpoint, error) {
	var e endpoint
	// An @ after the host would have to be encoded, so the last one ends the
	// password, and what else may follow the host must not come before it.
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		if strings.ContainsAny(s[:at], "/?#") {
			return e, errRawSign
		}
		user, password, _ := strings.Cut(s[:at], ":")
		var err1, err2 error
		e.user, err1 = url.PathUnescape(user)
		e.password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return e, errEncoding
		}
		s = s[at+1:]
	}
	if strings.Contains(s, "#") {
		return e, errRawSign
	}
	host, rest := s, ""
	if open := strings.IndexByte(s, '('); open >= 0 && !strings.ContainsAny(s[:open], "/?") {
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return e, errNetwork
		}
		host, rest = s[:end+1], s[end+1:]
		if err := e.readNetwork(host); err != nil {
			return e, err
		}
	} else {
		if i := strings.IndexAny(s, "/?"); i >= 0 {
			host, rest = s[:i], s[i:]
		}
		e.network = "tcp"
		if err := e.readHost(host); err != nil {
			return e, err
		}
	}
	switch {
	case rest == "":
		return e, nil
	case rest[0] == '/':
		return e, e.readTail(rest[1:])
	case rest[0] == '?':
		return e, e.readTail(rest)
	}
	return e, errNetwork
}

// readHost reads host and port of a URL, where %25 begins an IPv6 zone.
func (e *endpoint) readHost(s string) error {
	s, err := url.PathUnescape(s)
	if err != nil {
		return errEncoding
	}
	return e.readAddress(s)
}

// maxHosts bounds the hosts of one url: each may be asked when a connection is made.
const maxHosts = 16

// readAddress reads the hosts, joined by commas, the preferred one first.
func (e *endpoint) readAddress(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		if len(e.hosts) > 0 && one == "" {
			return errHost
		}
		address, err := hostPort(one)
		if err != nil {
			return err
		}
		if len(e.hosts) == maxHosts || slices.Contains(e.hosts, address) {
			return errHosts
		}
		e.hosts = append(e.hosts, address)
	}
	e.address = e.hosts[0]
	return nil
}

// hostPort reads host, host:port, [IPv6], [IPv6]:port or a bare IPv6.
func hostPort(s string) (string, error) {
	host, port := s, defaultPort
	switch {
	case strings.HasPrefix(s, "["):
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", errHost
		}
		host = s[1:end]
		if tail := s[end+1:]; tail != "" {
			if tail[0] != ':' {
				return "", errHost
			}
			port = tail[1:]
		}
		if !strings.Contains(host, ":") {
			return "", errHost
		}
	case strings.Count(s, ":") == 1:
		host, port, _ = strings.Cut(s, ":")
	}
	if host == "" {
		host = "127.0.0.1" // the driver's default
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errPort
	}
	if !validHost(host) {
		return "", errHost
	}
	return net.JoinHostPort(host, port), nil
}

// validHost refuses what no name or address holds; the resolver judges the rest.
func validHost(s string) bool {
	if strings.Contains(s, ":") {
		ip, _, _ := strings.Cut(s, "%") // the zone
		if net.ParseIP(ip) == nil {
			return false
		}
	}
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`@/?#()[]<>,;=&"'\`+"`", r)
	})
}

// readSocket reads a unix socket's path.
func (e *endpoint) readSocket(s string) error {
	bad := func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune("()?", r) }
	if s == "" || !utf8.ValidString(s) || strings.ContainsFunc(s, bad) {
		return errSocket
	}
	e.address = s
	return nil
}

// readTail reads database[?params], which is the same in both forms.
func (e *endpoint) readTail(s string) error {
	name, query, _ := strings.Cut(s, "?")
	if strings.ContainsAny(name, "/@:()") { // the database is missing, and this is something else
		return errDatabase
	}
	database, err := url.PathUnescape(name)
	if err != nil {
		return errEncoding
	}
	if database != "" && checkName(database) != nil {
		return errDatabase
	}
	e.database = database
	return e.readParams(query)
}

func (e *endpoint) readParams(query string) error {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return errParameter
		}
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return errEncoding
		}
		e.params = append(e.params, param{name, value})
	}
	return nil
}
