package route

import (
	"slices"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

func unknown([]byte) bool { return false }

func rowOf(t *testing.T, text string) payload.Row {
	t.Helper()
	var d payload.Decoder
	d.Reset([]byte(text))
	row, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestFind(t *testing.T) {
	metrics := Options{Table: "metrics_{device}", Allowed: []string{"metrics_*"}, Forbidden: []string{"metrics_Letters"}}
	for _, c := range []struct {
		o         Options
		row, want string
		err       string
	}{
		{metrics, `{"device":"a1"}`, "metrics_a1", ""},
		{metrics, `{"device":17}`, "metrics_17", ""},
		{metrics, `{"device":true}`, "metrics_true", ""},
		{metrics, `{"device":"x","device":"y"}`, "metrics_y", ""},
		{metrics, `{"device":"мир-2"}`, "metrics_мир-2", ""},
		{metrics, `{"Device":"a1"}`, "", `it has no field "device"`},
		{metrics, `{"device":null}`, "", `its field "device" is null`},
		{metrics, `{"device":""}`, "", `its field "device" is empty`},
		{metrics, `{"device":["a"]}`, "", `its field "device" is array`},
		{metrics, `{"device":"letters"}`, "", "a table of the sink's own"},
		{metrics, `{"device":"a.b"}`, "", "not among allowedTables"},
		{metrics, `{"device":"a/../b"}`, "", "not among allowedTables"},
		{metrics, "{\"device\":\"a`; DROP TABLE t; --\"}", "", "not among allowedTables"},
		{metrics, `{"device":"a b"}`, "", "not among allowedTables"},
		{metrics, `{"device":"a "}`, "", "a space at an end"},
		{metrics, `{"device":"a\u00a0"}`, "", "a space at an end"},
		{metrics, `{"device":"a\u0000"}`, "", "a character that no server takes"},
		{metrics, `{"device":"a\u200b"}`, "", "not among allowedTables"},
		{metrics, `{"device":"a\ud83d\ude00"}`, "", "a character that no server takes"},
		{metrics, `{"device":"` + strings.Repeat("x", 56) + `"}`, "metrics_" + strings.Repeat("x", 56), ""},
		{metrics, `{"device":"` + strings.Repeat("x", 57) + `"}`, "", "more than 64 characters"},
		{Options{Table: "{a.b}_{c}_x", Allowed: []string{"*"}}, `{"a":{"b":"in"},"c":5}`, "in_5_x", ""},
		{Options{Table: "{a.b}", Allowed: []string{"*"}}, `{"a":"in"}`, "", `no field "a.b"`},
		{Options{Table: "`odd.{a}`", Allowed: []string{`/odd\.[a-c]+/`}}, `{"a":"abc"}`, "odd.abc", ""},
		{Options{Table: "`odd.{a}`", Allowed: []string{`/odd\.[a-c]+/`}}, `{"a":"abcd"}`, "", "not among"},
		{Options{Table: "t{a}", Allowed: []string{"t?", "special"}}, `{"a":"1"}`, "t1", ""},
		{Options{Table: "t{a}", Allowed: []string{"t?", "special"}}, `{"a":"12"}`, "", "not among"},
		{Options{Table: "t{{ .a.b }}_{c}", Allowed: []string{"*"}, RowByRow: true}, `{"a":{"b":"in"},"c":5}`, "tin_5", ""},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users", "orders"}}, `{"kind":"users"}`, "users", ""},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users", "orders"}}, `{"kind":"Users"}`, "", "not among"},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users", "orders"}}, `{"kind":"mysql.user"}`, "", "not among"},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users", "orders"}}, `{"kind":"ｕｓｅｒｓ"}`, "", "not among"},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"kind"}}, `{"kind":"\u212aind"}`, "", "not among"},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users"}}, `{"kind":"users\n"}`, "", "a space at an end"},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users"}}, `{"x":1}`, "rest", ""},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users"}}, `{"kind":null}`, "rest", ""},
		{Options{Table: "rest", Field: "kind", Allowed: []string{"users"}}, `{"kind":""}`, "", "is empty"},
		{Options{Table: "rest", Field: "m.kind", Allowed: []string{"users"}}, `{"m":{"kind":"users"}}`, "users", ""},
	} {
		r, err := Parse(c.o)
		if err != nil {
			t.Fatal(err)
		}
		name, err := r.Find(nil, rowOf(t, c.row), unknown)
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || c.err == "" && (err != nil || string(name) != c.want) {
			t.Errorf("%v, %s: %q, %v; want %q %q", c.o, c.row, name, err, c.want, c.err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Table: "t_{a"}, "{ is not closed"},
		{Options{Table: "t_a}"}, "} without {"},
		{Options{Table: "t_{{.a}}"}, "single braces are for this sink, or set sendSingle to true beside it; allowed: a name with fields of the row such as metrics_{device}"},
		{Options{Table: "t_{{a}}", RowByRow: true}, "{{a}} is no field, which begins with a dot"},
		{Options{Table: "t_{{.a}", RowByRow: true}, "{{ is not closed"},
		{Options{Table: "t_{{.a | upper}}", RowByRow: true}, "there are no functions"},
		{Options{Table: "{a | upper}"}, "there are no functions"},
		{Options{Table: "{}"}, `"" is no field`},
		{Options{Table: "{.a}"}, `".a" is no field`},
		{Options{Table: "{a..b}"}, "is no field"},
		{Options{Table: "{db}.t", Allowed: []string{"t"}}, "the database is the rule's to choose"},
		{Options{Table: "a.b.{c}"}, "more than two parts"},
		{Options{Table: "t_{a}"}, "property allowedTables: missing"},
		{Options{Table: "t", Field: "a"}, "property allowedTables: missing"},
		{Options{Table: "t", Field: "a b", Allowed: []string{"x"}}, `property tableField: "a b"`},
		{Options{Table: "t_{a}", Allowed: []string{"db.t_*"}}, `property allowedTables: "db.t_*": a dot`},
		{Options{Table: "t_{a}", Allowed: []string{"/(/"}}, "no regular expression"},
		{Options{Table: "t_{a}", Allowed: []string{""}}, "an empty name"},
		{Options{Table: "t_{a}", Allowed: []string{"/" + strings.Repeat("x{1000}", 600) + "/"}}, "property allowedTables: 1 names and patterns; allowed: up to 4096"},
		{Options{Table: "t_{a}", Allowed: slices.Repeat([]string{strings.Repeat("?", 64)}, 65)}, "65 names and patterns; allowed: up to 4096"},
		{Options{Table: "t_{a}", Allowed: slices.Repeat([]string{"x"}, 4097)}, "4097 names and patterns; allowed: up to 4096"},
		{Options{Table: "t", Allowed: []string{"u*"}}, `"t" is not among allowedTables; allowed: u*`},
	} {
		if _, err := Parse(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.o, err, c.want)
		}
	}
	r, err := Parse(Options{Table: "`d.b`.t_{a}", Allowed: []string{"t_*"}})
	if err != nil || r.Database() != "d.b" || !r.Varies() || strings.Join(r.Fields(), ",") != "a" {
		t.Errorf("%v, %+v", err, r)
	}
	if !r.Allows(schema.Name{Database: "d.b", Table: "t_x"}) || r.Allows(schema.Name{Table: "t_x"}) || r.Allows(schema.Name{Database: "d.b", Table: "x"}) {
		t.Error("what is allowed")
	}
	if r, err := Parse(Options{Table: "plain", Allowed: []string{"pl*"}}); err != nil || r.Varies() {
		t.Error(err)
	}
}

// Whatever a row says, its table is one that the rule allows.
func FuzzFind(f *testing.F) {
	r, err := Parse(Options{Table: "m_{d}", Allowed: []string{"m_*"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"a", "a`b", "..", "x y", "\u212a", "a\x00", "/", "mysql.user", "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		row := payload.Row{Fields: []payload.Field{{Name: []byte("d"), Value: payload.Value{Kind: payload.String, Text: []byte(value)}}}}
		name, err := r.Find(nil, row, unknown)
		if err != nil {
			return
		}
		if strings.ContainsAny(string(name), ".`/\\'\"; \t\r\n\x00") || !strings.HasPrefix(string(name), "m_") {
			t.Errorf("%q is allowed", name)
		}
	})
}
