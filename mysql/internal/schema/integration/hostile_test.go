package integration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// pieces are what breaks quoting where it can be broken.
var pieces = []string{
	"`", "``", "'", `"`, `\`, "\\`", ";", "--", "-- ", "/*", "*/", "/*!", "#", "?", "%s", "\n", "\r", "\t", "\x01", "\x1a", "\x7f", " ", "(", ")", ",", ".",
	"@", "$", ":", "{{.a}}", "0", "select", "NULL", "DROP TABLE canary", ") VALUES (1);", "é", "漢", "ß", "\u00a0", "\u2028", "＇", "‘", "ʼ", "｀", "\uffee",
}

// hostile makes a name of at most limit characters that the server accepts.
func hostile(random *rand.Rand, limit, number int) string {
	tail := fmt.Sprintf("~%d", number) // unique, and no space at the end
	var b strings.Builder
	for {
		piece := pieces[random.IntN(len(pieces))]
		if len([]rune(b.String()))+len([]rune(piece))+len(tail) > limit || random.IntN(12) == 0 {
			return b.String() + tail
		}
		b.WriteString(piece)
	}
}

// Thousands of names that try to be SQL become tables and columns, and are
// written through Insert with a value of their own each.
func TestHostileNamesStayNames(t *testing.T) {
	db := open(t, "hostile")
	db.MustExec("CREATE TABLE canary (a INT)")
	const tables, columns = 40, 75
	random := rand.New(rand.NewPCG(1, 2))
	for n := range tables {
		name := schema.Name{Table: hostile(random, 30, n)}
		if n%2 == 0 {
			name.Database = "hostile"
		}
		names := make([]string, columns)
		definitions := make([]string, columns)
		for i := range names {
			names[i] = hostile(random, 64, i)
			definitions[i] = statement.Quote(names[i]) + " INT"
		}
		db.MustExec("CREATE TABLE " + statement.Table(name) + " (" + strings.Join(definitions, ",") + ")")
		writeAndCompare(t, n, name, names)
	}
	var left int
	if err := db.Get(&left, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'hostile'"); err != nil {
		t.Fatal(err)
	}
	if left != tables+1 {
		t.Errorf("%d tables are left, want %d", left, tables+1)
	}
}

func writeAndCompare(t *testing.T, n int, name schema.Name, names []string) {
	t.Helper()
	db := reopen(t, "hostile")
	defer db.Close()
	tab, err := schema.Load(context.Background(), db, name)
	if err != nil {
		t.Fatal(err)
	}
	cols := make([]int, 0, len(names))
	args := make([]any, 0, 2*len(names))
	for i, want := range names {
		if tab.Columns[i].Name != want || tab.Lookup([]byte(want)) != i {
			t.Fatalf("column %d is %q, want %q", i, tab.Columns[i].Name, want)
		}
		cols = append([]int{i}, cols...)
		args = append(args, n*1000+len(names)-1-i)
	}
	absent := func(row, i int) bool { return row == 1 && i > 0 }
	if _, err := db.Exec(statement.Insert(tab, cols, 2, absent), append(args, 5)...); err != nil {
		t.Fatalf("insert into %q: %v", name, err)
	}
	rows, err := db.Queryx("SELECT * FROM " + statement.Table(name))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("table %q is empty", name)
	}
	got, err := rows.SliceScan()
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		if want := fmt.Sprint(n*1000 + i); fmt.Sprint(got[i]) != want {
			t.Errorf("column %q holds %v, want %s", names[i], got[i], want)
		}
	}
}
