package integration_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/schema"
)

// TestStoredValuesCompareAsWhatTheyWereMadeOf: of all cases that can be
// stored, what is read back is equal to the argument that was sent, and to
// that of another case just when the server shows both alike.
func TestStoredValuesCompareAsWhatTheyWereMadeOf(t *testing.T) {
	db := open(t, "compare")
	for i, g := range groups {
		t.Run(g.columnType+g.zone, func(t *testing.T) {
			table := fmt.Sprintf("t%d", i)
			if _, err := db.Exec(fmt.Sprintf("CREATE TABLE %s (v %s)", table, g.columnType)); err != nil {
				t.Fatal(err)
			}
			o := &schema.Options{Location: location(t, g.zone), EpochUnit: g.unit}
			shown := map[string]string{} // form of the argument -> what the server shows
			for _, c := range append(g.cases, c{in: `null`, want: "NULL"}) {
				if c.wrong != "" || c.serverSays != 0 {
					continue
				}
				if _, err := db.Exec("DELETE FROM " + table); err != nil {
					t.Fatal(err)
				}
				if err := insert(t, db, table, c.in, o); err != nil {
					t.Fatal(err)
				}
				compareStored(t, db, table, c, o, shown)
			}
		})
	}
}

func compareStored(t *testing.T, db *sqlx.DB, table string, c c, o *schema.Options, shown map[string]string) {
	t.Helper()
	ctx := context.Background()
	tab, err := schema.Load(ctx, db, schema.Name{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	col := &tab.Columns[tab.Lookup([]byte("v"))]
	arg, err := converted(col, value(t, c.in), o)
	if err != nil {
		t.Fatal(err)
	}
	sent, ok := col.AppendComparable(nil, arg)
	if !col.Comparable() {
		if ok && arg != nil {
			t.Errorf("%.80s: not comparable, but it has a form", c.in)
		}
		return
	}
	// With an argument the driver prepares the statement: what is read is in the binary protocol.
	var stored any
	if err := db.QueryRowContext(ctx, "SELECT v FROM "+table+" WHERE 1 = ?", 1).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	read, readOK := col.AppendComparable(nil, stored)
	if !ok || !readOK || string(sent) != string(read) {
		t.Errorf("%.80s: sent %T %.80v as %.80q (%v), read %T %.80q as %.80q (%v)", c.in, arg, arg, sent, ok, stored, stored, read, readOK)
	}
	if other, met := shown[string(sent)]; met && other != c.want {
		t.Errorf("%.80s: has the form %.80q as what is shown as %.80q does, which is another value", c.in, sent, other)
	}
	shown[string(sent)] = c.want
}
