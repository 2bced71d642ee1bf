package fakehost

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEncoder(t *testing.T) {
	a, b, c := map[string]any{"n": 1}, map[string]any{"n": 2, "a": "<"}, map[string]any{"n": 3}
	for _, x := range []struct {
		action  map[string]any
		results [][]map[string]any
		want    string
	}{
		{nil, [][]map[string]any{{a}, {b, c}, {}}, `[[{"n":1}]] [[{"a":"\u003c","n":2},{"n":3}]] [[]] []`},
		{map[string]any{"sendSingle": true}, [][]map[string]any{{a}, {b, c}, {}}, `[{"n":1}] [{"a":"\u003c","n":2} {"n":3}] [] []`},
		{map[string]any{"batchSize": 2}, [][]map[string]any{{a}, {b, c}, {c}}, `[] [[[{"n":1}],[{"a":"\u003c","n":2},{"n":3}]]] [] [[[{"n":3}]]]`},
		{map[string]any{"batchSize": 2.0, "sendSingle": true}, [][]map[string]any{{a}, {b, c}, {c}}, `[] [[{"n":1},{"a":"\u003c","n":2},{"n":3}]] [] [[{"n":3}]]`},
	} {
		e := NewEncoder(x.action)
		got := ""
		for _, rows := range x.results {
			m, err := e.Result(rows...)
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%s ", m)
		}
		m, err := e.Flush()
		if err != nil {
			t.Fatal(err)
		}
		if got += fmt.Sprintf("%s", m); got != x.want {
			t.Errorf("%v:\n%s\nwant\n%s", x.action, got, x.want)
		}
	}
}
