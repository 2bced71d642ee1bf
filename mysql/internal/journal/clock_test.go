package journal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ownClock is a clock that a test sets.
type ownClock struct {
	systemClock
	ahead atomic.Int64 // nanoseconds
}

func (c *ownClock) read(t time.Time) moment {
	m := c.systemClock.read(t)
	m.wall += c.ahead.Load()
	return m
}

func (c *ownClock) set(by time.Duration) { c.ahead.Add(int64(by)) }

// clocked is a journal whose clock a test sets.
type clocked struct {
	*Disk
	t     *testing.T
	fs    *simFS
	clock *ownClock
}

// withClock runs a test with and without an intake, in simulated time.
func withClock(t *testing.T, maxAge time.Duration, test func(t *testing.T, j *clocked)) {
	for name, intake := range map[string]int64{"segments": -1, "intake": 64 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &clocked{t: t, fs: newSimFS(rand.New(rand.NewPCG(1, 1)))}
				j.clock = &ownClock{systemClock: systemClock{time.Now()}}
				j.open(Options{
					Dir: "j", Identity: "x", MaxBytes: 1 << 20, SegmentBytes: 2000, MaxAge: maxAge, SyncEvery: time.Second,
					FS: j.fs, Log: &lines{}, clock: j.clock, intakeBytes: intake,
				})
				defer func() { _ = j.Close() }()
				test(t, j)
			})
		})
	}
}

func (j *clocked) open(o Options) {
	j.t.Helper()
	var err error
	if j.Disk, err = Open(o); err != nil {
		j.t.Fatal(err)
	}
}

// again ends the journal as how says, and opens it.
func (j *clocked) again(how string) {
	j.t.Helper()
	switch how {
	case "running":
		return
	case "closed":
		_ = j.Close()
	default:
		crash(j.Disk)
		j.fs.Restart(how == "power cut")
	}
	j.open(j.o)
	for _, damage := range j.Recovered().Damaged { // a summary that the power was cut in may be
		if strings.HasSuffix(damage.File, clockSuffix) {
			j.t.Errorf("%+v", damage)
		}
	}
}

// lives are the ways in which a journal may end.
var lives = []string{"running", "closed", "killed", "power cut"}

// sleep lets time pass, in which the keeper drops what is too old.
func (j *clocked) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (j *clocked) dropped() uint64 { return j.Counts().Dropped }

const month = 30 * 24 * time.Hour

// TestClockSetAheadDropsNothing: rows that are seconds old stay when a time
// server is found, however the journal goes on.
func TestClockSetAheadDropsNothing(t *testing.T) {
	for _, how := range lives {
		t.Run(how, func(t *testing.T) {
			withClock(t, time.Hour, func(t *testing.T, j *clocked) {
				for i := range 30 { // some in whole segments
					put(t, j, string(message(i, 100)))
				}
				j.sleep(2 * time.Second)
				j.clock.set(month)
				put(t, j, "after")
				j.sleep(2 * time.Minute)
				j.again(how)
				j.sleep(2 * time.Minute)
				j.clock.set(month)
				j.again(how)
				j.sleep(2 * time.Minute)
				if n := j.dropped(); n > 0 {
					t.Fatalf("%d rows were dropped", n)
				}
				for i := range 30 {
					take(t, j, string(message(i, 100)))
				}
				take(t, j, "after")
			})
		})
	}
}

// TestClockSetWhileNothingRuns: the plugin ends, and the clock is right when it starts again.
func TestClockSetWhileNothingRuns(t *testing.T) {
	for _, how := range lives[1:] {
		t.Run(how, func(t *testing.T) {
			withClock(t, time.Hour, func(t *testing.T, j *clocked) {
				put(t, j, "a", "b")
				j.sleep(2 * time.Second)
				j.clock.set(month)
				j.again(how)
				put(t, j, "c")
				j.sleep(10 * time.Minute)
				take(t, j, "a", "b", "c")
			})
		})
	}
}

