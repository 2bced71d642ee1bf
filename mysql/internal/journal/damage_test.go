package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// perSegment messages of 100 bytes fill a segment of segmentSize bytes.
const (
	perSegment  = 10
	recordSize  = recordHead + 100
	segmentSize = segmentHead + perSegment*recordSize
)

// damaged makes a journal of three full segments and one begun, in which
// messages 0 and 12 are settled, kills it, does something to its files and
// opens it again. The full segments have their summaries, if they are to.
func damaged(t *testing.T, summaries bool, harm func(t *testing.T, dir string)) (*Disk, *lines, *Inspection) {
	t.Helper()
	log := &lines{}
	d := open(t, Options{Identity: "x", SegmentBytes: segmentSize, SyncEvery: time.Hour, MaxBytes: 1 << 20, Log: log})
	for i := range 3*perSegment + 2 {
		put(t, d, string(message(i, 100)))
	}
	d.Settle(Stored, Span{0, 1}, Span{12, 13})
	if summaries {
		awaitSummaries(t, d, 3)
	}
	crash(d)
	harm(t, d.o.Dir)
	in, err := Inspect(d.o.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, d.o), log, in
}

// edit changes one of the journal's files.
func edit(suffix string, index int, change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
		if err != nil || len(files) <= index {
			t.Fatal(files, err)
		}
		data, err := os.ReadFile(files[index])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[index], change(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 4; return b }
}

// record i of a segment begins at.
func at(i int) int { return segmentHead + i*recordSize }

