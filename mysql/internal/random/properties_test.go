package random

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ props, want string }{
		{`{"rate":"fast"}`, `rate: must be rows per second from 0.00001 to 10000000, or 0 or "max" for as fast as the host takes, got "fast"`},
		{`{"rate":-1}`, "got -1"},
		{`{"rate":true}`, "got true"},
		{`{"RATE":1e8}`, "rate: must be"},
		{`{"rate":"NaN"}`, `got "NaN"`},
		{`{"rate":1e-9}`, "got 1e-9"},
		{`{"rate":[1]}`, "got [1]"},
		{`{"count":-1}`, "count: must be an integer from 0 to 9007199254740992, got -1"},
		{`{"count":1.5}`, "got 1.5"},
		{`{"count":"many"}`, `got "many"`},
		{`{"randomSeed":"abc"}`, "randomSeed: must be an integer from -9007199254740992 to 9007199254740992"},
		{`{"randomseed":1e17}`, "randomSeed: must be"},
		{`{"deduplicate":1000001}`, "deduplicate: must be"},
		{`{"interval":"soon"}`, `interval: must be milliseconds or a duration such as "250ms" from 0s to 24h0m0s, got "soon"`},
		{`{"interval":-5}`, "got -5"},
		{`{"interval":"10us"}`, "interval: must be 0 or at least 1 millisecond"},
		{`{"interval":1e30}`, "interval: must be"},
		{`{"seed":0}`, "seed: must be an integer from 1 to"},
		{`{"pattern":5}`, "pattern: must be a map of field name to base number, got 5"},
		{`{"pattern":{"a":"x"}}`, `pattern.a: must be an integer from`},
		{`{"pattern":{"a":9007199254740992},"seed":2}`, `pattern.a: must be at most 9007199254740991 with seed 2, got 9007199254740992`},
		{`{"pattern":{"a":9007199254740992},"seed":1}`, ""},
		{`{"pattern":{"a":1},"fields":{"a":"int"}}`, `fields: name "a" is given twice`},
		{`{"fields":7}`, "fields: must be a list of fields or a map of name to field, got 7"},
		{`{"fields":"{"}`, "fields: must be a list"},
		{`{"fields":[5]}`, "fields[0]: must be a map with name, type and the type's options, got 5"},
		{`{"fields":[{"type":"int"}]}`, "fields[0].name: must be the field's name, got nothing"},
		{`{"fields":[{"name":3}]}`, "fields[0].name: must be a text, got 3"},
		{`{"fields":[{"name":"a"}]}`, "fields.a.type: must be one of int, float, walk,"},
		{`{"fields":{"a":{"type":"decimal"}}}`, `got "decimal"`},
		{`{"fields":{"a":{"type":""}}}`, "fields.a.type"},
		{`{"fields":{"a":{"type":"int","minn":1}}}`, "fields.a.minn: is no option of type int; allowed are min, max, nulls"},
		{`{"fields":{"a":{"type":"int","min":1,"MIN":2}}}`, "fields.a: the same option is given twice, as MIN and min"},
		{`{"fields":{"a":{"type":"int","min":5,"max":4}}}`, "fields.a.max: must be at least min, 5, got 4"},
		{`{"fields":{"a":{"type":"int","max":9007199254740993000}}}`, "fields.a.max: must be an integer"},
		{`{"fields":{"a":{"type":"int","nulls":2}}}`, "fields.a.nulls: must be a number from 0 to 1, got 2"},
		{`{"fields":{"a":{"type":"float","min":"x"}}}`, "fields.a.min: must be a number"},
		{`{"fields":{"a":{"type":"float","min":3}}}`, ""},
		{`{"fields":{"a":{"type":"float","min":3,"max":2}}}`, "fields.a.max: must be at least min, 3, got 2"},
		{`{"fields":{"a":{"type":"float","min":0.01,"max":0.04,"decimals":1}}}`, "fields.a.decimals: must be more"},
		{`{"fields":{"a":{"type":"float","max":1e9,"decimals":15}}}`, "fields.a.decimals: must be less"},
		{`{"fields":{"a":{"type":"float","decimals":16}}}`, "fields.a.decimals: must be an integer from 0 to 15"},
		{`{"fields":{"a":{"type":"walk","start":101}}}`, "fields.a.start: must be a number from 0 to 100, got 101"},
		{`{"fields":{"a":{"type":"walk","step":-1}}}`, "fields.a.step"},
		{`{"fields":{"a":{"type":"sequence","start":0.5}}}`, "fields.a.start"},
		{`{"fields":{"a":{"type":"string","length":-1}}}`, "fields.a.length: must be an integer from 0 to 1000000"},
		{`{"fields":{"a":{"type":"string","charset":"klingon"}}}`, "fields.a.charset: must be one of alnum, alpha,"},
		{`{"fields":{"a":{"type":"string","values":["x"],"length":3}}}`, "fields.a.length: must be absent where values is given, got 3"},
		{`{"fields":{"a":{"type":"string","weights":[1]}}}`, "fields.a.weights: must be absent where values is"},
		{`{"fields":{"a":"choice"}}`, "fields.a.values: must be a list"},
		{`{"fields":{"a":{"type":"choice","values":[]}}}`, "fields.a.values: must be a list of texts, numbers, booleans or nulls, not empty, got []"},
		{`{"fields":{"a":{"type":"choice","values":[[1]]}}}`, "fields.a.values[0]: must be a text, number, boolean or null"},
		{`{"fields":{"a":{"type":"choice","values":[1,2],"weights":[1]}}}`, "fields.a.weights: must be a list of 2 numbers"},
		{`{"fields":{"a":{"type":"choice","values":[1,2],"weights":[1,-1]}}}`, "fields.a.weights[1]: must be a number, 0 or above, got -1"},
		{`{"fields":{"a":{"type":"choice","values":[1,2],"weights":[0,0]}}}`, "fields.a.weights: must be above 0 for one value at least"},
		{`{"fields":{"a":{"type":"boolean","probability":"often"}}}`, "fields.a.probability"},
		{`{"fields":{"a":{"type":"uuid","length":3}}}`, "fields.a.length: is no option of type uuid; allowed are nulls"},
		{`{"fields":{"a":{"type":"timestamp","format":"ns"}}}`, "fields.a.format: must be one of iso, datetime, date, s, ms, us, got \"ns\""},
		{`{"fields":{"a":{"type":"timestamp","step":1}}}`, "fields.a.step: must be absent where start is"},
		{`{"fields":{"a":{"type":"timestamp","start":"tomorrow"}}}`, "fields.a.start: must be RFC 3339"},
		{`{"fields":{"a":{"type":"timestamp","start":1e18}}}`, "fields.a.start"},
		{`{"fields":{"a":"constant"}}`, "fields.a.value: must be given"},
		{`{"fields":{"a":"object"}}`, "fields.a.fields: must be a list of fields"},
		{`{"fields":{"a":{"type":"object","fields":[{"name":"b","type":"x"}]}}}`, "fields.a.fields.b.type"},
		{`{"fields":{"a":{"type":"object","fields":[{"name":"b","type":"int"},{"name":"b","type":"int"}]}}}`, `fields.a.fields: name "b" is given twice`},
		{`{"fields":{"a":"array"}}`, "fields.a.of: must be a type"},
		{`{"fields":{"a":{"type":"array","of":{"type":"int","max":-1}}}}`, "fields.a.of.max"},
		{`{"fields":{"a":{"type":"array","of":"int","length":10001}}}`, "fields.a.length"},
		{`{"fields":{"a":{"type":"array","length":10000,"of":{"type":"array","length":10000,"of":"int"}}}}`, "fields: a row may take"},
		{`{"fields":{"a":` + strings.Repeat(`{"type":"array","of":`, 9) + `"int"` + strings.Repeat("}", 9) + `}}`, "no more than 8 levels deep"},
	} {
		_, err := parse(props(t, c.props))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.props, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.props, err, c.want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	err := New().Configure("", props(t, `{"rate":"x","count":-1,"deduplicate":"y","fields":[{"name":"a","type":"int","min":"z","huh":1},{"type":"int"}]}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"rate:", "count:", "deduplicate:", "fields.a.min:", "fields.a.huh:", "fields[1].name:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from %v", want, err)
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, c := range []struct {
		props string
		want  settings // fields and warnings are not compared
		names []string
	}{
		{`{}`, settings{rate: 1}, []string{"name", "id", "temperature", "humidity", "ts"}},
		{`{"rate":"","count":null,"randomSeed":"","fields":"","pattern":{},"interval":0}`, settings{rate: 1}, []string{"name", "id", "temperature", "humidity", "ts"}},
		{`{"rate":" MAX ","fields":{}}`, settings{}, []string{"name", "id", "temperature", "humidity", "ts"}},
		{`{"RATE":"0","COUNT":"12","randomseed":"-5","Deduplicate":"-1"}`, settings{count: 12, seed: -5, seeded: true, deduplicate: -1}, nil},
		{`{"rate":0.5,"deduplicate":-99,"randomSeed":0}`, settings{rate: .5, seeded: true, deduplicate: -1}, nil},
		{`{"rate":1000,"interval":"20ms"}`, settings{rate: 50}, nil},
		{`{"interval":4}`, settings{rate: 250}, nil},
		{`{"randomseed":1,"randomSeed":2,"RANDOMSEED":3}`, settings{rate: 1, seeded: true, seed: 2}, nil},
		{`{"pattern":"{\"b\":1,\"A\":2}"}`, settings{rate: 1}, []string{"A", "b"}},
		{`{"fields":"[{\"name\":\"z\",\"type\":\"int\"}]","pattern":{"a":1}}`, settings{rate: 1}, []string{"z", "a"}},
		{`{"fields":{"deviceid":{"name":"deviceId","type":"int"},"b":"uuid"}}`, settings{rate: 1}, []string{"b", "deviceId"}},
		{`{"fields":[{"name":"a","type":"int"},{"name":"A","type":"int"}]}`, settings{rate: 1}, []string{"a", "A"}},
	} {
		got, err := parse(props(t, c.props))
		if err != nil {
			t.Errorf("%s: %v", c.props, err)
			continue
		}
		var names []string
		for _, f := range got.fields {
			names = append(names, f.name)
		}
		if c.names != nil && !slices.Equal(names, c.names) {
			t.Errorf("%s: fields %v, want %v", c.props, names, c.names)
		}
		got.fields, got.warnings = nil, nil
		if got.rate != c.want.rate || got.count != c.want.count || got.seed != c.want.seed ||
			got.seeded != c.want.seeded || got.deduplicate != c.want.deduplicate {
			t.Errorf("%s: got %+v, want %+v", c.props, *got, c.want)
		}
	}
}

// TestNumbersOfAnyType: YAML gives int, JSON float64 or json.Number, forms and
// environment variables text.
func TestNumbersOfAnyType(t *testing.T) {
	for _, v := range []any{12, int8(12), int64(12), uint32(12), uint64(12), float32(12), 12.0, json.Number("12"), json.Number("1.2e1"), "12", " 12 "} {
		if n, ok := toInt(v); !ok || n != 12 {
			t.Errorf("%T %v: %d, %v", v, v, n, ok)
		}
		if f, ok := toFloat(v); !ok || f != 12 {
			t.Errorf("%T %v: %v, %v", v, v, f, ok)
		}
		if d, ok := toDuration(v); !ok || d != 12*time.Millisecond {
			t.Errorf("%T %v: %v, %v", v, v, d, ok)
		}
	}
	for _, v := range []any{
		nil, true, "", "twelve", 12.5,
		[]any{12},
		map[string]any{},
		json.Number("x"), uint64(math.MaxUint64),
		exact + 1, float64(1 << 60), "9007199254740993", json.Number("9007199254740993"), math.NaN(), math.Inf(1),
	} {
		if n, ok := toInt(v); ok {
			t.Errorf("%T %v: taken for %d", v, v, n)
		}
	}
}

func TestLongValuesAreCutInErrors(t *testing.T) {
	_, err := parse(map[string]any{"rate": strings.Repeat("é", 5000)})
	if err == nil || len(err.Error()) > 250 {
		t.Errorf("got %v", err)
	}
}
