package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		"", `[{"a":1},{"a":2}]`, `[[{"a":1}],[{"a":2}]]`, `{"a":1}{"b":"x"}`, `[{"a":1}][{"a":2}]`,
		`[]`, `[{}]`, `{}`, `[null]`, `1 "x" true`, "\xef\xbb\xbf{}",
		`{"a":{"b":[1,{"c":null}]},"d":"\u003c\ud83d\ude00\ud800"}`, `{"a":"` + "\xff" + `"}`,
		`{"a":-0.5e+10,"a":01}`, `[{"a":tru`, `{"a":[[[[]]]]}`, `{"12345678":"1234567\"12345678\\"}`,
		"{\"a\" : \"\x01\"}", `{"a":1}]`, `[1,]`, "  [ { } , ] ",
	} {
		f.Add([]byte(s))
	}
	f.Add(message(3))
}

// FuzzCount checks that Count is the number of results that Next yields.
func FuzzCount(f *testing.F) {
	seeds(f)
	var d Decoder
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := bytes.Clone(msg)
		n := 0
		d.Reset(msg)
		for {
			row, err := d.Next()
			if err == io.EOF {
				break
			}
			n++
			var broken *SyntaxError
			if errors.As(err, &broken) && (broken.Offset < broken.Start || broken.Offset > len(msg)) {
				t.Fatalf("%q: offset %d, start %d", msg, broken.Offset, broken.Start)
			}
			if err == nil && (len(row.Raw) < 2 || row.Raw[0] != '{' || row.Raw[len(row.Raw)-1] != '}') {
				t.Fatalf("%q: raw row %q", msg, row.Raw)
			}
		}
		if c := Count(msg); c != n {
			t.Fatalf("%q: Count is %d, Next yielded %d", msg, c, n)
		}
		if !bytes.Equal(msg, before) {
			t.Fatalf("the message was changed from %q to %q", before, msg)
		}
	})
}

// FuzzDecode compares with encoding/json on the same stream: equal rows where
// it is valid, a *SyntaxError where it is not.
func FuzzDecode(f *testing.F) {
	seeds(f)
	var d Decoder
	f.Fuzz(func(t *testing.T, msg []byte) {
		want, others, valid := reference(bytes.TrimPrefix(msg, bom))
		d.Reset(msg)
		rows, rest := 0, 0
		for {
			row, err := d.Next()
			var broken *SyntaxError
			var bad *ElementError
			switch {
			case err == io.EOF:
				if !valid {
					t.Fatalf("%q: read to its end, but it is not JSON", msg)
				}
				if rows != len(want) || rest != others {
					t.Fatalf("%q: %d rows and %d others, want %d and %d", msg, rows, rest, len(want), others)
				}
				return
			case errors.As(err, &broken):
				if valid {
					t.Fatalf("%q: %v", msg, err)
				}
				return
			case errors.As(err, &bad) && bad.Kind != Object:
				rest++
			default:
				if rows < len(want) {
					compare(t, row, bad, want[rows])
				}
				rows++
			}
		}
	})
}

// reference returns a message's objects and the number of its other elements,
// as encoding/json reads them, up to the first value that is not valid.
func reference(msg []byte) (rows []map[string]any, others int, valid bool) {
	dec := json.NewDecoder(bytes.NewReader(msg))
	dec.UseNumber()
	var flatten func(v any)
	flatten = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				flatten(e)
			}
		case map[string]any:
			rows = append(rows, v)
		default:
			others++
		}
	}
	for {
		var v any
		if err := dec.Decode(&v); err != nil {
			return rows, others, err == io.EOF
		}
		flatten(v)
	}
}

// compare checks one object; bad is set where ours refuses its text.
func compare(t *testing.T, row Row, bad *ElementError, want map[string]any) {
	t.Helper()
	if bad != nil {
		if utf8.Valid(bad.Raw) && !strings.Contains(string(bad.Raw), `\u`) {
			t.Fatalf("refused without reason: %v", bad)
		}
		return
	}
	got := map[string]any{}
	for _, f := range row.Fields {
		if !utf8.Valid(f.Name) || f.Value.Kind == String && !utf8.Valid(f.Value.Text) {
			t.Fatalf("%q: a text that is not UTF-8: %q", row.Raw, f)
		}
		got[string(f.Name)] = asAny(t, f.Value)
	}
	g, err1 := json.Marshal(got)
	w, err2 := json.Marshal(want)
	if err1 != nil || err2 != nil || !bytes.Equal(g, w) {
		t.Fatalf("%q: got %s, want %s", row.Raw, g, w)
	}
}

func asAny(t *testing.T, v Value) any {
	switch v.Kind {
	case Null:
		return nil
	case Bool:
		return string(v.Text) == "true"
	case Number:
		return json.Number(v.Text)
	case String:
		return string(v.Text)
	}
	dec := json.NewDecoder(bytes.NewReader(v.Text))
	dec.UseNumber()
	var nested any
	if err := dec.Decode(&nested); err != nil {
		t.Fatalf("nested %q: %v", v.Text, err)
	}
	return nested
}
