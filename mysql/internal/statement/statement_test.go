package statement_test

import (
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

func TestTable(t *testing.T) {
	cases := map[string]schema.Name{
		"`t`":             {Table: "t"},
		"`db`.`t`":        {Database: "db", Table: "t"},
		"`a.b`.```; --`":  {Database: "a.b", Table: "`; --"},
		"`a``b```.`c\\d`": {Database: "a`b`", Table: `c\d`},
	}
	for want, name := range cases {
		if got := statement.Table(name); got != want {
			t.Errorf("%+v: %s, want %s", name, got, want)
		}
	}
}

func TestInsert(t *testing.T) {
	tab := schema.NewTable(schema.Name{Database: "d", Table: "t"},
		schema.NewColumn("a", "int"), schema.NewColumn("b`c", "text"), schema.NewColumn("p", "point"))
	diagonal := func(row, i int) bool { return row == i }
	cases := []struct {
		cols   []int
		rows   int
		absent func(row, i int) bool
		want   string
	}{
		{[]int{0}, 1, nil, "INSERT INTO `d`.`t` (`a`) VALUES (?)"},
		{[]int{2, 0}, 2, nil, "INSERT INTO `d`.`t` (`p`,`a`) VALUES (ST_GeomFromText(?),?),(ST_GeomFromText(?),?)"},
		{[]int{0, 1, 2}, 2, diagonal, "INSERT INTO `d`.`t` (`a`,`b``c`,`p`) VALUES (DEFAULT,?,ST_GeomFromText(?)),(?,DEFAULT,ST_GeomFromText(?))"},
		{nil, 1, nil, "INSERT INTO `d`.`t` () VALUES ()"},
		{nil, 3, diagonal, "INSERT INTO `d`.`t` () VALUES (),(),()"},
	}
	for _, c := range cases {
		if got := statement.Insert(tab, c.cols, c.rows, c.absent); got != c.want {
			t.Errorf("%v, %d rows:\n%s, want\n%s", c.cols, c.rows, got, c.want)
		}
	}
}

func TestSelect(t *testing.T) {
	tab := schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("a", "int"), schema.NewColumn("b`c", "text"), schema.NewColumn("d", "int"))
	for want, got := range map[string]string{
		"SELECT `a` FROM `t` WHERE (`a`) IN ((?))":                       statement.Select(tab, []int{0}, []int{0}, 1),
		"SELECT `d`,`b``c` FROM `t` WHERE (`b``c`,`a`) IN ((?,?),(?,?))": statement.Select(tab, []int{2, 1}, []int{1, 0}, 2),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// scan takes one quoted identifier off the front of sql as the server does.
func scan(sql string) (name, rest string, ok bool) {
	if !strings.HasPrefix(sql, "`") {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(sql); i++ {
		if sql[i] != '`' {
			b.WriteByte(sql[i])
			continue
		}
		if i+1 == len(sql) || sql[i+1] != '`' {
			return b.String(), sql[i+1:], true
		}
		b.WriteByte('`')
		i++
	}
	return "", "", false
}

// A name reads back as it was, and what follows it is untouched.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"a", "", "`", "``", "a`b", "`; DROP TABLE t; --", `\`, "\x00", "\xff", "é", "?"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, rest, ok := scan(statement.Quote(a) + " rest"); !ok || got != a || rest != " rest" {
			t.Fatalf("%q reads back as %q before %q", a, got, rest)
		}
		sql := statement.Table(schema.Name{Database: a, Table: b})
		if a != "" {
			got, rest, ok := scan(sql)
			if !ok || got != a || !strings.HasPrefix(rest, ".") {
				t.Fatalf("%s: %q reads back as %q before %q", sql, a, got, rest)
			}
			sql = rest[1:]
		}
		if got, rest, ok := scan(sql); !ok || got != b || rest != "" {
			t.Fatalf("%s: %q reads back as %q before %q", sql, b, got, rest)
		}
		insert := statement.Insert(schema.NewTable(schema.Name{Table: a}, schema.NewColumn(b, "int")), []int{0}, 1, nil)
		if want := "INSERT INTO " + statement.Quote(a) + " (" + statement.Quote(b) + ") VALUES (?)"; insert != want {
			t.Fatalf("%s, want %s", insert, want)
		}
	})
}

func BenchmarkInsert(b *testing.B) {
	var columns []schema.Column
	var cols []int
	for i, name := range []string{"id", "device", "temperature", "humidity", "stamp"} {
		columns = append(columns, schema.NewColumn(name, "int"))
		cols = append(cols, i)
	}
	tab := schema.NewTable(schema.Name{Table: "t"}, columns...)
	for name, absent := range map[string]func(row, i int) bool{"full": nil, "some absent": func(row, i int) bool { return (row+i)%7 == 0 }} {
		b.Run(name+"/1000 rows", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				statement.Insert(tab, cols, 1000, absent)
			}
		})
	}
}
