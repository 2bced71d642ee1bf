package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Around every password of the fuzzers: where either shows, a part has leaked.
const (
	markBegin = "Xq7vB"
	markEnd   = "Kz9wD"
)

// texts returns everything that Parse says about props, and every way to print
// the Config.
func texts(t *testing.T, props map[string]any) []string {
	t.Helper()
	c, warnings, err := Parse(props)
	all := warnings
	for err != nil {
		all = append(all, err.Error(), fmt.Sprintf("%+v %#v", err, err))
		err = errors.Unwrap(err)
	}
	if c == nil {
		return all
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all = append(all, fmt.Sprintf(verb, c), fmt.Sprintf(verb, *c), fmt.Sprintf(verb, []any{*c, map[string]Config{"": *c}}))
	}
	for _, v := range []any{c, *c, []any{c}} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(j))
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("config", "value", c, "copy", *c)
	}
	return append(all, log.String())
}

func checkSecret(t *testing.T, props map[string]any) {
	t.Helper()
	for _, s := range texts(t, props) {
		if strings.Contains(s, markBegin) || strings.Contains(s, markEnd) {
			t.Fatalf("%q\nshows the password: %s", props, s)
		}
	}
}

// forms returns urls that hold the password, right ones and wrong ones.
func forms(secret, params string) []string {
	// Without an address behind it, what follows an @ would not be the password.
	bare := strings.ReplaceAll(secret, "@", "")
	return []string{
		"user:" + secret + "@tcp(localhost:3306)/database",
		"user:" + secret + "@tcp(localhost:3306)/database?" + params,
		"user:" + secret + "@unix(/run/s.sock)/database?" + params,
		"user:" + secret + "@localhost/database",
		"user:" + secret + "@tcp(localhost:3306)",
		"user:" + secret + "@tcp(localhost:x)/database",
		"user:" + bare,
		"mysql://user:" + url.QueryEscape(secret) + "@localhost/database?" + params,
		"mysql://user:" + url.PathEscape(secret) + "@localhost:x/database",
		"mysql://user:" + secret + "@localhost/database?" + params,
		"mysql://user:" + secret + "@tcp(localhost)/database",
		"postgres://user:" + secret + "@localhost/database",
		bare,
	}
}

// FuzzParse puts a password into every form of url, with and without mistakes,
// and looks for it in all that is said.
func FuzzParse(f *testing.F) {
	for i, password := range []string{"", "@:/?#", "%", "%zz", "@tcp(x)/", "/", "?a=b&c", ")", "' OR 1=1", "\x00\n", "密码", "://", "@h/d?tls=x&"} {
		f.Add(uint8(i), password, "timeout=x&tls=x&sql_mode=0&y=;", "timezone", "nowhere")
		for form := range forms("", "") {
			f.Add(uint8(form), password, "x=1", "maxBatchRows", "-1")
		}
	}
	f.Add(uint8(1), "p", "time_zone=1&password=1&charset=x&loc=x", "dburl", "-1")
	f.Fuzz(func(t *testing.T, form uint8, password, params, name, value string) {
		secret := markBegin + password + markEnd
		all := forms(secret, params)
		props := map[string]any{"table": "t", name: value}
		props[[]string{"url", "DBurl"}[int(form)&1]] = all[int(form)%len(all)]
		checkSecret(t, props)
	})
}

// In the wrong place a url must not show either.
func TestMisplacedURL(t *testing.T) {
	u := "user:" + markBegin + "/" + markEnd + "@tcp(localhost:3306)/database"
	for _, name := range []string{"table", "nullAs", "timezone", "maxBatchRows", "maxBatchBytes", "maxBatchDelay", "format", "compression", "requireAck", "restField", u} {
		checkSecret(t, with(name, u))
	}
}

// FuzzParseURL checks that what is accepted is taken as it was meant: the
// driver reads the same, and a password comes back from either form.
func FuzzParseURL(f *testing.F) {
	for _, u := range []string{
		goodURL, "mysql://u:p%40@h:1/d?x=1", "u:p@unix(/s)/d", "tcp([::1]:1)/d", "mysql://[fe80::1%25e]/d?tls=true",
		"/", "mysql://", "u:@tcp()/?=&", "mysql://u:p@tcp(h)/d", "u:p@tcp(h)/a%2Fb?timeout=5s&sql_mode='x'",
	} {
		f.Add(u, "p@:/?#%", "d/b")
	}
	f.Fuzz(func(t *testing.T, u, password, database string) {
		c, _, err := Parse(map[string]any{"url": u, "table": "d.t"})
		if err == nil {
			if _, err := mysql.NewConnector(c.Driver); err != nil {
				t.Fatalf("%q: the driver refuses it: %v", u, err)
			}
			for name, value := range c.Driver.Params {
				if strings.Contains(name+value, ";") {
					t.Fatalf("%q: %s=%s", u, name, value)
				}
			}
			if d := c.Driver; d.Timeout <= 0 || d.ReadTimeout <= 0 || d.WriteTimeout <= 0 || d.InterpolateParams || d.MultiStatements ||
				d.AllowAllFiles || d.AllowOldPasswords {
				t.Fatalf("%q: unsafe settings", u)
			}
		}
		if checkName(database) != nil || strings.ContainsRune(password, 0) {
			return
		}
		escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
		for _, whole := range []string{
			"u:" + password + "@tcp(h:1)/" + escape(database),
			"mysql://u:" + escape(password) + "@h:1/" + escape(database),
		} {
			e, err := parseEndpoint(whole)
			if err != nil || e.user != "u" || e.password != password || e.address != "h:1" || e.database != database {
				t.Fatalf("%q: %s, %v", whole, shape(e), err)
			}
		}
	})
}

func TestConfigPrintsNoSecret(t *testing.T) {
	checkSecret(t, with("url", "user:"+markBegin+markEnd+"@tcp(localhost:3306)/database"))
	var none *Config
	if s := fmt.Sprintf("%v %+v %s", none, none, none); s != "<nil> <nil> <nil>" {
		t.Error(s)
	}
	if s := (Config{}).String(); !strings.HasPrefix(s, "target ,") {
		t.Error(s)
	}
}
