package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/payload"
)

// FuzzMap compares with a model that reads rows into maps. One Mapper maps
// row after row, as in a rule: what it keeps of one must not show in the next.
func FuzzMap(f *testing.F) {
	for _, message := range []string{
		`[{"a":1,"p":{"s":[{"t":2}],"n":"x"},"b":3},{"p":{},"c":null}]`, `[{"a":1,"a":2},{"doc":1,"x":[]},{},{"p":7}]`, `[{"p":{"s":[]}},{"B":1,"b":2}]`,
		`[{"p":{"n":{"deep":1},"n":2}},{"a":{"p":1},"d":"\u003c"}]`, `{"p":{"s":[1,{"t":null}]}}{"a":true}`, `{"":0}`,
	} {
		f.Add([]byte(message), uint8(0))
		f.Add([]byte(message), uint8(5))
	}
	plans := []Options{
		{Columns: map[string]any{"x": "a", "y": "p.n", "z": "p.s[0].t"}},
		{Columns: map[string]any{"a": "b", "b": "a", "c": 5.0}, IgnoreExtra: true},
		{Columns: map[string]any{"y": "p.n", "z": "p"}, Rest: "doc"},
		{Columns: map[string]any{"x": "p.s[1].t", "c": map[string]any{"value": "k"}}, Rest: "doc", IgnoreOthers: true},
		{Rest: "doc", WholeRow: true},
		{Columns: map[string]any{"x": "a"}, Rest: "doc", WholeRow: true, IgnoreExtra: true},
		{Columns: map[string]any{"x": "a", "y": "a"}, IgnoreOthers: true},
	}
	table := columnsOf("a", "b", "c", "x", "y", "z", "doc")
	f.Fuzz(func(t *testing.T, message []byte, which uint8) {
		if bytes.Contains(bytes.ToLower(message), []byte(`\ud`)) {
			t.Skip() // halves of characters are tried in TestMap
		}
		o := plans[int(which)%len(plans)]
		p, err := Compile(o)
		if err != nil {
			t.Fatal(err)
		}
		var m Mapper
		var d payload.Decoder
		d.Reset(message)
		for {
			row, err := d.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				continue
			}
			got := map[string]any{}
			mapped, dropped, err := m.Map(row, p, table, Facts{})
			for _, field := range mapped.Fields {
				got[strings.ToLower(string(field.Name))] = asAny(t, field.Value)
			}
			want, wantDropped, ok := model(t, row.Raw, o, *table)
			if (err == nil) != ok {
				t.Fatalf("%s: %v, want an error: %v", row.Raw, err, !ok)
			}
			if err != nil {
				continue
			}
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			if !bytes.Equal(g, w) || dropped != wantDropped {
				t.Fatalf("%s by %+v:\n got %s, %d dropped\nwant %s, %d dropped", row.Raw, o, g, dropped, w, wantDropped)
			}
		}
	})
}

func asAny(t *testing.T, v payload.Value) any {
	if v.Kind == payload.String {
		return string(v.Text)
	}
	if v.Kind == payload.Null {
		return nil
	}
	return decode(t, v.Text)
}

func decode(t *testing.T, text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// model is Map on maps, by column in lower case; ok is false for an error. Of
// names that differ in letter case alone it takes any order: it gives up on them.
func model(t *testing.T, raw []byte, o Options, table fakeTable) (want map[string]any, dropped int, ok bool) {
	row := decode(t, raw).(map[string]any)
	seen := map[string]bool{}
	for name := range row {
		if low := strings.ToLower(name); seen[low] {
			t.Skip()
		} else {
			seen[low] = true
		}
	}
	want, own := map[string]any{}, false
	whole, inside := map[string]bool{}, map[string]bool{}
	taken := map[string]bool{o.Rest: o.Rest != ""}
	for column, source := range o.Columns {
		taken[column] = true
		text, isPath := source.(string)
		if !isPath {
			want[column] = source
			if object, ok := source.(map[string]any); ok {
				want[column] = object["value"]
			}
			continue
		}
		p, err := parsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.steps) == 0 {
			whole[p.field] = true
		} else {
			inside[p.field] = true
		}
		v, there := row[p.field]
		for _, s := range p.steps {
			object, isObject := v.(map[string]any)
			list, isList := v.([]any)
			switch {
			case s.Element && isList && s.Index < len(list):
				v = list[s.Index]
			case !s.Element && isObject:
				var found bool
				v, found = object[s.Name]
				there = there && found
			default:
				there = false
			}
		}
		if there {
			want[column], own = v, true
		}
	}
	rest, refused := map[string]any{}, false
	for name, v := range row {
		column := -1
		if !o.IgnoreOthers {
			column = table.Lookup([]byte(name))
		}
		hasColumn := column >= 0 && !taken[table[max(column, 0)]]
		switch {
		case whole[name]:
		case hasColumn:
			want[table[column]], own = v, true
		case o.Rest != "":
			rest[name], own = v, true
		case inside[name] || o.IgnoreOthers:
		case column >= 0 && o.IgnoreExtra:
			dropped++
		case column >= 0:
			refused = true
		default:
			want[strings.ToLower(name)] = v
			own = own || !o.IgnoreExtra
		}
	}
	if o.WholeRow {
		want[o.Rest], own = row, own || len(row) > 0
	} else if o.Rest != "" {
		want[o.Rest] = rest
	}
	return want, dropped, own && !refused
}
