package deadletter

import (
	"context"
	"testing"
	"time"
)

func BenchmarkPut(b *testing.B) {
	for name, every := range map[string]time.Duration{"fsync=always": 0, "fsync=1s": time.Second, "fsync=never": -1} {
		b.Run(name, func(b *testing.B) {
			s := open(b, Options{Dir: b.TempDir(), FsyncEvery: every})
			l := letter(1)
			b.SetBytes(int64(len(l.Raw)))
			b.SetParallelism(64) // writers of many lanes
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := s.Put(context.Background(), l); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkPutAlone(b *testing.B) {
	s := open(b, Options{Dir: b.TempDir(), FsyncEvery: time.Second})
	l := letter(1)
	b.ReportAllocs()
	for b.Loop() {
		put(b, s, l)
	}
}

func BenchmarkRead(b *testing.B) {
	s := open(b, Options{Dir: b.TempDir(), FsyncEvery: -1})
	for i := range 100_000 {
		put(b, s, letter(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if counts, _, err := s.Count(Filter{}); err != nil || counts[0].Letters != 100_000 {
			b.Fatal(counts, err)
		}
	}
}