// TestOldRowsAreDroppedWhateverTheClockSays: what counts is the time that has passed.
func TestOldRowsAreDroppedWhateverTheClockSays(t *testing.T) {
	for _, set := range []time.Duration{month, -month} {
		for _, how := range lives {
			t.Run(fmt.Sprint(set, how), func(t *testing.T) {
				withClock(t, time.Hour, func(t *testing.T, j *clocked) {
					put(t, j, "old")
					j.sleep(30 * time.Minute)
					j.clock.set(set)
					put(t, j, "middle")
					j.sleep(2 * time.Second) // so that a power cut leaves it
					j.again(how)
					j.sleep(20 * time.Minute)
					j.clock.set(set)
					put(t, j, "young")
					j.sleep(20 * time.Minute)
					take(t, j, "middle", "young")
					takeNone(t, j)
					if n := j.dropped(); n != 1 {
						t.Errorf("%d rows were dropped, want 1", n)
					}
				})
			})
		}
	}
}

// TestTimeBetweenTwoRunsCounts where the system knows how long it was.
func TestTimeBetweenTwoRunsCounts(t *testing.T) {
	for _, how := range lives[1:] {
		t.Run(how, func(t *testing.T) {
			withClock(t, time.Hour, func(t *testing.T, j *clocked) {
				put(t, j, "a")
				j.sleep(2 * time.Second)
				crash(j.Disk)
				time.Sleep(2 * time.Hour)
				j.fs.Restart(how == "power cut")
				j.open(j.o)
				j.sleep(time.Minute)
				if got := j.shownAge(); got != 2*time.Hour+time.Minute+2*time.Second && how == "power cut" {
					t.Errorf("the row is shown to be %v old", got)
				}
				want := uint64(1)
				if how == "power cut" { // nobody knows whether the clock was set
					want = 0
				}
				if n := j.dropped(); n != want {
					t.Errorf("%d rows were dropped, want %d", n, want)
				}
			})
		})
	}
}

// TestClockSetBackMakesNoRowOld, not those either that come before the keeper looks.
func TestClockSetBackMakesNoRowOld(t *testing.T) {
	for _, how := range lives {
		t.Run(how, func(t *testing.T) {
			withClock(t, time.Hour, func(t *testing.T, j *clocked) {
				put(t, j, "a")
				j.sleep(50 * time.Minute)
				j.clock.set(-month)
				put(t, j, "b")
				if at := j.clock.read(time.Now()).wall; lastAccepted(j) != at/int64(time.Second) {
					t.Errorf("the row is of %d, and it is %d", lastAccepted(j), at/int64(time.Second))
				}
				j.sleep(2 * time.Second)
				j.again(how)
				j.sleep(30 * time.Minute)
				take(t, j, "b")
				takeNone(t, j)
			})
		})
	}
}

// lastAccepted is the time of the last message, as it is on disk.
func lastAccepted(j *clocked) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int64(j.segments[len(j.segments)-1].newest)
}

// TestClockSetBackBeforeARepair: what a repair has written again is as old as it was.
func TestClockSetBackBeforeARepair(t *testing.T) {
	withClock(t, time.Hour, func(t *testing.T, j *clocked) {
		put(t, j, "a")
		take(t, j, "a")
		j.sleep(50 * time.Minute)
		j.fs.BadSyncs(1000)
		put(t, j, "b")
		j.sleep(2 * time.Second)
		j.clock.set(-month)
		j.fs.BadSyncs(0)
		j.sleep(20 * time.Minute)
		if log := j.log.(*lines); j.dropped() > 0 || !log.contains("works again") {
			t.Errorf("%+v, log %q", j.Counts(), log.all)
		}
	})
}

// hookedFile does something when it is synced, once.
type hookedFile struct {
	File
	hook *func()
}

func (f hookedFile) Sync() error {
	if do := *f.hook; do != nil {
		*f.hook = nil
		do()
	}
	return f.File.Sync()
}

