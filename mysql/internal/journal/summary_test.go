package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// awaitSummaries syncs and waits until so many segments have their summary.
func awaitSummaries(t *testing.T, d *Disk, want int) {
	t.Helper()
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "full segments have their summaries", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		n := 0
		for _, s := range d.segments {
			if s.summarised {
				n++
			}
		}
		return n == want
	})
}

func TestSummariesSurviveTheirCoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		salt, number := rapid.Uint32().Draw(t, "salt"), rapid.Uint64Range(0, 1<<60)
		want := summary{
			segment: number.Draw(t, "segment"), size: rapid.Int64Range(0, 1<<60).Draw(t, "size"),
			from:   position{number.Draw(t, "message"), number.Draw(t, "row")},
			oldest: rapid.Uint32().Draw(t, "oldest"), newest: rapid.Uint32().Draw(t, "newest"), lastBytes: digest{rapid.Byte().Draw(t, "last")},
		}
		want.records = rapid.Uint64Range(1, 1000).Draw(t, "records")
		want.rows = want.records + rapid.Uint64Range(0, 1000).Draw(t, "rows")
		want.to.record = want.from.record + want.records + rapid.Uint64Range(0, 9).Draw(t, "replaced")
		want.to.row = want.from.row + want.rows + rapid.Uint64Range(0, 9).Draw(t, "replaced rows")
		b := want.encode(salt)
		if got, ok := parseSummary(b, salt); !ok || got != want {
			t.Fatalf("got %+v %v, want %+v", got, ok, want)
		}
		if _, ok := parseSummary(b, salt+1); ok {
			t.Fatal("another journal's summary passes")
		}
		for i := range b {
			b[i] ^= 1
			if _, ok := parseSummary(b, salt); ok {
				t.Fatalf("a flipped bit of byte %d passes", i)
			}
			b[i] ^= 1
			if _, ok := parseSummary(b[:i], salt); ok || !tornSummary(b[:i]) {
				t.Fatalf("%d bytes of it are not known as torn", i)
			}
		}
	})
}

// readCounter counts the bytes that are read of segments.
type readCounter struct {
	FS
	bytes *atomic.Int64
}

type countedFile struct {
	File
	bytes *atomic.Int64
}

func (c readCounter) Open(path string) (File, error) {
	f, err := c.FS.Open(path)
	if err != nil || filepath.Ext(path) != segmentSuffix {
		return f, err
	}
	return countedFile{f, c.bytes}, nil
}

func (c countedFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.File.ReadAt(b, off)
	c.bytes.Add(int64(n))
	return n, err
}

// TestOpenReadsSummaries reads of a full segment its head and its foot alone,
// and gives back the same as a scan of it.
func TestOpenReadsSummaries(t *testing.T) {
	const n = 40*perSegment + 5
	for _, c := range []struct {
		name    string
		end     func(*testing.T, *Disk)
		scanned int
	}{
		{"closed", func(_ *testing.T, d *Disk) { _ = d.Close() }, 0},
		{"killed", func(t *testing.T, d *Disk) { awaitSummaries(t, d, 40); crash(d) }, 1},
		{"killed at once", func(_ *testing.T, d *Disk) { crash(d) }, 41},
	} {
		t.Run(c.name, func(t *testing.T) {
			var read atomic.Int64
			d := open(t, Options{Identity: "x", SegmentBytes: segmentSize, SyncEvery: time.Hour, FS: readCounter{OS, &read}})
			for i := range n {
				put(t, d, string(message(i, 100)))
			}
			d.Settle(Stored, Span{3, 5})
			before, disk := d.Counts(), d.Counts().DiskBytes
			c.end(t, d)
			read.Store(0)
			d = open(t, d.o)
			bytes, r := read.Load(), d.Recovered()
			if most := int64(41*(segmentHead+summarySize) + c.scanned*(segmentSize+summarySize)); r.Scanned != c.scanned || bytes > most {
				t.Errorf("%d bytes of %d read, at most %d; %+v", bytes, disk, most, r)
			}
			if r.Messages != n || r.Pending != n-2 || r.Lost > 0 || len(r.Damaged) > 0 || r.Torn > 0 {
				t.Errorf("%+v", r)
			}
			if got := d.Counts(); got != before {
				t.Errorf("%+v, before %+v", got, before)
			}
			if !d.IsLast(message(n-1, 100)) || d.IsLast(message(n-2, 100)) {
				t.Error("the last message is not known")
			}
			for i := range n {
				if i != 3 && i != 4 {
					take(t, d, string(message(i, 100)))
				}
			}
			takeNone(t, d)
			checkSums(t, d)
		})
	}
}

// TestRecoveredSegmentsGetTheirSummary scans once, not at every start.
func TestRecoveredSegmentsGetTheirSummary(t *testing.T) {
	d := open(t, Options{SegmentBytes: segmentSize, SyncEvery: time.Hour})
	for i := range 5*perSegment + 3 {
		put(t, d, string(message(i, 100)))
	}
	crash(d)
	d = open(t, d.o)
	if r := d.Recovered(); r.Scanned != 6 {
		t.Fatalf("%+v", r)
	}
	awaitSummaries(t, d, 6)
	crash(d)
	d = open(t, d.o)
	if r := d.Recovered(); r.Scanned != 0 || r.Pending != 5*perSegment+3 || !d.IsLast(message(5*perSegment+2, 100)) {
		t.Errorf("%+v", r)
	}
}

