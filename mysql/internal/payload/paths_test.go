package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// steps reads a path of a test: names and [indexes] with dots between.
func steps(path string) (all []Step) {
	for part := range strings.SplitSeq(path, ".") {
		var index int
		if n, _ := fmt.Sscanf(part, "[%d]", &index); n == 1 && index >= 0 {
			all = append(all, Step{Element: true, Index: index})
			continue
		}
		all = append(all, Step{Name: part})
	}
	return all
}

// pick returns what paths lead to in a nested value.
func pick(t *testing.T, value string, paths ...string) []Picked {
	t.Helper()
	var all Paths
	for i, path := range paths {
		all.Add(i, steps(path)...)
	}
	var d Decoder
	d.Reset([]byte(`{"v":` + value + `}`))
	row, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	found := make([]Picked, len(paths))
	for i := range found {
		found[i].Found = true // what was picked from the row before
	}
	var p Picker
	p.Pick(row.Fields[0].Value, &all, found)
	return found
}

func TestPick(t *testing.T) {
	for _, c := range []struct {
		value, path, want string // want: kind and text; nothing if it is not there
	}{
		{`{"a":1}`, "a", "number 1"},
		{`{"a":1}`, "b", ""},
		{`{"a":1}`, "A", ""},
		{`{}`, "a", ""},
		{`[]`, "a", ""},
		{`[]`, "[0]", ""},
		{`{"a":null}`, "a", "null "},
		{`{"a":null}`, "a.b", ""},
		{`{"a":"x"}`, "a.b", ""},
		{`{"a":"x"}`, "a.[0]", ""},
		{`{"a":-1.50e+3}`, "a", "number -1.50e+3"},
		{`{"a":true}`, "a", "bool true"},
		{`{"a":{"b":{"c":[{"d":"x"}]}}}`, "a.b.c.[0].d", "string x"},
		{`{"a":{"b":{"c":[{"d":"x"}]}}}`, "a.b", `object {"c":[{"d":"x"}]}`},
		{`[1,[2,3],4]`, "[1].[1]", "number 3"},
		{`[1,[2,3],4]`, "[2]", "number 4"},
		{`[1,[2,3],4]`, "[3]", ""},
		{`[1,[2,3],4]`, "[1]", "array [2,3]"},
		{" { \"a\" : [ 1 , { \"b\" : 2 } ] , \"c\" : 3 } ", "a.[1].b", "number 2"},
		{" { \"a\" : [ 1 , { \"b\" : 2 } ] , \"c\" : 3 } ", "c", "number 3"},
		{`{"a":{"x":1},"a":{"y":2}}`, "a.x", ""},
		{`{"a":{"x":1},"a":{"x":2}}`, "a.x", "number 2"},
		{`{"a":{"x":1},"a":7}`, "a.x", ""},
		{`{"\u0061":{"b\n":"c\td"}}`, "a.b\n", "string c\td"},
		{`{"a":"\u003cb\u003e"}`, "a", "string <b>"},
		{`{"a":"}],{"}`, "a", "string }],{"},
		{`{"a.b":{"[0]":1}}`, "a", ""},
	} {
		got := ""
		if p := pick(t, c.value, c.path)[0]; p.Found {
			got = p.Value.Kind.String() + " " + string(p.Value.Text)
		}
		if got != c.want {
			t.Errorf("%s of %s: got %q, want %q", c.path, c.value, got, c.want)
		}
	}
}

// A place may be on the way to another, be asked for twice, and be missing.
func TestPickMany(t *testing.T) {
	var names, want []string
	var value strings.Builder
	value.WriteString(`{"z":{"s":[`)
	for i := range 40 {
		names = append(names, fmt.Sprintf("z.s.[%d].n%d", i, i%3), fmt.Sprintf("m%02d", i), fmt.Sprintf("m%02d", i), fmt.Sprintf("gone%d", i))
		fmt.Fprintf(&value, `{"n%d":%d},`, i%3, i)
		want = append(want, fmt.Sprint(i), fmt.Sprint(-i), fmt.Sprint(-i), "")
	}
	value.WriteString(`0]}`)
	for i := 39; i >= 0; i-- { // not in the order of the names
		fmt.Fprintf(&value, `,"m%02d":%d`, i, -i)
	}
	value.WriteString(`}`)
	names, want = append(names, "z.s.[39]"), append(want, `{"n0":39}`)
	for i, p := range pick(t, value.String(), names...) {
		if string(p.Value.Text) != want[i] || p.Found != (want[i] != "") {
			t.Errorf("%s: got %q, want %q", names[i], p.Value.Text, want[i])
		}
	}
}

