package journal

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWaitingOutlastsAPowerCut: it is noted now and then how long rows have waited.
func TestWaitingOutlastsAPowerCut(t *testing.T) {
	withClock(t, time.Hour, func(t *testing.T, j *clocked) {
		put(t, j, "a")
		j.sleep(50 * time.Minute)
		j.again("power cut")
		j.sleep(20 * time.Minute)
		if n := j.dropped(); n != 1 {
			t.Errorf("%d rows were dropped, want 1", n)
		}
	})
}

// TestClockThatCannotBeNoted: on a full disk, with room in the intake, rows go on by the clock
// that is noted, so that the next run does not take them for old.
func TestClockThatCannotBeNoted(t *testing.T) {
	withClock(t, time.Hour, func(t *testing.T, j *clocked) {
		if j.intake.size == 0 {
			return
		}
		put(t, j, "a")
		take(t, j, "a")
		j.sleep(50 * time.Minute)
		put(t, j, "b") // the intake has its room
		j.fs.Space(0)
		j.clock.set(-month)
		put(t, j, "c")
		tries := j.note.number
		put(t, j, "d", "e", "f")
		if log := j.log.(*lines); !log.contains("cannot be noted") || log.count("warn") != 1 || j.note.number > tries {
			t.Errorf("%d tries, then %d, log %q", tries, j.note.number, log.all)
		}
		crash(j.Disk)
		j.fs.Restart(false)
		j.fs.Space(-1)
		j.open(j.o)
		j.sleep(20 * time.Minute)
		take(t, j, "b", "c", "d", "e", "f")
	})
}

// TestCrashBesideASetClock dies at every operation while the clock is set,
// back so that rows would seem old, and ahead.
func TestCrashBesideASetClock(t *testing.T) {
	for _, set := range []time.Duration{month, -month} {
		for _, how := range lives[2:] {
			for fuse := range 30 {
				withClock(t, time.Hour, func(t *testing.T, j *clocked) {
					put(t, j, "a")
					j.sleep(50 * time.Minute)
					take(t, j, "a")
					j.Settle(Stored, Span{0, 1})
					put(t, j, "b")
					j.sleep(2 * time.Second)
					j.clock.set(set)
					j.fs.Fuse(fuse)
					go func() { _ = j.Append(t.Context(), []byte("c"), 1) }()
					synctest.Wait()
					j.again(how)
					j.sleep(20 * time.Minute)
					if n := j.dropped(); n > 0 {
						t.Fatalf("died at operation %d: %d rows were dropped", fuse, n)
					}
				})
			}
		}
	}
}

// TestDamagedClockNote drops nothing, says so, and has a note again.
func TestDamagedClockNote(t *testing.T) {
	damages := map[string]func([]byte) []byte{
		"a bit":          func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"empty":          func([]byte) []byte { return nil },
		"another's":      func(b []byte) []byte { return edited(b, 16) },
		"a later format": func(b []byte) []byte { return edited(b, 12) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			withClock(t, time.Hour, func(t *testing.T, j *clocked) {
				put(t, j, "a")
				j.sleep(50 * time.Minute)
				crash(j.Disk)
				j.fs.Restart(false)
				j.fs.Put(j.clockFile(), damage(slices.Clone(j.fs.Files()[j.clockFile()])))
				j.open(j.o)
				if r := j.Recovered(); len(r.Aside) != 1 || len(r.Damaged) != 1 || !j.log.(*lines).contains("how old rows are") {
					t.Errorf("%+v, log %q", r, j.log.(*lines).all)
				}
				j.sleep(50 * time.Minute)
				put(t, j, "b")
				if j.dropped() > 0 {
					t.Error("the row was dropped")
				}
				j.again("killed")
				j.sleep(20 * time.Minute)
				take(t, j, "b")
				if r := j.Recovered(); len(r.Aside) > 0 || j.dropped() != 1 {
					t.Errorf("%+v, %d dropped", r, j.dropped())
				}
			})
		})
	}
}

// edited changes a byte, and has the checksum right.
func edited(b []byte, at int) []byte {
	b[at] ^= 2
	sum := checksum(0, b[12:])
	b[8], b[9], b[10], b[11] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	return b
}

// clockFile is the one that there is.
func (j *clocked) clockFile() (found string) {
	j.t.Helper()
	for name := range j.fs.Files() {
		if strings.HasSuffix(name, clockSuffix) {
			if found != "" {
				j.t.Errorf("%s is beside %s", name, found)
			}
			found = name
		}
	}
	if found == "" {
		j.t.Fatal("there is no note of the clock")
	}
	return found
}

// TestJournalWithoutClockNote is of an older release: what waits there counts as accepted now.
func TestJournalWithoutClockNote(t *testing.T) {
	for _, set := range []time.Duration{month, -month} {
		withClock(t, time.Hour, func(t *testing.T, j *clocked) {
			put(t, j, "a")
			j.sleep(2 * time.Second)
			crash(j.Disk)
			j.fs.Restart(false)
			if err := j.fs.Remove(j.clockFile()); err != nil {
				t.Fatal(err)
			}
			j.clock.set(set)
			j.open(j.o)
			if r := j.Recovered(); len(r.Damaged) > 0 {
				t.Errorf("%+v", r)
			}
			j.sleep(50 * time.Minute)
			put(t, j, "b")
			if n := j.dropped(); n > 0 {
				t.Errorf("%d rows were dropped", n)
			}
			j.sleep(30 * time.Minute)
			take(t, j, "b")
			takeNone(t, j)
		})
	}
}

