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
	b.ReportAllocs()
	b.ResetTimer()
	var message []byte
	for sent := 0; sent < b.N; {
		message = append(message[:0:0], '[')
		for i := 0; i < rows && sent < b.N; i++ {
			message = fmt.Appendf(message, `{"at":%d,"id":%d,"name":"sensor-%d","x":%g,"y":%g},`, 1763634617123+int64(sent), sent, sent%100, float64(sent)*0.37, float64(sent)*1.5)
			sent++
		}
		message[len(message)-1] = ']'
		if err := s.Collect(r.context("rule"), message); err != nil {
			b.Fatal(err)
		}
	}
	r.settle(s)
}
