package payload

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
)

var sizes = []int{1, 100}

func BenchmarkDecode(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			msg := message(n)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			var d Decoder
			for b.Loop() {
				d.Reset(msg)
				for {
					if _, err := d.Next(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkCount(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			msg := message(n)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if Count(msg) != n {
					b.Fatal("wrong count")
				}
			}
		})
	}
}

// BenchmarkStandard is encoding/json on the same messages, for the ratio.
func BenchmarkStandard(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			msg := message(n)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				var rows []map[string]any
				if err := json.Unmarshal(msg, &rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
