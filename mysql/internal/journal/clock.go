package journal

import (
	"slices"
	"sort"
	"time"
)

// A record says when it was accepted by the wall clock, which somebody may set:
// a machine that keeps no time begins in the year 1970, and is months ahead
// once it has found a time server. So a row's age is no difference of wall
// clocks. The journal counts how long it has lived by a clock that nobody sets,
// and stretches say what the wall clock showed at which point of that life.
//
// What is not known counts as no time at all: how long the plugin did not run,
// but for a run of the system that knows it, and when a row came where the note
// of the stretches is gone. Rows are then dropped late, never early.

// clock reads the wall clock, and the one beside it that nobody sets.
type clock interface {
	read(t time.Time) moment // t is what time.Now has just returned
}

// moment is what both clocks show.
type moment struct {
	wall   int64 // Unix time, nanoseconds
	passed int64 // nanoseconds since whenever the clock began
}

type systemClock struct{ began time.Time }

func (c systemClock) read(t time.Time) moment { return moment{t.UnixNano(), int64(t.Sub(c.began))} }

// leastJump is what the wall clock may be off before it counts as set, and so
// what rows may seem older than they are: they are dropped that much later.
const leastJump = 10 * time.Second

// stretch is rows that were accepted while nobody set the wall clock.
type stretch struct {
	row  uint64 // the first
	wall int64  // what the wall clock showed when it began, Unix nanoseconds
	life int64  // how long the journal had lived then, nanoseconds
	set  int64  // by how much the clock was set ahead then, nanoseconds; 0 if that is not known
}

// ages knows how old rows are. It is changed with turn and mu held once Open
// has returned, so that either is enough to read it.
type ages struct {
	stretches []stretch // by rows, at least one; what is on disk is what it says, or nothing
	base      int64     // how long the journal had lived when passed was 0
}

// life is how long the journal has lived, in nanoseconds.
func (a *ages) life(m moment) int64 { return a.base + m.passed }

// off is by how much the wall clock is ahead of the last stretch; 0 if it goes on with it.
func (a *ages) off(m moment) int64 {
	last := &a.stretches[len(a.stretches)-1]
	off := m.wall - (last.wall + a.life(m) - last.life)
	if max(off, -off) <= int64(leastJump) {
		return 0
	}
	return off
}

// after returns the index of the first stretch that begins after row.
func (a *ages) after(row uint64) int {
	return sort.Search(len(a.stretches), func(i int) bool { return a.stretches[i].row > row })
}

// accepted is how long the journal had lived when it took a row, or longer.
func (a *ages) accepted(row uint64, seconds uint32) int64 {
	i := max(a.after(row), 1) // what is before the first has its fate
	s := &a.stretches[i-1]
	life := s.life + max(0, int64(seconds)*int64(time.Second)-s.wall)
	if i < len(a.stretches) {
		life = min(life, a.stretches[i].life)
	}
	return life
}

// setSince is by how much the clock was set ahead since a row was accepted, as far as that is known.
func (a *ages) setSince(row uint64) (sum int64) {
	for _, s := range a.stretches[max(a.after(row), 1):] {
		sum += s.set
	}
	return sum
}

// maxStretches bounds how many are kept.
const maxStretches = 64

// begun returns list with one more stretch, and without those whose rows are
// below settled. Where there are too many, two that are close to each other
// become one, in which no row is older than it was; not with the last, whose
// rows could seem to be of the future.
func begun(list []stretch, s stretch, settled uint64) []stretch {
	list = append(slices.Clone(list), s)
	first := 0
	for first+1 < len(list) && list[first+1].row <= settled {
		first++
	}
	list = withoutEmpty(list[first:], s.row)
	for len(list) > maxStretches {
		best := 0
		for i := range len(list) - 2 {
			if list[i+1].life-list[i].life < list[best+1].life-list[best].life {
				best = i
			}
		}
		list[best+1].row, list[best+1].set = list[best].row, list[best+1].set+list[best].set
		list = slices.Delete(list, best, best+1)
	}
	return list
}

// withoutEmpty leaves out the stretches without rows, but for the last: next is
// the number of the next row, and a power cut may have taken those that were above it.
func withoutEmpty(list []stretch, next uint64) []stretch {
	kept := list[:0]
	for _, s := range list {
		s.row = min(s.row, next)
		if n := len(kept); n > 0 && kept[n-1].row == s.row {
			s.set += kept[n-1].set
			kept = kept[:n-1]
		}
		kept = append(kept, s)
	}
	return kept
}

// stamp is when what is taken at a moment counts as accepted, Unix
// nanoseconds. Where the clock was set that is noted first: as long as that
// fails, it counts as not set, so that what is on disk fits together. turn is held.
func (d *Disk) stamp(now moment) int64 {
	off := d.ages.off(now)
	if off == 0 || d.followClock(now, off) {
		return now.wall
	}
	return now.wall - off
}

// followClock begins a stretch with the next row. turn is held.
func (d *Disk) followClock(now moment, set int64) bool {
	n := &d.note
	n.turn.Lock()
	defer n.turn.Unlock()
	if n.failed && now.passed < n.again {
		return false
	}
	d.mu.Lock()
	settled := d.settled.watermark()
	d.mu.Unlock()
	s := stretch{d.next.row, now.wall, d.ages.life(now), set}
	list := begun(d.ages.stretches, s, settled)
	if !d.writeNote(list, now) {
		return false
	}
	d.mu.Lock()
	d.ages.stretches = list
	d.mu.Unlock()
	if by := time.Duration(set).Round(time.Second); by != 0 {
		where := "ahead"
		if by < 0 {
			where = "back"
		}
		d.log.Infof("journal %s: the clock went %s by %v, was set or the machine slept: rows that wait are not older for that", d.o.Dir, where, by.Abs())
	}
	return true
}

// tooOld tells whether a row is older than MaxAge. mu is held.
func (d *Disk) tooOld(row uint64, seconds uint32) bool {
	if d.o.MaxAge <= 0 {
		return false
	}
	age := d.ages.life(d.o.clock.read(time.Now())) - d.ages.accepted(row, seconds)
	return age > int64(d.o.MaxAge+leastJump)
}

// shown is when a row was accepted by what the wall clock shows now. mu is held.
func (d *Disk) shown(row uint64, seconds uint32) time.Time {
	set := d.ages.setSince(row) + d.ages.off(d.o.clock.read(time.Now()))
	return time.Unix(int64(seconds), 0).Add(time.Duration(set).Round(time.Second))
}
