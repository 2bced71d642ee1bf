package sink

import (
	"fmt"
	"testing"
)

// TestZeroIsAValue: a column that the server numbers takes 0 as it is, and numbers
// rows that have none, also beside such as have one, and through a view.
func TestZeroIsAValue(t *testing.T) {
	for _, table := range []string{"t", "seen"} {
		for mode, want := range map[string][]string{
			"insert":       {"0,100", "1,101", "5,105"},
			"insertIgnore": {"0,100", "1,101", "5,105"},
			"replace":      {"0,200", "1,101", "5,105"},
			"upsert":       {"0,200", "1,101", "5,105"},
		} {
			t.Run(table+"/"+mode, func(t *testing.T) {
				b := newBundle(t, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
				b.exec("CREATE VIEW seen AS SELECT id, v FROM t")
				props := b.props("", table, "mode", mode)
				if table == "seen" && mode == "upsert" {
					t.Skip("a view has no key to find rows by")
				}
				s := b.open(props)
				b.collect(s, `[{"id":0,"v":100},{"id":1,"v":101},{"id":5,"v":105}]`, `{"id":0,"v":200}`)
				b.settle(s)
				b.wantRows("SELECT id, v FROM t ORDER BY id", want...)
				if mode == "upsert" {
					return // each row has its key
				}
				b.collect(s, `[{"v":206},{"id":20,"v":220},{"v":207},{"id":null,"v":208}]`)
				b.settle(s)
				b.wantRows("SELECT COUNT(*), COUNT(DISTINCT v), MIN(id > 5) FROM t WHERE v > 200", "4,4,1")
			})
		}
	}
}

// TestZeroByLoadData is kept as well.
func TestZeroByLoadData(t *testing.T) {
	takingFiles(t, true)
	b := newBundle(t, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	s := b.open(b.props("", "t", "road", "load"))
	b.collect(s, numbered(0, 1000))
	b.settle(s)
	b.wantLoaded(s, true)
	b.wantRows("SELECT COUNT(*), MIN(id), MAX(id) FROM t", "1000,0,999")
	b.wantFate(s, 1000, 0)
}

// TestFewRowsOfAResult: what a server lets everybody see at most hides no column.
func TestFewRowsOfAResult(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)")
	limit := b.query("SELECT @@GLOBAL.sql_select_limit")[0]
	b.exec("SET GLOBAL sql_select_limit = 1")
	defer b.exec("SET GLOBAL sql_select_limit = " + limit)
	s := b.open(b.props("", "t"))
	b.collect(s, `{"id":1,"a":2,"b":3}`)
	b.settle(s)
	b.wantRows(fmt.Sprintf("SELECT id, a, b FROM %s.t", b.database), "1,2,3")
}
