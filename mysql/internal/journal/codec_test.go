package journal

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// byteFile is a file of fixed content.
type byteFile []byte

func (b byteFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func TestRecordsSurviveTheirCoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		salt := rapid.Uint32().Draw(t, "salt")
		data := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "data")
		want := record{
			length: uint32(len(data)), rows: rapid.Uint32Range(1, 1<<31).Draw(t, "rows"), seconds: rapid.Uint32().Draw(t, "seconds"),
			number: rapid.Uint64Max(maxNumber-1).Draw(t, "number"), first: rapid.Uint64Max(maxNumber-1).Draw(t, "first"),
		}
		b := appendRecord(nil, salt, want, data)
		got, ok := parseRecord(b, salt)
		want.crc = got.crc
		if !ok || got != want || !bytes.Equal(b[recordHead:], data) || checksum(salt, data) != got.crc {
			t.Fatalf("got %+v %v, want %+v", got, ok, want)
		}
		if _, ok := parseRecord(b, salt+1); ok {
			t.Fatal("another journal's record passes")
		}
	})
}

func TestSnapshotsSurviveTheirCoding(t *testing.T) {
	want := snapshot{
		journal: journalID{1, 2}, generation: 7, nextRecord: 8, nextRow: 99, strict: true, boot: [16]byte{3}, lastBytes: digest{4},
		counts: [fates]uint64{1, 2, 3, 4, 5, 6}, identity: "rule ü", settled: []Span{{0, 5}, {7, 9}},
	}
	b := want.encode()
	got, n, ok, err := parseSnapshot(append(b, "entries"...))
	if !ok || err != nil || n != len(b) || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v %v %v, want %+v", got, ok, err, want)
	}
	for i := range b {
		b[i] ^= 1
		if _, _, ok, _ := parseSnapshot(b); ok {
			t.Errorf("a flipped bit of byte %d passes", i)
		}
		b[i] ^= 1
	}
	for i := range b {
		if _, _, ok, _ := parseSnapshot(b[:i]); ok {
			t.Errorf("%d bytes of it pass", i)
		}
	}
}

func TestSpanSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const rows = 60
		var set spanSet
		var model [rows]bool
		span := rapid.Custom(func(t *rapid.T) Span {
			from := rapid.Uint64Range(0, rows).Draw(t, "from")
			return Span{from, rapid.Uint64Range(0, rows).Draw(t, "to")}
		})
		for _, a := range rapid.SliceOf(span).Draw(t, "spans") {
			var fresh []int
			set.add(a, func(part Span) {
				for i := part.From; i < part.To; i++ {
					fresh = append(fresh, int(i))
				}
			})
			var want []int
			for i := a.From; i < a.To; i++ {
				if !model[i] {
					want = append(want, int(i))
				}
				model[i] = true
			}
			if !slices.Equal(fresh, want) {
				t.Fatalf("add %v: fresh %v, want %v", a, fresh, want)
			}
		}
		for i := 1; i < len(set.list); i++ {
			if set.list[i-1].To >= set.list[i].From {
				t.Fatalf("%v", set.list)
			}
		}
		a := span.Draw(t, "within")
		n, mark := uint64(0), uint64(0)
		for i := a.From; i < a.To; i++ {
			if model[i] {
				n++
			}
		}
		for mark < rows && model[mark] {
			mark++
		}
		in := uint64(0)
		for _, p := range set.parts(a) {
			in += p.To - p.From
		}
		if set.within(a) != n || in != n || set.watermark() != mark {
			t.Fatalf("within %v: %d and %d, want %d; watermark %d, want %d", a, set.within(a), in, n, set.watermark(), mark)
		}
	})
}

func TestDirName(t *testing.T) {
	long := strings.Repeat("Ü/long\\", 100)
	seen := map[string]string{}
	for _, c := range []struct {
		rule, op string
		instance int
		target   string
		want     string // the readable part
	}{
		{"rule1", "sink_0", 0, "db:3306/x.t", "rule1-sink-0-0-"},
		{"Rule1", "sink_0", 0, "db:3306/x.t", "rule1-sink-0-0-"},
		{"rule1", "sink_0", 1, "db:3306/x.t", "rule1-sink-0-1-"},
		{"rule1", "sink_0", 0, "db:3306/x.T", "rule1-sink-0-0-"},
		{"rule1s", "ink_0", 0, "db:3306/x.t", "rule1s-ink-0-0-"},
		{"../..", "con", 0, "", "x-con-0-"},
		{"..", "", 0, "", "x-x-0-"},
		{"a.b:c|d*e\x00f", "nul", 0, "", "a-b-c-d-e-f-nul-0-"},
		{"规则", "槽", 0, "", "x-x-0-"},
		{long, long, 1 << 30, long, "long-long-long-long-long-long-long-long-long-long-1073741824-"},
	} {
		name := DirName(c.rule, c.op, c.instance, c.target)
		if hash, ok := strings.CutPrefix(name, c.want); !ok || len(hash) != 32 {
			t.Errorf("%q %q: %s, want %s...", c.rule, c.op, name, c.want)
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(name) > 100 {
			t.Errorf("unfit name %s", name)
		}
		key := fmt.Sprintf("%q %q %d %q", c.rule, c.op, c.instance, c.target)
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s share %s", key, other, name)
		}
		seen[name] = key
	}
}

