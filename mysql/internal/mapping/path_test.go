package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct{ in, want string }{ // want: field and steps, or an error's part
		{"a", `"a"`},
		{"a.b", `"a" "b"`},
		{"payload.sensors[0].t", `"payload" "sensors" 0 "t"`},
		{"a[0][12]", `"a" 0 12`},
		{"`a.b`.c", `"a.b" "c"`},
		{"a.`b[0]`", `"a" "b[0]"`},
		{"`a``b`", "\"a`b\""},
		{"``", `""`},
		{"a.``[0]", `"a" "" 0`},
		{"two words.größe", `"two words" "größe"`},
		{"$.a", `"$" "a"`},
		{"`->`", `"->"`},
		{"", "a part is empty"},
		{".a", "a part is empty"},
		{"a.", "a part is empty"},
		{"a..b", "a part is empty"},
		{"[0]", "a part is empty"},
		{"a.[0]", "a part is empty"},
		{"a[", "a bracket is not closed"},
		{"a[]", "index []; indexes go from 0, the first, to 1000000"},
		{"a[-1]", "index [-1]; indexes go from 0"},
		{"a[+1]", "index [+1]"},
		{"a[1000001]", "index [1000001]"},
		{"a[99999999999999999999]", "index [99999999999999999999]"},
		{"a[x]", "index [x]"},
		{"a[0]b", `"b" follows a bracket`},
		{"a]", `"]" follows where`},
		{"a`b", "\"`\" follows where"},
		{"`a`b", `"b" follows where`},
		{"`a", "a backquote is not closed"},
		{" a", `white space around " a"`},
		{"a .b", `white space around "a "`},
		{"a->b", "steps are written with a dot, not with ->"},
		{"\xff", "it is not UTF-8"},
		{"a" + strings.Repeat(".b", 33), "more than 32 steps"},
	} {
		p, err := parsePath(c.in)
		got := fmt.Sprintf("%q", p.field)
		for _, s := range p.steps {
			if s.Element {
				got += fmt.Sprintf(" %d", s.Index)
			} else {
				got += fmt.Sprintf(" %q", s.Name)
			}
		}
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.want || !strings.Contains(got, c.want) {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

// FuzzParsePath: what is read is written so that it is read the same.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"a", "a.b[0].c", "`a.b`[7]", "``.``", "a``b", "`->`", "[0]", "a->b", "`a`[0]`b`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePath(s)
		if err != nil {
			return
		}
		again, err := parsePath(p.String())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(p) {
			t.Fatalf("%q: is %s, which is %+v, %v", s, p, again, err)
		}
	})
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"deviceId": "device_id", "DeviceID": "device_id", "HTTPStatus": "http_status", "already_snake": "already_snake", "temp2Max": "temp2_max",
		"ID": "id", "aB": "a_b", "ABC": "abc", "": "", "x-Y z": "x-y z", "größeÄndern": "größe_ändern", "_Private": "_private", "a_B": "a_b",
		"\xffA": "\xffa",
	} {
		if got := string(appendSnake(nil, []byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want []string // one for each line
	}{
		{"paths", Options{Columns: map[string]any{"a": "b[", "c": "d"}}, []string{
			`property columns: column "a": "b[": a bracket is not closed; allowed: a field's name, or a path such as payload.sensors[0].t; a part that holds . [ ] -> or a backquote stands in backquotes, a backquote in it doubled; a text that is meant as it is, as {"value": "b["}`,
		}},
		{"all at once", Options{Columns: map[string]any{"a": "", "b": []any{1}, "c": map[string]any{"meta": "rul"}, "d": map[string]any{"value": 1, "meta": "rule"}, "": "x", "e": map[string]any{"meta": 7}}}, []string{
			`property columns: column "": an empty name; allowed: a column's name`,
			`property columns: column "a": "": a part is empty; allowed`,
			`property columns: column "b": a list; allowed: a path as text, a number, a bool or null as it is, {"value": any JSON} for another constant, or {"meta": rule, op, instance, host, journal, number, received}`,
			`property columns: column "c": {"meta": "rul"}; allowed: rule, op, instance, host, journal, number, received`,
			`property columns: column "d": an object with the members ["meta" "value"]; allowed`,
			`property columns: column "e": {"meta": 7}; allowed: rule`,
		}},
		{"a column twice", Options{Columns: map[string]any{"Temp": "a", "temp": "b"}}, []string{`property columns: "Temp" and "temp" are the same column; allowed: each once`}},
		{"the rest twice", Options{Columns: map[string]any{"Rest": "a"}, Rest: "rest"}, []string{`property restField: "rest" has a value in columns as well, as "Rest"; allowed: a column of its own`}},
		{"the rest's kind", Options{Rest: "Op", Pass: "op"}, []string{`property restField: "Op" is the rowkindField; allowed: another column`}},
		{"a kind in other letters", Options{Columns: map[string]any{"OP": "x"}, Pass: "op"}, []string{`property columns: column "OP" differs from the rowkindField "op" in letter case alone; allowed`}},
		{"a long name", Options{Rest: strings.Repeat("x", 65)}, []string{"a name of 65 characters; allowed: up to 64"}},
		{"nothing is left", Options{IgnoreOthers: true}, []string{`property otherFields: "ignore" without columns or restField leaves nothing to store; allowed: byName, or columns beside it`}},
		{"the row to nowhere", Options{WholeRow: true}, []string{`property restContent: "row" without restField; allowed`}},
		{"the row to nowhere, with columns", Options{WholeRow: true, SnakeCase: true}, []string{`property restContent: "row" without restField; allowed`}},
		{"names", Options{Columns: map[string]any{"a\x00": "x", "b ": "x", "\xff": "x"}}, []string{"a NUL character", "a space at its end", "not UTF-8"}},
	} {
		plan, err := Compile(c.o)
		if err == nil || plan != nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		got := strings.Split(err.Error(), "\n")
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", c.name, got)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%s:\n got %s\nwant %s", c.name, got[i], c.want[i])
			}
		}
	}
}

func TestNothingAskedForIsNoPlan(t *testing.T) {
	plan, err := Compile(Options{IgnoreExtra: true, Columns: map[string]any{}})
	if plan != nil || err != nil {
		t.Error(plan, err)
	}
	if plan.Columns() != 0 || plan.NeedsFacts() || plan.NeedsJournal() != "" || plan.Source("x") != "" || plan.Missing(columnsOf()) != nil {
		t.Error("no plan asks for something")
	}
}

// Constants are what they were in the rule.
func TestConstants(t *testing.T) {
	for in, want := range map[string]string{
		`1`: "number 1", `-1.5`: "number -1.5", `1000000`: "number 1000000", `1e300`: "number 1e+300", `true`: "bool true", `null`: "null ",
		`{"value":"a.b"}`: "string a.b", `{"value":""}`: "string ", `{"value":7}`: "number 7", `{"value":null}`: "null ",
		`{"value":{"a":[1,"x"]}}`: `object {"a":[1,"x"]}`, `{"value":[]}`: "array []",
	} {
		var v any
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Fatal(err)
		}
		s, err := parseSource(v)
		if got := s.value.Kind.String() + " " + string(s.value.Text); err != nil || got != want {
			t.Errorf("%s: got %q, want %q; %v", in, got, want, err)
		}
	}
	if s, err := parseSource(json.Number("12345678901234567890.5")); err != nil || string(s.value.Text) != "12345678901234567890.5" {
		t.Errorf("%q, %v", s.value.Text, err)
	}
}
