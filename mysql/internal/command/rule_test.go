package command

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

func TestRule(t *testing.T) {
	const url = "user@tcp(db:3306)/plant"
	base := []string{"--id", "r", "--stream", "s", "--url", url, "--table", "t"}
	with := func(more ...string) []string { return append(append([]string{}, base...), more...) }
	for _, c := range []struct {
		name string
		args []string
		want string // the action; empty: refused
		errs string
	}{
		{"plain", base, `{"url":"user@tcp(db:3306)/plant","table":"t"}`, ""},
		{"types", with(
			"--set", "maxBatchRows=100", "--set", "maxJournalBytes=4GiB", "--set", "maxBatchDelay=50", "--set", "keyField=a,b", "--set", `primaryKey=["a","b"]`, "--set", "mode=upsert",
			"--set", `schema={"a":"INT","b":"INT","c":"DOUBLE","d":"TEXT"}`, "--set", `columns={"c":{"value":1.0},"d":"x.y"}`, "--set", "sendSingle=true", "--set", "bufferLength=2048", "--set", "autoCreate=true", "--set", "MAXTABLES=7", "--set", "tlsServerName=1",
			"--set", "tls=verifyIdentity", "--set", `initSql=["SET @a = 1","SET @b = '='"]`,
		), `{"url":"user@tcp(db:3306)/plant","table":"t","maxBatchRows":100,"maxJournalBytes":"4GiB","maxBatchDelay":50,"keyField":"a,b","primaryKey":["a","b"],"mode":"upsert",
			"schema":{"a":"INT","b":"INT","c":"DOUBLE","d":"TEXT"},"columns":{"c":{"value":1.0},"d":"x.y"},"sendSingle":true,"bufferLength":2048,"autoCreate":"true","maxTables":7,"tlsServerName":"1","tls":"verifyIdentity","initSql":["SET @a = 1","SET @b = '='"]}`, ""},
		{"eKuiper's own", with(
			"--set", "fields=id, name", "--set", `excludeFields=["a,b"]`, "--set", `dataTemplate={"id":{{.id}}}`, "--set", "delimiter=1", "--set", "resendInterval=1s", "--set", "lingerInterval=20",
		), `{"url":"user@tcp(db:3306)/plant","table":"t","fields":["id","name"],"excludeFields":["a,b"],"dataTemplate":"{\"id\":{{.id}}}","delimiter":"1","resendInterval":"1s","lingerInterval":20}`, ""},
		{"safe", with("--safe"), `{"url":"user@tcp(db:3306)/plant","table":"t","delivery":"exactlyOnce","requireAck":true,"resendInterval":500,"fsync":"always"}`, ""},
		{"safe, but", with("--safe", "--set", "fsync=100ms"), `{"url":"user@tcp(db:3306)/plant","table":"t","delivery":"exactlyOnce","requireAck":true,"resendInterval":500,"fsync":"100ms"}`, ""},
		{"a connection of eKuiper's", []string{"--id", "r", "--sql", "SELECT a FROM s WHERE a > 1", "--table", "t", "--set", "connectionSelector=plant"}, `{"table":"t","connectionSelector":"plant"}`, ""},
		{"the same with a user", []string{"--id", "r", "--sql", "SELECT a FROM s WHERE a > 1", "--table", "t", "--set", "connectionSelector=plant", "--set", "user=plant"}, `{"table":"t","connectionSelector":"plant","user":"plant"}`, ""},
		{"a variable that is set elsewhere", with("--set", "passwordEnv=MYSQL_NOT_SET_HERE"), `{"url":"user@tcp(db:3306)/plant","table":"t","passwordEnv":"MYSQL_NOT_SET_HERE"}`, "judged by this machine"},
		{"a warning", with("--set", "batchSize=5"), `{"url":"user@tcp(db:3306)/plant","table":"t","batchSize":5}`, "property batchSize"},

		{"no id", []string{"--stream", "s", "--url", url, "--table", "t"}, "", "--id is missing"},
		{"a wrong id", []string{"--id", "a/b", "--stream", "s", "--url", url, "--table", "t"}, "", `--id: "a/b"; allowed`},
		{"an id that eKuiper refuses", []string{"--id", "line.1", "--stream", "s", "--url", url, "--table", "t"}, "", `--id: "line.1"; allowed: letters, digits, _ and -`},
		{"no rows", []string{"--id", "r", "--url", url, "--table", "t"}, "", "--sql or --stream"},
		{"both", with("--sql", "SELECT 1"), "", "can't be used together"},
		{"no table", []string{"--id", "r", "--stream", "s", "--url", url}, "", "property table: missing"},
		{"an unknown property", with("--set", "maxBatchRow=1"), "", "property maxBatchRow is not known; did you mean maxBatchRows?"},
		{"no property", with("--set", "a b=1"), "", "the name of a property is a word"},
		{"no value", with("--set", "mode"), "", "a name, = and a value"},
		{"twice", with("--set", "mode=upsert", "--set", "MODE=update"), "", "property mode is given twice"},
		{"a wrong value", with("--set", "mode=upsrt"), "", `property mode: "upsrt"; allowed`},
		{"broken JSON", with("--set", `columns={"a"`), "", "property columns: what begins like JSON is none"},
		{"a number of eKuiper's that is none", with("--set", "bufferLength=many"), "", `property bufferLength: "many"; allowed: a whole number`},
		{"a time of eKuiper's that is none", with("--set", "resendInterval=soon"), "", `property resendInterval: "soon"; allowed: a number of milliseconds`},
		{"a flag of eKuiper's that is none", with("--set", "sendSingle=yes"), "", `property sendSingle: "yes"; allowed: true, false`},
		{"an object of eKuiper's that is none", with("--set", "compressionProps=x"), "", "allowed: an object"},
		{"a wrong mapping", with("--set", `columns={"a":{"meta":"nonsense"}}`), "", "property columns"},
		{"a password", with("--set", "password=zq7"), "", "passwordFile=NAME"},
		{"a password in the url", []string{"--id", "r", "--stream", "s", "--url", "user:zq7@tcp(db)/p", "--table", "t"}, "", "passwordEnv"},
		{"a password in a set url", []string{"--id", "r", "--stream", "s", "--set", "dburl=user:zq7@tcp(db)/p", "--table", "t"}, "", "passwordEnv"},
		{"a wrong url with a password", []string{"--id", "r", "--stream", "s", "--url", "user:zq7@tcp(db", "--table", "t"}, "", "property url"},
		{"a key", with("--set", "tlsKey=-----BEGIN PRIVATE KEY-----zq7"), "", "passwordEnv"},
		{"a wrong stream", []string{"--id", "r", "--stream", "a b", "--url", url, "--table", "t"}, "", `--stream: "a b"; allowed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := Run(append([]string{"rule"}, c.args...), &out, &errs)
			if !strings.Contains(errs.String(), c.errs) || c.errs == "" && errs.Len() > 0 || strings.Contains(errs.String()+out.String(), "zq7") {
				t.Errorf("errors %q, want %q", &errs, c.errs)
			}
			if c.want == "" {
				if code != exitUsage || out.Len() > 0 {
					t.Errorf("code %d, %s", code, &out)
				}
				return
			}
			var got theRule
			var want map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil || code != 0 {
				t.Fatalf("code %d, %v: %s", code, err, &out)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if got.ID != "r" || len(got.Actions) != 1 || !reflect.DeepEqual(got.Actions[0]["mysql"], any(want)) {
				t.Errorf("got %v\nwant %v", got.Actions, want)
			}
			if (got.Options["disableBufferFullDiscard"] == true) != strings.HasPrefix(c.name, "safe") {
				t.Errorf("options %v", got.Options)
			}
			if action, err := readAction(out.Bytes()); err != nil || len(action) != len(want) {
				t.Errorf("check would not read it: %v", err)
			}
		})
	}
}

func TestRuleAsACommandForAShell(t *testing.T) {
	for _, c := range []struct {
		args []string
		url  string
		body string
	}{
		{
			[]string{"--id", "r", "--sql", `SELECT 'it''s' AS a, "$HOME" FROM s`, "--url", "user@tcp(db)/p", "--table", "t", "--curl", "--api", "http://box:9081/"},
			"http://box:9081/rules", `{"id":"r","sql":"SELECT 'it''s' AS a, \"$HOME\" FROM s","actions":[{"mysql":{"table":"t","url":"user@tcp(db)/p"}}]}`,
		},
		{
			[]string{"--stream", "s", "--stream-json", "--datasource", "plant/it's", "--curl"},
			"http://127.0.0.1:9081/streams", `{"sql":"CREATE STREAM s () WITH (TYPE=\"mqtt\", DATASOURCE=\"plant/it's\", FORMAT=\"json\")"}`,
		},
	} {
		var out, errs bytes.Buffer
		if code := Run(append([]string{"rule"}, c.args...), &out, &errs); code != 0 {
			t.Fatal(errs.String())
		}
		sh := exec.Command("sh", "-c", `curl() { for a; do printf '%s\n' "$a"; done; }
`+out.String())
		got, err := sh.CombinedOutput()
		want := strings.Join([]string{"-X", "POST", c.url, "-H", "Content-Type: application/json", "-d", c.body}, "\n") + "\n"
		if err != nil || string(got) != want {
			t.Errorf("%v\n%s\nwant\n%s", err, got, want)
		}
	}
	for _, args := range [][]string{{"--stream-json"}, {"--stream", "s", "--stream-json", "--type", `a"b`}, {"--stream", "s", "--stream-json", "--datasource", "a\\b"}} {
		var out, errs bytes.Buffer
		if code := Run(append([]string{"rule"}, args...), &out, &errs); code != exitUsage || out.Len() > 0 {
			t.Errorf("%q: code %d, %s", args, code, &out)
		}
	}
}