func remove(suffix string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		files, _ := filepath.Glob(filepath.Join(dir, suffix))
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// numbers is what a test expects to be lost.
func numbers(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

// Without a summary damage is found by Open, with one when it is read.
func TestDamagedSegment(t *testing.T) {
	t.Run("scanned", func(t *testing.T) { damageSegments(t, false) })
	t.Run("summarised", func(t *testing.T) { damageSegments(t, true) })
}

func damageSegments(t *testing.T, summaries bool) {
	for _, c := range []struct {
		name   string
		harm   func(*testing.T, string)
		lost   []int
		never  []int // the end of the journal: that these were accepted is not known
		intact bool  // no bytes are damaged
		aside  int   // files kept aside in the end
		late   bool  // a summary hides it until it is read
	}{
		{name: "nothing", harm: func(*testing.T, string) {}, intact: true},
		{name: "a bit of a message", harm: edit(".log", 1, flip(at(4)+recordHead+50)), lost: []int{14}, aside: 1, late: true},
		{name: "a bit of a record's head", harm: edit(".log", 1, flip(at(4)+25)), lost: []int{14}, aside: 1, late: true},
		{name: "a bit of a record's magic", harm: edit(".log", 1, flip(at(4))), lost: []int{14}, aside: 1, late: true},
		{name: "a bit of a record's length", harm: edit(".log", 1, flip(at(4)+13)), lost: []int{14}, aside: 1, late: true},
		{name: "the first record", harm: edit(".log", 1, flip(at(0)+60)), lost: []int{10}, aside: 1, late: true},
		{name: "the last record of a segment", harm: edit(".log", 1, flip(at(9)+60)), lost: []int{19}, aside: 1, late: true},
		{name: "a settled record", harm: edit(".log", 1, flip(at(2)+60)), aside: 1, late: true},
		{name: "a segment's head", harm: edit(".log", 1, flip(20)), aside: 1},
		{name: "a segment's head and first record", harm: edit(".log", 1, func(b []byte) []byte {
			clear(b[:at(1)])
			return b
		}), lost: []int{10}, aside: 1},
		{name: "zeros in the middle", harm: edit(".log", 1, func(b []byte) []byte {
			clear(b[at(3)+7 : at(6)+1])
			return b
		}), lost: []int{13, 14, 15, 16}, aside: 1, late: true},
		{name: "a segment of zeros", harm: edit(".log", 1, func(b []byte) []byte {
			clear(b)
			return b
		}), lost: append(numbers(10, 12), numbers(13, 20)...), aside: 1},
		{name: "an empty segment", harm: edit(".log", 1, func(b []byte) []byte { return nil }), lost: append(numbers(10, 12), numbers(13, 20)...), intact: true},
		{name: "a cut segment", harm: edit(".log", 1, func(b []byte) []byte { return b[:at(6)+3] }), lost: numbers(16, 20), aside: 1},
		{name: "a cut segment, at a border", harm: edit(".log", 1, func(b []byte) []byte { return b[:at(6)] }), lost: numbers(16, 20), intact: true},
		{name: "bytes taken out", harm: edit(".log", 1, func(b []byte) []byte { return append(b[:at(3)+50], b[at(3)+60:]...) }), lost: []int{13}, aside: 1},
		{name: "bytes put in", harm: edit(".log", 1, func(b []byte) []byte {
			return bytes.Join([][]byte{b[:at(3)], []byte("foreign"), b[at(3):]}, nil)
		}), aside: 1},
		{name: "a record twice", harm: edit(".log", 1, func(b []byte) []byte {
			return bytes.Join([][]byte{b[:at(4)], b[at(3):]}, nil)
		}), intact: true},
		{name: "something appended", harm: edit(".log", 0, func(b []byte) []byte { return append(b, "something"...) }), aside: 1},
		{name: "a missing segment", harm: remove("*1.log"), lost: append(numbers(10, 12), numbers(13, 20)...), intact: true},
		{name: "a text with a segment's name", harm: func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, fileName(77, segmentSuffix)), bytes.Repeat([]byte("text "), 100), 0o600); err != nil {
				t.Fatal(err)
			}
		}, aside: 1},
		{name: "another journal's segment", harm: func(t *testing.T, dir string) {
			other := open(t, Options{Identity: "other"})
			put(t, other, "foreign", "rows")
			crash(other)
			if err := os.Rename(segmentFiles(t, other.o.Dir)[0], filepath.Join(dir, fileName(78, segmentSuffix))); err != nil {
				t.Fatal(err)
			}
		}, intact: true, aside: 1},
		{name: "the unfinished end", harm: edit(".log", 3, func(b []byte) []byte { return b[:at(1)+70] }), never: []int{31}, intact: true},
		{name: "the end cut in a record's head", harm: edit(".log", 3, func(b []byte) []byte { return b[:at(1)+3] }), never: []int{31}, intact: true},
		{name: "zeros at the end", harm: edit(".log", 3, func(b []byte) []byte {
			clear(b[at(1):])
			return b
		}), never: []int{31}, aside: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, log, in := damaged(t, summaries, c.harm)
			checkSums(t, d)
			r := d.Recovered()
			if late := summaries && c.late; late != (len(r.Damaged) == 0 && !c.intact) || !late && int(r.Lost) != len(c.lost) {
				t.Errorf("recovered %+v, want %d lost", r, len(c.lost))
			}
			if in.Unreadable != uint64(len(c.lost)) || (len(in.Places) == 0) != c.intact {
				t.Errorf("inspected %+v, want %d unreadable", in, len(c.lost))
			}
			gone := map[int]bool{0: true, 12: true}
			for _, n := range append(c.lost, c.never...) {
				gone[n] = true
			}
			for i := range 3*perSegment + 2 {
				if !gone[i] {
					take(t, d, string(message(i, 100)))
				}
			}
			takeNone(t, d)
			if counts := checkSums(t, d); counts.Lost != uint64(len(c.lost)) {
				t.Errorf("%+v, want %d lost", counts, len(c.lost))
			}
			if len(c.lost) > 0 && !log.contains(fmt.Sprintf("%d rows that were accepted are lost", len(c.lost))) && !log.contains(" is damaged: ") ||
				!c.intact && log.count("error") == 0 {
				t.Errorf("the log does not tell: %q", log.all)
			}
			if summaries { // the next run knows of the damage too
				crash(d)
				d = open(t, d.o)
				for i := range 3*perSegment + 2 {
					if !gone[i] {
						take(t, d, string(message(i, 100)))
					}
				}
				if r := d.Recovered(); r.Lost > 0 || c.late && len(r.Damaged) == 0 && len(asides(t, d.o.Dir)) == 0 {
					t.Errorf("the next time: %+v", r)
				}
			}
			put(t, d, "goes on")
			take(t, d, "goes on")
			d.Settle(Stored, Span{0, 1 << 40})
			eventually(t, "all old segments are gone", func() bool { return len(segmentFiles(t, d.o.Dir)) == 1 })
			in, err := Inspect(d.o.Dir, nil)
			if err != nil || len(in.Aside) != c.aside {
				t.Errorf("kept aside: %v, want %d, %v", in.Aside, c.aside, err)
			}
			c := checkSums(t, d)
			if c.Pending != 0 {
				t.Errorf("%+v", c)
			}
			_ = d.Close()
			d = open(t, d.o)
			if r := d.Recovered(); r.Lost > 0 || len(r.Damaged) > 0 {
				t.Errorf("the same again: %+v", r)
			}
		})
	}
}

