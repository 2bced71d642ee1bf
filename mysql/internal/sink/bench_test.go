package sink

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkDelivery takes rows from Collect to a committed row of a real
// server, journal on: an op is a row. Allocations are those of the whole way.
func BenchmarkDelivery(b *testing.B) {
	for _, c := range []struct {
		rows     int
		delivery string
	}{{1, "atLeastOnce"}, {100, "atLeastOnce"}, {100, "exactlyOnce"}} {
		b.Run(fmt.Sprintf("rows=%d/%s", c.rows, c.delivery), func(b *testing.B) { benchmarkDelivery(b, c.rows, c.delivery) })
	}
}

func benchmarkDelivery(b *testing.B, rows int, delivery string) {
	r := newBundle(b, benchmarked)
	s := r.open(r.props("", "t", "delivery", delivery))
	r.collect(s, "{\"id\":-1}")
	r.settle(s)
	benchmarkRows(b, r, s, rows)
}

const benchmarked = "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, y DOUBLE, at DATETIME(3))"

// BenchmarkModes writes rows in each mode, whose keys are new or there already.
func BenchmarkModes(b *testing.B) {
	for _, c := range []struct {
		name  string
		props []any
		there bool
	}{
		{"insert", nil, false},
		{"insertIgnore", []any{"mode", "insertIgnore"}, false},
		{"insertIgnore/there", []any{"mode", "insertIgnore"}, true},
		{"replace/there", []any{"mode", "replace"}, true},
		{"upsert", []any{"mode", "upsert"}, false},
		{"upsert/there", []any{"mode", "upsert"}, true},
		{"upsert/there/newest", []any{"mode", "upsert", "versionField", "at"}, true},
		{"update/there", []any{"mode", "update"}, true},
		{"update/there/newest", []any{"mode", "update", "versionField", "at"}, true},
		{"delete/there", []any{"mode", "delete"}, true},
		{"kinds", []any{"mode", "upsert", "rowkindField", "kind"}, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newBundle(b, benchmarked)
			if c.there {
				fill := r.openRule("fill", r.props("", "t"))
				for from := 0; from < b.N; from += 1000 {
					m := []byte{'['}
					for id := from; id < min(from+1000, b.N); id++ {
						m = fmt.Appendf(m, `{"id":%d,"name":"old","x":0,"y":0},`, id)
					}
					m[len(m)-1] = ']'
					if err := fill.Collect(r.context("fill"), m); err != nil {
						b.Fatal(err)
					}
				}
				r.settle(fill)
				r.end(fill)
			}
			s := r.open(r.props("", "t", c.props...))
			r.collect(s, `{"id":-1,"at":0}`)
			r.settle(s)
			benchmarkRows(b, r, s, 100)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// benchmarkRows sends b.N rows, so many in a message, and waits for the table.
func benchmarkRows(b *testing.B, r *bundle, s *Sink, rows int) {
	messages := make([][]byte, 0, b.N/rows+1) // made before the clock runs
	for sent := 0; sent < b.N; {
		m := []byte{'['}
		for i := 0; i < rows && sent < b.N; i++ {
			m = fmt.Appendf(m, `{"at":%d,"id":%d,"name":"sensor-%d","x":%g,"y":%g},`, 1763634617123+int64(sent), sent, sent%100, float64(sent)*0.37, float64(sent)*1.5)
			sent++
		}
		m[len(m)-1] = ']'
		messages = append(messages, m)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, m := range messages {
		if err := s.Collect(r.context("rule"), m); err != nil {
			b.Fatal(err)
		}
	}
	r.settle(s)
}

// BenchmarkTablePerRow is rows that go to as many tables in turn.
func BenchmarkTablePerRow(bench *testing.B) {
	for _, tables := range []int{0, 1, 10, 100} {
		bench.Run(fmt.Sprint(tables), func(bench *testing.B) {
			b := newBundle(bench)
			props := b.props("", "m_{device}", "allowedTables", "m_*", "autoCreate", true, "road", "insert")
			if tables == 0 { // no template
				props = b.props("", "m_0", "autoCreate", true, "road", "insert")
			}
			s := b.open(props)
			for i := range max(tables, 1) { // the tables are there
				b.collect(s, fmt.Sprintf(`{"device":%d,"id":1,"x":1.5,"name":"some text"}`, i))
			}
			b.settle(s)
			const each = 100
			var messages [][]byte
			for m := range 1000 {
				var rows []string
				for i := range each {
					rows = append(rows, fmt.Sprintf(`{"device":%d,"id":%d,"x":%d.5,"name":"some text of a row"}`, (m*each+i)%max(tables, 1), i, i))
				}
				messages = append(messages, []byte("["+strings.Join(rows, ",")+"]"))
			}
			bench.ResetTimer()
			for i := range bench.N {
				if err := s.Collect(b.context("rule"), messages[i%len(messages)]); err != nil {
					bench.Fatal(err)
				}
			}
			b.settle(s)
			bench.ReportMetric(float64(bench.N*each)/bench.Elapsed().Seconds(), "rows/s")
		})
	}
}
