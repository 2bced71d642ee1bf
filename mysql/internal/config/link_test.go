package config

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// linkProps are those of an action that writes to url, and more.
func linkProps(url string, more ...any) map[string]any {
	props := with(more...)
	props["url"] = url
	return props
}

const somePEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"

func TestTLSModes(t *testing.T) {
	cases := []struct {
		url  string
		more []any
		want TLSMode
	}{
		{goodURL, nil, TLSOff},
		{goodURL + "?tls=true", nil, TLSVerifyIdentity},
		{goodURL + "?tls=skip-verify", nil, TLSRequired},
		{goodURL + "?tls=skip-verify&allowFallbackToPlaintext=true", nil, TLSPreferred},
		{goodURL + "?tls=preferred", nil, TLSPreferred},
		{goodURL + "?tls=false", nil, TLSOff},
		{goodURL, []any{"tls", "VERIFYca"}, TLSVerifyCA},
		{goodURL, []any{"tls", "required", "tlsCert", "/c.pem", "tlsKey", "/k.pem"}, TLSRequired},
		{goodURL, []any{"tlsCa", "/ca.pem"}, TLSVerifyIdentity},
		{goodURL, []any{"tlsServerName", "db.example"}, TLSVerifyIdentity},
		{goodURL + "?tls=true", []any{"tlsCa", somePEM}, TLSVerifyIdentity},
		{goodURL + "?tls=true", []any{"tls", "verifyIdentity"}, TLSVerifyIdentity},
		{"u@unix(/s)/d", []any{"tls", "verifyIdentity", "tlsServerName", "db"}, TLSVerifyIdentity},
		{"u@unix(/s)/d", []any{"tls", "verifyCA"}, TLSVerifyCA},
	}
	for _, c := range cases {
		config, warnings, err := Parse(linkProps(c.url, c.more...))
		if err != nil || warnings != nil {
			t.Errorf("%s %q: %v %q", c.url, c.more, err, warnings)
			continue
		}
		if got := config.Link.TLS; got.Mode != c.want || got.MinVersion != tls.VersionTLS12 {
			t.Errorf("%s %q: %+v, want %s", c.url, c.more, got, c.want)
		}
	}
	for value, want := range map[any]uint16{"1.2": tls.VersionTLS12, 1.3: tls.VersionTLS13, "1.3": tls.VersionTLS13} {
		if c, _, err := Parse(with("tlsMinVersion", value)); err != nil || c.Link.TLS.MinVersion != want {
			t.Errorf("tlsMinVersion %v: %v", value, err)
		}
	}
}

