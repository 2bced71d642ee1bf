package journal

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// simple is the queue that a Disk must behave like: a slice.
type simple struct {
	texts []string
	rows  []int
	first []uint64
	fates map[uint64]Fate // by row
	next  int             // message
	row   uint64
}

// TestLikeASlice runs random operations on a Disk and on a slice, with kills
// and orderly ends between them.
func TestLikeASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alike(t, Options{
			Dir: "j", Identity: "x", MaxBytes: 1 << 30, FS: newSimFS(rand.New(rand.NewPCG(1, 1))), linger: -1,
			SegmentBytes: rapid.Int64Range(200, 2000).Draw(t, "segment"),
			CacheBytes:   rapid.Int64Range(1, 1000).Draw(t, "cache"),
			SyncEvery:    rapid.SampledFrom([]time.Duration{Always, time.Millisecond, time.Hour}).Draw(t, "sync"),
			intakeBytes:  rapid.Int64Range(0, 8000).Draw(t, "intake"),
		})
	})
}

func alike(t *rapid.T, o Options) {
	m := &simple{fates: map[uint64]Fate{}}
	d := reopen(t, o)
	defer func() { crash(d) }()
	t.Repeat(map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			text := rapid.StringN(0, 100, 200).Draw(t, "text")
			rows := rapid.IntRange(1, 5).Draw(t, "rows")
			if err := d.Append(context.Background(), []byte(text), rows); err != nil {
				t.Fatal(err)
			}
			m.texts, m.rows, m.first = append(m.texts, text), append(m.rows, rows), append(m.first, m.row)
			m.row += uint64(rows)
		},
		"append all": func(t *rapid.T) {
			var all []Arrival
			size := int64(segmentHead)
			for range rapid.IntRange(0, 8).Draw(t, "messages") {
				a := Arrival{[]byte(rapid.StringN(0, 50, 100).Draw(t, "text")), rapid.IntRange(1, 5).Draw(t, "rows")}
				all, size = append(all, a), size+a.size()
			}
			err := d.AppendAll(context.Background(), all)
			if tooMuch := size > o.SegmentBytes; errors.Is(err, ErrFull) != tooMuch || err != nil && !tooMuch {
				t.Fatalf("%d bytes with segments of %d: %v", size, o.SegmentBytes, err)
			}
			if err != nil {
				return
			}
			for _, a := range all {
				m.texts, m.rows, m.first = append(m.texts, string(a.Data)), append(m.rows, a.Rows), append(m.first, m.row)
				m.row += uint64(a.Rows)
			}
			for i := range all { // it is the caller's again
				all[i] = Arrival{}
			}
		},
		"next": func(t *rapid.T) {
			for m.next < len(m.texts) && m.isSettled(m.next) {
				m.next++
			}
			got, ok := d.Next()
			if !ok {
				if m.next < len(m.texts) {
					t.Fatalf("nothing came, want message %d", m.next)
				}
				return
			}
			if m.next == len(m.texts) || got.Record != uint64(m.next) || string(got.Data) != m.texts[m.next] ||
				got.First != m.first[m.next] || got.Rows != m.rows[m.next] {
				t.Fatalf("got %+v, want message %d of %d", got, m.next, len(m.texts))
			}
			for i := range got.Rows {
				if _, settled := m.fates[got.First+uint64(i)]; settled && !got.Settled(i) {
					t.Fatalf("row %d of %+v is settled", i, got)
				}
			}
			m.next++
		},
		"settle": func(t *rapid.T) {
			if m.next == 0 {
				t.Skip("nothing is out")
			}
			out := m.first[m.next-1] + uint64(m.rows[m.next-1])
			from := rapid.Uint64Max(out).Draw(t, "from")
			to := min(out, from+rapid.Uint64Max(20).Draw(t, "rows"))
			fate := Fate(rapid.IntRange(0, 3).Draw(t, "fate"))
			d.Settle(fate, Span{from, to})
			for row := from; row < to; row++ {
				if _, ok := m.fates[row]; !ok {
					m.fates[row] = fate
				}
			}
		},
		"kill":  func(t *rapid.T) { crash(d); d = reopen(t, o); m.next = 0 },
		"close": func(t *rapid.T) { _ = d.Close(); d = reopen(t, o); m.next = 0 },
		"sync":  func(t *rapid.T) { _ = d.Sync(context.Background()) },
		"":      func(t *rapid.T) { m.compare(t, d) },
	})
}

func reopen(t *rapid.T, o Options) *Disk {
	o.FS.(*simFS).Restart(false)
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (m *simple) isSettled(message int) bool {
	for i := range m.rows[message] {
		if _, ok := m.fates[m.first[message]+uint64(i)]; !ok {
			return false
		}
	}
	return true
}

func (m *simple) compare(t *rapid.T, d *Disk) {
	var want Counts
	want.Received = m.row
	for _, f := range m.fates {
		switch f {
		case Stored:
			want.Stored++
		case Superseded:
			want.Superseded++
		case SetAside:
			want.SetAside++
		case Dropped:
			want.Dropped++
		}
	}
	want.Pending = m.row - uint64(len(m.fates))
	got := d.Counts()
	if (got.PendingBytes > 0) != (want.Pending > 0) || got.OldestPending.IsZero() != (want.Pending == 0) {
		t.Fatalf("%+v with %d rows pending", got, want.Pending)
	}
	got.PendingBytes, got.DiskBytes, got.OldestPending = 0, 0, time.Time{}
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	if n := len(m.texts); n > 0 && !d.IsLast([]byte(m.texts[n-1])) {
		t.Fatalf("%q is not known as the last", m.texts[n-1])
	}
}
