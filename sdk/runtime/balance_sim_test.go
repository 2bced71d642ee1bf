package runtime

import (
	"errors"
	goflag "flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

var simRounds = goflag.Int("rounds", 300, "rounds of TestBalanceOverKills for each of its cases")

// sim is the whole road in one process and simulated time: a host as eKuiper
// is, a plugin that dies at chosen points, and what outlives it.
type sim struct {
	t        *testing.T
	random   *rand.Rand
	terms    ackTerms
	keeps    bool // the sink is an AckKeeper
	jitter   time.Duration
	mu       sync.Mutex // guards all below
	plugin   *simPlugin
	kills    int            // left
	odds     int            // one in so many points is a kill
	at       int            // the message that the host is at
	refuse   map[int]bool   // messages that the sink refuses once
	kept     map[int]int    // how often the sink has kept a message
	order    []int          // of what it has kept
	note     []byte         // what survives: the note,
	count    uint64         // the count,
	last     string         // and the message kept last
	messages []string       // what the host sends
	acks     chan ackOnWire // the host's queue of answers
	killed   []string       // where
	doubt    bool           // a kill that leaves an ambiguity
}

const (
	simMessages = 40
	simCalm     = 32 // from this message on nobody is killed
)

type ackOnWire struct {
	of   int
	text string
}

// simPlugin is one life of the plugin.
type simPlugin struct {
	s       *sim
	in      chan simMessage // what is in its socket
	open    chan struct{}   // closed when the host has connected
	died    chan struct{}
	arrived int  // the message that came last
	denied  bool // the message before is kept, but was refused
}

type simMessage struct {
	of   int
	data string
}

// point is where the plugin may die. It reports whether the plugin is dead.
// mu is held.
func (p *simPlugin) point(name string) bool {
	if p.isDead() {
		return true
	}
	if p.s.kills == 0 || p.s.at >= simCalm || p.s.random.IntN(p.s.odds) != 0 {
		return false
	}
	p.die(name)
	return true
}

func (p *simPlugin) isDead() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}

func (p *simPlugin) die(where string) {
	p.s.kills--
	p.s.killed = append(p.s.killed, where)
	close(p.died)
	go p.s.restart(time.Duration(p.s.random.IntN(3000)) * time.Millisecond)
}

// restart is what the host does some time after the plugin has died.
func (s *sim) restart(after time.Duration) {
	time.Sleep(after) // simulated time
	s.mu.Lock()
	first := s.plugin == nil
	p := &simPlugin{s: s, in: make(chan simMessage, 1), open: make(chan struct{}), died: make(chan struct{})}
	s.plugin = p
	delay := time.Duration(s.random.IntN(5000)) * time.Millisecond
	s.mu.Unlock()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	owner := &plugin{surroundings: surroundings{log: log, timing: usualTiming()}}
	var sink api.Sink = simSink{p}
	if s.keeps {
		sink = simKeeper{simSink{p}}
	}
	run := owner.newSink(sink, identity{}, log)
	run.listener = 7
	intake := newAcked(run, p, s.terms, earlier{unclean: !first})
	defer func() { intake.end(); intake.release(); owner.background.Wait() }()
	select {
	case <-time.After(delay):
	case <-p.died:
		return
	}
	intake.Connected()
	close(p.open)
	for {
		select {
		case m := <-p.in:
			s.mu.Lock()
			p.arrived = m.of
			dead := p.point("received")
			s.mu.Unlock()
			if dead {
				return
			}
			intake.Message([]byte(m.data))
		case <-p.died:
			return
		}
	}
}

// The plugin's way to the host's listener.

func (p *simPlugin) Connect() error { return nil }
func (p *simPlugin) Close()         {}
func (p *simPlugin) Answer(text string) error {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.point("answering") {
		s.noteDoubt()
		return nil
	}
	s.acks <- ackOnWire{p.arrived, text}
	p.point("answered")
	return nil
}

// noteDoubt notes that an ok was not sent, and may look as if it was, while
// messages repeat. mu is held.
func (s *sim) noteDoubt() {
	if n, ok := decodeNote(s.note); ok && n.step == ackAnswering && !n.failed && n.unlike < unlikeEnough {
		s.doubt = true
	}
}

type simSink struct{ p *simPlugin }

func (simSink) Configure(map[string]interface{}) error { return nil }
func (simSink) Open(api.StreamContext) error           { return nil }
func (simSink) Close(api.StreamContext) error          { return nil }
func (k simSink) Collect(_ api.StreamContext, data interface{}) error {
	s := k.p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.p.point("collecting") {
		return errors.New("dead")
	}
	of := k.p.arrived
	if k.p.denied && s.terms.resends && s.last == string(data.([]byte)) {
		k.p.denied = false
		return nil
	}
	if s.refuse[of] {
		delete(s.refuse, of)
		return errors.New("refused")
	}
	s.count++
	s.last = string(data.([]byte))
	s.kept[of]++
	s.order = append(s.order, of)
	k.p.point("kept")
	if k.p.denied = of%10 == 7; k.p.denied {
		return errors.New("kept, but not as safe as the rule wants it")
	}
	return nil
}

type simKeeper struct{ simSink }

func (k simKeeper) AckNote() ([]byte, bool) {
	k.p.s.mu.Lock()
	defer k.p.s.mu.Unlock()
	return k.p.s.note, true
}

func (k simKeeper) SetAckNote(note []byte) error {
	s := k.p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.p.point("noting") {
		return nil
	}
	s.note = append([]byte(nil), note...)
	if k.p.point("noted") {
		s.noteDoubt()
	}
	return nil
}

func (k simKeeper) Kept() uint64 {
	k.p.s.mu.Lock()
	defer k.p.s.mu.Unlock()
	return k.p.s.count
}