func TestLinkRefused(t *testing.T) {
	t.Setenv("MYSQL_PASSWORD_OF_TEST", "x")
	t.Setenv("MYSQL_EMPTY", "")
	t.Setenv("SOME_TOKEN", "x")
	t.Setenv(SecretsFolder, "/etc/secrets")
	cases := []struct {
		url  string
		more []any
		want string
	}{
		{goodURL, []any{"tls", "yes"}, `property tls: "yes"; allowed: off, preferred, required, verifyCA, verifyIdentity`},
		{goodURL, []any{"tls", true}, "property tls: true; allowed: off"},
		{goodURL + "?tls=preferred", []any{"tls", "required"}, `property tls: "required" differs from the url's parameter tls=preferred; allowed: one of them`},
		{goodURL, []any{"tls", "off", "tlsCa", "/x"}, "property tlsCa: has no effect with tls off; allowed: tls preferred"},
		{goodURL + "?tls=false", []any{"tlsServerName", "x"}, "property tlsServerName: has no effect with tls off"},
		{goodURL, []any{"tls", "required", "tlsCa", "/x"}, "property tlsCa: with tls required nobody would look at it; allowed: tls verifyCA or verifyIdentity beside it"},
		{goodURL, []any{"tls", "verifyCA", "tlsServerName", "x"}, "property tlsServerName: with tls verifyCA nobody would look at it"},
		{goodURL, []any{"tls", "required", "tlsCert", "/x"}, "properties tlsCert and tlsKey: one is missing; allowed: both or none"},
		{goodURL, []any{"tlsServerName", "a b"}, `property tlsServerName: "a b"; allowed: a host's name`},
		{goodURL, []any{"tlsMinVersion", "1.1"}, `property tlsMinVersion: "1.1"; allowed: 1.2, 1.3`},
		{goodURL, []any{"tlsCa", "-----BEGIN PRIVATE KEY-----\nx"}, "property tlsCa: PEM text without a certificate; allowed: the path"},
		{goodURL, []any{"tlsCa", "a\nb"}, "property tlsCa: neither PEM text nor a path"},
		{goodURL, []any{"tlsCa", "mysql://user:secret@host/db"}, "property tlsCa: neither PEM text nor a path"},
		{goodURL, []any{"tlsCa", 5}, "property tlsCa: 5; allowed"},
		{goodURL, []any{"tlsKey", []any{"x"}}, "property tlsKey: a value of type list; allowed"},
		{goodURL + "?tls=true&allowFallbackToPlaintext=true", nil, "property url: parameter allowFallbackToPlaintext with tls verifyIdentity would let"},
		{goodURL + "?allowFallbackToPlaintext=true", []any{"tls", "required"}, "property url: parameter allowFallbackToPlaintext with tls required would let"},
		{goodURL + "?allowCleartextPasswords=true", []any{"tls", "preferred"}, "property url: parameter allowCleartextPasswords without tls"},
		{"u@unix(/s)/d", []any{"tls", "verifyIdentity"}, "property tls: a socket has no name to verify; allowed: tlsServerName beside it"},
		{goodURL, []any{"user", "other"}, "property user: another one than the url's; allowed: one of them"},
		{goodURL, []any{"password", "x"}, "properties url and password: the password is given more than once; allowed: one of them"},
		{"tcp(h)/d", []any{"password", "x", "passwordFile", "x"}, "properties password and passwordFile: the password is given more than once"},
		{"tcp(h)/d", []any{"password", 5}, "property password: a value of type int; allowed: a text"},
		{"tcp(h)/d", []any{"passwordEnv", "SOME_TOKEN"}, `property passwordEnv: "SOME_TOKEN" is not among the variables that the operator allows; allowed: the name`},
		{"tcp(h)/d", []any{"passwordEnv", "MYSQL_NOT_THERE"}, `property passwordEnv: the variable "MYSQL_NOT_THERE" is not set, or empty`},
		{"tcp(h)/d", []any{"passwordEnv", "MYSQL_EMPTY"}, `property passwordEnv: the variable "MYSQL_EMPTY" is not set, or empty`},
		{"tcp(h)/d", []any{"passwordEnv", "my secret!"}, "property passwordEnv: not the name of an environment variable; allowed"},
		{"tcp(h)/d", []any{"passwordFile", "../shadow"}, `property passwordFile: "../shadow" is not in the operator's folder /etc/secrets; allowed: the name of a file`},
		{"tcp(h)/d", []any{"passwordFile", "/etc/shadow"}, `property passwordFile: "/etc/shadow" is not in the operator's folder`},
		{"tcp(h)/d", []any{"passwordFile", "a/../../b"}, `property passwordFile: "a/../../b" is not in`},
		{"tcp(h)/d", []any{"passwordFile", "."}, `property passwordFile: "." is not in`},
		{"tcp(h)/d", []any{"passwordFile", "kubernetes.io/serviceaccount/token"}, `property passwordFile: "kubernetes.io/serviceaccount/token" is not in`},
		{"tcp(h)/d", []any{"passwordFile", "user:secret@tcp(host)/db"}, "property passwordFile: not the name of a file"},
		{"tcp(h)/d", []any{"passwordFile", "a\nb"}, "property passwordFile: not the name of a file"},
	}
	for _, c := range cases {
		_, _, err := Parse(linkProps(c.url, c.more...))
		if got := lines(err); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s %q\ngot  %q\nwant %q", c.url, c.more, got, c.want)
		}
	}
}

