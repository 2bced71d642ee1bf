package runtime

import (
	gocontext "context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/context"
)

// patience gives a Collect its context: as long as it likes while the rule
// runs, bounded while it stops.
type patience struct {
	run      *sinkRun
	ctx      *context.Stream // done when a stop has waited enough
	giveUp   gocontext.CancelFunc
	draining atomic.Bool
	spent    atomic.Bool // a Collect has used up its time while draining
	timer    atomic.Pointer[time.Timer]
}

func newPatience(run *sinkRun) *patience {
	ctx, cancel := run.base.Cancellable()
	return &patience{run: run, ctx: ctx, giveUp: cancel}
}

// drain bounds the Collect at work.
func (p *patience) drain() {
	p.draining.Store(true)
	p.timer.Store(time.AfterFunc(p.run.p.timing.drainCollect, p.giveUp))
}

func (p *patience) end() {
	p.giveUp()
	if t := p.timer.Load(); t != nil {
		t.Stop()
	}
}

// within returns the context of one Collect that has until the deadline; the
// zero deadline is none. While draining, each gets a little, and after one
// has used that up the rest get nothing: they still succeed where the sink
// need not wait.
func (p *patience) within(deadline time.Time) (*context.Stream, gocontext.CancelFunc) {
	if !p.draining.Load() {
		if deadline.IsZero() {
			return p.ctx, nil
		}
		return p.ctx.Until(deadline)
	}
	end := time.Now()
	if !p.spent.Load() {
		end = end.Add(p.run.p.timing.drainCollect)
	}
	if !deadline.IsZero() && deadline.Before(end) {
		end = deadline
	}
	return p.run.base.Until(end)
}

// collect calls Collect within the deadline.
func (p *patience) collect(data []byte, deadline time.Time) error {
	ctx, cancel := p.within(deadline)
	if cancel != nil {
		defer cancel()
	}
	err := p.run.collect(ctx, data)
	if p.draining.Load() && ctx.Err() != nil {
		p.spent.Store(true)
	}
	return err
}

// unacked is the intake of a rule without acknowledgements. A Collect that
// blocks holds the host back through the socket.
type unacked struct {
	*patience
	failed, large sparse
}

func newUnacked(run *sinkRun) *unacked {
	every := run.p.timing.complain
	return &unacked{patience: newPatience(run), failed: sparse{interval: every}, large: sparse{interval: every}}
}

func (u *unacked) Message(data []byte) {
	if err := u.collect(data, time.Time{}); err != nil {
		u.failed.report(u.run.log, "message not taken, and lost", err)
	}
}

func (u *unacked) release() {}

func (u *unacked) TooLarge(e *connection.TooLargeError) {
	u.run.tooLarge(e)
	u.large.report(u.run.log, "message thrown away", e)
}

// acked is the intake of a rule that requires acknowledgements: each message
// gets exactly one, in time, whatever Collect does.
type acked struct {
	*patience
	acks    *connection.Outlet
	resends bool

	work    chan job
	results chan error    // one per job
	given   chan struct{} // closed by end
	once    sync.Once

	// The rest is the inlet's turn alone.
	frame    connection.Frames
	timer    *time.Timer
	seed     maphash.Seed
	late     *print // a message answered with an error that Collect still has
	failed   sparse
	large    sparse
	unsent   sparse
	listened bool // the host's listener was there once
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
	errLate = errors.New("the sink has not taken the message in time")
	errBusy = errors.New("the sink is still busy with an earlier message")
)

func newAcked(run *sinkRun, acks *connection.Outlet, resends bool) *acked {
	every := run.p.timing.complain
	a := &acked{
		patience: newPatience(run), acks: acks, resends: resends,
		work: make(chan job), results: make(chan error, 1), given: make(chan struct{}),
		timer: time.NewTimer(time.Hour), seed: maphash.MakeSeed(),
		failed: sparse{interval: every}, large: sparse{interval: every}, unsent: sparse{interval: every},
	}
	a.timer.Stop()
	// The host listens before it sends the start. One that does not has no
	// working acknowledgements.
	a.listened = acks.Connect() == nil
	if !a.listened {
		run.log.Warn("the rule requires acknowledgements but the host does not listen for them")
	}
	run.p.background.Go(a.worker)
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
	a.timer.Reset(a.run.p.timing.answer)
	defer a.timer.Stop()
	deadline := time.Now().Add(a.run.p.timing.collect)
	mark := a.mark(data)
	if late := a.late; late != nil {
		err, ended := a.result()
		if !ended {
			a.answer(errBusy)
			return
		}
		a.late = nil
		if err == nil && a.resends && *late == mark {
			a.answer(nil) // taken when it came first
			return
		}
	}
	select {
	case a.work <- job{data, deadline}:
	case <-a.given:
	}
	err, ended := a.result()
	if !ended {
		a.late = &mark
		err = errLate
	}
	a.answer(err)
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
	if !a.resends {
		return print{}
	}
	return print{len(data), maphash.Bytes(a.seed, data)}
}

// TooLarge answers that it is done: the message can never be taken.
func (a *acked) TooLarge(e *connection.TooLargeError) {
	a.run.tooLarge(e)
	a.large.report(a.run.log, "message thrown away", e)
	a.answer(nil)
}

// answer sends the acknowledgement.
func (a *acked) answer(err error) {
	var text string
	if err != nil {
		a.failed.report(a.run.log, "message not taken, the host is told", err)
		if text = err.Error(); text == "" {
			text = "unknown error"
		}
	}
	a.frame.Reset()
	a.frame.Begin()
	ack := struct {
		Error string `json:"error"`
	}{text}
	if e := json.NewEncoder(&a.frame).Encode(ack); e != nil {
		a.run.log.Error("cannot encode an acknowledgement", "error", e)
	}
	a.frame.End(1) // the encoder's newline
	if err := a.acks.TrySend(&a.frame); err != nil && a.listened {
		a.unsent.report(a.run.log, "cannot send an acknowledgement", err)
	}
}

// end answers the message at work, if any, with an error, and lets the
// worker go when Collect returns.
func (a *acked) end() {
	a.patience.end()
	a.once.Do(func() { close(a.given) })
}

func (a *acked) release() { a.acks.Close() }
