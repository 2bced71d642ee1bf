package deadletter

import (
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/simdisk"
)

var (
	rounds = flag.Int("rounds", 300, "rounds of the simulations of power cuts and kills, also as DEADLETTER_ROUNDS")
	seed   = flag.Uint64("seed", 1, "the first round's seed")
)

func numberOfRounds() int {
	if n, err := strconv.Atoi(os.Getenv("DEADLETTER_ROUNDS")); err == nil {
		return n
	}
	return *rounds
}

// TestPowerCut ends stores by power cuts at any operation on the disk, beside
// failing syncs and full disks: what Put and Remove have promised holds.
func TestPowerCut(t *testing.T) { simulate(t, 0, true) }

// TestKill is the same with kills, which lose nothing that was written, synced
// or not.
func TestKill(t *testing.T) { simulate(t, time.Hour, false) }

func simulate(t *testing.T, every time.Duration, power bool) {
	var sum tally
	for i := range numberOfRounds() {
		s := *seed + uint64(i)
		ok := t.Run(strconv.FormatUint(s, 10), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(s, 7))
			m := &machine{
				t: t, disk: simdisk.New(rand.New(rand.NewPCG(s, 8))), choice: rng, fates: map[uint64]fate{}, next: 1,
				options: Options{Dir: "d", MaxBytes: 1 << 30, SegmentBytes: 300 + rng.Int64N(3000), FsyncEvery: every},
			}
			for range 1 + rng.IntN(5) {
				sum.lives++
				m.live(power, &sum)
			}
			sum.add(m)
		})
		if !ok {
			t.Fatalf("again with: go test -run '%s$' -seed %d -rounds 1", t.Name(), s)
		}
	}
	t.Logf("%d rounds, %d lives, %d of them ended in the midst of an operation, %d while opening; %d letters put: %d kept, %d removed, %d undecided",
		numberOfRounds(), sum.lives, sum.died, sum.opening, sum.put, sum.kept, sum.gone, sum.unsure)
}

type tally struct{ lives, died, opening, put, kept, gone, unsure int }

func (a *tally) add(m *machine) {
	a.put += len(m.fates)
	for _, f := range m.fates {
		switch f {
		case kept:
			a.kept++
		case gone:
			a.gone++
		default:
			a.unsure++
		}
	}
}

// live opens the store on a disk that will die, works until it does or for a
// while, and restarts; what then is there is compared with what was promised.
func (m *machine) live(power bool, sum *tally) {
	if m.choice.IntN(4) > 0 {
		m.disk.Fuse(1 + m.choice.IntN(300))
	}
	m.options.FS = processOf(m.disk)
	var err error
	if m.store, err = Open(m.options); err != nil {
		if !m.disk.IsDead() {
			m.t.Fatal(err)
		}
		sum.opening++
		m.store = nil
	}
	for range m.choice.IntN(80) {
		if m.store == nil || m.disk.IsDead() {
			break
		}
		m.act(power)
	}
	if m.disk.IsDead() {
		sum.died++
	} else if m.choice.IntN(3) == 0 {
		m.disk.BadSyncs(0)
		m.disk.Space(-1)
		_ = m.store.Close()
		m.store = nil
	}
	m.disk.Restart(power)
	if m.store != nil {
		_ = m.store.Close()
	}
	m.after()
	m.check()
	if err := m.store.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) act(power bool) {
	switch n := m.choice.IntN(100); {
	case n < 65:
		m.put()
	case n < 80:
		m.remove(1 + m.choice.IntN(4))
	case n < 90:
		select {
		case m.store.tidy <- struct{}{}:
		default:
		}
	case n < 93 && power:
		m.disk.BadSyncs(m.choice.IntN(2) * 300)
	case n < 96:
		m.disk.Space(int64(m.choice.IntN(2000)))
	default:
		m.disk.Space(-1)
	}
}
