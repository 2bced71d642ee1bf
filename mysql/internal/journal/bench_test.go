package journal

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// queues are what is compared: without a disk, with one, and with a sync
// before every answer.
func queues(b *testing.B, each func(b *testing.B, q Queue)) {
	b.Run("memory", func(b *testing.B) { each(b, NewMemory(1<<40)) })
	b.Run("disk", func(b *testing.B) {
		each(b, open(b, Options{MaxBytes: 1 << 30, SyncEvery: time.Second}))
	})
	b.Run("always", func(b *testing.B) {
		each(b, open(b, Options{MaxBytes: 1 << 30, SyncEvery: Always}))
	})
}

// BenchmarkAppend appends beside a reader that settles what it reads.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{96, 10 << 10} {
		for _, appenders := range []int{1, 4} {
			b.Run(fmt.Sprintf("%dB/%d", size, appenders), func(b *testing.B) {
				queues(b, func(b *testing.B, q Queue) {
					stop := drain(q)
					defer stop()
					b.SetBytes(int64(size))
					b.ReportAllocs()
					data := make([]byte, size)
					b.SetParallelism(max(1, appenders/2)) // times GOMAXPROCS
					b.ResetTimer()
					if appenders == 1 {
						for range b.N {
							if err := q.Append(b.Context(), data, 1); err != nil {
								b.Fatal(err)
							}
						}
						return
					}
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if err := q.Append(b.Context(), data, 1); err != nil {
								b.Error(err)
							}
						}
					})
				})
			})
		}
	}
}

// BenchmarkAppendAll is BenchmarkAppend for messages that are taken together:
// an op is a message.
func BenchmarkAppendAll(b *testing.B) {
	for _, together := range []int{2, 50} {
		b.Run(fmt.Sprintf("%d together", together), func(b *testing.B) {
			queues(b, func(b *testing.B, q Queue) {
				stop := drain(q)
				defer stop()
				b.SetBytes(96)
				b.ReportAllocs()
				all := make([]Arrival, together)
				for i := range all {
					all[i] = Arrival{make([]byte, 96), 1}
				}
				b.ResetTimer()
				for left := b.N; left > 0; left -= together {
					if err := q.AppendAll(b.Context(), all[:min(left, together)]); err != nil {
						if !errors.Is(err, ErrFull) {
							b.Fatal(err)
						}
						for i := range min(left, together) { // more than the reader keeps up with
							if err := q.Append(b.Context(), all[i].Data, 1); err != nil {
								b.Fatal(err)
							}
						}
					}
				}
			})
		})
	}
}

// drain settles what comes, 1,000 rows at a time, until it is stopped.
func drain(q Queue) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		spans := make([]Span, 1)
		for {
			m, ok := q.Next()
			for n := 0; ok && n < 1000; n++ {
				if spans[0].To == m.First {
					spans[0].To++
				} else {
					spans[0] = one(m)
				}
				m, ok = q.Next()
			}
			if ok {
				spans[0].To++
			}
			q.Settle(Stored, spans...)
			if !ok {
				select {
				case <-q.Ready():
				case <-done:
					return
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

func BenchmarkNext(b *testing.B) {
	const size, n = 96, 50_000
	for _, c := range []struct {
		name  string
		cache int64
	}{{"memory", 1 << 40}, {"disk", 1}} {
		b.Run(c.name, func(b *testing.B) {
			d := open(b, Options{MaxBytes: 1 << 30, CacheBytes: c.cache, SyncEvery: time.Second})
			left := 0
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if left == 0 {
					b.StopTimer()
					d.Settle(Stored, Span{0, 1 << 60})
					for range n {
						if err := d.Append(b.Context(), make([]byte, size), 1); err != nil {
							b.Fatal(err)
						}
					}
					left = n
					b.StartTimer()
				}
				if _, ok := d.Next(); !ok {
					b.Fatal("nothing came")
				}
				left--
			}
		})
	}
	b.Run("queue in memory", func(b *testing.B) {
		m := NewMemory(1 << 40)
		b.SetBytes(size)
		b.ReportAllocs()
		left := 0
		for b.Loop() {
			if left == 0 {
				b.StopTimer()
				m.Settle(Stored, Span{0, 1 << 60})
				for range n {
					_ = m.Append(b.Context(), make([]byte, size), 1)
				}
				left = n
				b.StartTimer()
			}
			m.Next()
			left--
		}
	})
}

// BenchmarkSettle settles batches of 1,000 rows: in one span, or, as one of
// eight lanes does, in as many spans as rows.
func BenchmarkSettle(b *testing.B) {
	const rows = 1000
	for _, lanes := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d lanes", lanes), func(b *testing.B) {
			queues(b, func(b *testing.B, q Queue) {
				data := make([]byte, 96)
				spans := make([]Span, 0, rows)
				var next uint64
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					for range lanes {
						if err := q.Force(data, rows); err != nil {
							b.Fatal(err)
						}
						q.Next()
					}
					b.StartTimer()
					for lane := range lanes {
						spans = spans[:0]
						if lanes == 1 {
							spans = append(spans, Span{next, next + rows})
						} else {
							for i := range uint64(rows) {
								row := next + i*uint64(lanes) + uint64(lane)
								spans = append(spans, Span{row, row + 1})
							}
						}
						q.Settle(Stored, spans...)
					}
					next += rows * uint64(lanes)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lanes)/rows, "ns/row")
			})
		})
	}
}

var backlog = flag.Int("backlog", 500_000, "rows pending in BenchmarkOpen")

