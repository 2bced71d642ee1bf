package sink

import (
	"fmt"
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
	r := newBundle(b, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, y DOUBLE, at DATETIME(3))")
	s := r.open(r.props("", "t", "delivery", delivery))
	r.collect(s, "{\"id\":-1}")
	r.settle(s)
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
