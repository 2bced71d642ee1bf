package matrix

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	var r Report
	r.Order([]string{"first", "second"})
	r.Server("MySQL 9")
	r.Server("MariaDB 10")
	r.Absent("TiDB", errors.New("not here"))
	r.Add("first", "MySQL 9", Cell{Outcome: Differs, Reason: "in its own way"})
	r.Add("second", "MySQL 9", Cell{Outcome: NotThere, Reason: "has it not"})
	r.Add("first", "MariaDB 10", Cell{})
	r.Add("second", "MariaDB 10", Cell{Outcome: Failed})
	want := `before
<!-- table: written by make matrix -->

| Test | MariaDB 10 | MySQL 9 |
| --- | --- | --- |
| first | passed | differs (1) |
| second | **failed** | not there (2) |

1. in its own way
2. has it not

matrix: TiDB could not be had, which counts as a failure: not here
matrix: 1 times a server differs in a known way, which is among the passed; 1 times it has not what the test is about
matrix: 2 servers, 2 passed, 2 failed
<!-- end of table -->
after
`
	path := filepath.Join(t.TempDir(), "servers.md")
	if err := os.WriteFile(path, []byte("before\n"+tableBegin+"\nold\n"+tableEnd+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again over its own
		if err := r.Write(path); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
	if err := r.Write(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is written")
	}
}

func TestWanted(t *testing.T) {
	for text, want := range map[string]string{"": Usual, "tidb, galera": "tidb,galera", "all": "mariadb,mysql,tidb,galera,group,demo"} {
		t.Setenv(Env, text)
		kinds, err := Wanted()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		if got := strings.Join(names, ","); got != want {
			t.Errorf("%s=%s: %s, want %s", Env, text, got, want)
		}
	}
	t.Setenv(Env, "mysql,oracle")
	if _, err := Wanted(); err == nil || !strings.Contains(err.Error(), `"oracle"`) {
		t.Errorf("%v: it does not name the kind", err)
	}
}