// BenchmarkOpen opens a journal with a backlog of rows of 96 bytes, in
// messages of one row and of 100, after a kill.
func BenchmarkOpen(b *testing.B) {
	for _, rows := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d rows a message", rows), func(b *testing.B) {
			d := open(b, Options{MaxBytes: 1 << 30, SyncEvery: time.Second})
			for range *backlog / rows {
				if err := d.Append(b.Context(), make([]byte, 96*rows), rows); err != nil {
					b.Fatal(err)
				}
			}
			crash(d)
			b.SetBytes(d.Counts().DiskBytes)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				d, err := Open(d.o)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if n := d.Counts().Pending; n != uint64(*backlog) {
					b.Fatalf("%d rows pending", n)
				}
				crash(d)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkDrain opens such a journal and settles all of it, a thousand rows at
// a time, and reports the time to open after a kill, and the most heap and
// resident memory on the way, in MB.
func BenchmarkDrain(b *testing.B) {
	for _, rows := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d rows a message", rows), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				d := open(b, Options{MaxBytes: 1 << 30, SyncEvery: time.Second})
				for range *backlog / rows {
					if err := d.Append(b.Context(), make([]byte, 96*rows), rows); err != nil {
						b.Fatal(err)
					}
				}
				crash(d)
				debug.FreeOSMemory()
				before := resident(b)
				b.StartTimer()
				d, err := Open(d.o)
				if err != nil {
					b.Fatal(err)
				}
				drainAll(b, d, before)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*backlog), "ns/row")
		})
	}
}

func drainAll(b *testing.B, d *Disk, before float64) {
	defer func() { _ = d.Close() }()
	heap, rss := uint64(0), 0.0
	var from, left uint64
	for n := 0; ; n++ {
		m, ok := d.Next()
		if !ok {
			break
		}
		if left += uint64(m.Rows); left >= 1000 {
			d.Settle(Stored, Span{from, m.First + uint64(m.Rows)})
			from, left = m.First+uint64(m.Rows), 0
		}
		if n%10_000 == 0 {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			heap, rss = max(heap, s.HeapInuse), max(rss, resident(b))
		}
	}
	d.Settle(Stored, Span{from, 1 << 60})
	if c := d.Counts(); c.Stored != uint64(*backlog) || c.Pending > 0 {
		b.Fatalf("%+v", c)
	}
	r := d.Recovered()
	b.ReportMetric(float64(r.Took.Microseconds())/1000, "open-ms")
	b.ReportMetric(float64(r.Scanned), "scanned")
	b.ReportMetric(float64(heap)/(1<<20), "heap-MB")
	b.ReportMetric(rss-before, "grown-MB")
}

// resident is this process's resident memory in MB; 0 where that is not known.
func resident(b *testing.B) (mb float64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscanf(kb, "%g", &mb)
		}
	}
	return mb / 1024
}

// BenchmarkAlways appends to several journals that sync before they answer:
// rules, each with one message under way, as with acks, or with eight.
func BenchmarkAlways(b *testing.B) {
	for _, journals := range []int{1, 10, 100} {
		for _, appenders := range []int{1, 8} {
			b.Run(fmt.Sprintf("%d journals/%d appenders", journals, appenders), func(b *testing.B) {
				var syncs, left atomic.Int64
				var all []*Disk
				for range journals {
					all = append(all, open(b, Options{MaxBytes: 1 << 30, SyncEvery: Always, FS: syncCounter{OS, &syncs}}))
				}
				syncs.Store(0)
				left.Store(int64(b.N))
				b.ResetTimer()
				var wait sync.WaitGroup
				for _, d := range all {
					for range appenders {
						wait.Go(func() {
							data := make([]byte, 96)
							for left.Add(-1) >= 0 {
								if err := d.Append(b.Context(), data, 1); err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
				}
				wait.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
				b.ReportMetric(float64(b.N)/float64(syncs.Load()), "appends/sync")
				b.ReportMetric(float64(syncs.Load())/b.Elapsed().Seconds(), "syncs/s")
			})
		}
	}
}

// syncCounter counts the syncs of segments.
type syncCounter struct {
	FS
	syncs *atomic.Int64
}

type syncedFile struct {
	File
	syncs *atomic.Int64
}

func (c syncCounter) Create(path string) (File, error) {
	f, err := c.FS.Create(path)
	if err != nil || filepath.Ext(path) != segmentSuffix {
		return f, err
	}
	return syncedFile{f, c.syncs}, nil
}

func (f syncedFile) Sync() error {
	f.syncs.Add(1)
	return f.File.Sync()
}

// BenchmarkRoundTrip appends, hands out and settles one message at a time.
func BenchmarkRoundTrip(b *testing.B) {
	for _, rows := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d rows a message", rows), func(b *testing.B) {
			for name, q := range map[string]func() Queue{
				"memory": func() Queue { return NewMemory(1 << 30) },
				"disk":   func() Queue { return open(b, Options{MaxBytes: 1 << 30, SyncEvery: time.Second}) },
			} {
				b.Run(name, func(b *testing.B) {
					q, data, spans := q(), make([]byte, 96*rows), make([]Span, 1)
					b.SetBytes(int64(len(data)))
					b.ReportAllocs()
					for b.Loop() {
						if err := q.Append(b.Context(), data, rows); err != nil {
							b.Fatal(err)
						}
						m, ok := q.Next()
						if !ok {
							b.Fatal("nothing came")
						}
						spans[0] = one(m)
						q.Settle(Stored, spans...)
					}
				})
			}
		})
	}
}

// BenchmarkSync is what one sync of this disk takes, for comparison.
func BenchmarkSync(b *testing.B) {
	f, err := OS.Create(b.TempDir() + "/f")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var off atomic.Int64
	for b.Loop() {
		if _, err := f.WriteAt(make([]byte, 136), off.Add(136)-136); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
