package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// TestPasswordStaysOutOfRules: the ways that docs/connections.md tells keep the
// password out of what eKuiper shows of a rule. A file and a variable keep it
// out of the host's log too, which a stored configuration does not: eKuiper
// logs the properties that it hands to a sink.
func TestPasswordStaysOutOfRules(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3tOfTheDatabase"
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp(filepath.Join(root, "build"), "secrets-") // the host sees nothing below /tmp
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	b := &bundle{T: t, name: "secrets"}
	b.must(os.WriteFile(filepath.Join(folder, "db"), []byte(secret+"\n"), 0o600))
	b.must(server.CreateDatabase(b.name))
	b.open()
	_, err = b.db.Exec("CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.must(err)
	b.must(server.CreateUser("guarded", secret, "INSERT ON secrets.numbers"))
	b.host = ekuiper.Start(t, ekuiper.Options{Env: []string{"EKUIPER_MYSQL_SECRETS=" + folder, "MYSQL_PLANT=" + secret}})
	b.must(b.host.InstallPlugin("mysql", zip))
	b.stream("numbers", 0, 100)
	url := fmt.Sprintf("guarded@tcp(%s)/secrets", server.Addr())
	b.must(b.host.PutConnection("mysql", "plant", map[string]any{"url": strings.Replace(url, "@", ":"+secret+"@", 1)}))
	for i, action := range []map[string]any{
		{"url": url, "passwordFile": "db"}, {"url": url, "passwordEnv": "MYSQL_PLANT"}, {"connectionSelector": "plant"},
	} {
		action["table"] = "numbers"
		id := fmt.Sprintf("rule%d", i)
		b.rule(id, "SELECT * FROM numbers", action)
		b.waitCount(int64(100*(i+1)), "SELECT COUNT(*) FROM numbers")
		for _, path := range []string{"/rules/" + id, "/rules/" + id + "/status", "/rules"} {
			answer, err := b.host.Do(http.MethodGet, path, nil)
			b.must(err)
			if strings.Contains(string(answer), secret) {
				t.Errorf("GET %s shows the password: %s", path, answer)
			}
		}
		for line := range strings.Lines(b.host.Log()) {
			if strings.Contains(line, secret) && !strings.Contains(line, "props map[connectionSelector:") && !strings.Contains(line, "conf map[connectionSelector:") {
				t.Errorf("the log shows the password: %s", line)
			}
		}
	}
	// What a rule's author may not name is refused.
	b.rule("greedy", "SELECT * FROM numbers", map[string]any{"url": url, "table": "numbers", "passwordFile": "/etc/hostname"})
	b.rule("nosy", "SELECT * FROM numbers", map[string]any{"url": url, "table": "numbers", "passwordEnv": "HOME"})
	for _, want := range []string{"property passwordFile: ", "property passwordEnv: "} {
		if err := ekuiper.Wait(limit, func() (bool, error) { return strings.Contains(b.host.Log(), want), nil }); err != nil {
			t.Errorf("the log does not say %q: %v", want, err)
		}
	}
}
