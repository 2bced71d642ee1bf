package payload

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drain renders what Next yields, one line each: rows as name=kind:text, other
// elements and faults in brackets.
func drain(t testing.TB, d *Decoder, msg string) []string {
	t.Helper()
	d.Reset([]byte(msg))
	var got []string
	for {
		row, err := d.Next()
		var bad *ElementError
		var broken *SyntaxError
		switch {
		case err == nil:
			got = append(got, render(row))
		case err == io.EOF:
			return got
		case errors.As(err, &bad):
			got = append(got, fmt.Sprintf("[%s@%d %s]", bad.Kind, bad.Offset, bad.Text))
		case errors.As(err, &broken):
			got = append(got, fmt.Sprintf("[broken@%d from %d: %s]", broken.Offset, broken.Start, broken.Reason))
		default:
			t.Fatalf("an error of type %T: %v", err, err)
		}
	}
}

func render(row Row) string {
	var parts []string
	for _, f := range row.Fields {
		parts = append(parts, fmt.Sprintf("%s=%s:%s", f.Name, f.Value.Kind, f.Value.Text))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func TestShapes(t *testing.T) {
	a1, a2, a3 := "{a=number:1}", "{a=number:2}", "{a=number:3}"
	cases := []struct {
		name, msg string
		want      []string
	}{
		{"empty message", "", nil},
		{"white space alone", " \r\n\t", nil},
		{"object", `{"a":1}`, []string{a1}},
		{"array", `[{"a":1}]`, []string{a1}},
		{"window", `[{"a":1},{"a":2}]`, []string{a1, a2}},
		{"empty window", `[]`, nil},
		{"empty window with a row", `[{}]`, []string{"{}"}},
		{"empty window with a null field", `[{"ids":null}]`, []string{"{ids=null:}"}},
		{"row without fields", `{}`, []string{"{}"}},
		{"batch of arrays", `[[{"a":1}],[{"a":2}],[{"a":3}]]`, []string{a1, a2, a3}},
		{"batch of concatenated arrays", `[{"a":1}][{"a":2}]`, []string{a1, a2}},
		{"batch of concatenated objects", `{"a":1}{"a":2}`, []string{a1, a2}},
		{"lines", "{\"a\":1}\n{\"a\":2}\r\n", []string{a1, a2}},
		{"depths mixed", `[[],[[{"a":1}]],{"a":2},[]] {"a":3}`, []string{a1, a2, a3}},
		{"white space everywhere", " [ { \"a\" : 1 } , { \"a\" : 2 } ] ", []string{a1, a2}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}", []string{a1}},
		{"null element", `[null,{"a":1}]`, []string{"[null@1 null]", a1}},
		{"other elements", `[1,"x",true,{"a":1},-2.5e3]`, []string{"[number@1 1]", `[string@3 "x"]`, "[bool@7 true]", a1, "[number@20 -2.5e3]"}},
		{"top-level scalars", `1 "x"false{"a":1}`, []string{"[number@0 1]", `[string@2 "x"]`, "[bool@5 false]", a1}},
	}
	var d Decoder // one for all: a message must leave nothing to the next
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, drain(t, &d, c.msg)); diff != "" {
				t.Error(diff)
			}
			if n := Count([]byte(c.msg)); n != len(c.want) {
				t.Errorf("Count is %d, want %d", n, len(c.want))
			}
		})
	}
}

