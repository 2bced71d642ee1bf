package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// perSlot messages of 100 bytes fill a slot of the intake that staging asks for.
const perSlot = 4

func staging() Options {
	return Options{
		Identity: "x", MaxBytes: 1 << 20, SegmentBytes: 64 << 10, SyncEvery: time.Second,
		intakeBytes: intakeSlots * (slotHead + perSlot*recordSize),
	}
}

// segmentsIn returns how many segments have a file.
func segmentsIn(fs *simFS) (n int) {
	for name := range fs.Files() {
		if strings.HasSuffix(name, segmentSuffix) {
			n++
		}
	}
	return n
}

// reopened is d's journal after a kill, or after a power cut.
func reopened(t *testing.T, fs *simFS, d *Disk, power bool) *Disk {
	t.Helper()
	crash(d)
	fs.Restart(power)
	d, err := Open(d.o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { crash(d) })
	return d
}

// putNumbered appends messages of 100 bytes.
func putNumbered(t *testing.T, d *Disk, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		put(t, d, string(message(i, 100)))
	}
}

func takeNumbered(t *testing.T, d *Disk, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		take(t, d, string(message(i, 100)))
	}
}

// TestIntakeSparesTheDisk: rows that have their fate in time never go to a
// segment, however many they are, and the last message is known nevertheless.
func TestIntakeSparesTheDisk(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		const n = 20 * intakeSlots * perSlot
		for i := range n {
			putNumbered(t, d, i, i+1)
			takeNumbered(t, d, i, i+1)
			d.Settle(Stored, Span{uint64(i), uint64(i) + 1})
			if i%7 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		time.Sleep(2 * time.Second)
		if n := segmentsIn(fs); n > 0 {
			t.Errorf("there are %d segments", n)
		}
		d = reopened(t, fs, d, false)
		takeNone(t, d)
		if c := d.Counts(); c.Stored != n || c.Received != n {
			t.Errorf("%+v", c)
		}
		if !d.IsLast(message(n-1, 100)) {
			t.Error("the last message is not known")
		}
	})
}

// TestIntakeInTime: rows that wait for their fate are in a segment, and on the
// disk, within SyncEvery; those after them stay in the intake.
func TestIntakeInTime(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		putNumbered(t, d, 0, 3*perSlot)
		time.Sleep(time.Second - time.Millisecond)
		if n := segmentsIn(fs); n > 0 {
			t.Errorf("%d segments, too soon", n)
		}
		putNumbered(t, d, 3*perSlot, 3*perSlot+1)
		time.Sleep(2 * time.Millisecond)
		d.mu.Lock()
		staged := len(d.segments) - d.firstPart()
		d.mu.Unlock()
		if n := segmentsIn(fs); n != 1 || staged != 1 {
			t.Errorf("%d segments, %d parts of the intake", n, staged)
		}
		d = reopened(t, fs, d, true)
		takeNumbered(t, d, 0, 3*perSlot)
	})
}

// TestIntakeIsFull: where rows wait, what does not fit goes to a segment with
// all that came before, in order.
func TestIntakeIsFull(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		const n = 2 * intakeSlots * perSlot
		putNumbered(t, d, 0, n)
		put(t, d, strings.Repeat("x", 5000)) // more than a slot takes
		putNumbered(t, d, n+1, n+2)
		for _, d := range []*Disk{d, reopened(t, fs, d, false)} {
			if d.closed {
				continue
			}
			takeNumbered(t, d, 0, n)
			take(t, d, strings.Repeat("x", 5000))
			takeNumbered(t, d, n+1, n+2)
			takeNone(t, d)
		}
	})
}

// TestIntakeRests: an intake that nothing comes to is emptied, its memory
// is given back, and it takes messages again.
func TestIntakeRests(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		for i := range 3 {
			putNumbered(t, d, i, i+1)
			takeNumbered(t, d, i, i+1)
			d.Settle(Stored, Span{uint64(i), uint64(i) + 1})
			time.Sleep(2*idleIntake + time.Second)
			d.turn.Lock()
			if !d.intake.isAsleep() || d.firstPart() < len(d.segments) || segmentsIn(fs) == 0 {
				t.Error("it is awake, or was not used")
			}
			d.turn.Unlock()
		}
	})
}

// TestIntakeOnAFullDisk: what is in the intake stays there, over an orderly end
// and over a kill, and what waits for room has it once rows have their fate.
func TestIntakeOnAFullDisk(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
			putNumbered(t, d, 0, intakeSlots*perSlot)
			fs.Space(0)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if err := d.Append(ctx, []byte("more"), 1); !errors.Is(err, ErrFull) {
				t.Errorf("got %v", err)
			}
			if orderly {
				_ = d.Close() // that it ended so cannot be noted
			}
			crash(d)
			limited, err := Open(d.o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { crash(limited) })
			if r := limited.Recovered(); r.Pending != intakeSlots*perSlot || len(r.Damaged) > 0 {
				t.Errorf("%+v", r)
			}
			takeNumbered(t, limited, 0, intakeSlots*perSlot)
			limited.Settle(Stored, Span{0, intakeSlots*perSlot - 1})
			fs.Space(-1)
			time.Sleep(2 * time.Second)
			put(t, limited, "more")
			take(t, limited, "more")
			again := reopened(t, fs, limited, true)
			take(t, again, string(message(intakeSlots*perSlot-1, 100)))
		})
	}
}

