package fault

import (
	"io"
	"strings"
	"testing"
)

func TestOverridesWin(t *testing.T) {
	o, err := ParseOverrides(map[string]any{
		"1452": "retry", "23000": "operator", "ER_NO_SUCH_TABLE": "Set Aside", "bad_null_error": "row", "42s22": "split", "1213": "schema-changed", "9999": "outcome_unknown",
	})
	if err != nil {
		t.Fatal(err)
	}
	c := Classifier{Overrides: o}
	for _, w := range []struct {
		number uint16
		state  string
		want   Class
	}{
		{1452, "23000", Passing},
		{1062, "23000", Operator},
		{1048, "23000", Row},
		{1146, "42S02", Row},
		{1054, "42S22", TooLarge},
		{1213, "40001", SchemaChanged},
		{9999, "HY000", OutcomeUnknown},
		{1406, "22001", Row},
	} {
		if got := c.Classify(server(w.number, w.state)); got != w.want {
			t.Errorf("%d: %v, want %v", w.number, got, w.want)
		}
	}
	if got := c.Classify(io.EOF); got != OutcomeUnknown {
		t.Errorf("an error of no server: %v", got)
	}
}

func TestEveryWordForAClass(t *testing.T) {
	for _, c := range classNames {
		for _, name := range c.names {
			o, err := ParseOverrides(map[string]any{"1062": strings.ToUpper(name)})
			if got := (Classifier{Overrides: o}).Classify(server(1062, "23000")); err != nil || got != c.class {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	}
}

func TestWrongOverridesAreNamedTogether(t *testing.T) {
	_, err := ParseOverrides(map[string]any{
		"1452": "retri", "0": "row", "70000000": "row", "ER_NO_SUCH": "row", "1062": 7, "00000": "retry", "": "row", "ER_DUP_KEY": "row", "1022": "retry", "23-00": "row",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`"1452": value "retri" is not allowed: use one of row, retry, operator, schema, split, unknown, unlisted`,
		`key "0" is not allowed`, `key "70000000" is not allowed`, `key "ER_NO_SUCH" is not allowed`, `"1062": value 7`, `key "00000" is the SQLSTATE of success`,
		`key "" is not allowed`, `number 1022 is given twice`, `key "23-00" is not allowed`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func FuzzParseOverrides(f *testing.F) {
	f.Add("1452", "retry")
	f.Add("23000", "row")
	f.Add("ER_DUP_ENTRY", "?")
	f.Fuzz(func(t *testing.T, key, value string) {
		o, err := ParseOverrides(map[string]any{key: value})
		if err == nil && len(o.numbers)+len(o.states) == 0 {
			t.Errorf("%q: %q overrides nothing", key, value)
		}
	})
}
