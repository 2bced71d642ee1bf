package design

import (
	"fmt"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

func sampleOf(t *testing.T, rows string) *Sample {
	t.Helper()
	s := &Sample{}
	var d payload.Decoder
	d.Reset([]byte(rows))
	for {
		row, err := d.Next()
		if err != nil {
			return s
		}
		s.Add(row)
	}
}

func show(columns []Column) string {
	var texts []string
	for _, c := range columns {
		texts = append(texts, c.Name+" "+c.Type.SQL(false))
	}
	return strings.Join(texts, ", ")
}

// What the values of one field, x, make of its column.
func TestTypesOfSamples(t *testing.T) {
	long, longer := `"`+strings.Repeat("é", 65)+`"`, `"`+strings.Repeat("x", 20000)+`"`
	for _, c := range []struct{ values, want string }{
		{`1, -5, 0`, "BIGINT"},
		{`9223372036854775807, -9223372036854775808`, "BIGINT"},
		{`9223372036854775808`, "DECIMAL(38,0)"},
		{`-1, 18446744073709551615`, "DECIMAL(38,0)"},
		{`123456789012345678901234567890123456789`, "DECIMAL(65,0)"},
		{`1` + strings.Repeat("0", 65), "TEXT"},
		{`1.5, 2`, "DOUBLE"},
		{`2, 1e21, -0.0, 1E-5`, "DOUBLE"},
		{`0.1, 1.7976931348623157e308`, "DOUBLE"},
		{`1.5, 9007199254740992`, "DOUBLE"},
		{`1.5, 9007199254740993`, "DECIMAL(65,30)"},
		{`0.12345678901234567890`, "DECIMAL(65,30)"},
		{`1e400`, "TEXT"},
		{`1.5, 1e-400`, "TEXT"},
		{`true, false`, "BOOLEAN"},
		{`true, 1`, "VARCHAR(255)"},
		{`true, "x"`, "VARCHAR(255)"},
		{`1, "x"`, "VARCHAR(255)"},
		{`"x"`, "VARCHAR(255)"},
		{`""`, "VARCHAR(255)"},
		{long, "TEXT"},
		{longer, "LONGTEXT"},
		{`"x", null, ` + long, "TEXT"},
		{`null`, "TEXT"},
		{`null, 1`, "BIGINT"},
		{`{"a":1}`, "JSON"},
		{`[1], null`, "JSON"},
		{`[1], 2, "x"`, "JSON"},
		{`"2026-11-20T10:30:17Z"`, "DATETIME(6)"},
		{`"2026-11-20 10:30:17.123456", "2026-02-28T00:00:00"`, "DATETIME(6)"},
		{`"2026-11-20T10:30:17.1234567Z"`, "VARCHAR(255)"},
		{`"2026-11-20T10:30:17+08:00"`, "VARCHAR(255)"},
		{`"2026-11-20T10:30:17Z", "2026-11-20T10:30:17"`, "VARCHAR(255)"},
		{`"2026-02-29T10:30:17Z"`, "VARCHAR(255)"},
		{`"0000-00-00 00:00:00"`, "VARCHAR(255)"},
		{`"2026-11-20"`, "VARCHAR(255)"},
		{`"2026-11-20 10:30:17", ""`, "VARCHAR(255)"},
		{`"2026-11-20 10:30:17", 5`, "VARCHAR(255)"},
	} {
		var rows []string
		for v := range strings.SplitSeq(c.values, ", ") {
			rows = append(rows, `{"x":`+v+`}`)
		}
		p := Plan{MaxColumns: 10, UTC: true}
		columns, _, err := p.Table(sampleOf(t, strings.Join(rows, " ")))
		if got := show(columns); err != nil || got != "x "+c.want+" NULL" {
			t.Errorf("%.80s: %s, %v; want %s", c.values, got, err, c.want)
		}
	}
}

// A time in UTC loses its zone where the rule writes the time of another.
func TestTimesInOtherZonesStayText(t *testing.T) {
	p := Plan{MaxColumns: 10}
	columns, _, _ := p.Table(sampleOf(t, `{"a":"2026-11-20T10:30:17Z","b":"2026-11-20T10:30:17"}`))
	if got := show(columns); got != "a VARCHAR(255) NULL, b DATETIME(6) NULL" {
		t.Error(got)
	}
}

func TestPlans(t *testing.T) {
	declared, err := ParseDeclaration(map[string]any{"b": "int unsigned not null", "ID": "bigint", "a": "timestamp(3)"}, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	many := &strings.Builder{}
	for i := range 60 {
		fmt.Fprintf(many, `{"c%d":"x"}`, i)
	}
	for _, c := range []struct {
		name, rows, want string
		plan             Plan
		over             int
		err              string
	}{
		{"names in any case", `{"a":1,"A":1.5}`, "a DOUBLE NULL", Plan{MaxColumns: 10}, 0, ""},
		{"names that are none", `{"":1,"a ":1,"` + strings.Repeat("x", 65) + `":1,"\u0000":1,"\ud83d\ude00":1,"ok":1}`, "ok BIGINT NULL", Plan{MaxColumns: 10}, 0, ""},
		{"nothing", `{} {"":1}`, "", Plan{MaxColumns: 10}, 0, ErrNothing.Error()},
		{"too many", `{"a":1,"b":2,"c":3}`, "a BIGINT NULL, b BIGINT NULL", Plan{MaxColumns: 2}, 1, ""},
		{"declared", `{"c":1}`, "ID BIGINT NULL, a TIMESTAMP(3) NULL, b INT UNSIGNED NOT NULL", Plan{MaxColumns: 10, Declared: declared, Key: []string{"id"}}, 0, ""},
		{"declared and more", `{"c":1,"id":"x"}`, "ID BIGINT NULL, a TIMESTAMP(3) NULL, b INT UNSIGNED NOT NULL, c BIGINT NULL", Plan{MaxColumns: 10, Declared: declared, Evolve: On}, 0, ""},
		{"null waits", `{"a":null,"b":1}`, "b BIGINT NULL", Plan{MaxColumns: 10, Evolve: On}, 0, ""},
		{"a key of text", `{"k":"` + strings.Repeat("x", 200) + `","v":1}`, "k VARCHAR(255) NULL, v BIGINT NULL", Plan{MaxColumns: 10, Key: []string{"K"}}, 0, ""},
		{"a key of long text", `{"k":"` + strings.Repeat("x", 300) + `"}`, "", Plan{MaxColumns: 10, Key: []string{"k"}}, 0, `"k": as the rows are it would be TEXT`},
		{"a key of JSON", `{"k":[1]}`, "", Plan{MaxColumns: 10, Key: []string{"k"}}, 0, `it would be JSON`},
		{"a key that no row has", `{"v":1}`, "", Plan{MaxColumns: 10, Key: []string{"k"}}, 0, `column "k": no row that waits has such a field`},
	} {
		t.Run(c.name, func(t *testing.T) {
			columns, over, err := c.plan.Table(sampleOf(t, c.rows))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %q", err, c.err)
				}
				return
			}
			if got := show(columns); err != nil || got != c.want || over != c.over {
				t.Errorf("%s, %d over, %v; want %s", got, over, err, c.want)
			}
		})
	}
	p := Plan{MaxColumns: 100}
	columns, _, _ := p.Table(sampleOf(t, many.String()))
	if n := strings.Count(show(columns), "VARCHAR"); n != mostWide || len(columns) != 60 {
		t.Errorf("%d wide columns of %d", n, len(columns))
	}
}

