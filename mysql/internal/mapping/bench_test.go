package mapping

import (
	"fmt"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/payload"
)

// ways are what rules ask for, on rows of ten fields.
var ways = []struct {
	name    string
	columns string
	options Options
	most    float64 // allocations for a thousand rows
}{
	{"renamed", `{"a":"c0","b":"c1","c":"c2","d":"c3","e":"c4"}`, Options{}, 0},
	{"snake", "", Options{SnakeCase: true}, 0},
	{"nested", `{"a":"p.s[0].t","b":"p.s[1].t","c":"p.n","d":"p.deep.er"}`, Options{}, 0},
	{"facts", `{"a":{"meta":"rule"},"b":{"meta":"received"},"c":{"meta":"number"}}`, Options{}, 2},
	{"rest", "", Options{Rest: "doc"}, 15}, // its text, in chunks of 16 KiB
	{"row", "", Options{Rest: "doc", WholeRow: true}, 0},
}

// message is rows of ten fields and one that nests.
func message(rows int) []byte {
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `,{"c0":%d,"c1":%d.5,"c2":"text of %d","c3":true,"c4":null,"camelFive":5,"c6":6,"c7":7,"more":"%d","else":[1,2],"p":{"s":[{"t":%d.25},{"t":2}],"n":"x","deep":{"er":1}}}`, i, i, i, i, i)
	}
	return []byte("[" + b.String()[1:] + "]")
}

func benchTable() *fakeTable {
	return columnsOf("c0", "c1", "c2", "c3", "c4", "camel_five", "c6", "c7", "a", "b", "c", "d", "e", "doc")
}

func mapMessage(tb testing.TB, m *Mapper, d *payload.Decoder, data []byte, p *Plan, table Table, f Facts) (rows int) {
	d.Reset(data)
	for {
		row, err := d.Next()
		if err != nil {
			return rows
		}
		if p != nil {
			f.Number++
			if _, _, err = m.Map(row, p, table, f); err != nil {
				tb.Fatal(err)
			}
		}
		rows++
	}
}

func BenchmarkMap(b *testing.B) {
	const rows = 100
	data, table := message(rows), benchTable()
	facts := Facts{Origin: &Origin{Rule: "rule", Op: "op", Journal: "j"}, Accepted: 1795251627}
	for i := -1; i < len(ways); i++ {
		name, p := "decoded alone", (*Plan)(nil)
		if i >= 0 {
			name, p = ways[i].name, plan(b, ways[i].columns, ways[i].options)
		}
		b.Run(name, func(b *testing.B) {
			var m Mapper
			var d payload.Decoder
			b.ReportAllocs()
			for b.Loop() {
				mapMessage(b, &m, &d, data, p, table, facts)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

// Rows alike cost nothing but the memory of the text that has to be written.
func TestMapAllocatesNothing(t *testing.T) {
	data, table := message(1000), benchTable()
	facts := Facts{Origin: &Origin{Rule: "rule", Op: "op", Journal: "j"}, Accepted: 1795251627}
	for _, w := range ways {
		var m Mapper
		var d payload.Decoder
		p := plan(t, w.columns, w.options)
		if n := testing.AllocsPerRun(20, func() { mapMessage(t, &m, &d, data, p, table, facts) }); n > w.most {
			t.Errorf("%s: %v allocations for 1000 rows, want at most %v", w.name, n, w.most)
		}
	}
}