func TestPickHalfPairs(t *testing.T) {
	found := pick(t, `{"a":"x\ud800","\udc00":1,"b":"\ud83d\ude00"}`, "a", "\uFFFD", "b")
	if !found[0].Found || !found[0].Half {
		t.Errorf("half a pair is not told: %+v", found[0])
	}
	if found[1].Found {
		t.Error("a name that is no text was found by its substitute")
	}
	if found[2].Half || string(found[2].Value.Text) != "\U0001F600" {
		t.Errorf("a pair: %+v", found[2])
	}
}

func TestAppendMembers(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{`{}`, ""},
		{` { } `, ""},
		{`{"a":1}`, `"a":1`},
		{` { "a" : [1, 2] , "b\"" : "x,}" } `, `"a" : [1, 2]|"b\"" : "x,}"`},
		{`{"a":null,"a":{"b":{}}}`, `"a":null|"a":{"b":{}}`},
	} {
		var d Decoder
		d.Reset([]byte(c.row))
		row, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range AppendMembers(nil, row.Raw) {
			texts = append(texts, string(row.Raw[m.Start:m.End]))
		}
		if got := strings.Join(texts, "|"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.row, got, c.want)
		}
	}
}

// FuzzPick compares with encoding/json, which reads the whole into maps.
func FuzzPick(f *testing.F) {
	for _, s := range [][2]string{
		{`{"a":{"b":[1,{"c":null}]}}`, "a.b.[1].c"},
		{`{"a":{"b":1},"a":{"b":"\u0041"}}`, "a.b"},
		{`[[[1]],2]`, "[0].[0].[0]"},
		{`{"":{"":1}}`, "."},
		{"{\"a\" :\t[ ]}", "a.[0]"},
	} {
		f.Add([]byte(s[0]), s[1], "a")
	}
	f.Fuzz(func(t *testing.T, value []byte, path, other string) {
		if !json.Valid(value) || bytes.Contains(value, []byte(`\u`)) && bytes.Contains(bytes.ToLower(value), []byte(`\ud`)) {
			t.Skip()
		}
		var d Decoder
		d.Reset(append(append([]byte(`{"v":`), value...), '}'))
		row, err := d.Next()
		if err != nil {
			t.Skip() // text that is not UTF-8, or too deep
		}
		var whole any
		dec := json.NewDecoder(bytes.NewReader(value))
		dec.UseNumber()
		if err := dec.Decode(&whole); err != nil {
			t.Fatal(err)
		}
		if _, nested := whole.(map[string]any); !nested {
			if _, nested = whole.([]any); !nested {
				t.Skip()
			}
		}
		all := &Paths{}
		texts := []string{path, other, path}
		for i, p := range texts {
			all.Add(i, steps(p)...)
		}
		found := make([]Picked, len(texts))
		(&Picker{}).Pick(row.Fields[0].Value, all, found)
		for i, p := range texts {
			want, there := follow(whole, steps(p))
			if found[i].Found != there {
				t.Fatalf("%q of %s: found %v, want %v", p, value, found[i].Found, there)
			}
			if !there {
				continue
			}
			g, _ := json.Marshal(asAny(t, found[i].Value))
			w, _ := json.Marshal(want)
			if !bytes.Equal(g, w) {
				t.Fatalf("%q of %s: got %s, want %s", p, value, g, w)
			}
		}
		if row.Fields[0].Value.Kind == Object {
			var d Decoder
			d.Reset(value)
			row, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			members := AppendMembers(nil, row.Raw)
			if len(members) != len(row.Fields) {
				t.Fatalf("%s: %d members, %d fields", value, len(members), len(row.Fields))
			}
			for i, m := range members {
				one := append(append([]byte{'{'}, row.Raw[m.Start:m.End]...), '}')
				var alone Decoder
				alone.Reset(one)
				r, err := alone.Next()
				if err != nil || len(r.Fields) != 1 || !bytes.Equal(r.Fields[0].Name, row.Fields[i].Name) || !bytes.Equal(r.Fields[0].Value.Text, row.Fields[i].Value.Text) {
					t.Fatalf("%s: member %d is %s: %v", value, i, one, err)
				}
			}
		}
	})
}

// follow is what steps lead to in what encoding/json has read.
func follow(v any, steps []Step) (any, bool) {
	for _, s := range steps {
		if s.Element {
			list, ok := v.([]any)
			if !ok || s.Index >= len(list) {
				return nil, false
			}
			v = list[s.Index]
			continue
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = object[s.Name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// Taking values out costs no allocation, however many.
func TestPickAllocatesNothing(t *testing.T) {
	var d Decoder
	d.Reset([]byte(`{"v":{"a":{"b":[1,{"c":"plain"}]},"d":null,"e":{"f":2},"g":true}}`))
	row, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	var all Paths
	for i, path := range []string{"a.b.[1].c", "a.b.[0]", "d", "e", "gone"} {
		all.Add(i, steps(path)...)
	}
	found := make([]Picked, 5)
	var p Picker
	if n := testing.AllocsPerRun(100, func() { p.Pick(row.Fields[0].Value, &all, found) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
