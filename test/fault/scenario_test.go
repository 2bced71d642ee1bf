package fault

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// mode is what a rule asks for, and so what can be promised.
type mode struct {
	name  string
	acks  bool // requireAck, and the host sends again what was not acknowledged
	keyed bool // the table has a primary key
	once  bool // delivery: exactlyOnce
}

var (
	plain     = mode{name: "no acks"}
	acked     = mode{name: "acks", acks: true}
	keyed     = mode{name: "acks, keyed table", acks: true, keyed: true}
	unacked   = mode{name: "no acks, keyed table", keyed: true}
	once      = mode{name: "exactly once, no acks", once: true}
	onceAcked = mode{name: "exactly once", acks: true, once: true}
)

// scenario hurts one thing.
type scenario struct {
	name    string // in the table of results
	short   int    // rounds of a mode in the ordinary tests
	long    int    // rounds of each mode in the proof
	modes   []mode
	single  bool // the ordinary tests take one mode, by the seed
	proxied bool // the plugin reaches the database through a proxy
	options
	round func(*arena, *rand.Rand)
}

// options of a scenario's arena.
type options struct {
	columns    string             // beside the usual ones, ", name type" each
	action     map[string]any     // properties beside the usual ones
	parameters string             // of the url, "?name=value"
	encode     func(id int64) any // what becomes a row's JSON; nil for the row as it is
	letters    bool               // rows may be set aside for other reasons than being there already
}

// scenarios of the mock host, in the order of the table of results.
func scenarios() []scenario {
	return slices.Concat(kills(), network(), rivals(), poison())
}

func TestFaults(t *testing.T) {
	for _, s := range scenarios() {
		for _, m := range s.chosen() {
			t.Run(s.name+", "+m.name, func(t *testing.T) { s.prove(t, m) })
		}
	}
}

// chosen are the modes to run.
func (s scenario) chosen() []mode {
	if s.single && !*full && *rounds == 0 {
		return []mode{s.modes[random(s.name, 0).IntN(len(s.modes))]}
	}
	return s.modes
}

// number is how many rounds to run.
func number(short, long int) int {
	switch {
	case *rounds > 0:
		return *rounds
	case *full:
		return long
	}
	return short
}

// random is the source of one round's decisions.
func random(name string, round int) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))
	return rand.New(rand.NewPCG(*seed+uint64(round), hash.Sum64()))
}

// again is what to type to run one round again.
func again(t *testing.T, round int) string {
	return fmt.Sprintf("again with: go test ./test/fault -run '%s$' -seed %d -rounds 1", t.Name(), *seed+uint64(round))
}

// prove runs the rounds of one scenario in one mode.
func (s scenario) prove(t *testing.T, m mode) {
	s.proveOn(newArena(t, m, s.options, s.proxied))
}

// proveOn is prove in an arena that is there.
func (s scenario) proveOn(a *arena) {
	t := a.T
	r := &result{scenario: s.name, mode: a.mode}
	defer r.keep()
	for i := range number(s.short, s.long) {
		a.begin()
		s.round(a, random(t.Name(), i))
		a.settle()
		a.recount(r)
		if t.Failed() {
			t.Fatal(again(t, i))
		}
	}
	if a.real != nil && a.real.unstarted > 0 {
		r.note = fmt.Sprintf("it did not start the rule by itself %d times", a.real.unstarted)
	}
}

// result is what a scenario's rounds have shown, in rows.
type result struct {
	scenario string
	mode     mode
	rounds   int
	judgement
	doubled  int64 // copies where there must be none
	setAside int64
	recovery []time.Duration
	note     string
}

var (
	resultsLock sync.Mutex
	results     []*result
)

func (r *result) keep() {
	resultsLock.Lock()
	defer resultsLock.Unlock()
	results = append(results, r)
}

// add is the judgement of one more round.
func (r *result) add(m mode, j judgement) {
	r.rounds++
	r.rows += j.rows
	r.lost += j.lost
	r.inFlight += j.inFlight
	r.copies += j.copies
	if m.once || m.keyed {
		r.doubled += j.copies
	}
}
