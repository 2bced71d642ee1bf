package runtime

import (
	gocontext "context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/context"
)

// sinkRun is a started sink.
type sinkRun struct {
	p        *plugin
	log      *slog.Logger
	sink     api.Sink
	base     *context.Stream      // labelled, never done
	cancel   gocontext.CancelFunc // of the context that Open received
	intake   intake
	inlet    *connection.Inlet
	acks     connection.SocketFile // where the host listened at the start
	listener uint64                // its identity
	panics   sparse                // of what is called for every message
}

// intake hands messages to Collect.
type intake interface {
	connection.Handler
	// drain bounds the Collect at work and all that follow.
	drain()
	// end gives up a Collect that has not returned. No message follows.
	end()
	// release frees what the last message needed, after it.
	release()
}

// startSink makes, configures and opens a sink and listens for its data. It
// takes over inlet, the held one of an instance that it replaces, if there is
// one. Where the host believes that the sink runs a refusal leaves the host's
// socket for acknowledgements alone: it is in use, and the start comes again.
func (p *plugin) startSink(c command, log *slog.Logger, inlet *connection.Inlet) (instance, error) {
	id := c.target
	run, err := p.openSink(c, log)
	if err != nil {
		if inlet != nil {
			inlet.Close()
			inlet = nil
		}
		if c.again || p.unblock(id) {
			return nil, err
		}
		// The rule id is spoilt by a refusal that cannot be cleaned up after:
		// take the rule and refuse its messages.
		log.Error("start refused; the rule runs, but its messages are refused", "symbol", id.symbol, "error", err)
		run = p.newSink(&refusing{err}, id, log)
	}
	run.acks = connection.LookUpSocket(connection.AckURL(id.rule, id.op, id.instance))
	run.listener = run.acks.Identity()
	if flag(c.config, "requireAck") {
		before := earlier{intact: inlet != nil}
		if inlet == nil {
			// A run that has ended in order leaves no socket behind.
			before.unclean = connection.LookUpSocket(connection.DataURL(id.rule, id.op, id.instance)).Since(run.acks)
		}
		run.intake = newAcked(run, newAckWire(connection.AckURL(id.rule, id.op, id.instance)), resendTerms(c.config, id.op), before)
	} else {
		run.intake = newIntake(run)
	}
	if run.inlet = inlet; inlet != nil {
		inlet.Resume(run.intake)
		if g, ok := run.intake.(connection.Greeter); ok {
			g.Connected()
		}
		return run, nil
	}
	run.inlet, err = connection.Listen(connection.DataURL(id.rule, id.op, id.instance), p.maxMessage, log, run.intake)
	if err != nil {
		run.intake.end()
		run.intake.release()
		run.close()
		if !c.again {
			p.unblock(id)
		}
		return nil, err
	}
	return run, nil
}

func (p *plugin) newSink(sink api.Sink, id identity, log *slog.Logger) *sinkRun {
	base := context.New(gocontext.Background(), p.log).Labelled(id.rule, id.op, id.instance)
	return &sinkRun{p: p, log: log, sink: sink, base: base, cancel: func() {}, panics: sparse{interval: p.timing.complain}}
}

func (p *plugin) openSink(c command, log *slog.Logger) (*sinkRun, error) {
	newSink, ok := p.conf.Sinks[c.target.symbol]
	if !ok {
		return nil, fmt.Errorf("no sink %q in this plugin", c.target.symbol)
	}
	var run *sinkRun
	err := contain(log, "Configure", func() error {
		run = p.newSink(newSink(), c.target, log)
		return run.sink.Configure(c.config)
	})
	if err != nil {
		return nil, fmt.Errorf("configure sink %s: %w", c.target.symbol, err)
	}
	ctx, cancel := run.base.Cancellable()
	run.cancel = cancel
	if err = contain(log, "Open", func() error { return run.sink.Open(ctx) }); err != nil {
		run.close()
		return nil, fmt.Errorf("open sink %s: %w", c.target.symbol, err)
	}
	return run, nil
}

// stop hands over what the host has sent, then ends the sink.
func (r *sinkRun) stop() {
	r.intake.drain()
	r.setUrgent()
	if !r.inlet.Drain(r.p.timing.drain) {
		r.log.Warn("stop: the sink has not taken all that was sent, the rest is lost")
	}
	if a, ok := r.intake.(*acked); ok {
		a.retire()
	}
	r.shut()
}

// freeID makes the rule id usable again where the host leaks its socket for
// acknowledgements at every stop, as eKuiper 1.14 does. A host that closes
// the socket has done so before the stop: what has its name now is another.
func (r *sinkRun) freeID() {
	if r.acks.Remove() {
		r.log.Debug("removed the acknowledgement socket that the host has leaked")
	}
}

func (r *sinkRun) shut() {
	r.inlet.Close()
	r.intake.end()
	r.p.background.Go(func() {
		r.inlet.Wait()
		r.intake.release()
	})
	r.close()
}

// handOver ends the sink but not its connections, so that nothing is lost
// between it and its successor. It returns the inlet, held, or nil where the
// sink would not let go of a message.
func (r *sinkRun) handOver() *connection.Inlet {
	r.intake.drain()
	r.setUrgent()
	if !r.inlet.Hold(r.p.timing.drain.Usual) {
		r.log.Warn("replaced: the sink has not let go of a message, the rest is lost")
		r.shut()
		return nil
	}
	r.intake.end()
	r.intake.release()
	r.close()
	return r.inlet
}

// close cancels the sink's context and calls Close.
func (r *sinkRun) close() {
	r.cancel()
	closeBounded(r.p, r.log, r.base, r.sink)
}

// closeBounded calls Close and lets it go on if it takes longer than it may.
func closeBounded(p *plugin, log *slog.Logger, base *context.Stream, c api.Closable) {
	ctx, cancel := base.Until(time.Now().Add(p.timing.close))
	ended := p.await(p.timing.close, func() {
		defer cancel()
		if err := contain(log, "Close", func() error { return c.Close(ctx) }); err != nil {
			log.Error("close failed", "error", err)
		}
	})
	if !ended {
		log.Warn("Close takes longer than it may; it goes on in the background", "limit", p.timing.close)
	}
}

// refusing stands in for a sink whose start could not be refused.
type refusing struct{ reason error }

func (*refusing) Configure(map[string]interface{}) error { return nil }
func (*refusing) Open(api.StreamContext) error           { return nil }
func (*refusing) Close(api.StreamContext) error          { return nil }
func (s *refusing) Collect(api.StreamContext, interface{}) error {
	return fmt.Errorf("the sink did not start: %w", s.reason)
}

// collect calls Collect.
func (r *sinkRun) collect(ctx *context.Stream, data []byte) error {
	return r.panics.contain(r.log, "Collect", func() error { return r.sink.Collect(ctx, data) })
}
