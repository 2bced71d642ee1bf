package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
)

// shape renders an endpoint with every part quoted.
func shape(e endpoint) string {
	address := e.address
	if len(e.hosts) > 1 {
		address = strings.Join(e.hosts, ",")
	}
	s := fmt.Sprintf("%q %q %s %q %q", e.user, e.password, e.network, address, e.database)
	for _, p := range e.params {
		s += fmt.Sprintf(" %s=%q", p.name, p.value)
	}
	return s
}

func TestEndpoints(t *testing.T) {
	cases := []struct{ url, want string }{
		// the driver's form
		{"user:test@tcp(localhost:3306)/database", `"user" "test" tcp "localhost:3306" "database"`},
		{" user:test@tcp(localhost:3306)/database\n", `"user" "test" tcp "localhost:3306" "database"`},
		{"user:p@s:s/w?#rd%40@tcp(h:1)/d", `"user" "p@s:s/w?#rd%40" tcp "h:1" "d"`},
		{"user:a@tcp(x)/b@tcp(h)/d", `"user" "a@tcp(x)/b" tcp "h:3306" "d"`},
		{"root@tcp(h)/d", `"root" "" tcp "h:3306" "d"`},
		{"tcp(h)/d", `"" "" tcp "h:3306" "d"`},
		{"/d", `"" "" tcp "127.0.0.1:3306" "d"`},
		{"u:p@/d", `"u" "p" tcp "127.0.0.1:3306" "d"`},
		{"u:p@tcp/d", `"u" "p" tcp "127.0.0.1:3306" "d"`},
		{"u:p@TCP(h)/d", `"u" "p" tcp "h:3306" "d"`},
		{"u:p@unix(/run/my sql/s.sock)/d", `"u" "p" unix "/run/my sql/s.sock" "d"`},
		{"u:p@tcp([::1]:3307)/d", `"u" "p" tcp "[::1]:3307" "d"`},
		{"u:p@tcp([::1])/d", `"u" "p" tcp "[::1]:3306" "d"`},
		{"u:p@tcp(::1)/d", `"u" "p" tcp "[::1]:3306" "d"`},
		{"u:p@tcp([fe80::1%eth0]:3307)/d", `"u" "p" tcp "[fe80::1%eth0]:3307" "d"`},
		{"u:p@tcp(h)/a%2Fb?timeout=5s&x=%27y%27", `"u" "p" tcp "h:3306" "a/b" timeout="5s" x="'y'"`},
		{"u:p@tcp(a,b:3307,[::1],::2)/d", `"u" "p" tcp "a:3306,b:3307,[::1]:3306,[::2]:3306" "d"`},
		// the URL form
		{"mysql://user:test@localhost:3306/database", `"user" "test" tcp "localhost:3306" "database"`},
		{"mysql://u:p%40%3A%2F%3F%23%25+@h/d?parseTime=true", `"u" "p@:/?#%+" tcp "h:3306" "d" parseTime="true"`},
		{"MariaDB://u%3Ax:p@h/d", `"u:x" "p" tcp "h:3306" "d"`},
		{"tidb://u@h:4000/d", `"u" "" tcp "h:4000" "d"`},
		{"mysql://u:p@@h/d", `"u" "p@" tcp "h:3306" "d"`},
		{"mysql://h", `"" "" tcp "h:3306" ""`},
		{"mysql://h?timeout=5s", `"" "" tcp "h:3306" "" timeout="5s"`},
		{"mysql://u:p@[::1]:3307/d", `"u" "p" tcp "[::1]:3307" "d"`},
		{"mysql://u:p@[fe80::1%25eth0]/d", `"u" "p" tcp "[fe80::1%eth0]:3306" "d"`},
		{"mysql://u:p@a:1,b,[::1]:2/d?x=1,2", `"u" "p" tcp "a:1,b:3306,[::1]:2" "d" x="1,2"`},
		{"mysql://u:p,q@a,b", `"u" "p,q" tcp "a:3306,b:3306" ""`},
		{"mysql://u:p@tcp(h:1)/d", `"u" "p" tcp "h:1" "d"`},
		{"mysql://u:p@unix(/run/s.sock)/d?timeout=5s", `"u" "p" unix "/run/s.sock" "d" timeout="5s"`},
	}
	for _, c := range cases {
		e, err := parseEndpoint(c.url)
		if err != nil || shape(e) != c.want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", c.url, shape(e), err, c.want)
		}
	}
}

