package sink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// grants are what the page on connections says that a user needs, by what is
// asked for: rights on the table t, and on other tables by their names.
var grants = []struct {
	name   string
	props  []any
	rows   string
	needs  []string // "INSERT" is of t, "INSERT letters" of another table
	stored uint64
	aside  uint64
	holds  string   // t afterwards
	beside []string // rights without which rows are stored all the same, and the log tells
}{
	{name: "insert", rows: `[{"id":2,"v":2}]`, needs: []string{"INSERT"}, stored: 1, holds: "1 1|2 2"},
	{name: "insertIgnore", props: []any{"mode", "insertIgnore"}, rows: `[{"id":1,"v":5},{"id":2,"v":2}]`, needs: []string{"INSERT", "SELECT", "UPDATE"}, stored: 1, holds: "1 1|2 2"},
	{name: "replace", props: []any{"mode", "replace"}, rows: `[{"id":1,"v":5},{"id":2,"v":2}]`, needs: []string{"INSERT", "DELETE"}, stored: 2, holds: "1 5|2 2"},
	{name: "upsert", props: []any{"mode", "upsert"}, rows: `[{"id":1,"v":5},{"id":2,"v":2}]`, needs: []string{"INSERT", "SELECT", "UPDATE"}, stored: 2, holds: "1 5|2 2"},
	{name: "upsert by version", props: []any{"mode", "upsert", "versionField", "v"}, rows: `[{"id":1,"v":5},{"id":2,"v":2}]`, needs: []string{"INSERT", "SELECT", "UPDATE"}, stored: 2, holds: "1 5|2 2"},
	{name: "update", props: []any{"mode", "update"}, rows: `[{"id":1,"v":5}]`, needs: []string{"SELECT", "UPDATE"}, stored: 1, holds: "1 5"},
	{name: "delete", props: []any{"mode", "delete"}, rows: `[{"id":1}]`, needs: []string{"SELECT", "DELETE"}, stored: 1, holds: ""},
	{
		name: "by row", props: []any{"rowkindField", "kind"}, rows: `[{"id":2,"v":2,"kind":"insert"},{"id":1,"kind":"delete"},{"id":3,"v":3,"kind":"upsert"},{"id":2,"v":7,"kind":"update"}]`,
		needs: []string{"INSERT", "SELECT", "UPDATE", "DELETE"}, stored: 4, holds: "2 7|3 3",
	},
	{
		name: "exactly once", props: []any{"delivery", "exactlyOnce"}, rows: `[{"id":2,"v":2}]`,
		needs: []string{"INSERT", "CREATE ekuiper_mysql_ledger", "SELECT ekuiper_mysql_ledger", "INSERT ekuiper_mysql_ledger", "UPDATE ekuiper_mysql_ledger"}, stored: 1, holds: "1 1|2 2",
	},
	{
		name: "dead letters", props: []any{"deadLetterTable", "letters"}, rows: `[{"id":2,"v":2},{"id":1,"v":2}]`, needs: []string{"INSERT"},
		beside: []string{"CREATE letters", "INSERT letters"}, stored: 1, aside: 1, holds: "1 1|2 2",
	},
	{name: "made", props: []any{"table", "made", "autoCreate", true}, rows: `[{"id":2,"v":2}]`, needs: []string{"CREATE made", "INSERT made"}, stored: 1, holds: "1 1"},
	{name: "made wider", props: []any{"autoEvolve", true}, rows: `[{"id":2,"v":2,"w":1}]`, needs: []string{"INSERT", "ALTER"}, stored: 1, holds: "1 1|2 2"},
}

// TestGrants: what docs/connections.md says is enough is enough, and of each
// right that lacks the log tells, rows wait, and go once it is granted.
func TestGrants(t *testing.T) {
	for _, c := range grants {
		t.Run(c.name, func(t *testing.T) {
			for _, without := range slices.Concat([]string{""}, c.needs, c.beside) {
				t.Run("without "+without, func(t *testing.T) {
					b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
					if err := server.CreateUser("meagre", password, b.rights(c.needs, c.beside, without)...); err != nil {
						t.Fatal(err)
					}
					props := b.props("", "t", c.props...)
					props["url"] = strings.Replace(props["url"].(string), "user:", "meagre:", 1)
					s := b.open(props)
					b.collect(s, c.rows)
					if without != "" {
						b.awaitDenial()
						if n := s.outbox.Load().queue.Counts().Pending; n == 0 && !slices.Contains(c.beside, without) {
							t.Error("the rows do not wait")
						}
						for _, right := range b.rights(c.needs, c.beside, "") {
							if err := server.Exec("GRANT " + right + " TO meagre"); err != nil {
								t.Fatal(err)
							}
						}
					}
					b.settle(s)
					b.wantRows("SELECT COALESCE(GROUP_CONCAT(id, ' ', v ORDER BY id SEPARATOR '|'), '') FROM t", c.holds)
					if f := s.outbox.Load().meter.Snapshot(); f.Stored != c.stored || f.SetAside != c.aside || f.Pending != 0 {
						t.Errorf("fate %v; want stored %d, set aside %d", f, c.stored, c.aside)
					}
				})
			}
		})
	}
}

// awaitDenial waits until the log tells that the user may not do something.
func (b *bundle) awaitDenial() {
	b.t.Helper()
	denied := make(chan struct{})
	go func() {
		defer close(denied)
		select {
		case <-b.log.saying("denied"):
		case <-b.log.saying("no privilege on it"): // of a table of which the server tells nothing
		case <-b.t.Context().Done():
		}
	}()
	await(b.t, denied, "the right that lacks to be told of")
}

// rights are what GRANT takes for this test's database, but for one of them. A
// table that is not there can only be granted with CREATE: without that, none
// of its rights are.
func (b *bundle) rights(needs, beside []string, without string) (given []string) {
	byTable := map[string][]string{}
	for _, right := range slices.Concat(needs, beside) {
		what, table, other := strings.Cut(right, " ")
		if !other {
			table = "t"
		}
		if right != without && "CREATE "+table != without {
			byTable[table] = append(byTable[table], what)
		}
	}
	for table, rights := range byTable {
		given = append(given, fmt.Sprintf("%s ON `%s`.`%s`", strings.Join(rights, ", "), b.database, table))
	}
	return given
}
