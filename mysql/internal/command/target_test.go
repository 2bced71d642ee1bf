package command

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file for a test.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTargetComesFromFlagsAFileOrTheEnvironment(t *testing.T) {
	const action = `{"mysql":{"dburl":"u:secret@tcp(a:1)/d","Table":"t","nullAs":"default"}}`
	for _, c := range []struct {
		name  string
		flags targetFlags
		props string
		file  string
		env   string
		table string // given by what calls
		want  string // address and table
		err   string
	}{
		{name: "an action", props: action, want: "a:1/d t"},
		{name: "what is in an action", props: `{"url":"u:secret@tcp(a:1)/d","table":"t"}`, want: "a:1/d t"},
		{name: "a rule", props: `{"id":"r","sql":"SELECT 1","actions":[{"log":{}},` + action + `]}`, want: "a:1/d t"},
		{name: "a byte order mark", props: "\ufeff" + action, want: "a:1/d t"},
		{name: "flags before the file", props: action, file: " u:secret@tcp(b:2)/e\n", flags: targetFlags{Into: "x"}, want: "b:2/e x"},
		{name: "the file before the environment", props: action, env: "u:secret@tcp(b:2)/e", want: "a:1/d t"},
		{name: "the environment", env: "u:secret@tcp(b:2)/e", table: "l", want: "b:2/e l"},
		{name: "a connection that eKuiper keeps", props: `{"mysql":{"connectionSelector":"plant","table":"t"}}`, env: "u:secret@tcp(b:2)/e", want: "b:2/e t"},
		{name: "a url without a password", flags: targetFlags{URL: "u@tcp(a:1)/d", Into: "x"}, want: "a:1/d x"},
		{name: "the letter's table", props: action, table: "l", want: "a:1/d l"},

		{name: "a url with a password", flags: targetFlags{URL: "u:secret@tcp(a:1)/d", Into: "x"}, err: "the list of processes shows"},
		{name: "no url", flags: targetFlags{Into: "x"}, err: "--url-file or the environment variable EKUIPER_MYSQL_URL"},
		{name: "a connection alone", props: `{"mysql":{"connectionSelector":"plant","table":"t"}}`, err: "which this command does not see"},
		{name: "two urls", flags: targetFlags{URL: "u@tcp(a:1)/d"}, file: "x", err: "both are given"},
		{name: "an empty file", file: "\n", err: "is empty"},
		{name: "no table", env: "u:secret@tcp(b:2)/e", err: "property table: missing"},
		{name: "a wrong property", props: `{"url":"u:secret@tcp(a:1)/d","table":"t","nullAs":"x"}`, err: "property nullAs"},
		{name: "a variable of eKuiper's", props: `{"url":"u@tcp(a:1)/d","table":"t","passwordEnv":"MYSQL_NOT_SET_HERE"}`, err: "judged by the variables of this command"},
		{name: "no JSON", props: `{"url":"u:secret@tcp(a:1)/d"`, err: "not JSON: it goes wrong at line 1, column 28, or just before"},
		{name: "a comma too many", props: "{\"url\":\n \"ü:secret@tcp(a:1)/d\",}", err: "not JSON: it goes wrong at line 2, column 24, or just before"},
		{name: "a password out of place", props: `{"url":"u@tcp(a:1)/d","password":secret}`, err: "line 1, column 34"},
		{name: "nothing in it", props: "\ufeff \n", err: "it is empty; allowed"},
		{name: "a list", props: `[` + action + `]`, err: "not a JSON object; allowed"},
		{name: "another sink's", props: `{"sql":{"url":"u:secret@tcp(a:1)/d","table":"t"}}`, err: "it has the action sql, not mysql; allowed"},
		{name: "null", props: `null`, err: "not a JSON object; allowed"},
		{name: "two actions", props: `{"actions":[` + action + `,` + action + `]}`, err: "several actions"},
		{name: "none", props: `{"actions":[{"log":{}}]}`, err: "no action mysql"},
		{name: "no such file", flags: targetFlags{Props: filepath.Join(t.TempDir(), "none")}, err: "--props: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(urlVariable, c.env)
			if c.props != "" {
				c.flags.Props = write(t, c.props)
			}
			if c.file != "" {
				c.flags.URLFile = write(t, c.file)
			}
			var out, errs bytes.Buffer
			props, err := c.flags.props()
			got := ""
			if err == nil {
				conf, e := c.flags.configure(streams{&out, &errs}, props, c.table)
				if err = e; err == nil {
					got = conf.Target + " " + conf.Table
				}
			}
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.err)
			}
			if err != nil && exitCode(err) != exitUsage {
				t.Errorf("exit code %d", exitCode(err))
			}
			if err != nil && strings.Contains(err.Error(), "secret") || strings.Contains(errs.String(), "secret") {
				t.Errorf("the password is shown: %v, %s", err, &errs)
			}
		})
	}
}

// TestWhatIsMistakenIsSafeToShow: a url in a wrong place does not show its
// password, nor does what moves the cursor reach the terminal.
func TestWhatIsMistakenIsSafeToShow(t *testing.T) {
	for _, url := range []string{
		"user:s3cret@tcp(localhost:3306)/d", "user:s3cret/p@ss@tcp(localhost)/d", "mysql://user:s3cret@localhost/d", "user:s3cret@unix(/a b)/d\x1b[2J", "user:p@s3cret:/?@",
	} {
		for _, args := range [][]string{
			{"check", url},
			{"check", "--url-file", url},
			{"check", "--props", url},
			{"journal", "drain", url},
			{"journal", "verify", "--dir", url},
			{"deadletters", "list", "--dir", url},
			{"ddl", url, "--into", "t"},
			{"rule", "--stream", url},
			{"deadletters", "list", "--since", url},
		} {
			out, errs, code := runLine(t, t.TempDir(), nil, args)
			if text := out + errs; code == 0 || strings.Contains(text, "s3cret") || strings.Contains(text, "\x1b") {
				t.Errorf("%q: code %d, %s", args, code, text)
			}
		}
	}
	if got := shown(errors.New("property url: no / after the address\nproperty table: missing: 127.0.0.1:3306, 'a'@'b'")); got != "property url: no / after the address\nproperty table: missing: 127.0.0.1:3306, 'a'@'b'" {
		t.Errorf("changed: %s", got)
	}
}

// TestNothingYet: after an installation nothing is there, which is told as that.
func TestNothingYet(t *testing.T) {
	data := filepath.Join(t.TempDir(), "mysql")
	const told = "no rule has used the sink yet, or eKuiper was told of another folder"
	for _, args := range [][]string{{"journal", "list"}, {"journal", "verify"}, {"journal", "export", "demo"}, {"deadletters", "count"}, {"deadletters", "list"}} {
		if _, errs, code := runLine(t, data, nil, args); code != exitFailed || !strings.Contains(errs, told) {
			t.Errorf("%q: code %d, %s", args, code, errs)
		}
		if _, errs, code := runLine(t, data, nil, append(args, "--dir", data)); code != exitFailed || strings.Contains(errs, told) {
			t.Errorf("%q in a folder that is named: code %d, %s", args, code, errs)
		}
	}
}