// TestIntakeSpareFile: a journal whose messages were never in a segment has what
// it needs to note fates on a full disk.
func TestIntakeSpareFile(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		putNumbered(t, d, 0, 1)
		takeNumbered(t, d, 0, 1)
		d.Settle(Stored, Span{0, 1})
		time.Sleep(time.Second)
		fs.Space(0)
		for i := 1; i < 10*intakeSlots*perSlot; i++ {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := d.Append(ctx, message(i, 100), 1); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			cancel()
			takeNumbered(t, d, i, i+1)
			d.Settle(Stored, Span{uint64(i), uint64(i) + 1})
		}
	})
}

// TestIntakeAfterARepair: rows in the intake are seen to once the disk works again.
func TestIntakeAfterARepair(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		putNumbered(t, d, 0, 2)
		d.mu.Lock()
		d.halt(errors.New("a fault"))
		d.mu.Unlock()
		time.Sleep(3 * time.Second)
		if d = reopened(t, fs, d, true); d.Counts().Pending != 2 {
			t.Errorf("%+v", d.Counts())
		}
	})
}

// TestIntakeTimesEachSlot: a message that comes late does not put off those before it.
func TestIntakeTimesEachSlot(t *testing.T) {
	simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
		putNumbered(t, d, 0, 1)
		time.Sleep(900 * time.Millisecond)
		putNumbered(t, d, 1, 2)
		time.Sleep(990 * time.Millisecond)
		putNumbered(t, d, 2, 3)
		time.Sleep(20 * time.Millisecond)
		if d = reopened(t, fs, d, true); d.Counts().Pending < 2 {
			t.Errorf("%+v", d.Counts())
		}
	})
}

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

// TestFatesOfTheIntakeAreDurable: where what came later is on the disk, nothing
// that went through the intake before it counts as lost after a power cut.
func TestFatesOfTheIntakeAreDurable(t *testing.T) {
	for disk := range 30 { // a power cut leaves this or that
		simulatedWith(t, uint64(disk), staging(), func(t *testing.T, fs *simFS, d *Disk) {
			putNumbered(t, d, 0, 2*perSlot)
			takeNumbered(t, d, 0, 2*perSlot)
			d.Settle(Stored, Span{0, perSlot})
			put(t, d, strings.Repeat("x", 5000))
			if err := d.AwaitSync(t.Context()); err != nil {
				t.Fatal(err)
			}
			d = reopened(t, fs, d, true)
			if c := d.Counts(); c.Lost > 0 || c.Received-c.Stored != c.Pending {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestReaderBesideTheIntake reads what a kill has left in the intake while it is moved and
// its slots are used again: every message comes once, in order.
func TestReaderBesideTheIntake(t *testing.T) {
	for disk := range 100 {
		simulatedWith(t, uint64(disk), staging(), func(t *testing.T, fs *simFS, d *Disk) {
			const n = intakeSlots * perSlot
			putNumbered(t, d, 0, n)
			crash(d)
			d.o.CacheBytes = 1
			d = reopened(t, fs, d, false)
			var sender sync.WaitGroup
			sender.Go(func() {
				for i := n; i < 4*n; i++ {
					if err := d.Append(t.Context(), message(i, 100+i%7/6*500), 1); err != nil {
						t.Error(err)
					}
					runtime.Gosched()
				}
			})
			for i := 0; i < 4*n; {
				m, ok := d.Next()
				if !ok {
					<-d.Ready()
					continue
				}
				if want := message(i, len(m.Data)); string(m.Data) != string(want) {
					t.Fatalf("%q, want %q", m.Data, want)
				}
				d.Settle(Stored, one(m))
				i++
			}
			sender.Wait()
			if c := d.Counts(); c.Stored != 4*n || c.Received != 4*n {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestOtherIntake: what another setting has left is taken in.
func TestOtherIntake(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"as it was":   func(*Options) {},
		"larger":      func(o *Options) { o.intakeBytes *= 2 },
		"none":        func(o *Options) { o.intakeBytes = -1 },
		"sync always": func(o *Options) { o.SyncEvery = Always },
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, staging(), func(t *testing.T, fs *simFS, d *Disk) {
				putNumbered(t, d, 0, 3*perSlot)
				d.Settle(Stored, Span{1, 2})
				crash(d)
				change(&d.o)
				d = reopened(t, fs, d, false)
				putNumbered(t, d, 3*perSlot, 4*perSlot)
				takeNumbered(t, d, 0, 1)
				takeNumbered(t, d, 2, 4*perSlot)
				if err := d.Sync(t.Context()); err != nil {
					t.Error(err)
				}
				d = reopened(t, fs, d, true)
				takeNumbered(t, d, 0, 1)
				takeNumbered(t, d, 2, 4*perSlot)
				d.Settle(Stored, Span{0, 1 << 40})
				if err := d.Close(); err != nil {
					t.Error(err)
				}
				for name := range fs.Files() {
					if filepath.Base(name) == intakeName {
						t.Error("the intake is left behind")
					}
				}
			})
		})
	}
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
	done := make(chan error)
	go func() { done <- d.Append(context.Background(), []byte("b"), 1) }()
	eventually(t, "the intake is given up", func() bool { return log.contains("goes on without its file") })
	eventually(t, "the message is taken", func() bool {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return true
		default:
			return false
		}
	})
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
