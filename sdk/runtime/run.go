package runtime

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/connection"
)

// timing holds every duration of the runtime, so that the promises stand in
// one place.
type timing struct {
	findHost    time.Duration // how long to look for the host's control socket at the start
	redial      time.Duration // between two tries to reach the control socket
	parentPoll  time.Duration // between two looks at the parent
	hostMissing time.Duration // control socket gone this long means no host, where the parent cannot be watched

	collect time.Duration // a Collect's deadline where the rule wants acknowledgements
	answer  time.Duration // the acknowledgement goes out by then, with an error if need be

	drain        connection.DrainLimits // of a stop
	drainCollect time.Duration          // a Collect's deadline while draining
	close        time.Duration          // a Close's deadline
	openReturns  time.Duration          // a source's Open may take this long to return before Close is called
	sourceEnd    time.Duration          // a source's Open and Close together, at a stop
	end          time.Duration          // everything at the plugin's end

	complain time.Duration // between two lines of the same complaint
}

func usualTiming() timing {
	const ms = time.Millisecond
	return timing{
		findHost: 3 * time.Second, redial: 50 * ms, parentPoll: 250 * ms, hostMissing: time.Second,
		collect: 2500 * ms, answer: 2800 * ms,
		drain: connection.DrainLimits{
			First: 50 * ms, Quiet: 100 * ms, Stall: 600 * ms, Usual: time.Second, Longer: 3 * time.Second,
		},
		drainCollect: 400 * ms, close: 500 * ms, openReturns: 200 * ms, sourceEnd: 500 * ms,
		end: time.Second, complain: 10 * time.Second,
	}
}

// surroundings is what run takes from outside the process.
type surroundings struct {
	log    *slog.Logger
	getenv func(string) string
	parent interface {
		known() bool // can be watched
		gone() bool  // has ended
	}
	timing  timing
	unblock func(id identity) bool // frees a refused sink's id, false where it cannot
}

// removeAckSocket frees the name of the acknowledgement socket that the host
// leaks when a sink's start is refused; with it taken, the rule id could not
// start again until the host restarts.
func removeAckSocket(id identity) bool {
	return connection.RemoveSocket(connection.AckURL(id.rule, id.op, id.instance))
}

var (
	errNoHost   = errors.New("no host listens on the control socket")
	errHostGone = errors.New("the host process has ended")
	errHostLost = errors.New("the host's control socket is gone")
)

// plugin is one running plugin. Its instances are the command loop's alone.
type plugin struct {
	surroundings
	conf       *PluginConfig
	maxMessage int64
	instances  map[identity]instance
	background sync.WaitGroup // what outlived its stop: slow Close, Collect, Open
}

// instance is a started symbol.
type instance interface {
	// stop ends the symbol within its limits.
	stop()
}

// run serves the host until ctx is done or the host is gone.
func run(ctx context.Context, conf *PluginConfig, s surroundings) int {
	p := &plugin{
		surroundings: s, conf: conf,
		maxMessage: maxMessage(s.getenv, s.log),
		instances:  make(map[identity]instance),
	}
	p.log = p.log.With("plugin", conf.Name)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	control := connection.NewRequester(connection.ControlURL(conf.Name), p.maxMessage)
	unwatch := context.AfterFunc(ctx, control.Close)
	defer unwatch()

	var watching sync.WaitGroup
	watching.Go(func() { p.watch(ctx, cancel) })
	defer func() { cancel(nil); watching.Wait() }()

	ended := make(chan int, 1)
	go func() { ended <- p.live(ctx, control) }()
	select {
	case code := <-ended:
		return code
	case <-ctx.Done():
	}
	// A start or stop may be under way that does not return.
	timer := time.NewTimer(p.timing.end + p.timing.parentPoll)
	defer timer.Stop()
	select {
	case code := <-ended:
		return code
	case <-timer.C:
		p.log.Warn("a command does not return; leaving all the same", "reason", context.Cause(ctx))
		return ExitOK
	}
}

// live serves commands, then stops every symbol, and returns the exit code.
func (p *plugin) live(ctx context.Context, control *connection.Requester) int {
	defer control.Close()
	err := p.serve(ctx, control)
	if errors.Is(err, errNoHost) {
		p.log.Error("cannot start: "+err.Error(), "socket", connection.ControlURL(p.conf.Name),
			"waited", p.timing.findHost)
		return ExitNoHost
	}
	p.log.Info("plugin ends", "reason", err)
	p.stopAll()
	return ExitOK
}

