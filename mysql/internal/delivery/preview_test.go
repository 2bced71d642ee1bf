package delivery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/schema"
)

func TestPreviewIsWhatTheWriterWouldDo(t *testing.T) {
	id, name, must := schema.NewColumn("id", "bigint"), schema.NewColumn("name", "varchar(5)"), schema.NewColumn("must", "int")
	id.Nullable, must.Nullable, must.Required = false, false, true
	twice := schema.NewColumn("twice", "bigint")
	twice.Generated = true
	table := func(columns ...schema.Column) *schema.Table {
		t := schema.NewTable(schema.Name{Table: "t"}, columns...)
		t.PrimaryKey, t.Engine = []int{0}, "InnoDB"
		t.Unique.Keys = []schema.Key{{Columns: []int{0}, NotNull: true}}
		return t
	}
	narrow := table(id, name, twice)
	server := Server{Version: "9.7.0", Flavour: fault.MySQL, LocalInfile: true}
	for _, c := range []struct {
		name   string
		table  *schema.Table
		row    string // empty: one with all columns
		set    func(*Options)
		server Server
		want   string // the statement, or the reason
		load   bool
		no     string // why not by LOAD DATA
		lacks  string
	}{
		{name: "a row", row: `{"name":"a","id":1}`, want: "INSERT INTO `t` (`name`,`id`) VALUES (?,?)", load: true},
		{name: "all columns", want: "INSERT INTO `t` (`id`,`name`) VALUES (?,?)", load: true},
		{name: "what is computed", row: `{"id":1,"twice":2}`, want: "INSERT INTO `t` (`id`) VALUES (?)", load: true},
		{name: "a null that is left out", row: `{"id":1,"name":null}`, set: func(o *Options) { o.NullAsDefault = true }, want: "INSERT INTO `t` (`id`) VALUES (?)", load: true},
		{name: "too long", row: `{"id":1,"name":"abcdef"}`, want: `column "name"`},
		{name: "no column", row: `{"id":1,"x":1}`, want: `field "x": table "t" has no such column`},
		{name: "nothing", row: `{}`, want: "no field"},
		{name: "what the table wants", table: table(id, must), row: `{"id":1}`, want: "INSERT INTO `t` (`id`) VALUES (?)", no: "LOAD DATA could change", lacks: "must"},
		{name: "upsert", row: `{"id":1,"name":"a"}`, set: func(o *Options) { o.Manner = &Manner{Mode: plan.Upsert} }, want: "AS `ekuiper_incoming` ON DUPLICATE KEY UPDATE", no: "mode is not insert"},
		{name: "update wants nothing", table: table(id, must), row: `{"id":1,"must":2}`, set: func(o *Options) { o.Manner = &Manner{Mode: plan.Update} }, want: "UPDATE `t` SET", no: "mode is not insert"},
		{name: "delete", row: `{"id":1,"name":"a"}`, set: func(o *Options) { o.Manner = &Manner{Mode: plan.Delete} }, want: "DELETE FROM `t` WHERE `id` IN (", no: "mode is not insert"},
		{name: "no key", row: `{"name":"a"}`, set: func(o *Options) { o.Manner = &Manner{Mode: plan.Upsert} }, want: `the row has no value for "id"`},
		{name: "MariaDB", row: `{"id":1}`, server: Server{Version: "10.11.1-MariaDB", Flavour: fault.MariaDB, LocalInfile: true}, want: "INSERT", no: "MariaDB is quicker with INSERT"},
		{name: "no files", row: `{"id":1}`, server: Server{Version: "9.7.0", Flavour: fault.MySQL}, want: "INSERT", no: "local_infile is off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Table: schema.Name{Table: "t"}, Convert: schema.Options{Location: time.UTC}}
			if c.set != nil {
				c.set(&o)
			}
			if c.table == nil {
				c.table = narrow
			}
			if c.server == (Server{}) {
				c.server = server
			}
			var row *payload.Row
			if c.row != "" {
				var d payload.Decoder
				d.Reset([]byte(c.row))
				r, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				row = &r
			}
			p, err := o.Preview(c.table, c.server, row)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(p.Statements, "; ")
			if p.Reason != nil {
				got = p.Reason.Error()
			}
			if !strings.Contains(got, c.want) || (p.Load != "") != c.load || !strings.Contains(p.NoLoad, c.no) || c.load && p.NoLoad != "" {
				t.Errorf("%q, %q, %q", got, p.Load, p.NoLoad)
			}
			if !slices.Equal(p.Missing, strings.Fields(c.lacks)) {
				t.Errorf("missing %q", p.Missing)
			}
		})
	}
}
