package runtime

import (
	"context"
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

	// After a kill, see balance.go.
	silence     time.Duration // a host silent for this long may wait for an acknowledgement
	silenceMost time.Duration // the same for a host that was often silent for long
	resendSlack time.Duration // how late the host may be with what it sends again
	resendEarly time.Duration // how early it may seem to be
	holdUnsent  time.Duration // how long an answer is held where nothing is sent again
	holdLeast   time.Duration // how long an answer is held at least

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
		silence: 1500 * ms, silenceMost: 30 * time.Second, resendSlack: time.Second, resendEarly: 20 * ms,
		holdUnsent: 100 * ms, holdLeast: 20 * ms,
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
		// await returns when the parent may have ended or ctx is done, and at
		// once where the system does not tell: then only asking does.
		await(ctx context.Context)
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
	s.log = s.log.With("plugin", conf.Name)
	p := newPlugin(conf, s)
	return attend(ctx, conf.Name, p.maxMessage, p, s)
}

func newPlugin(conf *PluginConfig, s surroundings) *plugin {
	return &plugin{
		surroundings: s, conf: conf,
		maxMessage: maxMessage(s.getenv, s.log),
		instances:  make(map[identity]instance),
	}
}

// handle carries out one command. Its error is the host's answer.
func (p *plugin) handle(_ context.Context, raw []byte) error { return p.carryOut(raw, false) }

// carryOut is handle. again says that the host believes the command carried out.
func (p *plugin) carryOut(raw []byte, again bool) error {
	return contain(p.log, "the runtime", func() error {
		c, err := parseCommand(raw)
		c.again = again
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

// end stops everything at once, within the time for the plugin's end.
func (p *plugin) end() {
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

func (p *plugin) patience() time.Duration { return p.timing.end + p.timing.parentPoll }

func (p *plugin) labelled(id identity) *slog.Logger { return id.label(p.log) }

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