func TestDamagedSummary(t *testing.T) {
	foot := segmentSize // begins here
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:foot+n] } }
	for _, c := range []struct {
		name    string
		harm    func(*testing.T, string)
		damaged bool
	}{
		{"missing", edit(".log", 1, cut(0)), false},
		{"a byte of it", edit(".log", 1, cut(1)), false},
		{"cut in its magic", edit(".log", 1, cut(5)), false},
		{"cut after its magic", edit(".log", 1, cut(8)), false},
		{"cut in the middle", edit(".log", 1, cut(60)), false},
		{"cut before its last byte", edit(".log", 1, cut(summarySize-1)), false},
		{"zeros", edit(".log", 1, func(b []byte) []byte { clear(b[foot:]); return b }), false},
		{"its second half is zeros", edit(".log", 1, func(b []byte) []byte { clear(b[foot+64:]); return b }), false},
		{"its first half is zeros", edit(".log", 1, func(b []byte) []byte { clear(b[foot : foot+64]); return b }), true},
		{"a bit of its magic", edit(".log", 1, flip(foot+2)), true},
		{"a bit of a number", edit(".log", 1, flip(foot+40)), false},
		{"twice", edit(".log", 1, func(b []byte) []byte { return append(b, b[foot:]...) }), false},
		{"of another segment", func(t *testing.T, dir string) {
			other, err := os.ReadFile(filepath.Join(dir, fileName(0, segmentSuffix)))
			if err != nil {
				t.Fatal(err)
			}
			edit(".log", 1, func(b []byte) []byte { return append(b[:foot], other[foot:]...) })(t, dir)
		}, false},
		{"of another journal", func(t *testing.T, dir string) {
			edit(".log", 1, func(b []byte) []byte {
				s, _ := parseSummary(b[foot:], 0)
				return append(b[:foot], s.encode(99)...)
			})(t, dir)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _, in := damaged(t, true, c.harm)
			r := d.Recovered()
			if r.Scanned != 2 || r.Lost > 0 || (len(r.Damaged) > 0) != c.damaged {
				t.Errorf("%+v", r)
			}
			if in.Unreadable > 0 {
				t.Errorf("%+v", in)
			}
			checkSums(t, d)
			for i := range 3*perSegment + 2 {
				if i != 0 && i != 12 {
					take(t, d, string(message(i, 100)))
				}
			}
			takeNone(t, d)
			want := 4
			if c.damaged { // it is to be found again, until it is kept aside
				want = 3
			}
			awaitSummaries(t, d, want)
			crash(d)
			d = open(t, d.o)
			if r := d.Recovered(); r.Scanned != 4-want || r.Lost > 0 {
				t.Errorf("the next time: %+v", r)
			}
		})
	}
}

