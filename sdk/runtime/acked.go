package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/connection"
)

// acked is the intake of a rule that requires acknowledgements: each message
// gets exactly one, in time, whatever Collect does. balance.go has what
// departs from that after a kill.
type acked struct {
	*patience
	acks  ackOutlet
	terms ackTerms

	work    chan job
	results chan error    // one per job
	given   chan struct{} // closed by end
	once    sync.Once

	// turn is held by whoever handles a message or a timer; it guards the rest.
	turn     sync.Mutex
	timer    *time.Timer
	seed     maphash.Seed
	late     *print // a message answered with an error that Collect still has
	failed   sparse
	large    sparse
	unsent   sparse
	listened bool // the host's listener was there once
	deaf     bool // the host does not read acknowledgements
	ended    bool
	memory   *ackMemory
	balance  balance

	answered time.Time // when the last acknowledgement went out
	giveWay  func()    // courtesies.giveWay
}

// unhurried is how long after an acknowledgement the next message comes where the
// host does not just wait for acknowledgements. Then what the host does besides goes
// first: this thread's waking up may have interrupted it.
const unhurried = 200 * time.Microsecond

// maxAckText bounds an acknowledgement's text, in bytes: the kernel has room for
// any that a host waits for.
const maxAckText = 8 << 10

// ackOutlet is the way to the host's listener.
type ackOutlet interface {
	Connect() error
	// Answer sends an acknowledgement of that text, which is empty for success.
	Answer(text string) error
	Close()
}

// ackWire writes acknowledgements as the host reads them.
type ackWire struct {
	*connection.Outlet
	success connection.Frames // made before: the less time between a note and its answer, the better
	frame   connection.Frames
}

func newAckWire(url string) *ackWire {
	w := &ackWire{Outlet: connection.NewOutlet(url)}
	w.success.Add([]byte(`{"error":""}`))
	return w
}

func (w *ackWire) Answer(text string) error {
	if text == "" {
		return w.TrySend(&w.success)
	}
	w.frame.Reset()
	w.frame.Begin()
	ack := struct {
		Error string `json:"error"`
	}{text}
	if err := json.NewEncoder(&w.frame).Encode(ack); err != nil {
		return fmt.Errorf("encode an acknowledgement: %w", err)
	}
	w.frame.End(1) // the encoder's newline
	return w.TrySend(&w.frame)
}

type job struct {
	data     []byte
	deadline time.Time
}

// print recognises a message again.
type print struct {
	size int
	sum  uint64
}

var (
	errLate  = errors.New("the sink has not taken the message in time")
	errBusy  = errors.New("the sink is still busy with an earlier message")
	errGone  = errors.New("the plugin had ended before it took the message")
	errEnded = errors.New("the sink has ended before the message could be acknowledged")
	errProbe = errors.New("the plugin has ended and come back, and no message came: if one was sent, it is gone")
)

// newAcked makes the intake and gives the host what a former run owes it.
func newAcked(run *sinkRun, acks ackOutlet, terms ackTerms, e earlier) *acked {
	every := run.p.timing.complain
	a := &acked{
		patience: newPatience(run), acks: acks, terms: terms,
		work: make(chan job), results: make(chan error, 1), given: make(chan struct{}),
		timer: time.NewTimer(time.Hour), seed: maphash.MakeSeed(),
		failed: sparse{interval: every}, large: sparse{interval: every}, unsent: sparse{interval: every},
		memory: newAckMemory(run), giveWay: courtesies.giveWay,
	}
	a.timer.Stop()
	// The host listens before it sends the start. One that does not has no
	// working acknowledgements.
	err := acks.Connect()
	a.listened = err == nil
	switch {
	case errors.Is(err, connection.ErrStranger):
		run.log.Error(notTheHost, "error", err)
	case err != nil:
		run.log.Warn("the rule requires acknowledgements but the host does not listen for them")
	}
	run.p.background.Go(a.worker)
	if a.listened {
		a.turn.Lock()
		defer a.turn.Unlock()
		a.recover(e)
	}
	return a
}

// worker calls Collect, one message at a time.
func (a *acked) worker() {
	for {
		select {
		case j := <-a.work:
			a.results <- a.collect(j.data, j.deadline)
		case <-a.given:
			return
		}
	}
}

