package journal

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
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
		for range 2 { // as it runs, and after a kill
			takeNumbered(t, d, 0, n)
			take(t, d, strings.Repeat("x", 5000))
			takeNumbered(t, d, n+1, n+2)
			takeNone(t, d)
			d = reopened(t, fs, d, false)
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