// TestBeginningAStretchMakesNoRowOlder where two become one.
func TestBeginningAStretchMakesNoRowOlder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	a := ages{stretches: []stretch{{0, 0, 0, 0}}}
	type row struct {
		seconds uint32
		life    int64
	}
	var rows []row
	life, ahead := int64(0), int64(0)
	for range 20 * maxStretches {
		for range rng.IntN(3) {
			life += rng.Int64N(int64(time.Hour))/int64(time.Second)*int64(time.Second) + int64(time.Second)
			rows = append(rows, row{uint32((life + ahead) / int64(time.Second)), life})
		}
		ahead = rng.Int64N(int64(month)) / int64(time.Second) * int64(time.Second)
		a.stretches = begun(a.stretches, stretch{uint64(len(rows)), life + ahead, life, 0}, 0)
		for i, r := range rows {
			if got := a.accepted(uint64(i), r.seconds); got < r.life || got > life {
				t.Fatalf("row %d of life %d counts as of life %d of %d", i, r.life, got, life)
			}
		}
	}
	if n := len(a.stretches); n != maxStretches {
		t.Errorf("%d stretches", n)
	}
}

// TestManyClocks keeps the note small when the clock never rests, and no row
// becomes older for it.
func TestManyClocks(t *testing.T) {
	withClock(t, 4*time.Hour, func(t *testing.T, j *clocked) {
		for i := range 3 * maxStretches {
			put(t, j, string(message(i, 100)))
			j.sleep(time.Minute)
			j.clock.set(time.Duration(i%3-1) * month)
		}
		j.again("killed")
		if n := j.dropped(); n > 0 {
			t.Errorf("%d rows were dropped", n)
		}
		if n := len(j.fs.Files()[j.clockFile()]); n > noteHead+maxStretches*stretchSize {
			t.Errorf("the note has %d bytes", n)
		}
		j.sleep(4*time.Hour + 10*time.Minute) // two that are one end together
		if c := j.Counts(); c.Pending > 0 {
			t.Errorf("%+v", c)
		}
	})
}

// TestPowerCutTakesNumbersOfAStretch: where it took rows after the clock was
// set, others get their numbers.
func TestPowerCutTakesNumbersOfAStretch(t *testing.T) {
	list := withoutEmpty([]stretch{{0, 1, 1, 1}, {5, 2, 2, 2}, {7, 3, 3, 3}, {9, 4, 4, 4}}, 6)
	if want := []stretch{{0, 1, 1, 1}, {5, 2, 2, 2}, {6, 4, 4, 7}}; !slices.Equal(list, want) {
		t.Errorf("%v, want %v", list, want)
	}
	withClock(t, time.Hour, func(t *testing.T, j *clocked) {
		put(t, j, "a")
		j.sleep(2 * time.Second)
		name := j.clockFile()
		crash(j.Disk)
		j.fs.Restart(false)
		n, ok := parseNote(j.fs.Files()[name])
		if !ok {
			t.Fatal("no note")
		}
		n.stretches = append(n.stretches, stretch{row: 9, wall: time.Now().UnixNano(), life: n.life})
		j.fs.Put(name, n.encode())
		j.fs.Put(name+unfinished, []byte("cut short"))
		j.open(j.o)
		if j.fs.Files()[name+unfinished] != nil {
			t.Error("what was half made is still there")
		}
		if s := j.ages.stretches; s[len(s)-1].row > 1 {
			t.Errorf("%+v, and row 1 is there", s)
		}
	})
}

// TestInspectTellsOfADamagedClockNote, as the command verify does.
func TestInspectTellsOfADamagedClockNote(t *testing.T) {
	d := open(t, Options{})
	put(t, d, "a")
	eventually(t, "there is a note of the clock", func() bool { return hasFile(t, d.o.Dir, "*"+clockSuffix) })
	in, err := Inspect(d.o.Dir, nil)
	if err != nil || len(in.Places) > 0 {
		t.Errorf("%+v, %v", in, err)
	}
	crash(d)
	edit(clockSuffix, 0, flip(50))(t, d.o.Dir)
	if in, err = Inspect(d.o.Dir, nil); err != nil || len(in.Places) != 1 {
		t.Errorf("%+v, %v", in, err)
	}
}

func FuzzClockNote(f *testing.F) {
	n := clockNote{journal: journalID{1}, boot: [16]byte{2}, life: 9, uptime: 8, stretches: []stretch{{0, 1, 2, 0}, {3, -4, 5, -6}}}
	f.Add(n.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, edited(append(slices.Clone(b), make([]byte, max(0, noteHead-len(b)))...), 12)} {
			if n, ok := parseNote(b); ok {
				if again, ok := parseNote(n.encode()); !ok || !slices.Equal(again.stretches, n.stretches) || again.life != n.life || again.uptime != n.uptime {
					t.Errorf("%+v became %+v", n, again)
				}
			}
		}
	})
}

func hasFile(t *testing.T, dir, pattern string) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return len(names) == 1
}
