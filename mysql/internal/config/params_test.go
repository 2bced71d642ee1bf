package config

import (
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
)

func TestDriverDefaults(t *testing.T) {
	c, _, err := Parse(with())
	if err != nil {
		t.Fatal(err)
	}
	got := c.Driver.FormatDSN()
	want := "user:test@tcp(localhost:3306)/database?charset=utf8mb4&readTimeout=1m0s&timeout=10s&writeTimeout=1m0s" +
		"&maxAllowedPacket=0&autocommit=1&completion_type=0&sql_mode=CONCAT%28%40%40sql_mode%2C+%27%2CSTRICT_ALL_TABLES%2CNO_AUTO_VALUE_ON_ZERO%27%29&sql_select_limit=4294967295&time_zone=%27%2B00%3A00%27&wait_timeout=30"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParameters(t *testing.T) {
	cases := []struct {
		params string
		holds  string // in FormatDSN
	}{
		{"timeout=3s", "timeout=3s"},
		{"timeout=0", "timeout=10s"},
		{"readTimeout=0s&writeTimeout=0", "readTimeout=1m0s"},
		{"READTIMEOUT=1h", "readTimeout=1h0m0s"},
		{"tls=1", "tls=true"},
		{"tls=SKIP-verify", "tls=skip-verify"},
		{"tls=true&allowCleartextPasswords=true", "allowCleartextPasswords=true"},
		{"charset=utf8mb4,utf8", "charset=utf8mb4"},
		{"charset=utf8", "charset=utf8mb4"},
		{"collation=utf8mb4_unicode_ci", "collation=utf8mb4_unicode_ci"},
		{"compress=true", "compress=true"},
		{"allowNativePasswords=0", "allowNativePasswords=false"},
		{"checkConnLiveness=false", "checkConnLiveness=false"},
		{"connectionAttributes=a:b", "connectionAttributes=a%3Ab"},
		{"multiStatements=false&allowAllFiles=0", "user:test@"},
		{"parseTime=true", "user:test@"},
		{"innodb_lock_wait_timeout=5", "innodb_lock_wait_timeout=5"},
		{"session.foreign_key_checks=0", "foreign_key_checks=0"},
		{"wsrep_sync_wait=(SELECT+1,2)", "wsrep_sync_wait=%28SELECT+1%2C2%29"},
		{"sql_mode=%27ANSI_QUOTES,ALLOW_INVALID_DATES%27", "sql_mode=CONCAT%28%27ANSI_QUOTES%2CALLOW_INVALID_DATES%27%2C+%27%2CSTRICT_ALL_TABLES%2CNO_AUTO_VALUE_ON_ZERO%27%29"},
		{"sql_mode=ANSI", "sql_mode=CONCAT%28%27ANSI%27%2C+%27%2CSTRICT"},
		{"SQL_MODE=default", "sql_mode=CONCAT%28%40%40global.sql_mode%2C+%27%2CSTRICT"},
	}
	for _, c := range cases {
		config, warnings, err := Parse(map[string]any{"url": goodURL + "?" + c.params, "table": "t"})
		if err != nil || warnings != nil {
			t.Errorf("%s: %v, %q", c.params, err, warnings)
			continue
		}
		if dsn := config.Driver.FormatDSN(); !strings.Contains(dsn, c.holds) {
			t.Errorf("%s: %s does not hold %s", c.params, dsn, c.holds)
		}
	}
}

func TestParametersRefused(t *testing.T) {
	cases := []struct{ params, want string }{
		{"timeout=soon", "parameter timeout: not a duration; allowed: e.g. 10s, up to 1h"},
		{"timeout=2h", "parameter timeout: not a duration"},
		{"timeout=-1s", "parameter timeout: not a duration"},
		{"timeout=1s&Timeout=2s", "parameter timeout is given twice; allowed: once"},
		{"tls=custom", "parameter tls: not known; allowed: true, false, skip-verify, preferred"},
		{"charset=latin1", "parameter charset: another character set would corrupt text; allowed: utf8mb4"},
		{"charset=utf8mb4,gbk", "parameter charset: another"},
		{"collation=latin1_swedish_ci", "parameter collation: not a utf8mb4 collation; allowed: e.g. utf8mb4_unicode_ci"},
		{"collation=utf8mb4_x;y", "parameter collation: not"},
		{"compress=maybe", "parameter compress: not a bool; allowed: true, false"},
		{"checkConnLiveness=2", "parameter checkConnLiveness: not a bool"},
		{"multiStatements=true", "parameter multiStatements is refused: one statement at a time, so that nothing can be appended; allowed: leave it out"},
		{"allowAllFiles=true", "parameter allowAllFiles is refused: a server could read this machine's files; allowed: leave it out"},
		{"allowOldPasswords=1", "parameter allowOldPasswords is refused"},
		{"allowOldPasswords=perhaps", "parameter allowOldPasswords is refused"},
		{"allowCleartextPasswords=true", "parameter allowCleartextPasswords without tls would show the password to the network; allowed: with tls=true or tls=skip-verify"},
		{"allowCleartextPasswords=true&tls=preferred", "parameter allowCleartextPasswords without tls"},
		{"allowCleartextPasswords=true&tls=skip-verify&allowFallbackToPlaintext=true", "parameter allowCleartextPasswords without tls"},
		{"tls=true&allowFallbackToPlaintext=true", "parameter allowFallbackToPlaintext with tls verifyIdentity would let anybody on the way switch it off"},
		{"tx_isolation=%27READ-UNCOMMITTED%27", "parameter tx_isolation: the sink must not see what is not committed"},
		{"transaction_isolation=0", "parameter transaction_isolation: the sink must not see"},
		{"serverPubKey=k", "parameter serverPubKey: this release knows no named keys"},
		{"time_zone=%27SYSTEM%27", "parameter time_zone: the sink sets it itself; allowed: the property timezone"},
		{"session.Time_Zone=%27SYSTEM%27", "parameter time_zone: the sink sets it itself"},
		{"autocommit=0", "parameter autocommit: transactions are the sink's"},
		{"character_set_results=latin1", "parameter character_set_results: text is always utf8mb4"},
		{"password=%27x%27", "parameter password: it would change the account's password"},
		{"init_connect=%27x%27", "parameter init_connect: it changes the server for everybody"},
		{"global.max_connections=1", "a parameter sets a global variable"},
		{"persist.max_connections=1", "a parameter sets a global variable"},
		{"%40%40global.max_connections=1", "a parameter's name is neither the driver's nor a session variable's"},
		{"a+=1", "a parameter's name is neither"},
		{"x=1&X=2", "a session variable is given twice; allowed: once"},
		{"x=1;y=2", "a session variable's value is not one SQL expression"},
		{"x=1,y=2", "a session variable's value is not one SQL expression"},
		{"x=1,+GLOBAL+y=2", "a session variable's value is not one SQL expression"},
		{"x=%27a", "a session variable's value is not one SQL expression"},
		{"x=%27a%5C%27,y=1,z=%27", "a session variable's value is not one SQL expression"},
		{"x=(1", "a session variable's value is not one SQL expression"},
		{"x=1)", "a session variable's value is not one SQL expression"},
		{"x=1%23", "a session variable's value is not one SQL expression"},
		{"x=1--+", "a session variable's value is not one SQL expression"},
		{"x=1%2F*", "a session variable's value is not one SQL expression"},
		{"x=", "a session variable's value is not one SQL expression"},
		{"sql_mode=0", "parameter sql_mode: a number; allowed: the modes' names in quotes"},
	}
	for _, c := range cases {
		_, _, err := Parse(map[string]any{"url": goodURL + "?" + c.params, "table": "t"})
		got := lines(err)
		if len(got) != 1 || !strings.HasPrefix(got[0], "property url: "+c.want) {
			t.Errorf("%s\ngot  %q\nwant %q", c.params, got, c.want)
		}
	}
}

func TestParametersWithoutEffect(t *testing.T) {
	config, warnings, err := Parse(map[string]any{
		"table": "t",
		"url":   goodURL + "?interpolateParams=true&loc=Asia%2FShanghai&columnsWithAlias=true&maxAllowedPacket=5&strict=true&parseTime=true",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"property url: parameter interpolateParams: no effect: values are always bound.",
		"property url: parameter loc: no effect: see the property timezone.",
		"property url: parameter columnsWithAlias: no effect: the sink does not read columns by alias.",
		"property url: parameter maxAllowedPacket: no effect: the server's own limit holds.",
		"property url: parameter strict: no effect: the sink always runs in strict mode.",
	}
	if diff := cmp.Diff(want, warnings); diff != "" {
		t.Error(diff)
	}
	d := config.Driver
	if d.InterpolateParams || d.Loc != time.UTC || d.ColumnsWithAlias || d.MaxAllowedPacket != 0 || d.ParseTime {
		t.Errorf("they have an effect: %s", d.FormatDSN())
	}
}

// What the driver is given must survive its own text form, and it must take it.
func TestDriverTakesIt(t *testing.T) {
	for _, u := range []string{
		goodURL, "mysql://u:p%40%3A%2F%3F@[::1]/d%2Fx?tls=true&compress=true&collation=utf8mb4_bin",
		"u:p@unix(/s)/d?sql_mode=%27ANSI%27&x=%27%26%3D%27", "mysql://h/d",
	} {
		c, _, err := Parse(map[string]any{"url": u, "table": "t"})
		if err != nil {
			t.Errorf("%s: %v", u, err)
			continue
		}
		if _, err := mysql.NewConnector(c.Driver); err != nil {
			t.Errorf("%s: %v", u, err)
		}
		again, err := mysql.ParseDSN(c.Driver.FormatDSN())
		if err != nil {
			t.Errorf("%s: %v", u, err)
			continue
		}
		if diff := cmp.Diff(c.Driver.FormatDSN(), again.FormatDSN()); diff != "" {
			t.Errorf("%s: %s", u, diff)
		}
		if again.Passwd != c.Driver.Passwd || again.DBName != c.Driver.DBName || again.Addr != c.Driver.Addr {
			t.Errorf("%s: %q %q %q", u, again.Passwd, again.DBName, again.Addr)
		}
	}
}