// What the table has already takes up room as well.
func TestTextHasRoomInTheRow(t *testing.T) {
	p := Plan{MaxColumns: 200, Evolve: On}
	for kind, want := range map[string]string{
		"int": "VARCHAR(255)", "varchar(255)": "VARCHAR(255)", "varchar(11986)": "TEXT", "CHAR(255)": "VARCHAR(255)", "text": "VARCHAR(255)", "varbinary(60000)": "VARCHAR(255)",
	} {
		columns, _ := p.Missing(schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("a", kind)), sampleOf(t, `{"x":"x"}`))
		if got := show(columns); got != "x "+want+" NULL" {
			t.Errorf("beside %s: %s", kind, got)
		}
	}
	many := make([]schema.Column, mostWide)
	for i := range many {
		many[i] = schema.NewColumn(fmt.Sprintf("c%d", i), "varchar(255)")
	}
	for has, want := range map[int]string{mostWide - 1: "x VARCHAR(255) NULL, y TEXT NULL", mostWide: "x TEXT NULL, y TEXT NULL"} {
		columns, _ := p.Missing(schema.NewTable(schema.Name{Table: "t"}, many[:has]...), sampleOf(t, `{"x":"x","y":"y"}`))
		if got := show(columns); got != want {
			t.Errorf("beside %d: %s", has, got)
		}
	}
}