// TestLyingSummary has summaries whose checksums are right and whose content
// is not: no row is invented, and the sums hold.
func TestLyingSummary(t *testing.T) {
	for name, lie := range map[string]func(*summary){
		"more rows":         func(s *summary) { s.to.row += 3; s.rows += 3 },
		"fewer rows":        func(s *summary) { s.to.row -= 2; s.rows -= 2; s.records -= 2 },
		"fewer messages":    func(s *summary) { s.to.record--; s.records-- },
		"more messages":     func(s *summary) { s.to.record++; s.records++ },
		"a later beginning": func(s *summary) { s.from.record++; s.from.row++; s.records--; s.rows-- },
	} {
		t.Run(name, func(t *testing.T) {
			var salt uint32
			d, _, _ := damaged(t, true, func(t *testing.T, dir string) {
				in, err := Inspect(dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				var id journalID
				b := []byte(nil)
				if _, err := fmt.Sscanf(in.ID, "%x", &b); err != nil {
					t.Fatal(err)
				}
				copy(id[:], b)
				salt = id.salt()
				edit(".log", 1, func(b []byte) []byte {
					s, ok := parseSummary(b[segmentSize:], salt)
					if !ok {
						t.Fatal("no summary")
					}
					lie(&s)
					return append(b[:segmentSize], s.encode(salt)...)
				})(t, dir)
			})
			var got []string
			for {
				m, ok := d.Next()
				if !ok {
					break
				}
				got = append(got, string(m.Data))
				d.Settle(Stored, one(m))
			}
			if !slices.IsSorted(got) || len(slices.Compact(got)) != len(got) {
				t.Errorf("%q", got)
			}
			c := d.Counts()
			if c.Pending != 0 || c.Received != c.Stored+c.Lost || c.Lost > 4 {
				t.Errorf("%+v after %d messages", c, len(got))
			}
		})
	}
}

// TestRewrittenSegmentHasASummary frees most rows of many segments, and opens
// what is left of them without reading it.
func TestRewrittenSegmentHasASummary(t *testing.T) {
	d := open(t, Options{SegmentBytes: segmentSize, SyncEvery: time.Millisecond})
	var stuck []string
	for i := range 30 * perSegment {
		s := string(message(i, 100))
		put(t, d, s)
		take(t, d, s)
		if i%20 == 7 {
			stuck = append(stuck, s)
			continue
		}
		d.Settle(Stored, Span{uint64(i), uint64(i) + 1})
	}
	eventually(t, "segments are rewritten", func() bool {
		_ = d.Sync(t.Context())
		return d.Counts().DiskBytes < 15*segmentSize/2 // of 15 segments with a row each
	})
	_ = d.Close()
	d = open(t, d.o)
	if r := d.Recovered(); r.Scanned > 0 || r.Lost > 0 || r.Pending != uint64(len(stuck)) {
		t.Errorf("%+v", r)
	}
	take(t, d, stuck...)
	takeNone(t, d)
	checkSums(t, d)
	_ = d.Close()

	// Without the fates nobody knows whether what is missing was settled.
	remove("*.state")(t, d.o.Dir)
	d = open(t, d.o)
	r := d.Recovered()
	if r.Scanned == 0 || r.Lost == 0 {
		t.Errorf("%+v", r)
	}
	checkSums(t, d)
}

// TestOldestPendingOfASummary knows the age of a backlog before it is read,
// not to be less than it is, and exactly once it is read.
func TestOldestPendingOfASummary(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, SegmentBytes: segmentSize, SyncEvery: time.Second}, func(t *testing.T, fs *simFS, d *Disk) {
		start := time.Now()
		for i := range 3 * perSegment {
			put(t, d, string(message(i, 100)))
			time.Sleep(time.Minute)
		}
		d.Settle(Stored, Span{0, 5})
		_ = d.Close()
		fs.Restart(false)
		d, err := Open(d.o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		if got := d.Counts().OldestPending; got.After(start.Add(5*time.Minute)) || got.Before(start) || d.Recovered().Scanned > 0 {
			t.Errorf("got %v, began %v; %+v", got, start, d.Recovered())
		}
		for i := 5; i < 3*perSegment; i++ {
			take(t, d, string(message(i, 100)))
			if got, want := d.Counts().OldestPending, start.Add(time.Duration(i)*time.Minute); !got.Equal(want) {
				t.Errorf("message %d: got %v, want %v", i, got, want)
			}
			d.Settle(Stored, Span{uint64(i), uint64(i) + 1})
		}
	})
}

// TestRepairedSegmentIsNotTooOld drops nothing of what a repair wrote again.
func TestRepairedSegmentIsNotTooOld(t *testing.T) {
	simulated(t, Options{MaxBytes: 1 << 20, MaxAge: time.Hour, SyncEvery: time.Second, CacheBytes: 1}, func(t *testing.T, fs *simFS, d *Disk) {
		put(t, d, "a")
		time.Sleep(2 * time.Second)
		fs.BadSyncs(1000)
		put(t, d, "b", "c")
		time.Sleep(2 * time.Second)
		fs.BadSyncs(0)
		time.Sleep(time.Minute)
		take(t, d, "a", "b", "c")
		if c := d.Counts(); c.Dropped > 0 || !d.log.(*lines).contains("works again") {
			t.Errorf("%+v, log %q", c, d.log.(*lines).all)
		}
	})
}

// TestDamageThatARewriteMeets damages a segment after it was read: what is
// copied of it is the rest, and the file is kept aside.
func TestDamageThatARewriteMeets(t *testing.T) {
	d := open(t, Options{SegmentBytes: segmentSize, SyncEvery: time.Millisecond})
	for i := range 4*perSegment + 1 {
		put(t, d, string(message(i, 100)))
		take(t, d, string(message(i, 100)))
	}
	awaitSummaries(t, d, 4)
	edit(".log", 1, flip(at(4)+60))(t, d.o.Dir)
	for i := range uint64(4 * perSegment) { // leaves 4, 14, 24, 34
		if i%perSegment != 4 {
			d.Settle(Stored, Span{i, i + 1})
		}
	}
	eventually(t, "the damaged segment is kept aside", func() bool {
		_ = d.Sync(t.Context())
		in, err := Inspect(d.o.Dir, nil)
		return err == nil && len(in.Aside) == 1
	})
	crash(d)
	d = open(t, d.o)
	take(t, d, string(message(4, 100)), string(message(24, 100)), string(message(34, 100)), string(message(40, 100)))
	takeNone(t, d)
	if c := checkSums(t, d); c.Lost != 1 || c.Pending != 4 || d.Recovered().Lost != 1 {
		t.Errorf("%+v, %+v", c, d.Recovered())
	}
	if data, err := os.ReadFile(asides(t, d.o.Dir)[0]); err != nil || !bytes.Contains(data, message(13, 100)) {
		t.Errorf("what is kept aside is not the segment: %v", err)
	}
}

func asides(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.corrupt-*"))
	if err != nil || len(files) == 0 {
		t.Fatal("nothing is kept aside", err)
	}
	return files
}