func TestSecretsAreFound(t *testing.T) {
	t.Setenv("MYSQL_PW", "never here")
	t.Setenv("PLANT_DB", "never here")
	t.Setenv(SecretsFolder, "/etc/secrets")
	cases := []struct {
		allowed string
		more    []any
		want    Secret
	}{
		{"", []any{"passwordEnv", "MYSQL_PW"}, Secret{Env: "MYSQL_PW"}},
		{"OTHER, PLANT_*", []any{"passwordEnv", "PLANT_DB"}, Secret{Env: "PLANT_DB"}},
		{"", []any{"passwordFile", "db/password"}, Secret{Folder: "/etc/secrets", File: filepath.FromSlash("db/password")}},
		{"", []any{"passwordFile", "/etc/secrets/db"}, Secret{Folder: "/etc/secrets", File: "db"}},
		{"", []any{"passwordFile", "..data/db"}, Secret{Folder: "/etc/secrets", File: filepath.FromSlash("..data/db")}},
	}
	for _, c := range cases {
		t.Setenv(AllowedEnv, c.allowed)
		config, _, err := Parse(linkProps("tcp(h)/d", append(c.more, "user", "somebody")...))
		if err != nil {
			t.Errorf("%q: %v", c.more, err)
			continue
		}
		if diff := cmp.Diff(c.want, config.Link.Secret); diff != "" || config.Driver.User != "somebody" || config.Driver.Passwd != "" {
			t.Errorf("%q: %s", c.more, diff)
		}
	}
	t.Setenv(AllowedEnv, "PLANT_*")
	if _, _, err := Parse(linkProps("tcp(h)/d", "passwordEnv", "MYSQL_PW")); err == nil {
		t.Error("the operator's list is added to the usual one instead of taking its place")
	}
	c, _, err := Parse(linkProps("u@tcp(h)/d", "password", "p%40\\n@:/"))
	if err != nil || c.Driver.Passwd != "p%40\\n@:/" || c.Driver.User != "u" {
		t.Errorf("a password as a property is not taken as it is: %v", err)
	}
}

// The rows that wait are for the same place, whatever the password is and
// whichever host is preferred.
func TestTargetOfSeveralHosts(t *testing.T) {
	for _, props := range []map[string]any{
		linkProps("u:p@tcp(b:1,a)/d"), linkProps("u:q@tcp(a,b:1)/d"), linkProps("mysql://v@a:3306,b:1/d", "password", "x"),
	} {
		c, _, err := Parse(props)
		if err != nil || c.Target != "a:3306,b:1/d" {
			t.Errorf("%v, %v", c, err)
		}
	}
	c, _, err := Parse(linkProps("u:p@tcp(b:1,a)/d"))
	if err != nil || !cmp.Equal(c.Link.Hosts, []string{"b:1", "a:3306"}) {
		t.Errorf("the order is lost: %v, %v", c.Link.Hosts, err)
	}
}

// Nothing of what the properties of this file hold may show.
func TestLinkShowsNoSecret(t *testing.T) {
	secret := markBegin + markEnd
	key := "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n"
	for _, more := range [][]any{
		{"password", secret},
		{"password", []any{secret}},
		{"passwordEnv", secret + "!"},
		{"tlsKey", key, "tlsCert", somePEM},
		{"tlsKey", secret},
		{"tlsKey", secret + "\n", "tlsCert", somePEM},
		{"tlsCa", key},
		{"tlsCert", secret + "\n"},
		{"initSql", "SET @k = '" + secret + "'"},
		{"initSql", "SET autocommit = '" + secret + "'"},
		{"initSql", "COMMIT '" + secret + "'"},
		{"initSql", []any{"CALL " + secret + "()", secret, "'" + secret, 5}},
	} {
		checkSecret(t, linkProps("u@tcp(h)/d", more...))
	}
}
