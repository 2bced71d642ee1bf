package integration_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

func TestLoadDescribesTheTable(t *testing.T) {
	db := open(t, "load")
	db.MustExec("CREATE TABLE `a``b.c` (" +
		"`select` INT NOT NULL, `a``b` DECIMAL(10,2) UNSIGNED, `with space` ENUM('x','y)') NOT NULL, `größe` JSON, `" + strings.Repeat("é", 64) + "` TEXT," +
		"v INT AS (1+1) VIRTUAL, w INT AS (1+2) PERSISTENT, hidden INT INVISIBLE, stamp TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)," +
		"expr INT DEFAULT (1+1), p POINT, q POINT REF_SYSTEM_ID=4326, PRIMARY KEY (`with space`, `select`))")
	want := []schema.Column{
		{Name: "select", Type: "int(11)", Required: true, Placeholder: "?"},
		{Name: "a`b", Type: "decimal(10,2) unsigned", Nullable: true, Placeholder: "?"},
		{Name: "with space", Type: "enum('x','y)')", Required: true, Placeholder: "?"},
		{Name: "größe", Type: "longtext", Nullable: true, Placeholder: "?"},
		{Name: strings.Repeat("é", 64), Type: "text", Nullable: true, Placeholder: "?"},
		{Name: "v", Type: "int(11)", Nullable: true, Generated: true, Placeholder: "?"},
		{Name: "w", Type: "int(11)", Nullable: true, Generated: true, Placeholder: "?"},
		{Name: "hidden", Type: "int(11)", Nullable: true, Placeholder: "?"},
		{Name: "stamp", Type: "timestamp(3)", Nullable: false, Placeholder: "?"},
		{Name: "expr", Type: "int(11)", Nullable: true, Placeholder: "?"},
		{Name: "p", Type: "point", Nullable: true, Placeholder: "ST_GeomFromText(?)"},
		{Name: "q", Type: "point", Nullable: true, Placeholder: "ST_GeomFromText(?, 4326)"},
	}
	for _, name := range []schema.Name{{Table: "a`b.c"}, {Database: "load", Table: "a`b.c"}} {
		got, err := schema.Load(context.Background(), db, name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Columns, cmpopts.IgnoreUnexported(schema.Column{}), cmpopts.IgnoreFields(schema.Column{}, "Charset", "Collation")); diff != "" {
			t.Errorf("%v: columns (-want +got):\n%s", name, diff)
		}
		if !slices.Equal(got.PrimaryKey, []int{2, 0}) {
			t.Errorf("%v: primary key %v, want [2 0]", name, got.PrimaryKey)
		}
		if got.Name != name {
			t.Errorf("name %v, want %v", got.Name, name)
		}
	}
}

func TestLoadOfAMissingTableIsErrNoTable(t *testing.T) {
	db := open(t, "load_missing")
	db.MustExec("CREATE TABLE t (a INT)")
	none, err := sqlx.Open("mysql", server.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	cases := map[string]struct {
		db   *sqlx.DB
		name schema.Name
	}{
		"no table":           {db, schema.Name{Table: "absent"}},
		"no database":        {db, schema.Name{Database: "absent", Table: "t"}},
		"no database chosen": {none, schema.Name{Table: "t"}},
		"case of a file":     {db, schema.Name{Table: "T"}},
		"a pattern":          {db, schema.Name{Table: "%"}},
	}
	for name, c := range cases {
		if _, err := schema.Load(context.Background(), c.db, c.name); !errors.Is(err, schema.ErrNoTable) || !strings.Contains(err.Error(), c.name.Table) {
			t.Errorf("%s: error %v, want ErrNoTable with the name", name, err)
		}
	}
}

func TestLoadTellsTablesApartByCase(t *testing.T) {
	db := open(t, "load_case")
	db.MustExec("CREATE TABLE t (lower INT)")
	db.MustExec("CREATE TABLE T (upper INT)")
	for name, column := range map[string]string{"t": "lower", "T": "upper"} {
		got, err := schema.Load(context.Background(), db, schema.Name{Table: name})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Columns) != 1 || got.Columns[0].Name != column {
			t.Errorf("table %s: columns %v, want %s alone", name, got.Columns, column)
		}
	}
}

func TestLoadKnowsJSONHoweverItIsQuoted(t *testing.T) {
	db := open(t, "load_ansi")
	db.SetMaxOpenConns(1)
	db.MustExec("CREATE TABLE t (`a\"b``c` JSON, j JSON, plain LONGTEXT COMMENT 'json_valid(`plain`)')")
	for _, setting := range []string{"sql_mode = 'ANSI_QUOTES'", "sql_quote_show_create = 0"} {
		db.MustExec("SET " + setting)
		got, err := schema.Load(context.Background(), db, schema.Name{Table: "t"})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{`"x"`, `"x"`, "x"} {
			if arg, err := converted(&got.Columns[i], value(t, `"x"`), nil); err != nil || arg != want {
				t.Errorf("%s: column %d: %v, %v, want %s", setting, i, arg, err, want)
			}
		}
	}
}

