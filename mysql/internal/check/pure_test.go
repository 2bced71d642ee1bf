package check

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestGrants(t *testing.T) {
	g := parseGrants([]string{
		"GRANT USAGE ON *.* TO `user`@`%` IDENTIFIED BY PASSWORD '*ABC'",
		"GRANT `role` TO `user`@`%`",
		"GRANT SELECT, INSERT (`a`, `on b`), UPDATE ON `plant\\_1`.* TO `user`@`%` WITH GRANT OPTION",
		"GRANT ALL PRIVILEGES ON `all%`.`t``x` TO `user`@`%`",
		"GRANT EXECUTE ON PROCEDURE `plant_1`.`p` TO `user`@`%`",
		`GRANT DELETE ON "ansi"."t" TO "user"@"%"`,
		"GRANT CREATE ON *.* TO `user`@`%`",
		"REVOKE CREATE ON `ansi`.* FROM `user`@`%`",
		"GRANT", "", "GRANT X ON", "GRANT X ON `", "GRANT PROXY ON ''@'' TO 'root'@'localhost'",
	})
	for _, c := range []struct {
		privilege, database, table string
		want                       bool
	}{
		{"SELECT", "plant_1", "any", true},
		{"SELECT", "plantx1", "any", false},
		{"INSERT", "plant_1", "any", false},
		{"UPDATE", "PLANT_1", "any", true},
		{"INSERT", "allofit", "t`x", true},
		{"INSERT", "allofit", "t", false},
		{"DELETE", "ansi", "T", true},
		{"CREATE", "anywhere", "t", true},
		{"CREATE", "ansi", "t", false},
		{"EXECUTE", "plant_1", "p", false},
		{"USAGE", "x", "y", true},
	} {
		if got := g.has(c.privilege, c.database, c.table); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if !g.some("INSERT", "plant_1", "t") || g.some("UPDATE", "plant_1", "t") {
		t.Error("privileges on some columns")
	}
}

func FuzzGrants(f *testing.F) {
	f.Add("GRANT SELECT (`a`), ALL ON `a\\_%`.`b` TO `c`@`d`", "a", "b")
	f.Add("REVOKE X ON *.* FROM y", "", "")
	f.Fuzz(func(t *testing.T, line, database, table string) {
		g := parseGrants([]string{line, line})
		_ = g.has("SELECT", database, table)
		_ = g.some("SELECT", database, table)
		_ = methodIn(line)
	})
}

func TestMethodIsToldWithoutItsHash(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$secret' REQUIRE NONE": "caching_sha2_password",
		"CREATE USER `u`@`%` IDENTIFIED BY PASSWORD '*0123'":                                          "mysql_native_password",
		"CREATE USER `u`@`%` IDENTIFIED VIA ed25519 USING 'abc' OR unix_socket":                       "ed25519",
		"CREATE USER `u`@`%` IDENTIFIED VIA '*hash'":                                                  "",
		"CREATE USER `u`@`%`": "",
		"IDENTIFIED WITH ":    "",
	} {
		if got := methodIn(text); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestSkew(t *testing.T) {
	start := time.Unix(1000, 0)
	after := func(d time.Duration) time.Time { return start.Add(d) }
	for _, c := range []struct {
		answered time.Duration
		at       time.Duration
		status   Status
		detail   string
	}{
		{10 * time.Millisecond, 5 * time.Millisecond, OK, "the server is 0.0 ms ahead, give or take 5.0 ms"},
		{10 * time.Millisecond, 1005 * time.Millisecond, OK, "1000.0 ms ahead"},
		{10 * time.Millisecond, 1015 * time.Millisecond, Warning, "1010.0 ms ahead, give or take 5.0 ms"},
		{10 * time.Millisecond, -1015 * time.Millisecond, Warning, "1020.0 ms behind"},
		{10 * time.Second, 8 * time.Second, OK, "3000.0 ms ahead, give or take 5000.0 ms"}, // nobody knows
	} {
		s := skewOf(start, after(c.answered), after(c.at)).step()
		if s.Status != c.status || !strings.Contains(s.Detail, c.detail) || (s.Remedy == "") != (s.Status == OK) {
			t.Errorf("%+v: %+v", c, s)
		}
	}
	if s := (skew{3, 5}).better(skew{4, 2}); s != (skew{4, 2}) {
		t.Errorf("%+v", s)
	}
}

func TestFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 && runtime.GOOS != "linux" {
		t.Skip("modes are of Unix")
	}
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	file := filepath.Join(dir, "file")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	letters := filepath.Join(dir, "data")
	if err := os.Mkdir(letters, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(letters, "deadletters"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bundle{T: t, timeout: time.Second}
	for path, want := range map[string]struct {
		status         Status
		detail, remedy string
	}{
		open:                              {Warning, "can be read by others (mode 0755)", "chmod 700 " + open},
		file:                              {Failed, "is not a folder", "move it away"},
		letters:                           {Failed, filepath.Join(letters, "deadletters") + " is not a folder", "give it to the user that eKuiper runs as"},
		filepath.Join(file, "below"):      {Failed, "not a directory", "make the folder"},
		filepath.Join(dir, "new", "deep"): {OK, "is not there yet, and is made in " + dir, ""},
	} {
		b.folder = path
		steps := Run(context.Background(), Options{
			Props: map[string]any{"url": "u@tcp(127.0.0.1:1)/d", "table": "t", "maxJournalBytes": "1MiB"}, Timeout: time.Second,
			Folder: func() (string, error) { return path, nil },
		})
		b.want(steps, disk, want.status, want.detail, want.remedy)
	}
}

// FuzzProps: no action, however wrong, makes a check panic or tell what it must not.
func FuzzProps(f *testing.F) {
	f.Add(`{"mode":"upsert","keyField":"a,b","columns":{"x":{"meta":"rule"}}}`, `{"a":1}`)
	f.Add(`{"table":"m_{id}","allowedTables":"*","tls":"verifyCA","tlsCa":"/nowhere"}`, `[{"id":1},2,{`)
	f.Add(`{"passwordEnv":"MYSQL_X","initSql":["SET @a=1"],"errors":{"1":"retry"}}`, "\xff")
	f.Add(`{"delivery":"exactlyOnce","autoCreate":"true","schema":{"a":"INT"}}`, ``)
	f.Fuzz(func(t *testing.T, text, rows string) {
		var props map[string]any
		if json.Unmarshal([]byte(text), &props) != nil || props == nil {
			props = map[string]any{}
		}
		for name := range props {
			if strings.EqualFold(name, "url") || strings.EqualFold(name, "dburl") {
				delete(props, name)
			}
		}
		props["url"] = "u:" + password + "@tcp(127.0.0.1:1)/d"
		steps := Run(context.Background(), Options{Props: props, Rows: []byte(rows), Timeout: time.Second, Folder: func() (string, error) { return "/nowhere", nil }})
		if len(steps) < len([]string{properties, disk}) {
			t.Errorf("%+v", steps)
		}
		out, err := json.Marshal(steps)
		if err != nil || strings.Contains(string(out), password) {
			t.Errorf("%s, %v", out, err)
		}
	})
}