// Only what the rows tell of is made narrower, or left out.
func TestTablesThatAreTooLarge(t *testing.T) {
	declared, err := ParseDeclaration(map[string]any{"d": "VARCHAR(255)"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{MaxColumns: 10, Evolve: On, Declared: declared, Key: []string{"K"}}
	sample := sampleOf(t, `{"k":"x","x":"x","n":1,"out":1}`)
	columns, _, err := p.Table(sample.Without(func(name string) bool { return name == "out" }))
	if got := show(columns); err != nil || got != "d VARCHAR(255) NULL, k VARCHAR(255) NULL, x VARCHAR(255) NULL, n BIGINT NULL" {
		t.Fatal(got, err)
	}
	narrow, can := Narrow(columns)
	if got := show(narrow); !can || got != "d VARCHAR(255) NULL, k VARCHAR(255) NULL, x TEXT NULL, n BIGINT NULL" {
		t.Error(got, can)
	}
	if again, can := Narrow(narrow); can || show(again) != show(narrow) {
		t.Error(show(again), can)
	}
	for name, want := range map[string]bool{"D": false, "k": false, "x": true, "n": true} {
		if p.Spares(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if columns, _, _ = p.Table(sample); len(columns) != 5 {
		t.Errorf("the sample has changed: %s", show(columns))
	}
}

func TestMissingColumns(t *testing.T) {
	declared, err := ParseDeclaration(map[string]any{"n": "INT NOT NULL DEFAULT 7"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	table := schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("a", "int"), schema.NewColumn("b", "int"))
	p := Plan{MaxColumns: 4, Evolve: On, Declared: declared}
	columns, over := p.Missing(table, sampleOf(t, `{"A":1,"n":5,"later":null,"c":2.5,"d":1}`))
	if got := show(columns); got != "n INT NULL DEFAULT 7, c DOUBLE NULL" || over != 1 {
		t.Errorf("%s, %d over", got, over)
	}
	if columns, over := p.Missing(table, sampleOf(t, `{"a":1}`)); len(columns) != 0 || over != 0 {
		t.Errorf("%s, %d over", show(columns), over)
	}
}

func TestDeclaredTypes(t *testing.T) {
	for text, want := range map[string]string{
		"bigint unsigned not null":       "BIGINT UNSIGNED NOT NULL",
		" Decimal ( 10 , 2 ) ":           "DECIMAL(10,2) NULL",
		"DOUBLE DEFAULT -1.5":            "DOUBLE NULL DEFAULT -1.5",
		"varchar(200) default 'it''s'":   "VARCHAR(200) NULL DEFAULT 'it''s'",
		"enum('a','b''c') not null":      "ENUM('a','b''c') NOT NULL",
		"datetime(3) DEFAULT NOW(3)":     "DATETIME(3) NULL DEFAULT CURRENT_TIMESTAMP(3)",
		"timestamp NULL DEFAULT NULL":    "TIMESTAMP NULL DEFAULT NULL",
		"bigint auto_increment":          "BIGINT NOT NULL AUTO_INCREMENT",
		"varchar(9) COLLATE utf8mb4_bin": "VARCHAR(9) COLLATE utf8mb4_bin NULL",
		"json":                           "JSON NULL",
		"vector(3)":                      "VECTOR(3) NULL",
		"year":                           "YEAR NULL",
	} {
		got, err := ParseType(text)
		if err != nil || got.SQL(false) != want {
			t.Errorf("%q: %q, %v; want %q", text, got.SQL(false), err, want)
		}
	}
	for text, want := range map[string]string{
		"":                              "no type that is known",
		"INT); DROP TABLE t; --":        `';' has no place`,
		"INT) ENGINE":                   `")" has no place there`,
		"INT /* x */":                   "has no place in a type",
		"INT `x`":                       "has no place in a type",
		`VARCHAR(9) DEFAULT 'a\'' OR 1`: "a backslash",
		"VARCHAR(9) DEFAULT 'a":         "a quote is not closed",
		"VARCHAR":                       "needs its length",
		"VARCHAR(20000)":                `does not take "20000"`,
		"DECIMAL(2,5)":                  "more digits after the point",
		"DECIMAL(1,1,1)":                `does not take "1"`,
		"INT(11)":                       `does not take "11"`,
		"INT(":                          `does not take ""`,
		"DECIMAL(5":                     "a bracket is not closed",
		"DOUBLE AUTO_INCREMENT":         "of what is no integer",
		"INT NOT NULL DEFAULT NULL":     "NOT NULL with DEFAULT NULL",
		"INT NULL NOT NULL":             "NULL twice",
		"INT DEFAULT (SELECT 1)":        `DEFAULT "(" is none`,
		"INT DEFAULT SLEEP":             `DEFAULT "SLEEP" is none`,
		"INT COLLATE utf8mb4_bin":       `"COLLATE" has no place`,
		"TEXT COLLATE 'x'":              "without a collation's name",
		"INT GENERATED":                 `"GENERATED" has no place`,
		"'INT'":                         "no type that is known",
		"ENUM(a)":                       "not in quotes",
		"ENUM('a' 'b')":                 "a bracket is not closed",
		"INT DEFAULT 1 PRIMARY KEY":     `"PRIMARY" has no place`,
		"INT DEFAULT 1..2":              `is none`,
	} {
		if got, err := ParseType(text); err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, `';'`, `";"`)) || !strings.Contains(err.Error(), "allowed: ") {
			t.Errorf("%q: %q, %v; want %q", text, got.SQL(false), err, want)
		}
	}
}

func TestDeclarations(t *testing.T) {
	for _, c := range []struct {
		types map[string]any
		key   []string
		want  []string
	}{
		{map[string]any{"a": 5, "b": "NOPE", " ": "INT"}, nil, []string{`column "a": a value of type int`, `column "b": "NOPE"`, `column " ": a name that ends in a space`}},
		{map[string]any{"a": "INT", "A": "INT"}, nil, []string{"differ in letter case alone"}},
		{map[string]any{"a": "JSON"}, []string{"a"}, []string{`column "a": no server has a key of JSON`}},
		{map[string]any{"a": "INT"}, []string{"a", "A", ""}, []string{`column "A": twice`, `column "": an empty name`}},
		{map[string]any{"a": "INT AUTO_INCREMENT"}, nil, []string{"of the first column of the primaryKey"}},
	} {
		_, err := ParseDeclaration(c.types, c.key)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, key %q: %v; want %q", c.types, c.key, err, want)
			}
		}
	}
	declared, _ := ParseDeclaration(map[string]any{"a": "INT"}, nil)
	for want, p := range map[string]Plan{
		"nothing is made with it":        {Declared: declared, MaxColumns: 5},
		"no table is made with it":       {Key: []string{"a"}, Evolve: On, MaxColumns: 5},
		`column "b" is not in schema`:    {Create: On, Declared: declared, Key: []string{"b"}, MaxColumns: 5},
		"1 columns; allowed: maxColumns": {Create: On, Declared: declared},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Whatever a declaration says, what is rendered of it is read the same again,
// and holds no more than words, brackets and closed texts.
func FuzzType(f *testing.F) {
	for _, seed := range []string{"BIGINT UNSIGNED NOT NULL", "ENUM('a','b''c')", "VARCHAR(9) DEFAULT 'x' COLLATE utf8mb4_bin", "INT); DROP TABLE t", "DATETIME DEFAULT NOW(3)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseType(text)
		if err != nil {
			return
		}
		again, err := ParseType(got.SQL(false))
		if err != nil || again.SQL(false) != got.SQL(false) {
			t.Errorf("%q is %q, which is %q, %v", text, got.SQL(false), again.SQL(false), err)
		}
	})
}