// TestClockSetBackDuringASync: what comes while the disk syncs, and fails to,
// says nothing of the rows before it.
func TestClockSetBackDuringASync(t *testing.T) {
	withClock(t, time.Hour, func(t *testing.T, j *clocked) {
		if j.intake.size > 0 {
			return
		}
		put(t, j, "a")
		take(t, j, "a")
		j.sleep(50 * time.Minute)
		j.Settle(Stored, Span{0, 1})
		j.turn.Lock()
		last := j.lastWritten()
		j.mu.Lock()
		j.seal(last) // so that b is the first of its own
		j.mu.Unlock()
		j.turn.Unlock()
		put(t, j, "b")
		hook := func() {
			j.clock.set(-month)
			put(t, j, "c")
			go func() { // once this sync has succeeded
				time.Sleep(time.Millisecond)
				j.fs.BadSyncs(1000)
			}()
		}
		j.mu.Lock()
		j.active.file = hookedFile{j.active.file, &hook}
		j.mu.Unlock()
		j.sleep(5 * time.Second)
		j.fs.BadSyncs(0)
		j.sleep(20 * time.Minute)
		if log := j.log.(*lines); j.dropped() > 0 || !log.contains("works again") {
			t.Errorf("%+v, log %q", j.Counts(), log.all)
		}
	})
}

// TestClockThatIsALittleOff needs no note, and makes no row too old.
func TestClockThatIsALittleOff(t *testing.T) {
	withClock(t, time.Minute, func(t *testing.T, j *clocked) {
		put(t, j, "a")
		take(t, j, "a")
		j.sleep(20 * time.Second)
		j.clock.set(2*time.Second - leastJump)
		put(t, j, "b")
		j.sleep(58 * time.Second)
		if n := len(j.ages.stretches); n != 1 {
			t.Errorf("%d stretches", n)
		}
		take(t, j, "b")
	})
}

// TestRowsDieInTime sets the clock at random and ends the journal in any way:
// no row is dropped before its time.
func TestRowsDieInTime(t *testing.T) {
	for round := range uint64(60) {
		rng := rand.New(rand.NewPCG(round, 9))
		withClock(t, time.Hour, func(t *testing.T, j *clocked) {
			if rng.IntN(2) == 0 {
				_ = j.Close()
				o := j.o
				o.SyncEvery = Always
				j.open(o)
			}
			var born []time.Time
			for step := range 60 {
				switch rng.IntN(6) {
				case 0, 1:
					put(t, j, string(message(step, 100)))
					born = append(born, time.Now())
				case 2:
					j.clock.set(time.Duration(rng.Int64N(int64(4*month))) - 2*month)
				case 3:
					how := lives[rng.IntN(3)]
					if j.strict { // else a power cut takes rows
						how = lives[rng.IntN(4)]
					}
					j.again(how)
				default:
					j.sleep(time.Duration(rng.Int64N(int64(20 * time.Minute))))
				}
				old := uint64(0)
				for _, b := range born {
					if time.Since(b) > time.Hour {
						old++
					}
				}
				if c := j.Counts(); c.Dropped > old || c.Lost > 0 {
					t.Fatalf("round %d, step %d: %d rows are old, %+v", round, step, old, c)
				}
			}
			j.sleep(2 * time.Hour)
			if c := j.Counts(); c.Pending > 0 {
				t.Fatalf("round %d: %+v after all are old", round, c)
			}
		})
	}
}

// TestOldestPendingStaysWhenTheClockIsSet: the age that is shown goes on.
func TestOldestPendingStaysWhenTheClockIsSet(t *testing.T) {
	withClock(t, 0, func(t *testing.T, j *clocked) {
		put(t, j, "a")
		for _, set := range []time.Duration{month, -2 * month} {
			j.sleep(time.Minute)
			before := j.shownAge()
			j.clock.set(set)
			if got := j.shownAge(); got != before {
				t.Errorf("at once: %v, was %v", got, before)
			}
			put(t, j, "b")
			j.again("killed")
			if got := j.shownAge(); got != before {
				t.Errorf("noted: %v, was %v", got, before)
			}
		}
	})
}

func (j *clocked) shownAge() time.Duration {
	return time.Unix(0, j.clock.read(time.Now()).wall).Sub(j.Counts().OldestPending)
}
