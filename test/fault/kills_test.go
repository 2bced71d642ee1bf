package fault

import (
	"math/rand/v2"
	"time"
)

var allModes = []mode{plain, acked, unacked, keyed, once, onceAcked}

// kills are scenarios of processes that die under load.
func kills() []scenario {
	all := []scenario{
		{name: "worker killed", short: 1, long: 15, round: func(a *arena, random *rand.Rand) {
			a.under(random, a.killWorker)
		}},
		{name: "supervisor killed", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.under(random, a.killSupervisor)
		}},
		{name: "plugin killed", short: 1, long: 30, round: func(a *arena, random *rand.Rand) {
			a.under(random, func() { a.killPlugin(); a.revive() })
		}},
		{name: "plugin killed again and again", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			times := 2 + random.IntN(5)
			a.under(random, func() {
				for range times {
					a.killPlugin()
					a.revive()
				}
			})
		}},
		{name: "database killed", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			down := upTo(random, 300*time.Millisecond)
			a.under(random, func() { a.crashDatabase(down) })
		}},
		{name: "database and plugin killed", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			first, gap := random.IntN(2) == 0, upTo(random, 200*time.Millisecond)
			a.under(random, func() {
				if first {
					a.must(a.server.Kill())
				}
				a.killPlugin()
				if !first {
					a.must(a.server.Kill())
				}
				a.revive()
				<-time.After(gap)
				a.must(a.server.Restart())
				a.healed = time.Now()
			})
		}},
		{name: "plugin killed while the database is away", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			times := 1 + random.IntN(3)
			a.under(random, func() {
				a.must(a.server.Kill())
				for range times {
					a.killPlugin()
					a.revive()
				}
				a.must(a.server.Restart())
				a.healed = time.Now()
			})
		}},
	}
	for i := range all {
		all[i].modes, all[i].single = allModes, all[i].name != "plugin killed"
	}
	return all
}

// under does harm at a random moment of a load, and waits for its end.
func (a *arena) under(random *rand.Rand, harm func()) {
	a.Helper()
	l := a.send(100+random.IntN(500), random)
	l.reach(random.IntN(l.messages))
	harm()
	l.finish()
}

// crashDatabase kills the database and starts it again after a while.
func (a *arena) crashDatabase(down time.Duration) {
	a.Helper()
	a.must(a.server.Kill())
	<-time.After(down)
	a.must(a.server.Restart())
	a.healed = time.Now()
}

// upTo is how long a fault lasts: chosen by the seed, not waited for.
func upTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most)))
}
