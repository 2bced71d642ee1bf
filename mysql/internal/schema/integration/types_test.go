// Package integration_test writes values of every kind into columns of every type of
// a real server, the way the sink does, and reads them back.
package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
	"ekuiper-mysql/test/mariadb"
)

var server *mariadb.Server

// The server's own zone differs from all that the tests use.
func TestMain(m *testing.M) {
	os.Exit(mariadb.RunTests(m, 1, func(_ int, s *mariadb.Server) error {
		server = s
		return nil
	}, "--default-time-zone=-03:30", "--sql-mode="))
}

// open connects as the sink does: session in UTC, strict, utf8mb4.
func open(t *testing.T, database string) *sqlx.DB {
	t.Helper()
	if err := server.CreateDatabase(database); err != nil {
		t.Fatal(err)
	}
	return reopen(t, database)
}

// reopen is open of a database that is there already.
func reopen(t *testing.T, database string) *sqlx.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(server.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Params = map[string]string{
		"time_zone": "'+00:00'",
		"sql_mode":  "CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
	}
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		t.Fatal(err)
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	t.Cleanup(func() { db.Close() })
	return db
}

// value reads a JSON literal as payload.Decoder would.
func value(t *testing.T, literal string) payload.Value {
	t.Helper()
	var d payload.Decoder
	d.Reset([]byte(`{"v":` + literal + `}`))
	row, err := d.Next()
	if err != nil {
		t.Fatalf("decode %.200s: %v", literal, err)
	}
	return row.Fields[0].Value
}

// converted is what the driver is given for v.
func converted(c *schema.Column, v payload.Value, o *schema.Options) (any, error) {
	arg, err := c.Convert(v, o, nil)
	return arg.Value(), err
}

// insert writes literal into column v of table t through every room.
func insert(t *testing.T, db *sqlx.DB, table, literal string, o *schema.Options) error {
	t.Helper()
	ctx := context.Background()
	tab, err := schema.Load(ctx, db, schema.Name{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	col := tab.Lookup([]byte("v"))
	arg, err := converted(&tab.Columns[col], value(t, literal), o)
	if err != nil {
		return err
	}
	stmt, err := db.PrepareContext(ctx, statement.Insert(tab, []int{col}, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	_, err = stmt.ExecContext(ctx, arg)
	return err
}

// read returns column v as expr shows it, NULL as "NULL".
func read(t *testing.T, db *sqlx.DB, table, expr string) string {
	t.Helper()
	var got sql.NullString
	if err := db.QueryRow("SELECT " + expr + " FROM " + statement.Quote(table) + " LIMIT 1").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if !got.Valid {
		return "NULL"
	}
	return got.String
}

// c is one case: a JSON literal, and what the column then holds, or a part of
// the error; serverSays marks an error of the server's.
type c struct {
	in         string
	want       string
	wrong      string
	serverSays uint16
}

type group struct {
	columnType string
	read       string // how v is read back; "v" by default
	zone       string // Options.Location; UTC by default
	unit       schema.EpochUnit
	cases      []c
}

func TestEveryType(t *testing.T) {
	db := open(t, "types")
	for i, g := range groups {
		name := fmt.Sprintf("%s/%s", g.columnType, g.zone)
		t.Run(strings.Trim(name, "/"), func(t *testing.T) {
			table := fmt.Sprintf("t%d", i)
			if _, err := db.Exec(fmt.Sprintf("CREATE TABLE %s (v %s)", table, g.columnType)); err != nil {
				t.Fatal(err)
			}
			o := &schema.Options{Location: location(t, g.zone), EpochUnit: g.unit}
			expr := g.read
			if expr == "" {
				expr = "v"
			}
			for _, c := range append(g.cases, c{in: `null`, want: "NULL"}) {
				if _, err := db.Exec("DELETE FROM " + table); err != nil {
					t.Fatal(err)
				}
				check(t, db, table, expr, c, o)
			}
		})
	}
}

func check(t *testing.T, db *sqlx.DB, table, expr string, c c, o *schema.Options) {
	t.Helper()
	err := insert(t, db, table, c.in, o)
	var refused *schema.ConvertError
	var told *mysql.MySQLError
	switch {
	case c.wrong != "":
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.wrong) || refused.Column != "v" {
			t.Errorf("%.80s: error %v, want one with %q", c.in, err, c.wrong)
		}
	case c.serverSays != 0:
		if !errors.As(err, &told) || told.Number != c.serverSays {
			t.Errorf("%.80s: error %v, want the server's %d", c.in, err, c.serverSays)
		}
	case err != nil:
		t.Errorf("%.80s: %v", c.in, err)
	default:
		if got := read(t, db, table, expr); got != c.want {
			t.Errorf("%.80s: stored as %.200q, want %.200q", c.in, got, c.want)
		}
	}
}

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
