package json

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"ekuiper-mysql/mysql/internal/payload"
)

// message returns rows as eKuiper sends them, flat and of so many columns.
func message(rows, columns int) []byte {
	b := []byte{'['}
	for i := range rows {
		b = append(b, '{')
		for c := range columns {
			b = fmt.Appendf(b, `"column%02d":`, c)
			switch c % 5 {
			case 0:
				b = fmt.Appendf(b, "%d,", 9007199254740993+int64(i)) // more than a float64 holds
			case 1:
				b = fmt.Appendf(b, "%d.%02d,", i, c)
			case 2:
				b = fmt.Appendf(b, `"text of row %d",`, i)
			case 3:
				b = fmt.Appendf(b, "%t,", i%2 == 0)
			case 4:
				b = fmt.Appendf(b, "%d,", 1763634617123+int64(i))
			}
		}
		b[len(b)-1] = '}'
		b = append(b, ',')
	}
	b[len(b)-1] = ']'
	return b
}

// All roads see the same: otherwise there is nothing to compare.
func TestRoadsSeeTheSame(t *testing.T) {
	m := message(10, 20)
	var want []string
	for _, r := range roads {
		seen := map[string]int{}
		read := r.make()
		for range 2 { // also when used again
			if err := read(m, func(name []byte, kind payload.Kind, text []byte) {
				seen[fmt.Sprintf("%s %v %s", name, kind, text)]++
			}); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
		}
		got := slices.Sorted(maps.Keys(seen))
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %q, want %q", r.name, got, want)
		}
	}
	if len(want) < 10*4 {
		t.Errorf("only %d members", len(want))
	}
}

// BenchmarkRead reports the time per row. The names cost each road the same:
// nothing, since they are not kept.
func BenchmarkRead(b *testing.B) {
	for _, shape := range []struct{ rows, columns int }{{1, 5}, {100, 5}, {1, 20}, {100, 20}} {
		m := message(shape.rows, shape.columns)
		for _, r := range roads {
			b.Run(fmt.Sprintf("%dx%d/%s", shape.rows, shape.columns, r.name), func(b *testing.B) {
				read, bytes := r.make(), 0
				see := func(name []byte, _ payload.Kind, text []byte) { bytes += len(name) + len(text) }
				b.SetBytes(int64(len(m)))
				b.ReportAllocs()
				for b.Loop() {
					if err := read(m, see); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(shape.rows), "ns/row")
			})
		}
	}
}
