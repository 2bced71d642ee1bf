package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/check"
	"ekuiper-mysql/test/mariadb"
)

// runCheck carries out a check with its own data folder.
func runCheck(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	line := commandLine{Check: checkCommand{dataDir: func() (string, error) { return folder, nil }}}
	var stdout, stderr bytes.Buffer
	code = execute(&line, append([]string{"check"}, args...), &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

func TestCheckExitsAndShowsNoSecret(t *testing.T) {
	const secret = "p@:/?#w"
	s := mariadb.Start(t)
	for _, err := range []error{
		s.CreateUser("user", secret, "ALL PRIVILEGES ON *.*"), s.CreateDatabase("plant"), s.Exec("CREATE TABLE plant.t (id TINYINT PRIMARY KEY)"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	url := fmt.Sprintf("user:%s@tcp(%s)/plant", secret, s.Addr())
	wrong := fmt.Sprintf("user:%s@tcp(%s)/plant", "zq7"+secret, s.Addr())
	action := func(url string) string {
		return write(t, fmt.Sprintf(`{"id":"r","actions":[{"mysql":{"url":%q,"table":"t","maxJournalBytes":"1MiB"}}]}`, url))
	}
	row, unfit := write(t, `{"id":1}`), write(t, `{"id":1000}`)
	for _, c := range []struct {
		name      string
		args      []string
		env       string
		code      int
		out, errs string
	}{
		{"all is well", []string{"--props", action(url), "--row", row}, "", 0, "ok      statements", ""},
		{"sums", []string{"--props", action(url), "--row", row}, "", 0, "20 ok, 0 warnings, 0 failed, 0 skipped\n", ""},
		{"a row that does not fit", []string{"--props", action(url), "--row", unfit}, "", 1, `FAILED  row        0 rows fit, 1 would be set aside: row 1: column "id"`, "mysql: 1 step failed: row\n"},
		{"the environment", []string{"--table", "t", "--row", row}, url, 0, "t has 1 columns", ""},
		{"a url's file", []string{"--table", "t", "--url-file", write(t, url)}, "", 0, "the server takes it", ""},
		{"another table", []string{"--props", action(url), "--table", "u"}, "", 1, "-> create it (mysql ddl", "1 step failed: table"},
		{"a wrong password", []string{"--props", action(wrong)}, "", 1, "Access denied for user 'user'", "1 step failed: login"},
		{"a wrong property", []string{"--props", write(t, fmt.Sprintf(`{"url":%q,"table":"t","mode":"x"}`, url))}, "", 1, "FAILED  properties property mode", "1 step failed: properties"},
		{"JSON", []string{"--props", action(wrong), "--json"}, "", 1, `{"step":"properties","status":"ok"`, "1 step failed: login"},
		{"nothing", nil, "", 2, "", "the database's url is missing"},
		{"a password on the command line", []string{"--url", url, "--table", "t"}, "", 2, "", "the list of processes"},
		{"no time", []string{"--props", action(url), "--timeout", "0s"}, "", 2, "", "--timeout: 0s; allowed: more than 0"},
		{"two inputs", []string{"--props", "-", "--row", "-"}, "", 2, "", "two files are both -"},
		{"no such rows", []string{"--props", action(url), "--row", "/nowhere"}, "", 2, "", "--row: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(urlVariable, c.env)
			out, errs, code := runCheck(t, c.args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) || c.errs == "" && errs != "" {
				t.Errorf("code %d, want %d\n%s%s\nwant %q, %q", code, c.code, out, errs, c.out, c.errs)
			}
			if strings.Contains(out+errs, secret) || strings.Contains(out+errs, "@tcp("+s.Addr()) {
				t.Errorf("a secret is shown:\n%s%s", out, errs)
			}
			if strings.Contains(out, "\x1b") || strings.ContainsAny(out, "✓✗") {
				t.Errorf("not plain:\n%s", out)
			}
			if c.name == "JSON" {
				var steps []check.Step
				if err := json.Unmarshal([]byte(out), &steps); err != nil || check.Count(steps)[check.Failed] != 1 || strings.Count(out, "\n") != 1 {
					t.Errorf("%v: %s", err, out)
				}
			}
		})
	}
}

func TestCheckPrintsMarksForATerminal(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "C.utf8", "LC_ALL": "C"}, false},
		{map[string]string{"LC_CTYPE": "zh_CN.UTF-8"}, true},
		{map[string]string{"WT_SESSION": "1"}, true},
		{nil, false},
	} {
		if got := speaksUTF8(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
	null := "NULL"
	var b bytes.Buffer
	p := &checkPrinter{to: &b, marks: fineMarks}
	p.step(check.Step{Name: "row", Table: "t\x1b", Status: check.Failed, Detail: "x\ny", Remedy: "do", SQL: []string{"INSERT"}, Fields: []check.Field{{Field: "a", Column: "b", Type: "int", Value: &null}, {Field: "c"}}})
	want := "✗ row        t·: x·y\n             → do\n             a  b  int  \"NULL\"\n             c  -  -    NULL\n             INSERT;\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}

// TestCheckFitsAScreen: what failed stays in sight, whatever needs it.
func TestCheckFitsAScreen(t *testing.T) {
	out, errs, code := runCheck(t, "--props", write(t, `{"url":"u@tcp(127.0.0.1:1)/d","tabel":"t"}`))
	if lines := strings.Count(out+errs, "\n"); code != 1 || lines > 10 || !strings.Contains(out, "skipped files, resolve, connect, tls, ") || !strings.Contains(out, " disk: it needs the step properties, which failed\n") {
		t.Errorf("code %d, %d lines:\n%s%s", code, lines, out, errs)
	}
	if err := failure([]check.Step{{Name: "login", Host: "a", Status: check.Failed}, {Name: "table", Status: check.OK}, {Name: "login", Host: "b", Status: check.Failed}}); err.Error() != "2 steps failed: login" {
		t.Error(err)
	}
}