func TestDamagedState(t *testing.T) {
	for _, c := range []struct {
		name  string
		harm  func(*testing.T, string)
		again []int // of 0 and 12, which were settled
		aside int
	}{
		{"an entry", edit(".state", 0, func(b []byte) []byte { b[len(b)-30] ^= 1; return b }), []int{0}, 1},
		{"the last entry", edit(".state", 0, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), []int{12}, 0},
		{"the last entry cut", edit(".state", 0, func(b []byte) []byte { return b[:len(b)-5] }), []int{12}, 0},
		{"the snapshot", edit(".state", 0, flip(40)), []int{}, 1},
		{"the snapshot's length", edit(".state", 0, flip(17)), []int{}, 1},
		{"a state file of zeros", edit(".state", 0, func(b []byte) []byte { clear(b); return b }), []int{0, 12}, 1},
		{"an empty state file", edit(".state", 0, func(b []byte) []byte { return nil }), []int{0, 12}, 0},
		{"no state file", remove("*.state"), []int{0, 12}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _, before := damaged(t, false, c.harm)
			checkSums(t, d)
			if len(before.Places) != c.aside {
				t.Errorf("inspected %+v, want %d places", before, c.aside)
			}
			if r := d.Recovered(); r.Lost > 0 {
				t.Errorf("recovered %+v", r)
			}
			again := map[int]bool{}
			for _, n := range c.again {
				again[n] = true
			}
			for i := range 3*perSegment + 2 {
				if i != 0 && i != 12 || again[i] {
					take(t, d, string(message(i, 100)))
				}
			}
			takeNone(t, d)
			in, err := Inspect(d.o.Dir, nil)
			if err != nil || len(in.Aside) != c.aside || in.Identity != "x" {
				t.Errorf("%+v, %v", in, err)
			}
		})
	}
}

// TestDamagedSnapshotIsMadeGoodByTheOneBefore loses the newest state file's
// snapshot after a restart, when the older file is still there.
func TestDamagedSnapshotIsMadeGoodByTheOneBefore(t *testing.T) {
	d := open(t, Options{})
	put(t, d, "a", "b", "c", "d")
	take(t, d, "a", "b", "c", "d")
	d.Settle(SetAside, Span{0, 1})
	crash(d)
	d = open(t, d.o)
	d.Settle(Stored, Span{1, 2})
	before := d.Counts()
	crash(d)
	edit(".state", 1, flip(50))(t, d.o.Dir)
	d = open(t, d.o)
	if c := d.Counts(); c != before {
		t.Errorf("%+v, before %+v", c, before)
	}
	take(t, d, "c", "d")
}

// TestDamageWhileRunning changes a segment behind the journal's back before it
// is read.
func TestDamageWhileRunning(t *testing.T) {
	log := &lines{}
	d := open(t, Options{SegmentBytes: segmentSize, CacheBytes: 1, SyncEvery: time.Hour, Log: log})
	for i := range 3 * perSegment {
		put(t, d, string(message(i, 100)))
	}
	edit(".log", 1, flip(at(4)+60))(t, d.o.Dir)
	edit(".log", 2, flip(at(9)+60))(t, d.o.Dir)
	for i := range 3 * perSegment {
		if i != 14 && i != 29 {
			d.Settle(Stored, one(take(t, d, string(message(i, 100)))[0]))
		}
	}
	takeNone(t, d)
	if c := checkSums(t, d); c.Lost != 2 || c.Pending != 0 || log.count("error") != 2 {
		t.Errorf("%+v, log %q", c, log.all)
	}
	put(t, d, "goes on") // in another segment
	take(t, d, "goes on")
	d.Settle(Stored, Span{0, 99})
	_ = d.Sync(t.Context())
	eventually(t, "the damaged segments are kept aside", func() bool {
		in, err := Inspect(d.o.Dir, nil)
		return err == nil && len(in.Aside) == 2
	})
}

func TestNewerFormatIsNotTouched(t *testing.T) {
	d := open(t, Options{})
	put(t, d, "a")
	crash(d)
	for _, suffix := range []string{segmentSuffix, stateSuffix} {
		d := open(t, Options{})
		put(t, d, "a")
		crash(d)
		edit(suffix, 0, func(b []byte) []byte {
			b[12] = formatVersion + 1
			end := segmentHead
			if suffix == stateSuffix {
				end = stateHead + int(b[16]) + int(b[17])<<8
			}
			sum := checksum(0, b[12:end])
			b[8], b[9], b[10], b[11] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
			return b
		})(t, d.o.Dir)
		if _, err := Open(d.o); err == nil || !strings.Contains(err.Error(), errVersion.Error()) {
			t.Errorf("%s: got %v", suffix, err)
		}
		if _, err := Inspect(d.o.Dir, nil); err == nil {
			t.Errorf("%s: it was inspected", suffix)
		}
	}
}
