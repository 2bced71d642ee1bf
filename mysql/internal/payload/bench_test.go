package payload

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// shapes are rows as rules make them, by their number.
var shapes = []struct {
	name string
	row  func(i int) string
}{
	{"5 columns", func(i int) string { s := string(message(1)); return s[1 : len(s)-1] }},
	{"20 columns", func(i int) string { return wide(20, i) }},
	{"200 columns", func(i int) string { return wide(200, i) }},
	{"nested", func(i int) string {
		return fmt.Sprintf(`{"id":%d,"position":{"lat":%d.25,"lon":[1,2,{"a":"b"}]},"tags":["x","y","z"]}`, i, i%90)
	}},
	{"escapes", func(i int) string { // as eKuiper writes HTML
		return fmt.Sprintf(`{"id":%d,"html":"\u003ca href=\"x\"\u003e%d\u003c/a\u003e","path":"C:\\data\\%d","line":"a\tb\n"}`, i, i, i)
	}},
}

// wide is a row of so many columns: numbers, strings, booleans and nulls.
func wide(columns, i int) string {
	var b strings.Builder
	for c := range columns {
		values := [...]string{fmt.Sprint(i), fmt.Sprintf("%d.%d", i, c), fmt.Sprintf(`"text of %d"`, c), "true", "null"}
		fmt.Fprintf(&b, `,"column%03d":%s`, c, values[c%len(values)])
	}
	return "{" + b.String()[1:] + "}"
}

// shaped is a message of so many rows: one alone is an object, not an array.
func shaped(row func(i int) string, rows int) []byte {
	if rows == 1 {
		return []byte(row(0))
	}
	b := []byte{'['}
	for i := range rows {
		b = append(append(b, row(i)...), ',')
	}
	b[len(b)-1] = ']'
	return b
}

func readAll(t testing.TB, d *Decoder, msg []byte) (rows int) {
	d.Reset(msg)
	for {
		if _, err := d.Next(); err == io.EOF {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		rows++
	}
}

// perRow runs f on messages of each shape and reports its time per row.
func perRow(b *testing.B, f func(b *testing.B, msg []byte, rows int)) {
	for _, s := range shapes {
		for _, rows := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/rows=%d", s.name, rows), func(b *testing.B) {
				msg := shaped(s.row, rows)
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				for b.Loop() {
					f(b, msg, rows)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var d Decoder
	perRow(b, func(b *testing.B, msg []byte, rows int) {
		if readAll(b, &d, msg) != rows {
			b.Fatal("wrong count")
		}
	})
}

func BenchmarkCount(b *testing.B) {
	perRow(b, func(b *testing.B, msg []byte, rows int) {
		if Count(msg) != rows {
			b.Fatal("wrong count")
		}
	})
}

// BenchmarkStandard is encoding/json on the same messages, for the ratio. More
// libraries are in test/bench/json.
func BenchmarkStandard(b *testing.B) {
	perRow(b, func(b *testing.B, msg []byte, _ int) {
		var rows any
		if err := json.Unmarshal(msg, &rows); err != nil {
			b.Fatal(err)
		}
	})
}

// Decoding costs no allocations, whatever a row looks like. Strings that hold
// escapes share chunks of memory, of which a message may need a new one.
func TestNextAllocatesNothing(t *testing.T) {
	for _, s := range shapes {
		for _, rows := range []int{1, 100} {
			msg := shaped(s.row, rows)
			var d Decoder
			most := 0.0
			if s.name == "escapes" && rows > 1 {
				most = 1
			}
			if n := testing.AllocsPerRun(100, func() { readAll(t, &d, msg) }); n > most {
				t.Errorf("%s: %v allocations per message of %d rows, want %v", s.name, n, rows, most)
			}
			if n := testing.AllocsPerRun(100, func() { Count(msg) }); n != 0 {
				t.Errorf("%s: Count: %v allocations, want 0", s.name, n)
			}
		}
	}
}
