package journal

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestUncountedRecords: what a kill has left behind the count was not accepted,
// and is not taken for what has its place and its number later.
func TestUncountedRecords(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		if err := d.AppendAll(t.Context(), []Arrival{{[]byte("a1"), 1}, {[]byte("a2"), 1}}); err != nil {
			t.Fatal(err)
		}
		crash(d)
		fs.Restart(false)
		path := filepath.Join(d.o.Dir, intakeName)
		data := fs.Files()[path]
		binary.LittleEndian.PutUint32(data[countAt:], countWord(0)) // as if it had come between
		fs.Put(path, data)
		d = reopened(t, fs, d, false)
		put(t, d, "b1")
		time.Sleep(d.o.SyncEvery / 2)
		put(t, d, "b2")
		d = reopened(t, fs, d, false)
		take(t, d, "b1", "b2")
		takeNone(t, d)
	})
}

// TestDamageIsToldOnce: also that of a slot that has only what is in segments.
func TestDamageIsToldOnce(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		putNumbered(t, d, 0, 2*perSlot)
		if err := d.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		crash(d)
		fs.Restart(false)
		path := filepath.Join(d.o.Dir, intakeName)
		fs.Put(path, flip(slotHead+60)(fs.Files()[path]))
		for i := range 3 {
			d = reopened(t, fs, d, false)
			if i == 0 { // a kill before it was seen to
				d = reopened(t, fs, d, false)
				if kept := len(d.Recovered().Damaged) > 0 && len(d.Recovered().Aside) == 0; !kept {
					t.Errorf("a second copy: %+v", d.Recovered())
				}
			}
			if told := len(d.Recovered().Damaged) > 0; told != (i == 0) {
				t.Errorf("start %d: %+v", i, d.Recovered())
			}
			if c := d.Counts(); c.Pending != 2*perSlot {
				t.Errorf("%+v", c)
			}
			putNumbered(t, d, 0, 1)
			takeNumbered(t, d, 0, 2*perSlot)
			takeNumbered(t, d, 0, 1)
			d.Settle(Stored, Span{2 * perSlot, 1 << 40})
			time.Sleep(3 * time.Second)
		}
	})
}

// TestDamagedIntake costs the records that it hits, like any other damage.
func TestDamagedIntake(t *testing.T) {
	const slot = slotHead + perSlot*recordSize
	record := func(i int) int { return i/perSlot*slot + slotHead + i%perSlot*recordSize }
	for _, c := range []struct {
		name  string
		harm  func([]byte) []byte
		lost  []int
		end   bool // it is the last message: nobody knows that it was there
		whole bool // nothing is damaged
	}{
		{name: "nothing", harm: func(b []byte) []byte { return b }, whole: true},
		{name: "a bit of a message", harm: flip(record(5) + recordHead + 50), lost: []int{5}},
		{name: "a bit of a record's head", harm: flip(record(6) + 20), lost: []int{6}},
		{name: "the first", harm: flip(record(0) + 60), lost: []int{0}},
		{name: "the last", harm: flip(record(9) + 60), lost: []int{9}, end: true},
		{name: "a count", harm: flip(slot + countAt + 1)},
		{name: "the last count", harm: func(b []byte) []byte { clear(b[2*slot+countAt : 2*slot+countAt+4]); return b }},
		{name: "a slot's head", harm: flip(slot + 20)},
		{name: "the first slot's head", harm: flip(3)},
		{name: "a slot", harm: func(b []byte) []byte { clear(b[slot : 2*slot]); return b }, lost: []int{4, 5, 6, 7}, whole: true},
		{name: "half of it", harm: func(b []byte) []byte { return b[:record(6)] }, lost: []int{6, 7, 8, 9}, end: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
				putNumbered(t, d, 0, 10)
				crash(d)
				fs.Restart(false)
				path := filepath.Join(d.o.Dir, intakeName)
				data := c.harm(fs.Files()[path])
				fs.Put(path, data)
				dir := t.TempDir()
				for name, data := range fs.Files() {
					if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				in, err := Inspect(dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				d, err = Open(d.o)
				if err != nil {
					t.Fatal(err)
				}
				defer crash(d)
				isLost := map[int]bool{}
				for _, i := range c.lost {
					isLost[i] = true
				}
				for i := range 10 {
					if !isLost[i] {
						takeNumbered(t, d, i, i+1)
					}
				}
				takeNone(t, d)
				known := len(c.lost)
				if c.end {
					known = 0
				}
				r := d.Recovered()
				if counts := d.Counts(); int(counts.Lost) != known || int(counts.Pending) != 10-len(c.lost) {
					t.Errorf("%+v", counts)
				}
				if in.Messages != uint64(10-len(c.lost)) {
					t.Errorf("inspect found %d messages", in.Messages)
				}
				if whole := len(r.Damaged) == 0 && len(r.Aside) == 0; whole != c.whole || in.Damaged > 0 && c.whole {
					t.Errorf("%+v, inspect %+v", r, in)
				}
				put(t, d, "new")
				if m := take(t, d, "new"); c.end && !c.whole && m[0].First < 10 {
					t.Errorf("row %d was another's", m[0].First)
				}
			})
		})
	}
}

// TestIntakeKnowsItsJournal: the rows are found when all other files are lost.
func TestIntakeKnowsItsJournal(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		putNumbered(t, d, 0, 10)
		crash(d)
		fs.Restart(false)
		for name := range fs.Files() {
			if strings.HasSuffix(name, stateSuffix) {
				fs.Put(name, nil)
			}
		}
		id := d.ID()
		d, err := Open(d.o)
		if err != nil {
			t.Fatal(err)
		}
		defer crash(d)
		if d.ID() != id {
			t.Error("it is another journal")
		}
		takeNumbered(t, d, 0, 10)
	})
}

// TestMappedPageFails takes the disk away from under the intake: that ends
// neither the process nor the journal.
func TestMappedPageFails(t *testing.T) {
	if _, ok := OS.(Mapper); !ok {
		t.Skip("no files are mapped here")
	}
	log := &lines{}
	d := open(t, Options{MaxBytes: 64 << 20, SyncEvery: time.Hour, Log: log})
	put(t, d, "a")
	path := filepath.Join(d.o.Dir, intakeName)
	if _, err := os.Stat(path); err != nil {
		t.Fatal("the intake is not used")
	}
	take(t, d, "a")
	d.Settle(Stored, Span{0, 1})
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	put(t, d, "b")
	if !log.contains("goes on without its file") {
		t.Errorf("%q", log.all)
	}
	put(t, d, "c")
	take(t, d, "b", "c")
	checkSums(t, d)
}

// TestAnyIntake: whatever a file holds, looking for slots ends.
func TestAnyIntake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var data []byte
		for range rapid.IntRange(0, 5).Draw(t, "pieces") {
			if rapid.Bool().Draw(t, "head") {
				data = appendSlotHead(data, journalID{}, rapid.Int64Range(0, 500).Draw(t, "size"))
			}
			data = append(data, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")...)
		}
		slots, _ := findSlots(data)
		for _, s := range slots {
			if s.from < 0 || s.to < s.from || s.to > int64(len(data)) {
				t.Fatal(fmt.Sprintf("%+v of %d bytes", s, len(data)))
			}
		}
	})
}
