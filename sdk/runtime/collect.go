package runtime

import (
	gocontext "context"
	"fmt"
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

// gathered is the intake of such a rule with a sink that takes several
// messages at once.
type gathered struct {
	*unacked
	sink   BatchCollector
	panics sparse // of CollectBatch
}

// newIntake returns the intake of a rule without acknowledgements.
func newIntake(run *sinkRun) intake {
	u := newUnacked(run)
	if s, ok := run.sink.(BatchCollector); ok {
		return &gathered{unacked: u, sink: s, panics: sparse{interval: run.p.timing.complain}}
	}
	return u
}

// Messages hands over a batch, and loses no more of it than the sink says.
func (g *gathered) Messages(batch [][]byte) {
	for len(batch) > 1 {
		taken, err := g.collectBatch(batch)
		if taken < 0 { // nobody knows what of it was taken: one panics, most likely
			break
		}
		if batch = batch[taken:]; len(batch) > 0 {
			g.failed.report(g.run.log, "message not taken, and lost", err)
			batch = batch[1:]
		}
	}
	for _, data := range batch {
		g.Message(data)
	}
}

// collectBatch calls CollectBatch, and returns less than 0 if that panicked.
func (g *gathered) collectBatch(batch [][]byte) (taken int, err error) {
	ctx, cancel := g.within(time.Time{})
	if cancel != nil {
		defer cancel()
	}
	taken = -1
	_ = g.panics.contain(g.run.log, "CollectBatch", func() error {
		n, e := g.sink.CollectBatch(ctx, batch)
		taken, err = min(max(n, 0), len(batch)), e
		if e == nil && n != len(batch) {
			err = fmt.Errorf("the sink took %d of %d messages and did not say why", n, len(batch))
		}
		return nil
	})
	if g.draining.Load() && ctx.Err() != nil {
		g.spent.Store(true)
	}
	return taken, err
}

func (u *unacked) release() {}

func (u *unacked) TooLarge(e *connection.TooLargeError) {
	u.run.tooLarge(e)
	u.large.report(u.run.log, "message thrown away", e)
}
