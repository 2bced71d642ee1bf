package delivery

import (
	"fmt"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

// mapped is the usual options with a mapping.
func mapped(t testing.TB, m mapping.Options) *Options {
	t.Helper()
	plan, err := mapping.Compile(m)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions
	o.Mapping, o.IgnoreExtraFields = plan, m.IgnoreExtra
	o.Origin = func(number uint64) (*mapping.Origin, uint64) {
		return &mapping.Origin{Rule: "rule", Op: "op", Journal: "j"}, number + 1000
	}
	return &o
}

func TestBatchOfMappedRows(t *testing.T) {
	columns := map[string]any{"name": "p.n", "X": "y", "id": map[string]any{"meta": "number"}}
	for _, c := range []struct {
		name    string
		mapping mapping.Options
		message string
		want    string
		errs    []string
	}{
		{
			"all at once",
			mapping.Options{Columns: columns},
			`[{"y":1,"p":{"n":"a"}},{"p":{},"y":2},{"y":3,"t":0}]`,
			"x id name t | 1 1007 a - | 2 1007 - - | 3 1007 - 1970-01-01 00:00:00.000", nil,
		},
		{"does not convert", mapping.Options{Columns: columns}, `[{"y":1},{"y":"no"},{"p":{"n":"longer than twenty characters"}},{"y":2}]`, "x id | 1 1007 | 2 1007", []string{
			`column "x": "no" does not fit double: not a number (columns: from y)`, `column "name": "longer than twenty characters" does not fit varchar(20): 29 characters, the column holds 20 (columns: from p.n)`,
		}},
		{"no such column", mapping.Options{Columns: map[string]any{"gone": "y"}}, `[{"y":1},{"id":1},{"id":2,"z":1}]`, "id | 1", []string{
			`column "gone" (columns: from y): table "t" has no such column; add it to the table, or correct the property`,
			`field "z": table "t" has no such column; add it, name another in columns, leave the field out of the rule, or set restField, or extraFields to "ignore"`,
		}},
		{"no such column, ignored", mapping.Options{Columns: map[string]any{"gone": "y"}, IgnoreExtra: true}, `[{"y":1,"id":1},{"id":2,"z":1}]`, "id | 1 | 2", nil},
		{"no column for the rest", mapping.Options{Rest: "doc"}, `{"id":1}`, "", []string{`column "doc" (restField): table "t" has no such column; add it to the table, or correct the property`}},
		{"rest", mapping.Options{Rest: "name"}, `[{"id":1,"b":2},{"b":3}]`, `id name | 1 {"b":2} | - {"b":3}`, nil},
		{"generated", mapping.Options{Columns: map[string]any{"computed": "y"}}, `{"y":1,"id":2}`, "id | 2", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &batch{}
			for range 2 {
				b.reset(testTable())
				errs := fill(b, c.message, mapped(t, c.mapping))
				if got := show(b); got != c.want || strings.Join(errs, "\n") != strings.Join(c.errs, "\n") {
					t.Errorf("got %q, errors %q\nwant %q, errors %q", got, errs, c.want, c.errs)
				}
			}
		})
	}
}

// Columns that a mapping adds count as the row's own fields do.
func TestBatchOfMappedRowsDoesNotBurst(t *testing.T) {
	columns, from := make([]schema.Column, 500), map[string]any{}
	for i := range columns {
		columns[i] = schema.NewColumn(fmt.Sprint("c", i), "int")
		if i > 0 {
			from[fmt.Sprint("c", i)] = fmt.Sprint("p.c", i)
		}
	}
	o := mapped(t, mapping.Options{Columns: from})
	b := &batch{}
	b.reset(schema.NewTable(schema.Name{Table: "t"}, columns...))
	narrow := payload.Row{Fields: []payload.Field{{Name: []byte("c0"), Value: payload.Value{Kind: payload.Number, Text: []byte("1")}}}}
	for range 4000 {
		if _, err := b.add(rowRef{}, narrow, o); err != nil {
			t.Fatal(err)
		}
	}
	if b.bursts(narrow, &testOptions) || !b.bursts(narrow, o) {
		t.Error("a row of one field may have 500 columns")
	}
}

// TestMappedRowsCostNoAllocation where nothing has to be written anew.
func TestMappedRowsCostNoAllocation(t *testing.T) {
	o := mapped(t, mapping.Options{Columns: map[string]any{"id": "device", "name": "p.n[0]", "x": 1.5, "t": map[string]any{"meta": "received"}}})
	origin := &mapping.Origin{Rule: "rule", Op: "op"}
	o.Origin = func(number uint64) (*mapping.Origin, uint64) { return origin, number }
	b := &batch{}
	table := testTable()
	var d payload.Decoder
	message := []byte(`[{"device":123456,"p":{"n":["plain"]}},{"device":-1,"p":{"n":["other"]}}]`)
	run := func() {
		b.reset(table)
		d.Reset(message)
		for {
			row, err := d.Next()
			if err != nil {
				break
			}
			if _, err := b.add(rowRef{accepted: 1795251627}, row, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if got := show(b); got != "id name t x | 123456 plain 2026-11-21 09:00:27.000 1.5 | -1 other 2026-11-21 09:00:27.000 1.5" {
		t.Error(got)
	}
	if n := testing.AllocsPerRun(1000, run); n != 0 {
		t.Errorf("%v allocations for two rows, want none", n)
	}
}