func TestValues(t *testing.T) {
	long := strings.Repeat("9", 65)
	cases := []struct{ name, msg, want string }{
		{
			"numbers stay literal", `{"a":9007199254740993,"b":18446744073709551615,"c":1e+21,"d":-0.0,"e":` + long + `}`,
			"{a=number:9007199254740993 b=number:18446744073709551615 c=number:1e+21 d=number:-0.0 e=number:" + long + "}",
		},
		{"words", `{"a":true,"b":false,"c":null}`, "{a=bool:true b=bool:false c=null:}"},
		{"empty string", `{"":""}`, "{=string:}"},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t"}`, "{a=string:\"\\/\b\f\n\r\t}"},
		{"html escapes", `{"a\u003cb":"x\u003e\u0026 y"}`, "{a<b=string:x>& y}"},
		{"surrogate pair", `{"a":"\ud83d\ude00"}`, "{a=string:\U0001F600}"},
		{"nul", `{"a":"\u0000"}`, "{a=string:\x00}"},
		{"utf-8", "{\"名\":\"温度 \U0001F600\"}", "{名=string:温度 \U0001F600}"},
		{"nested stays raw", `{"a": {"b" : [1, "\u003c"]} ,"c":[ ]}`, `{a=object:{"b" : [1, "\u003c"]} c=array:[ ]}`},
		{"repeated name", `{"a":1,"a":2}`, "{a=number:1 a=number:2}"},
		{"delete is no control character", "{\"a\":\"\x7f\"}", "{a=string:\x7f}"},
	}
	var d Decoder
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{c.want}, drain(t, &d, c.msg)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	deep := strings.Repeat("[", maxDepth)
	a1 := "{a=number:1}"
	cases := []struct {
		name, msg string
		want      []string
	}{
		{"truncated after a row", `[{"a":1},{"a":`, []string{a1, "[broken@14 from 9: the message ends inside a value]"}},
		{"truncated array", `[{"a":1}`, []string{a1, "[broken@8 from 8: the message ends inside a value]"}},
		{"truncated string", `{"a":"x`, []string{"[broken@7 from 0: the message ends inside a value]"}},
		{"truncated escape", `{"a":"\u00`, []string{"[broken@6 from 0: unknown or incomplete escape]"}},
		{"truncated word", `{"a":1}tru`, []string{a1, "[broken@10 from 7: the message ends inside a value]"}},
		{"plain text", `hello`, []string{`[broken@0 from 0: unexpected 'h']`}},
		{"compressed bytes", "\x1f\x8b\x08", []string{"[broken@0 from 0: control character 0x1f]"}},
		{"delimited", `true|1.5|x`, []string{"[bool@0 true]", "[broken@4 from 4: unexpected '|']"}},
		{"comma at the end of an array", `[{"a":1},]`, []string{a1, "[broken@9 from 9: unexpected ']']"}},
		{"comma at the end of an object", `{"a":1,}`, []string{"[broken@7 from 0: unexpected '}']"}},
		{"comma first", `[,{"a":1}]`, []string{"[broken@1 from 1: unexpected ',']"}},
		{"comma between messages", `{"a":1},{"a":1}`, []string{a1, "[broken@7 from 7: unexpected ',']"}},
		{"no comma", `[{"a":1}{"a":1}]`, []string{a1, "[broken@8 from 8: unexpected '{']"}},
		{"bracket too many", `[{"a":1}]]`, []string{a1, "[broken@9 from 9: unexpected ']']"}},
		{"wrong bracket", `[{"a":[1}}]`, []string{"[broken@8 from 1: unexpected '}']"}},
		{"name not a string", `{a:1}`, []string{"[broken@1 from 0: unexpected 'a']"}},
		{"nested name not a string", `{"a":{"b":1,2:3}}`, []string{"[broken@12 from 0: unexpected '2']"}},
		{"no colon", `{"a" 1}`, []string{"[broken@5 from 0: unexpected '1']"}},
		{"no value", `{"a":}`, []string{"[broken@5 from 0: unexpected '}']"}},
		{"leading zero", `{"a":01}`, []string{"[broken@6 from 0: unexpected '1']"}},
		{"bare minus", `{"a":-}`, []string{"[broken@6 from 0: unexpected '}']"}},
		{"bare fraction", `{"a":1.}`, []string{"[broken@7 from 0: unexpected '}']"}},
		{"bare exponent", `{"a":1e+}`, []string{"[broken@8 from 0: unexpected '}']"}},
		{"not a number", `{"a":NaN}`, []string{"[broken@5 from 0: unexpected 'N']"}},
		{"control character", "{\"a\":\"12345678\n\"}", []string{"[broken@14 from 0: control character 0x0a]"}},
		{"unknown escape", `{"a":"\x"}`, []string{"[broken@6 from 0: unknown or incomplete escape]"}},
		{"non-ASCII outside strings", "{\"a\":\xc3\xa9}", []string{"[broken@5 from 0: unexpected byte 0xc3]"}},
		{"invalid utf-8", "[{\"a\":\"\xff\"},{\"a\":1}]", []string{"[object@1 {\"a\":\"\uFFFD\"}]", a1}},
		{"half a surrogate pair", `[{"a":"\ud800"},{"\udc00":1},{"a":1}]`, []string{`[object@1 {"a":"\ud800"}]`, `[object@16 {"\udc00":1}]`, a1}},
		{"deepest arrays", deep + strings.Repeat("]", maxDepth), nil},
		{"arrays too deep", deep + "[", []string{"[broken@10000 from 10000: nested deeper than 10000 levels]"}},
		{"row too deep", deep + `{"a":1}`, []string{"[broken@10000 from 10000: nested deeper than 10000 levels]"}},
		{"nested too deep", `{"a":` + deep, []string{"[broken@10004 from 0: nested deeper than 10000 levels]"}},
	}
	var d Decoder
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, drain(t, &d, c.msg)); diff != "" {
				t.Error(diff)
			}
			if n := Count([]byte(c.msg)); n != len(c.want) {
				t.Errorf("Count is %d, want %d", n, len(c.want))
			}
		})
	}
}

