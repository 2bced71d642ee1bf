// Package cores lets a process run its goroutines on as few of the machine's
// cores as it has work for.
//
// A process that takes a message each 30 microseconds is idle most of the time,
// and Go's scheduler wakes a thread on another core for nearly every step that
// one goroutine hands to the next, and a thread that watches over them. On a
// box whose cores eKuiper and a database share, perf found a third of the
// plugin's CPU time in task switches. On one core a goroutine hands over to the
// next without waking anybody.
//
// While it has little to do, the process is also a polite one: see setBackground
// and GiveWay. eKuiper's rules are chains of goroutines of which one is the
// slowest, and each time that this one's thread has to wait for a core the rule
// stands still, though in the next millisecond a core may be idle. Our work
// can wait for that: the journal has the rows.
package cores

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	every = 500 * time.Millisecond // between looks
	much  = 0.75                   // of the cores it has: the process gets twice as many
	few   = 0.3                    // for so long it
	calm  = 20                     // looks in a row: half as many
	least = 0.2                    // of one core: up to that it is background work

	idle    = 0.02            // of a core or less, on one: looks become rare, as each wakes a process up that sleeps,
	longest = 8 * time.Second // but not rarer than this
)

// Govern keeps the number of cores at what the process has used of late: from
// one to as many as Go takes when the process begins. While it uses less than
// a fifth of one it is background work, if polite: a supervisor is not, whose workers
// would begin as what it is. It decides twice a second while there
// is work, for as long as the process lives. It does nothing where the variable
// GOMAXPROCS has decided. Who gets no more than a fifth of a core, as others
// take all of them, is background work as well, with its part as before.
func Govern(polite bool) {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	g := governor{most: runtime.GOMAXPROCS(0), used: used, set: set, setBackground: func(bool) {}}
	if g.most == 1 && !polite {
		return // there is nothing to decide
	}
	if polite && isNormal() {
		g.setBackground = func(on bool) {
			background.Store(on)
			setBackground(on)
		}
	}
	go g.run(nil)
}

// set leaves a number that is right to Go, which then follows the machine's.
func set(cores int) {
	if cores != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(cores)
	}
}

var background atomic.Bool

// GiveWay lets others go first that wait for the core it runs on, while the
// process is background work (Linux). That may take them some milliseconds. Where nobody waits it
// costs a system call.
func GiveWay() {
	if background.Load() {
		giveWay()
	}
}

// governor decides how many cores there are.
type governor struct {
	most int
	used func() time.Duration // of CPU time, by the process so far
	set  func(cores int)

	setBackground func(bool)

	cores      int
	background bool
	quiet      int // looks in a row at which few were used
}

// run governs until stop is closed.
func (g *governor) run(stop <-chan struct{}) {
	g.cores = 1
	g.set(1)
	tick := time.NewTimer(every)
	defer tick.Stop()
	was, at := g.used(), time.Now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		is, now := g.used(), time.Now()
		used := float64(is-was) / float64(max(now.Sub(at), 1))
		if n := g.next(used); n != g.cores {
			g.cores = n
			g.set(n)
		}
		if b := used <= least; b != g.background {
			g.background = b
			g.setBackground(b)
		}
		pause := every
		if g.cores == 1 && used <= idle {
			pause = min(2*max(now.Sub(at), every), longest)
		}
		was, at = is, now
		tick.Reset(pause)
	}
}

// next is how many cores there should be where so many were used since the look before.
func (g *governor) next(used float64) int {
	if used >= few*float64(g.cores) {
		g.quiet = 0
	} else {
		g.quiet++
	}
	switch {
	case used > much*float64(g.cores):
		return min(2*g.cores, g.most)
	case g.quiet >= calm && g.cores > 1:
		g.quiet = 0
		return g.cores / 2
	}
	return g.cores
}