// Message answers within the time for an answer.
func (a *acked) Message(data []byte) {
	a.turn.Lock()
	defer a.turn.Unlock()
	if a.deaf {
		a.takeUnheard(data)
		return
	}
	a.timer.Reset(a.run.p.timing.answer)
	defer a.timer.Stop()
	now := time.Now()
	if now.Sub(a.answered) >= unhurried {
		a.giveWay()
	}
	mark := a.mark(data)
	var err error
	if taken := a.arrived(now, mark); !taken {
		err = a.take(data, mark, now)
	}
	a.settle(now, mark, err)
}

// take has the message collected, unless it is one that was.
func (a *acked) take(data []byte, mark print, now time.Time) error {
	if late := a.late; late != nil {
		err, ended := a.result()
		if !ended {
			return errBusy
		}
		a.late = nil
		if err == nil && a.terms.resends && *late == mark {
			return nil // taken when it came first
		}
	}
	if a.memory.isKept(data, a.balance.probed) {
		return nil
	}
	a.memory.received(a.balance.again)
	select {
	case a.work <- job{data, now.Add(a.run.p.timing.collect)}:
	case <-a.given:
	}
	err, ended := a.result()
	if !ended {
		a.late = &mark
		err = errLate
	}
	return err
}

// takeUnheard has the message collected as one of a rule without
// acknowledgements: as long as that takes.
func (a *acked) takeUnheard(data []byte) {
	ended := true
	if a.late != nil {
		if _, ended = a.await(); ended {
			a.late = nil
		}
	}
	if ended {
		select {
		case a.work <- job{data: data}:
			err, _ := a.await()
			if err != nil {
				a.failed.report(a.run.log, "message not taken, and lost", err)
			}
		case <-a.given:
		}
	}
}

// await waits for Collect without end. It reports whether Collect has returned.
func (a *acked) await() (err error, ended bool) {
	select {
	case err = <-a.results:
		return err, true
	case <-a.given:
		return nil, false
	}
}

// result waits for Collect. It reports whether Collect has returned.
func (a *acked) result() (err error, ended bool) {
	select {
	case err = <-a.results:
		return err, true
	case <-a.timer.C:
	case <-a.given:
	}
	return nil, false
}

func (a *acked) mark(data []byte) print {
	if !a.terms.resends {
		return print{}
	}
	return print{len(data), maphash.Bytes(a.seed, data)}
}

// TooLarge answers that it is done: the message can never be taken.
func (a *acked) TooLarge(e *connection.TooLargeError) {
	a.turn.Lock()
	defer a.turn.Unlock()
	now := time.Now()
	a.run.tooLarge(e)
	a.large.report(a.run.log, "message thrown away", e)
	a.arrived(now, print{})
	a.memory.again = never
	a.settle(now, print{}, nil)
}

// answer sends the acknowledgement.
func (a *acked) answer(err error) {
	if a.deaf {
		return
	}
	var text string
	if err != nil {
		a.failed.report(a.run.log, "message not taken, the host is told", err)
		text = err.Error()
		if text = text[:min(len(text), maxAckText)]; text == "" {
			text = "unknown error"
		}
	}
	a.memory.at(ackAnswering, err != nil)
	switch err := a.acks.Answer(text); {
	case errors.Is(err, connection.ErrUnread):
		// One that waits for each would have read it.
		a.deaf = true
		a.run.log.Error("the host does not read acknowledgements, which eKuiper 1.x never does: the rule gets none from now on", "error", err)
	case err != nil && a.listened && !a.ended:
		a.unsent.report(a.run.log, "cannot send an acknowledgement", err)
	}
	a.memory.at(ackAnswered, err != nil)
	a.answered = time.Now()
}

// retire notes that the host has stopped the rule: it waits for nothing. It
// matters where listeners have no identity.
func (a *acked) retire() {
	if !a.turn.TryLock() {
		return // a message at work: the host does wait
	}
	defer a.turn.Unlock()
	a.memory.note.stopped = true
	a.memory.keep()
}

// end answers the message at work, if any, with an error, and lets the
// worker go when Collect returns.
func (a *acked) end() {
	a.patience.end()
	a.once.Do(func() { close(a.given) })
	// A message at work may be kept from its end by a host that does not read.
	if a.turn.TryLock() {
		a.finish()
		return
	}
	a.run.p.background.Go(func() {
		a.turn.Lock()
		a.finish()
	})
}

// finish ends what waits for its time. turn is held, and let go.
func (a *acked) finish() {
	defer a.turn.Unlock()
	a.ended = true
	a.balance.stop()
	if a.balance.held != nil {
		a.balance.held = nil
		a.answer(errEnded)
	}
}

func (a *acked) release() { a.acks.Close() }
