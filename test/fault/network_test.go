package fault

import (
	"math/rand/v2"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

// network is scenarios of a network that fails between plugin and database.
func network() []scenario {
	all := []scenario{
		{name: "network cut", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.again(random, a.proxy.Cut)
		}},
		{name: "connection reset to the plugin", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.again(random, a.proxy.ResetClients)
		}},
		{name: "connection reset to the database", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.again(random, a.proxy.ResetServers)
		}},
		{name: "black hole", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			hold, cut := upTo(random, time.Second), random.IntN(3) == 0
			a.under(random, func() {
				a.proxy.BlackHole()
				<-time.After(hold)
				if cut {
					a.proxy.Cut()
				}
				a.proxy.Pass()
				a.healed = time.Now()
			})
		}},
		{name: "black hole longer than the timeout", short: 1, long: 10, round: (*arena).outwait},
		{name: "reply lost after COMMIT", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			times := 1 + random.IntN(3)
			a.under(random, func() {
				for range times {
					a.loseReply()
				}
			})
		}},
		{name: "500 ms latency", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.sluggish(random, 3*time.Second, func() { a.proxy.Slow(500*time.Millisecond, 0, 0) })
		}},
		{name: "1 KB/s", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.sluggish(random, 2*time.Second, func() { a.proxy.Slow(0, 1<<10, 0) })
		}},
		{name: "slow close", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.sluggish(random, time.Second, func() {
				a.proxy.Slow(0, 0, 700*time.Millisecond)
				a.hangUp()
			})
		}},
	}
	for i := range all {
		all[i].modes, all[i].proxied, all[i].single = []mode{acked, keyed, onceAcked}, true, true
		if all[i].name == "black hole longer than the timeout" {
			all[i].options.parameters = "?readTimeout=300ms&writeTimeout=300ms"
		}
	}
	return all
}

// again does harm a few times under load, soon after each other.
func (a *arena) again(random *rand.Rand, harm func()) {
	a.Helper()
	times, pause := 1+random.IntN(6), upTo(random, 30*time.Millisecond)
	a.under(random, func() {
		for range times {
			harm()
			<-time.After(pause)
		}
		a.healed = time.Now()
	})
}

// sluggish slows the network for a while under load.
func (a *arena) sluggish(random *rand.Rand, most time.Duration, slow func()) {
	a.Helper()
	hold := most/2 + upTo(random, most/2)
	a.under(random, func() {
		slow()
		<-time.After(hold)
		a.proxy.Slow(0, 0, 0)
		a.healed = time.Now()
	})
}

// loseReply loses the answer to the plugin's next commit.
func (a *arena) loseReply() {
	a.Helper()
	lost := a.proxy.LoseCommit()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-lost:
		a.healed = time.Now()
	case <-timer.C:
		a.Fatal("no reply was lost: the plugin commits nothing")
	}
}

// outwait lets the plugin give up connections whose last statement is still
// on its way: the server gets it when the plugin has long written it again.
func (a *arena) outwait(random *rand.Rand) {
	hold := 400*time.Millisecond + upTo(random, time.Second)
	a.under(random, func() {
		a.proxy.BlackHole()
		<-time.After(hold)
		a.proxy.Pass()
		a.healed = time.Now()
	})
	a.settle()
	// What was held back has to arrive before the recount.
	a.proxy.Cut()
	a.must(ekuiper.Wait(limit, func() (bool, error) { return a.connections("") == 0, nil }))
}

// connections counts the plugin's at the server that match a condition.
func (a *arena) connections(and string) (n int) {
	a.Helper()
	a.must(a.server.DB().QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'writer' " + and).Scan(&n))
	return n
}

// hangUp has the server end the plugin's connections.
func (a *arena) hangUp() {
	a.Helper()
	a.exec("KILL USER writer")
}
