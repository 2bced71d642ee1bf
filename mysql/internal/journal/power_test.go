package journal

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
)

var (
	rounds = flag.Int("rounds", 300, "rounds of the simulations of power cuts and kills, also as JOURNAL_ROUNDS")
	seed   = flag.Uint64("seed", 1, "the first round's seed")
)

func numberOfRounds() int {
	if n, err := strconv.Atoi(os.Getenv("JOURNAL_ROUNDS")); err == nil {
		return n
	}
	return *rounds
}

// TestPowerCut ends journals by power cuts at any operation on the file
// system, beside failing syncs and full disks, and compares what comes back
// with what was promised.
func TestPowerCut(t *testing.T) { simulate(t, cuts) }

// TestKill is the same with kills, which lose nothing that was written.
func TestKill(t *testing.T) { simulate(t, kills) }

// TestKillsAndPowerCuts ends some lives this way and some that way: what a run
// before a kill has not synced is not durable because the next one has read it.
func TestKillsAndPowerCuts(t *testing.T) { simulate(t, both) }

// ends is how lives end.
type ends uint8

const (
	cuts ends = iota
	kills
	both
)

func simulate(t *testing.T, e ends) {
	var sum tally
	for i := range numberOfRounds() {
		s := *seed + uint64(i)
		ok := t.Run(strconv.FormatUint(s, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, s, e)
				m.round()
				sum.add(m.tally)
			})
		})
		if !ok {
			t.Fatalf("again with: go test -run '%s$' -seed %d -rounds 1", t.Name(), s)
		}
	}
	t.Logf("%d rounds, %d lives, %d messages, %d of them promised for good: %d still pending at the end, %d settled, or unpromised and gone; %d rows handed out, %d of them again",
		numberOfRounds(), sum.lives, sum.messages, sum.safe, sum.back, sum.gone, sum.rows, sum.again)
}

type tally struct{ lives, messages, safe, back, gone, rows, again int }

func (a *tally) add(b tally) {
	a.lives += b.lives
	a.messages += b.messages
	a.safe += b.safe
	a.back += b.back
	a.gone += b.gone
	a.rows += b.rows
	a.again += b.again
}

// sent is a message as its sender knows it.
type sent struct {
	text     string
	rows     int
	accepted bool // Append returned nil
	safe     bool // it must not be lost
	order    int
	first    uint64 // number of its first row, once it was handed out
	known    bool
	fates    []Fate // by row, as settled by the consumer; noFate if not
	kept     []bool // by row: the fate must not be forgotten
	doubt    bool   // a power cut may have taken it
	doubts   []bool // by row: a power cut may have taken the fate
}

const noFate Fate = 99
