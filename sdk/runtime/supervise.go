package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/supervisor"
)

// supervised is a plugin whose symbols run in a worker process.
type supervised struct {
	surroundings
	keeper  *supervisor.Supervisor
	began   time.Time
	dismiss context.CancelFunc
	ended   chan struct{} // closed when the worker has ended for good
}

// supervise serves the host as run does, with the symbols in worker processes
// that spawn starts.
func supervise(ctx context.Context, conf *PluginConfig, s surroundings, spawn func() (supervisor.Process, error)) int {
	s.log = s.log.With("plugin", conf.Name)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := newSupervised(s, spawn, cancel)
	defer v.end()
	return attend(ctx, conf.Name, maxMessage(s.getenv, s.log), v, s)
}

// newSupervised starts a worker, while the host is still looked for. failed is
// called when there is no more hope of one.
func newSupervised(s surroundings, spawn func() (supervisor.Process, error), failed func(error)) *supervised {
	keeping, dismiss := context.WithCancel(context.Background())
	v := &supervised{
		surroundings: s, began: time.Now(), dismiss: dismiss, ended: make(chan struct{}),
		keeper: supervisor.New(spawn, supervisor.Usual(s.timing.stopAnswered(), s.timing.workerEnd()), s.log),
	}
	go func() {
		defer close(v.ended)
		if err := v.keeper.Run(keeping); err != nil {
			failed(err)
		}
	}()
	return v
}

// stopAnswered is how long a stop takes at most, with a second for a machine
// that is slow. It is below the five seconds that the host waits.
func (t timing) stopAnswered() time.Duration { return t.drain.Longer + t.close + time.Second }

// workerEnd is how long a worker's orderly end takes at most, with a little
// for the process itself.
func (t timing) workerEnd() time.Duration { return t.end + t.parentPoll + 100*time.Millisecond }

func (v *supervised) patience() time.Duration { return v.timing.workerEnd() + 100*time.Millisecond }

// end lets the worker end. One that the kernel does not let go even when it
// is killed is left behind.
func (v *supervised) end() {
	v.dismiss()
	within(v.timing.workerEnd()+v.timing.parentPoll, v.ended)
}

// handle passes a command on.
func (v *supervised) handle(ctx context.Context, raw []byte) error {
	return contain(v.log, "the supervisor", func() error {
		c, err := parseCommand(raw)
		if err != nil {
			v.log.Error("command refused", "error", err)
			return err
		}
		log := c.target.label(v.log)
		again := c.verb == verbStart && v.isReplay(c.target)
		err = v.keeper.Do(ctx, supervisor.Command{
			Key: c.target.key(), Start: c.verb == verbStart, Again: again, Raw: raw, Log: log,
		})
		var own *supervisor.RefusedError
		if err == nil || errors.As(err, &own) || ctx.Err() != nil {
			return err
		}
		log.Error("start refused", "symbol", c.target.symbol, "error", err)
		if c.target.kind == kindSink && !again && !v.unblock(c.target) {
			// The rule id would be spoilt, see startSink. There is no worker
			// that could refuse the rule's messages: nobody takes them.
			log.Error("the host is told that the sink runs, since it could not start this rule again otherwise; stop the rule and start it again")
			return nil
		}
		return fmt.Errorf("%s %s: %w", c.verb, c.target.symbol, err)
	})
}

// coarse is by how much a file may look older than it is: systems do not note
// every moment.
const coarse = 100 * time.Millisecond

// isReplay reports whether the host has listened for what id names since before
// this plugin was there: it believes that id runs, and has started the plugin
// again. It listens for what it starts first after it has met the plugin.
func (v *supervised) isReplay(id identity) bool {
	url := connection.FunctionURL(id.symbol)
	switch id.kind {
	case kindSink:
		url = connection.AckURL(id.rule, id.op, id.instance)
	case kindSource:
		url = connection.DataURL(id.rule, id.op, id.instance)
	}
	age, known := connection.LookUpSocket(url).Age()
	return known && age > time.Since(v.began)+coarse
}