func TestEndpointsRefused(t *testing.T) {
	cases := []struct {
		url  string
		want error
	}{
		{"localhost", errNoSlash},
		{"u:p@tcp(h)", errNoSlash},
		{"u:p@localhost:3306/d", errNetwork},
		{"u:p@tcp(h/d", errNetwork},
		{"u:p@tcp(h)x/d", errNetwork},
		{"u:p@tcp(h)/d?loc=Asia/Shanghai", errNetwork},
		{"u:p@udp(h)/d", errNetwork},
		{"u:p@unix()/d", errSocket},
		{"u:p@unix(/a)/b?x=)/d", errSocket},
		{"u:p@tcp(h:0)/d", errPort},
		{"u:p@tcp(h:65536)/d", errPort},
		{"u:p@tcp(h:x)/d", errPort},
		{"u:p@tcp([::1)/d", errHost},
		{"u:p@tcp([h]:1)/d", errHost},
		{"u:p@tcp([::1]1)/d", errHost},
		{"u:p@tcp(a b)/d", errHost},
		{"u:p@tcp(1:2:3)/d", errHost},
		{"u:p@tcp(h1,)/d", errHost},
		{"u:p@tcp(h1,h2:x)/d", errPort},
		{"u:p@tcp(h1,h1:3306)/d", errHosts},
		{"mysql://h1" + strings.Repeat(",h", 20) + "/d", errHosts},
		{"mysql://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/d", errHosts},
		{"u:p@tcp(h)/d%zz", errEncoding},
		{"u:p@tcp(h)/d%00", errDatabase},
		{"u:p@/w@tcp(h)", errDatabase},
		{"u:p@tcp(h)/" + strings.Repeat("x", 65), errDatabase},
		{"u:p@tcp(h)/d?timeout", errParameter},
		{"u:p@tcp(h)/d?=5", errParameter},
		{"u:p@tcp(h)/d?x=%zz", errEncoding},
		{"postgres://u:p@h/d", errForm},
		{"mysql://u:p/w@h/d", errRawSign},
		{"mysql://u:p?w@h/d", errRawSign},
		{"mysql://u:p#w@h/d", errRawSign},
		{"mysql://u:p@h/d#x", errRawSign},
		{"mysql://u:p@h/d?x=@@y", errRawSign},
		{"mysql://u:100%@h/d", errEncoding},
		{"mysql://u:p@h:x/d", errPort},
		{"mysql://u:p@h/a/b", errDatabase},
		{"mysql://u:p@tcp(h/d", errNetwork},
		{"mysql://u:p@tcp(h)x", errNetwork},
	}
	for _, c := range cases {
		if _, err := parseEndpoint(c.url); err != c.want {
			t.Errorf("%s\ngot  %v\nwant %v", c.url, err, c.want)
		}
	}
}

// Parts that the driver reads too must come out as the driver reads them.
func TestEndpointsAgreeWithDriver(t *testing.T) {
	for _, dsn := range []string{
		"user:test@tcp(localhost:3306)/database", "user:p@s:s/w?#rd@tcp(h:1)/d", "tcp(h)/d", "/d", "u:p@/d",
		"u:p@unix(/run/s.sock)/d", "u:p@tcp([::1]:3307)/d", "u:p@tcp(::1)/d", "u:p@tcp(h)/a%2Fb?timeout=5s",
	} {
		e, err := parseEndpoint(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		d, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		want := shape(endpoint{d.User, d.Passwd, d.Net, d.Addr, nil, d.DBName, e.params})
		if diff := cmp.Diff(want, shape(e)); diff != "" {
			t.Errorf("%s: %s", dsn, diff)
		}
	}
}