// Every kind of nesting across the word borders of kindStack must close right.
func TestNestedKinds(t *testing.T) {
	for _, depth := range []int{1, 63, 64, 65, 128, 129, 1000} {
		var open, end strings.Builder
		for i := range depth {
			if i%3 == 0 {
				open.WriteString(`{"k":`)
			} else {
				open.WriteString(`[`)
			}
		}
		for i := depth - 1; i >= 0; i-- {
			if i%3 == 0 {
				end.WriteString("}")
			} else {
				end.WriteString("]")
			}
		}
		good := `{"a":` + open.String() + "1" + end.String() + "}"
		var d Decoder
		if got := drain(t, &d, good); len(got) != 1 || strings.HasPrefix(got[0], "[") {
			t.Errorf("depth %d: %.100q", depth, got)
		}
		bad := `{"a":` + open.String() + "1" + strings.Repeat("}", depth+1)
		if got := drain(t, &d, bad); depth > 1 && !strings.HasPrefix(got[0], "[broken") {
			t.Errorf("depth %d, closed wrongly: %.100q", depth, got)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	var d Decoder
	d.Reset([]byte(`["` + strings.Repeat("é", 100) + `"]`))
	_, err := d.Next()
	want := `element at byte 1: a string is no row: "` + strings.Repeat("é", 31) + "..."
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	d.Reset([]byte(`{"a"`))
	_, err = d.Next()
	if want := "not JSON at byte 4: the message ends inside a value"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err = d.Next(); err != io.EOF {
		t.Errorf("after a syntax error: %v, want EOF", err)
	}
}

// Strings of earlier messages must survive later ones, unescaped ones too.
func TestTextsOutliveTheirMessage(t *testing.T) {
	var d Decoder
	var texts [][]byte
	const n = 2000
	for i := range n {
		d.Reset(fmt.Appendf(nil, `{"a":"<\u003c%d>","b":%d}`, i, i))
		row, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, row.Fields[0].Value.Text, row.Fields[1].Value.Text)
	}
	for i := range n {
		if got, want := string(texts[2*i]), fmt.Sprintf("<<%d>", i); got != want {
			t.Fatalf("message %d: %q, want %q", i, got, want)
		}
		if got, want := string(texts[2*i+1]), fmt.Sprint(i); got != want {
			t.Fatalf("message %d: %q, want %q", i, got, want)
		}
	}
}

func TestDecoderForgets(t *testing.T) {
	var d Decoder
	drain(t, &d, `[{"a":1,"b":2},{"a":1}]`)
	for i, f := range d.fields[:cap(d.fields)] {
		if f.Name != nil || f.Value.Text != nil {
			t.Errorf("field %d still points into a finished message", i)
		}
	}
	if d.msg != nil {
		t.Error("the finished message is still held")
	}
}

// message returns rows rows of 96 bytes and five columns, as eKuiper sends them.
func message(rows int) []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"device":"sensor-%05d","humidity":%d,"name":"line %03d","temperature":%5.2f,"ts":1795171%06d}`,
			i, 30+i%60, i, 20+float64(i%100)/10, i)
	}
	b.WriteByte(']')
	return []byte(b.String())
}