func (k simKeeper) IsLastKept(message []byte) bool {
	k.p.s.mu.Lock()
	defer k.p.s.mu.Unlock()
	return k.p.s.count > 0 && k.p.s.last == string(message)
}

// deliver puts a message into the plugin's socket, or keeps it until the host
// has connected. What is in the socket of a plugin that dies is gone.
func (s *sim) deliver(m simMessage) {
	for {
		s.mu.Lock()
		p := s.plugin
		s.mu.Unlock()
		if p == nil {
			time.Sleep(10 * time.Millisecond) // simulated time
			continue
		}
		select {
		case <-p.open:
			select {
			case p.in <- m:
			case <-p.died: // it goes the way of the dying socket
			}
			return
		case <-p.died:
			time.Sleep(10 * time.Millisecond) // simulated time
		}
	}
}

// host sends the messages as eKuiper's sink node does.
func (s *sim) host(pause func(i int) time.Duration) {
	for i, text := range s.messages {
		time.Sleep(pause(i)) // simulated time
		s.mu.Lock()
		s.at = i
		s.mu.Unlock()
		for {
			s.deliver(simMessage{i, text})
			var a ackOnWire
			select {
			case a = <-s.acks:
			case <-time.After(5 * time.Minute):
				s.t.Fatalf("the host waits for ever for an answer to message %d", i)
			}
			s.mu.Lock()
			kept := s.kept[i]
			s.mu.Unlock()
			if s.terms.resends && a.text == "" && kept == 0 {
				s.t.Fatalf("message %d was answered ok, by the answer to %d, and is not kept", i, a.of)
			}
			if s.terms.resends && i >= simMessages-5 && a.of != i {
				s.t.Fatalf("message %d got the answer to %d", i, a.of)
			}
			if a.text == "" || !s.terms.resends {
				break
			}
			time.Sleep(s.terms.interval + time.Duration(s.random64())%(s.jitter+1)) // simulated time
		}
	}
}

func (s *sim) random64() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Int64N(int64(time.Hour))
}

// TestBalanceOverKills kills the plugin at random points of the way of its
// messages, again and again, also while it recovers, and holds the host's
// books: nobody waits for ever, no ok is taken for a message that is not
// kept, nothing is lost, and at the end each message gets its own answer.
func TestBalanceOverKills(t *testing.T) {
	for _, c := range []struct {
		name    string
		terms   ackTerms
		keeps   bool
		repeats bool
		pause   time.Duration
	}{
		{"busy", ackTerms{true, 100 * time.Millisecond}, true, false, 0},
		{"busy, repeating", ackTerms{true, 100 * time.Millisecond}, true, true, 0},
		{"seldom", ackTerms{true, 100 * time.Millisecond}, true, true, 8 * time.Second},
		{"rare", ackTerms{true, time.Second}, true, false, 3 * time.Minute},
		{"long interval", ackTerms{true, 10 * time.Second}, true, false, 500 * time.Millisecond},
		{"no keeper", ackTerms{true, 100 * time.Millisecond}, false, false, time.Second},
		{"nothing sent again", ackTerms{}, true, true, 0},
		{"nothing sent again, seldom", ackTerms{}, true, true, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			for round := range *simRounds {
				seed := uint64(round)
				synctest.Test(t, func(t *testing.T) {
					s := &sim{
						t: t, random: rand.New(rand.NewPCG(seed, 1)), terms: c.terms, keeps: c.keeps, jitter: 300 * time.Millisecond,
						kills: 1 + round%4, odds: []int{4, 30, 150}[round%3], refuse: map[int]bool{5: true, 13: true, 38: true}, kept: map[int]int{},
						acks: make(chan ackOnWire, 100),
					}
					kills := s.kills
					for i := range simMessages {
						text := fmt.Sprint(i)
						if c.repeats {
							text = fmt.Sprint(i / 4)
						}
						s.messages = append(s.messages, text)
					}
					if c.keeps { // what the rule left when it ran before
						var b [noteSize]byte
						n := ackNote{listener: 6}
						if !c.repeats {
							n.unlike = unlikeEnough
						}
						n.encode(&b)
						s.note = b[:]
					}
					go s.restart(0)
					s.host(func(i int) time.Duration {
						if c.pause == 0 {
							return 0
						}
						return c.pause/2 + time.Duration(s.random64())%c.pause
					})
					time.Sleep(time.Minute) // simulated, for a message that is on its way
					s.check(c.keeps, kills)
					s.mu.Lock()
					p := s.plugin
					s.kills = 0
					if !p.isDead() {
						close(p.died)
					}
					s.mu.Unlock()
					if t.Failed() {
						t.Logf("round %d, killed at %q, kept %v", round, s.killed, s.order)
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

func (s *sim) check(keeps bool, kills int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost, doubled := 0, 0
	for i := range s.messages {
		switch n := s.kept[i]; {
		case n == 0:
			lost++
		case n > 1:
			doubled += n - 1
		}
	}
	happened := kills - s.kills
	if s.terms.resends && lost > 0 {
		s.t.Errorf("%d messages are lost", lost)
	}
	if s.terms.resends && keeps && doubled > 0 && !s.doubt {
		s.t.Errorf("%d messages are doubled", doubled)
	}
	// What the sink has refused, and for every kill the message that was on its
	// way, and one more where the host was ahead by one.
	if !s.terms.resends && lost > 3+2*happened {
		s.t.Errorf("%d messages are lost in %d kills", lost, happened)
	}
	if s.terms.resends && len(s.acks) > 0 {
		s.t.Errorf("the host has %d answers too many", len(s.acks))
	}
}