// watch ends the run when the host process ends. A host that says nothing is
// as alive as any.
func (p *plugin) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(p.timing.parentPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if p.parent.gone() {
				cancel(errHostGone)
				return
			}
		}
	}
}

// serve keeps a control connection until the run ends and returns why.
func (p *plugin) serve(ctx context.Context, control *connection.Requester) error {
	lost, patience := time.Now(), p.timing.findHost
	reason := errNoHost
	for {
		err := control.Dial()
		if err == nil {
			p.log.Info("connected to the host")
			err = p.obey(ctx, control)
			lost, patience, reason = time.Now(), p.timing.hostMissing, errHostLost
			if p.parent.known() {
				// The parent tells for certain: wait for it, or for the host.
				patience = 0
			}
			p.log.Debug("control connection ended", "error", err)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case reason == errHostLost && p.parent.gone():
			return errHostGone
		case patience > 0 && time.Since(lost) >= patience:
			return reason
		case !pause(ctx, p.timing.redial):
			return context.Cause(ctx)
		}
	}
}

// obey takes commands until the connection breaks.
func (p *plugin) obey(ctx context.Context, control *connection.Requester) error {
	say := []byte("handshake")
	for {
		raw, err := control.Exchange(say)
		var large *connection.TooLargeError
		switch {
		case errors.As(err, &large):
			p.log.Error("command refused", "error", err)
			say = reply(err)
			continue
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		say = reply(p.handle(raw))
	}
}

// handle carries out one command. Its error is the host's answer.
func (p *plugin) handle(raw []byte) error {
	return contain(p.log, "the runtime", func() error {
		c, err := parseCommand(raw)
		if err != nil {
			p.log.Error("command refused", "error", err)
			return err
		}
		if c.verb == verbStop {
			p.stop(c.target)
			return nil
		}
		return p.start(c)
	})
}

// start starts a symbol, in place of what runs under the same identity.
func (p *plugin) start(c command) error {
	id := c.target
	log := p.labelled(id)
	var (
		in    instance
		inlet *connection.Inlet
		err   error
	)
	if old, live := p.instances[id.key()]; live {
		log.Info("started again: the earlier instance is replaced")
		delete(p.instances, id.key())
		if sink, ok := old.(*sinkRun); ok {
			inlet = sink.handOver()
		} else {
			old.stop()
		}
	}
	switch id.kind {
	case kindSource:
		in, err = p.startSource(c, log)
	case kindSink:
		in, err = p.startSink(c, log, inlet)
	case kindFunction:
		in, err = p.startFunction(c, log)
	}
	if err != nil {
		log.Error("start refused", "symbol", id.symbol, "error", err)
		return err
	}
	p.instances[id.key()] = in
	log.Info("started", "kind", id.kind, "symbol", id.symbol)
	return nil
}

// stop stops a symbol. What does not run is stopped already.
func (p *plugin) stop(id identity) {
	in, ok := p.instances[id.key()]
	if !ok {
		p.log.Debug("stop of what does not run", "rule", id.rule, "op", id.op, "instance", id.instance, "symbol", id.symbol)
		return
	}
	delete(p.instances, id.key())
	in.stop()
	if sink, ok := in.(*sinkRun); ok {
		sink.freeID()
	}
	p.labelled(id).Info("stopped", "kind", id.kind, "symbol", id.symbol)
}

// stopAll stops everything at once, within the time for the plugin's end.
func (p *plugin) stopAll() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for id, in := range p.instances {
			all.Go(func() { _ = contain(p.labelled(id), "the runtime", func() error { in.stop(); return nil }) })
		}
		all.Wait()
		p.background.Wait()
	}()
	if !within(p.timing.end, done) {
		p.log.Warn("not every symbol has ended in time; leaving all the same", "limit", p.timing.end)
	}
}

func (p *plugin) labelled(id identity) *slog.Logger {
	if id.kind == kindFunction {
		return p.log.With("function", id.symbol)
	}
	return p.log.With("rule", id.rule, "op", id.op, "instance", id.instance)
}

// await runs f and waits for it for as long as limit. It reports whether f
// has returned; where not, f goes on and the plugin's end waits for it.
func (p *plugin) await(limit time.Duration, f func()) bool {
	done := make(chan struct{})
	p.background.Go(func() {
		defer close(done)
		f()
	})
	return within(limit, done)
}

// within waits for done, at most for limit, and reports whether it came.
func within(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// pause waits and reports whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func stack() string { return string(debug.Stack()) }