// FuzzDirName takes any two identities: names are fit for every file system,
// and differ where the identities do, also where capitals do not count.
func FuzzDirName(f *testing.F) {
	f.Add("rule", "op", 0, "server/db.t", "Rule", "op", 0, "server/db.t")
	f.Add("a", "b-0", 0, "", "a-b", "", 0, "-0")
	f.Add("con", "..", -1, "/\\:*?\"<>|", "con.", " ", 1, "\x00")
	f.Fuzz(func(t *testing.T, rule, op string, instance int, target, rule2, op2 string, instance2 int, target2 string) {
		a, b := DirName(rule, op, instance, target), DirName(rule2, op2, instance2, target2)
		for _, name := range []string{a, b} {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(name) > 100 || strings.Trim(name, "-") != name || filepath.Base(name) != name {
				t.Errorf("unfit name %q", name)
			}
		}
		same := rule == rule2 && op == op2 && instance == instance2 && target == target2
		if (a == b) != same || a != DirName(rule, op, instance, target) {
			t.Errorf("%q and %q", a, b)
		}
	})
}

// FuzzScanner finds records in arbitrary bytes, and must find those put there.
func FuzzScanner(f *testing.F) {
	r := record{length: 5, rows: 1, number: 1, first: 2}
	f.Add([]byte("before"), []byte("after"))
	f.Add(appendRecord(nil, 9, r, []byte("hello")), appendRecord(nil, 9, r, []byte("hello"))[:30])
	f.Fuzz(func(t *testing.T, before, after []byte) {
		r.length = 5
		whole := appendRecord(nil, 7, r, []byte("known"))
		file := slices.Concat(before, whole, after)
		var s scanner
		s.reset(byteFile(file), 7, 0, int64(len(file)))
		found, last := false, int64(0)
		for {
			r, at, err := s.next()
			if err != nil {
				break
			}
			if at < last || at+r.size() > int64(len(file)) || r.length > maxMessage {
				t.Fatalf("a record of %d bytes at %d of %d", r.length, at, len(file))
			}
			last = at + r.size()
			found = found || at == int64(len(before))
			data := make([]byte, r.length)
			if err := s.data(r, at, data); err != nil {
				t.Fatal(err)
			}
		}
		if !found && !swallowed(before) {
			t.Error("the record was not found")
		}
		s.tornTail()
		if cap(s.window) > windowSize {
			t.Errorf("a window of %d bytes", cap(s.window))
		}
	})
}

// swallowed tells whether a record that begins in b may reach beyond it.
func swallowed(b []byte) bool {
	for i := range b {
		if _, ok := parseRecord(b[i:], 7); ok {
			return true
		}
	}
	return false
}

// FuzzRecovery opens a journal whose files are edited, or are any bytes at
// all. It must not panic, and its sums must hold.
func FuzzRecovery(f *testing.F) {
	image := makeImage(f)
	if i := slices.IndexFunc(image, func(file imageFile) bool { // of which edits may hit the summary
		return strings.HasSuffix(file.name, segmentSuffix) && bytes.Equal(file.data[len(file.data)-summarySize:][:8], summaryMagic[:])
	}); i < 0 {
		f.Fatal("no segment has a summary")
	}
	f.Add([]byte{}, []byte{}, []byte{})
	f.Add([]byte{0, 10, 0, 1, 1, 200, 0, 255}, []byte("segment"), []byte("state"))
	f.Add([]byte{2, 30, 0, 1}, image[0].data, image[len(image)-1].data)
	f.Fuzz(func(t *testing.T, edits, segment, state []byte) {
		if len(segment)+len(state) > 1<<16 {
			return
		}
		fs := newSimFS(rand.New(rand.NewPCG(1, 1)))
		dir := t.TempDir()
		add := func(name string, data []byte) {
			fs.Put(filepath.Join("j", name), data)
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i, file := range image {
			data := slices.Clone(file.data)
			for e := edits; len(e) >= 4; e = e[4:] {
				if int(e[0])%len(image) == i {
					data[(int(e[1])+int(e[2])<<8)%len(data)] ^= e[3]
				}
			}
			add(file.name, data)
		}
		if len(segment) > 0 {
			add(fileName(50, segmentSuffix), segment)
		}
		if len(state) > 0 {
			add(fileName(50, stateSuffix), state)
		}
		_, _ = Inspect(dir, func(Entry) error { return nil })
		d, err := Open(Options{Dir: "j", Identity: "image", MaxBytes: 1 << 20, SyncEvery: time.Hour, FS: fs})
		if err != nil {
			return
		}
		defer func() { _ = d.Close() }()
		before, rows := uint64(0), uint64(0)
		for {
			m, ok := d.Next()
			if !ok {
				break
			}
			if m.First < before {
				t.Fatalf("row %d after row %d", m.First, before)
			}
			before = m.First + uint64(m.Rows)
			for i := range min(m.Rows, 1000) {
				if !m.Settled(i) {
					rows++
				}
			}
			d.Settle(Stored, one(m))
		}
		c := d.Counts()
		if c.Pending != 0 {
			t.Fatalf("%+v after %d rows", c, rows)
		}
	})
}

type imageFile struct {
	name string
	data []byte
}

// makeImage returns the files of a small journal.
func makeImage(t testing.TB) (image []imageFile) {
	fs := newSimFS(rand.New(rand.NewPCG(1, 1)))
	d, err := Open(Options{Dir: "j", Identity: "image", MaxBytes: 1 << 20, SegmentBytes: 500, SyncEvery: time.Hour, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := d.Append(t.Context(), message(i, 50), 1+i%3); err != nil {
			t.Fatal(err)
		}
	}
	d.Settle(Stored, Span{1, 3}, Span{7, 8})
	if err := d.Close(); err != nil { // so that the segments have summaries
		t.Fatal(err)
	}
	for path, data := range fs.Files() {
		if len(data) > 0 && !strings.HasSuffix(path, spareName) && !strings.HasSuffix(path, clockSuffix) { // which may be there, or not yet
			image = append(image, imageFile{filepath.Base(path), data})
		}
	}
	slices.SortFunc(image, func(a, b imageFile) int { return strings.Compare(a.name, b.name) })
	return image
}
