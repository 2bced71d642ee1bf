package sink

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A password of everything that has a meaning somewhere leads to the server
// whichever way it is given, and shows nowhere, nor does one that is wrong.
func TestWildPasswordsConnectAndDoNotShow(t *testing.T) {
	const wild = "zq7@:/?#%&=+;\\'\"`$(){}<>,%s %41 é密😀zq7"
	secrets := t.TempDir()
	t.Setenv("EKUIPER_MYSQL_SECRETS", secrets)
	t.Setenv("MYSQL_WILD", wild)
	if err := os.WriteFile(filepath.Join(secrets, "wild"), []byte(wild+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateUser("wild", wild, "ALL PRIVILEGES ON *.*"); err != nil {
		t.Fatal(err)
	}
	at := func(user, password, scheme string) string {
		if scheme == "" {
			return user + password + "@tcp(" + server.Addr() + ")/"
		}
		return scheme + user + password + "@" + server.Addr() + "/"
	}
	escaped := strings.ReplaceAll(url.QueryEscape(wild), "+", "%20")
	for name, props := range map[string]map[string]any{
		"driver":   {"url": at("wild:", wild, "")},
		"scheme":   {"url": at("wild:", escaped, "mysql://")},
		"property": {"url": at("wild", "", ""), "password": wild},
		"env":      {"url": at("wild", "", "mariadb://"), "passwordEnv": "MYSQL_WILD"},
		"file":     {"url": at("wild", "", ""), "passwordFile": "wild"},
		"denied":   {"url": at("nobody:", wild, "")},
		"no tls":   {"url": at("wild:", escaped, "mysql://"), "tls": "verifyIdentity", "tlsCa": "/nowhere"},
		"no host":  {"url": "wild:" + wild + "@tcp(nowhere.invalid:3306,127.0.0.1:1)/"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE t (id INT)")
			props["url"] = props["url"].(string) + b.database
			props["table"], props["deadLetterTable"] = "t", "letters"
			s := b.open(props)
			b.collect(s, `[{"id":1},{"id":"none"}]`)
			if name == "denied" || strings.HasPrefix(name, "no ") {
				await(t, b.log.saying("rows wait"), "the trouble to be told")
			} else {
				b.settle(s)
				b.wantFate(s, 1, 1)
				b.wantRows("SELECT id FROM t", "1")
				if all := strings.Join(b.query("SELECT CONCAT(COALESCE(INFO, ''), USER) FROM information_schema.PROCESSLIST"), "\n"); strings.Contains(all, "zq7") {
					t.Error(all)
				}
			}
			if text := b.log.String(); strings.Contains(text, "zq7") {
				t.Errorf("it is in the log:\n%s", text)
			}
			told, err := json.Marshal(b.outboxes.Status())
			if err != nil || strings.Contains(string(told), "zq7") || !strings.Contains(string(told), `"rule":"rule"`) {
				t.Errorf("the status is %s, %v", told, err)
			}
			err = filepath.WalkDir(b.folder, func(path string, e fs.DirEntry, err error) error {
				if errors.Is(err, fs.ErrNotExist) {
					return nil // a file that got its name meanwhile
				}
				if err != nil || !e.Type().IsRegular() {
					return err
				}
				text, err := os.ReadFile(path)
				if errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				if strings.Contains(string(text), "zq7") || strings.Contains(path, "zq7") {
					t.Errorf("it is in %s", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
