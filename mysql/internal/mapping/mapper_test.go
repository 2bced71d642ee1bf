package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/payload"
)

// fakeTable finds columns as servers do, without regard to case.
type fakeTable []string

func (t fakeTable) Lookup(name []byte) int {
	for i, c := range t {
		if strings.EqualFold(c, string(name)) {
			return i
		}
	}
	return -1
}

// columnsOf returns a pointer: tables are compared.
func columnsOf(names ...string) *fakeTable {
	t := fakeTable(names)
	return &t
}

// plan compiles; columns is JSON.
func plan(t testing.TB, columns string, o Options) *Plan {
	t.Helper()
	if columns != "" {
		if err := json.Unmarshal([]byte(columns), &o.Columns); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mapAll maps the rows of a message, each shown as "column=value ...", or by its error.
func mapAll(m *Mapper, message string, p *Plan, table Table, f Facts) (all []string) {
	var d payload.Decoder
	d.Reset([]byte(message))
	for {
		row, err := d.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		var dropped int
		if err == nil {
			row, dropped, err = m.Map(row, p, table, f)
		}
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		var texts []string
		for _, field := range row.Fields {
			text := string(field.Value.Text)
			switch field.Value.Kind {
			case payload.Null:
				text = "null"
			case payload.String:
				text = fmt.Sprintf("%q", text)
			}
			texts = append(texts, string(field.Name)+"="+text)
		}
		if dropped > 0 {
			texts = append(texts, fmt.Sprintf("(%d dropped)", dropped))
		}
		all = append(all, strings.Join(texts, " "))
	}
}

func TestMap(t *testing.T) {
	const nested = `{"id":1,"p":{"s":[{"t":20.50},{"t":null}],"n":"x"}}`
	for _, c := range []struct {
		name    string
		table   string // columns
		columns string
		o       Options
		rows    string
		want    []string
	}{
		{"renamed", "id temp", `{"temp":"t"}`, Options{}, `[{"id":1,"t":2},{"t":3,"id":4},{"id":5}]`, []string{"id=1 temp=2", "temp=3 id=4", "id=5"}},
		{"a renamed field goes nowhere by name", "t temp", `{"temp":"t"}`, Options{}, `{"t":2}`, []string{"temp=2"}},
		{"one field, two columns", "t temp", `{"temp":"t","t":"t"}`, Options{}, `{"t":2}`, []string{"t=2 temp=2"}},
		{"swapped", "a b", `{"a":"b","b":"a"}`, Options{}, `{"a":1,"b":2}`, []string{"b=1 a=2"}},
		{"letter case counts in paths", "temp", `{"temp":"T"}`, Options{}, `[{"T":1},{"t":1}]`, []string{"temp=1", "t=1"}},
		{"nested", "id t u n all", `{"t":"p.s[0].t","u":"p.s[1].t","n":"p.n","all":"p.s"}`, Options{}, nested, []string{`id=1 all=[{"t":20.50},{"t":null}] n="x" t=20.50 u=null`}},
		{"nested, not there", "id t", `{"t":"p.s[2].t"}`, Options{}, nested, []string{"id=1"}},
		{"nested in a text", "t", `{"t":"p.s"}`, Options{}, `{"p":"{\"s\":1}","t":1}`, []string{`field "t": column "t" has its value from another place (columns: from p.s); leave the field out of the rule, name a column for it in columns, or set extraFields to "ignore"`}},
		{"a field is used in part and as a whole", "p n", `{"n":"p.n"}`, Options{}, nested, []string{`id=1 p={"s":[{"t":20.50},{"t":null}],"n":"x"} n="x"`}},
		{"the last of a name counts", "n temp x", `{"n":"p.n","temp":"t"}`, Options{}, `{"p":{"n":1},"x":0,"t":1,"p":{"n":2},"t":2,"x":3}`, []string{"temp=2 x=3 n=2"}},
		{"the last of a name counts, without the member", "n x", `{"n":"p.n"}`, Options{}, `{"p":{"n":1},"x":0,"p":{}}`, []string{"x=0"}},
		{"nothing of the row before", "id n", `{"n":"p.n"}`, Options{}, `[{"p":{"n":1},"id":1},{"id":2},{"p":{"n":3},"id":3},{"p":{},"id":4}]`, []string{"id=1 n=1", "id=2", "id=3 n=3", "id=4"}},
		{"constants", "id a b c d", `{"a":1,"b":true,"c":null,"d":{"value":"x.y"}}`, Options{}, `{"id":7}`, []string{`id=7 a=1 b=true c=null d="x.y"`}},
		{"constants alone are no row", "a", `{"a":1}`, Options{}, `[{},{"a":2}]`, []string{ErrNothing.Error(), `field "a": column "a" has its value from another place (columns: a constant); leave`}},
		{"a taken column, ignored", "a b", `{"a":1}`, Options{IgnoreExtra: true}, `[{"A":2,"b":3},{"a":2}]`, []string{"b=3 a=1 (1 dropped)", ErrNothing.Error()}},
		{
			"facts", "id rule op instance host journal number at", `{"rule":{"meta":"rule"},"op":{"meta":"op"},"instance":{"meta":"Instance"},"host":{"meta":"host"},"journal":{"meta":"journal"},"number":{"meta":"number"},"at":{"meta":"received"}}`,
			Options{},
			`{"id":1}`,
			[]string{`id=1 at="2026-11-21T09:00:27Z" host="box" instance=2 journal="abc" number=18446744073709551615 op="o" rule="r"`},
		},
		{"an unknown field", "a", `{"a":"x"}`, Options{}, `{"x":1,"y":2}`, []string{"a=1 y=2"}},
		{"an unknown field alone", "a", `{"a":"x"}`, Options{}, `{"y":2}`, []string{"y=2"}},
		{"an unknown field alone, ignored", "a", `{"a":"x"}`, Options{IgnoreExtra: true}, `{"y":2}`, []string{ErrNothing.Error()}},
		{"a column that is not there", "a", `{"b":"x"}`, Options{}, `{"x":1}`, []string{"b=1"}},
		{"others ignored", "a b", `{"a":"x"}`, Options{IgnoreOthers: true}, `[{"x":1,"b":2,"y":3},{"b":2}]`, []string{"a=1", ErrNothing.Error()}},
		{"snake", "device_id http_code plain", "", Options{SnakeCase: true}, `{"deviceId":1,"HTTPCode":2,"Plain":3,"otherName":4}`, []string{"device_id=1 http_code=2 Plain=3 otherName=4"}},
		{"snake beside the name", "device_id", "", Options{SnakeCase: true}, `[{"deviceId":1,"device_id":2},{"device_id":3},{"deviceId":4},{"deviceID":5,"deviceId":6}]`, []string{
			`field "deviceId": field "device_id" of the same row goes to column "device_id" already; leave`, "device_id=3", "device_id=4", `field "deviceId": field "deviceID" of the same row goes to column "device_id" already; leave`,
		}},
		{"snake beside the name, ignored", "device_id", "", Options{SnakeCase: true, IgnoreExtra: true}, `{"deviceId":1,"device_id":2}`, []string{"device_id=2 (1 dropped)"}},
		{"snake to a taken column", "device_id x", `{"device_id":"x"}`, Options{SnakeCase: true}, `{"deviceId":1,"x":2}`, []string{`field "deviceId": column "device_id" has its value from another place (columns: from x); leave`}},
		{"the very name comes first", "deviceId device_id", "", Options{SnakeCase: true}, `{"deviceId":1,"device_id":2}`, []string{"deviceId=1 device_id=2"}},
		{"rest", "a doc", "", Options{Rest: "doc"}, ` { "a" : 1 , "b" : [ 1.50, {"x":"\u003c"} ] , "c\"" : "d\n" } `, []string{`a=1 doc={"b" : [ 1.50, {"x":"\u003c"} ],"c\"" : "d\n"}`}},
		{"rest of nothing", "a doc", "", Options{Rest: "doc"}, `[{"a":1},{}]`, []string{"a=1 doc={}", ErrNothing.Error()}},
		{"rest of all", "a doc", "", Options{Rest: "doc"}, `{"b":1,"c":2}`, []string{`doc={"b":1,"c":2}`}},
		{"rest and its own name", "a doc", "", Options{Rest: "doc"}, `{"a":1,"Doc":{"x":1}}`, []string{`a=1 doc={"Doc":{"x":1}}`}},
		{"rest and names twice", "a doc", "", Options{Rest: "doc"}, `{"b":1,"a":1,"b":2}`, []string{`a=1 doc={"b":2}`}},
		{"rest with columns", "a n doc", `{"n":"p.n","a":"x"}`, Options{Rest: "doc"}, `{"a":5,"p":{"n":1,"m":2},"x":3}`, []string{`a=3 n=1 doc={"a":5,"p":{"n":1,"m":2}}`}},
		{"rest of others ignored", "a b doc", `{"a":"x"}`, Options{Rest: "doc", IgnoreOthers: true}, `{"x":1,"b":2}`, []string{`a=1 doc={"b":2}`}},
		{"rest with snake", "device_id doc", "", Options{Rest: "doc", SnakeCase: true}, `{"deviceId":1,"device_id":2,"oX":3}`, []string{`device_id=2 doc={"deviceId":1,"oX":3}`}},
		{"row", "a doc", "", Options{Rest: "doc", WholeRow: true}, `[{"a":1, "b":2},{"b":1},{}]`, []string{`a=1 doc={"a":1, "b":2}`, `doc={"b":1}`, ErrNothing.Error()}},
		{"row and nothing else", "a doc", "", Options{Rest: "doc", WholeRow: true, IgnoreOthers: true}, `{"a":1,"b":2}`, []string{`doc={"a":1,"b":2}`}},
		{"a field without a name", "a doc", "", Options{Rest: "doc"}, `{"a":1,"":2}`, []string{`a=1 doc={"":2}`}},
		{"what passes", "id", "", Options{Pass: "op", SnakeCase: true}, `[{"id":1,"op":"delete"},{"op":"delete"}]`, []string{`id=1 op="delete"`, ErrNothing.Error()}},
		{"what passes, with a column", "id op", "", Options{Pass: "op", Rest: "doc"}, `{"id":1,"op":"delete","x":1}`, []string{`id=1 op="delete" doc={"x":1}`}},
		{"what passes, into no rest", "id doc", "", Options{Pass: "op", Rest: "doc"}, `{"id":1,"op":"delete","x":1}`, []string{`id=1 op="delete" doc={"x":1}`}},
		{"what passes, beside snake", "id row_kind", "", Options{Pass: "rowKind", SnakeCase: true}, `{"id":1,"rowKind":"delete"}`, []string{`id=1 rowKind="delete"`}},
		{"what passes, others ignored", "id", `{"id":"x"}`, Options{Pass: "op", IgnoreOthers: true}, `{"x":1,"op":null,"y":2}`, []string{`id=1 op=null`}},
		{"what passes, and another column has", "id op_was", `{"op_was":"op"}`, Options{Pass: "op"}, `{"id":1,"op":"delete"}`, []string{`id=1 op_was="delete" op="delete"`}},
		{"what passes from inside", "id", `{"op":"p.op"}`, Options{Pass: "op", IgnoreExtra: true}, `{"id":1,"p":{"op":"delete"},"op":"no"}`, []string{`id=1 op="delete" (1 dropped)`}},
		{"what passes from another field", "id", `{"op":"kind"}`, Options{Pass: "op"}, `[{"id":1,"kind":"delete"},{"kind":"delete","op":"no"}]`, []string{`id=1 op="delete"`, `field "op": column "op" has its value from another place (columns: from kind); leave`}},
		{"half a character", "a", `{"a":"p.x"}`, Options{}, `[{"p":{"x":"\ud800"}},{"p":{"x":"ok"}}]`, []string{`property columns: column "a": the text at p.x: an escape such as \ud800 stands for half a character`, `a="ok"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Facts{Origin: &Origin{Rule: "r", Op: "o", Instance: 2, Host: "box", Journal: "abc"}, Number: 1<<64 - 1, Accepted: 1795251627}
			p, table := plan(t, c.columns, c.o), columnsOf(strings.Fields(c.table)...)
			var m Mapper
			for round := range 2 { // the second with what the first has left
				got := mapAll(&m, c.rows, p, table, f)
				if len(got) != len(c.want) {
					t.Fatalf("round %d: got %q, want %q", round, got, c.want)
				}
				for i := range got {
					if got[i] != c.want[i] && (!strings.Contains(got[i], "; leave") || !strings.HasPrefix(got[i], c.want[i])) {
						t.Errorf("round %d, row %d:\n got %s\nwant %s", round, i, got[i], c.want[i])
					}
				}
				m.Forget()
			}
		})
	}
}

// What is not known is null, and so is not taken for something.
func TestUnknownFacts(t *testing.T) {
	p := plan(t, `{"a":{"meta":"rule"},"b":{"meta":"instance"},"c":{"meta":"number"},"d":{"meta":"received"},"e":{"meta":"journal"},"f":{"meta":"host"}}`, Options{})
	var m Mapper
	table := columnsOf("a", "b", "c", "d", "e", "f", "id")
	for _, f := range []Facts{{}, {Origin: &Origin{}, Number: 7}} {
		if got := mapAll(&m, `{"id":1}`, p, table, f)[0]; got != "id=1 a=null b=null c=null d=null e=null f=null" {
			t.Error(got)
		}
	}
	known := Facts{Origin: &Origin{Rule: "r", Op: "o", Journal: "j", Host: "h"}, Number: 7, Accepted: 60}
	if got := mapAll(&m, `{"id":1}`, p, table, known)[0]; got != `id=1 a="r" b=0 c=7 d="1970-01-01T00:01:00Z" e="j" f="h"` {
		t.Error(got)
	}
	if !m.Passing(5) || m.Passing(0) || m.Passing(6) {
		t.Error("only the host may differ when a row comes again")
	}
}

// The table may get a column while the rule runs, and the rule another plan.
func TestMapperFollowsItsTable(t *testing.T) {
	var m Mapper
	p := plan(t, "", Options{Rest: "doc"})
	for _, c := range []struct {
		p           *Plan
		table, want string
	}{
		{p, "a doc", `a=1 doc={"b":2}`},
		{p, "a b doc", `a=1 b=2 doc={}`},
		{plan(t, `{"b":"a"}`, Options{Rest: "doc"}), "a b doc", `b=1 doc={"b":2}`},
	} {
		if got := mapAll(&m, `{"a":1,"b":2}`, c.p, columnsOf(strings.Fields(c.table)...), Facts{})[0]; got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	p := plan(t, `{"a":"x","b":1}`, Options{Rest: "doc"})
	if got := fmt.Sprint(p.Missing(columnsOf("A"))); got != `["b" (columns) "doc" (restField)]` {
		t.Error(got)
	}
	if got := p.Missing(columnsOf("a", "b", "doc")); got != nil {
		t.Error(got)
	}
	if p.Columns() != 3 {
		t.Error(p.Columns())
	}
	if got := plan(t, `{"op":"p.op"}`, Options{Pass: "op"}).Missing(columnsOf("id")); got != nil {
		t.Error("what says what to do with a row needs no column:", got)
	}
	for column, want := range map[string]string{"A": "columns: from x", "b": "columns: a constant", "DOC": "restField", "c": "", "": ""} {
		if got := p.Source(column); got != want {
			t.Errorf("%q: %q", column, got)
		}
	}
}

// Names that never come again must not fill the memory.
func TestNamesAreBounded(t *testing.T) {
	var m Mapper
	p, table := plan(t, "", Options{Rest: "doc"}), columnsOf("doc")
	long := strings.Repeat("x", 64<<10)
	for i := range 3 * maxNames {
		message := fmt.Sprintf(`{"n%d":1}`, i)
		if i%200 == 0 {
			message = fmt.Sprintf(`{"%s%d":1}`, long, i)
		}
		if got := mapAll(&m, message, p, table, Facts{})[0]; got != "doc="+message {
			t.Fatal(got)
		}
		if len(m.names) > maxNames || m.bytes > maxNameBytes {
			t.Fatalf("%d names of %d bytes", len(m.names), m.bytes)
		}
	}
}