// TestLoadTakesCheckedTextForText: only LONGTEXT is what JSON is to MariaDB, whatever
// other columns there are.
func TestLoadTakesCheckedTextForText(t *testing.T) {
	db := open(t, "load_checked")
	db.MustExec("CREATE TABLE t (checked VARCHAR(9) CHECK (json_valid(checked)), j JSON, l LONGTEXT)")
	got, err := schema.Load(context.Background(), db, schema.Name{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"[1]", `"[1]"`, "[1]"} {
		if arg, err := converted(&got.Columns[i], value(t, `"[1]"`), nil); err != nil || arg != want {
			t.Errorf("column %s: %v, %v, want %s", got.Columns[i].Name, arg, err, want)
		}
	}
}

func TestLoadOfAView(t *testing.T) {
	db := open(t, "load_view")
	db.MustExec("CREATE TABLE t (a INT PRIMARY KEY, l LONGTEXT)")
	db.MustExec("CREATE VIEW w AS SELECT a, l FROM t")
	got, err := schema.Load(context.Background(), db, schema.Name{Table: "w"})
	if err != nil || len(got.Columns) != 2 || len(got.PrimaryKey) != 0 {
		t.Errorf("got %+v, %v, want two columns and no key", got, err)
	}
}

// TestLoadOfAViewLooksBeneath: a view is as safe as the tables that it shows.
func TestLoadOfAViewLooksBeneath(t *testing.T) {
	db := open(t, "load_beneath")
	db.MustExec("CREATE TABLE safe (a INT, k INT PRIMARY KEY)")
	db.MustExec("CREATE TABLE `un``sa.fe` (a INT, k INT PRIMARY KEY) ENGINE=MyISAM")
	db.MustExec("CREATE VIEW v_safe AS SELECT a FROM safe WHERE a <> 5")
	db.MustExec("CREATE VIEW v_unsafe AS SELECT x.a FROM `un``sa.fe` AS x")
	db.MustExec("CREATE VIEW `v``nested` AS SELECT a AS b FROM v_unsafe")
	db.MustExec("CREATE VIEW v_joined AS SELECT safe.a AS b FROM safe LEFT JOIN `un``sa.fe` u USING (k)")
	db.MustExec("CREATE VIEW v_listed AS SELECT safe.a AS b FROM safe, v_safe, `v``nested` u")
	for view, want := range map[string]string{
		"v_safe": "v_safe ", "v_unsafe": "load_beneath.`un``sa.fe` MyISAM", "v`nested": "load_beneath.`un``sa.fe` MyISAM",
		"v_joined": "load_beneath.`un``sa.fe` MyISAM", "v_listed": "load_beneath.`un``sa.fe` MyISAM", "safe": "safe InnoDB", "un`sa.fe": "`un``sa.fe` MyISAM",
	} {
		got, err := schema.Load(context.Background(), db, schema.Name{Table: view})
		if err != nil {
			t.Fatal(err)
		}
		name, engine := got.Unsafe()
		if text := name.String() + " " + engine; text != want || got.Atomic != !strings.HasSuffix(want, "MyISAM") {
			t.Errorf("%s: %s, atomic %v; want %s", view, text, got.Atomic, want)
		}
	}
	// Who may not see what a view is made of is told nothing.
	if err := server.CreateUser("blind", "secret", "INSERT, SELECT ON load_beneath.v_unsafe"); err != nil {
		t.Fatal(err)
	}
	blind, err := sqlx.Open("mysql", server.UserDSN("blind", "secret", "load_beneath"))
	if err != nil {
		t.Fatal(err)
	}
	defer blind.Close()
	if got, err := schema.Load(context.Background(), blind, schema.Name{Table: "v_unsafe"}); err != nil || !got.Atomic {
		t.Errorf("got %+v, %v", got, err)
	}
}

// INSERT alone must do: key, generated columns and MariaDB's JSON included.
func TestLoadNeedsInsertPrivilegeOnly(t *testing.T) {
	db := open(t, "load_grant")
	db.MustExec("CREATE TABLE t (a INT, j JSON, v INT AS (1) VIRTUAL, p POINT, PRIMARY KEY (a))")
	db.MustExec("CREATE TABLE other (a INT)")
	if err := server.CreateUser("inserter", "secret", "INSERT ON load_grant.t"); err != nil {
		t.Fatal(err)
	}
	poor, err := sqlx.Open("mysql", server.UserDSN("inserter", "secret", "load_grant"))
	if err != nil {
		t.Fatal(err)
	}
	defer poor.Close()
	got, err := schema.Load(context.Background(), poor, schema.Name{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Columns) != 4 || !got.Columns[2].Generated || !slices.Equal(got.PrimaryKey, []int{0}) {
		t.Errorf("got %+v", got)
	}
	if arg, err := converted(&got.Columns[1], value(t, `"x"`), nil); err != nil || arg != `"x"` {
		t.Errorf("a string for the JSON column is %v, %v, want it quoted", arg, err)
	}
	if _, err := schema.Load(context.Background(), poor, schema.Name{Table: "other"}); !errors.Is(err, schema.ErrNoTable) {
		t.Errorf("a table without a grant: error %v, want ErrNoTable", err)
	}
}

func TestInsertOfDefaultsOnly(t *testing.T) {
	db := open(t, "defaults")
	db.MustExec("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT DEFAULT 7, b VARCHAR(9) DEFAULT 'x')")
	tab, err := schema.Load(context.Background(), db, schema.Name{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	db.MustExec(statement.Insert(tab, nil, 2, nil))
	// The first row lacks b, the second a.
	db.MustExec(statement.Insert(tab, []int{1, 2}, 2, func(row, i int) bool { return row+i == 1 }), 8, "y")
	var got []string
	if err := db.Select(&got, "SELECT CONCAT_WS(' ', id, a, b) FROM t ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 7 x", "2 7 x", "3 8 x", "4 7 y"}; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}
