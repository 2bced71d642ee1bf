package runtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/connection"
)

var (
	errNoHost   = errors.New("no host listens on the control socket")
	errHostGone = errors.New("the host process has ended")
	errHostLost = errors.New("the host's control socket is gone")
)

// notTheHost is logged where a socket's name was taken by somebody else.
const notTheHost = "what listens in the host's place is not the host, and gets nothing"

// attendant is who carries out what the host orders: the plugin itself, or
// the supervisor of one.
type attendant interface {
	// handle carries out one command. Its error is the host's answer.
	handle(ctx context.Context, raw []byte) error
	// end stops everything, within the time for the plugin's end.
	end()
	// patience is how long a command under way and end may take together once
	// the plugin has to end.
	patience() time.Duration
}

// attendance is one plugin's connection to its host.
type attendance struct {
	surroundings
	name string
	who  attendant
}

// attend serves the host until ctx is done or the host is gone, and returns
// the exit code. limit is the largest command in bytes.
func attend(ctx context.Context, name string, limit int64, who attendant, s surroundings) int {
	a := &attendance{surroundings: s, name: name, who: who}
	if trouble := connection.Exposed(); trouble != "" {
		s.log.Warn(trouble)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	control := connection.NewRequester(connection.ControlURL(name), limit)
	unwatch := context.AfterFunc(ctx, control.Close)
	defer unwatch()

	var watching sync.WaitGroup
	watching.Go(func() { a.watch(ctx, cancel) })
	defer func() { cancel(nil); watching.Wait() }()

	ended := make(chan int, 1)
	go func() { ended <- a.live(ctx, control) }()
	select {
	case code := <-ended:
		return code
	case <-ctx.Done():
	}
	// A start or stop may be under way that does not return.
	timer := time.NewTimer(a.who.patience())
	defer timer.Stop()
	select {
	case code := <-ended:
		return code
	case <-timer.C:
		a.log.Warn("a command does not return; leaving all the same", "reason", context.Cause(ctx))
		return ExitOK
	}
}

// live serves commands, then stops every symbol, and returns the exit code.
func (a *attendance) live(ctx context.Context, control *connection.Requester) int {
	defer control.Close()
	err := a.serve(ctx, control)
	if errors.Is(err, errNoHost) {
		a.log.Error("cannot start: "+err.Error(), "socket", connection.ControlURL(a.name),
			"waited", a.timing.findHost)
		return ExitNoHost
	}
	a.log.Info("plugin ends", "reason", err)
	a.who.end()
	return ExitOK
}

// watch ends the run when the host process ends. A host that says nothing is
// as alive as any.
func (a *attendance) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	a.parent.await(ctx)
	tick := time.NewTicker(a.timing.parentPoll)
	defer tick.Stop()
	for !a.parent.gone() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	cancel(errHostGone)
}

// serve keeps a control connection until the run ends and returns why.
func (a *attendance) serve(ctx context.Context, control *connection.Requester) error {
	lost, patience := time.Now(), a.timing.findHost
	strangers := sparse{interval: a.timing.complain}
	reason := errNoHost
	for {
		err := control.Dial()
		if err == nil {
			a.log.Info("connected to the host")
			err = a.obey(ctx, control)
			lost, patience, reason = time.Now(), a.timing.hostMissing, errHostLost
			if a.parent.known() {
				// The parent tells for certain: wait for it, or for the host.
				patience = 0
			}
			a.log.Debug("control connection ended", "error", err)
		}
		if errors.Is(err, connection.ErrStranger) {
			strangers.report(a.log, notTheHost, err)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case reason == errHostLost && a.parent.gone():
			return errHostGone
		case patience > 0 && time.Since(lost) >= patience:
			return reason
		case !pause(ctx, a.timing.redial):
			return context.Cause(ctx)
		}
	}
}

// obey takes commands until the connection breaks.
func (a *attendance) obey(ctx context.Context, control *connection.Requester) error {
	say := []byte("handshake")
	for {
		raw, err := control.Exchange(say)
		var large *connection.TooLargeError
		switch {
		case errors.As(err, &large):
			a.log.Error("command refused", "error", err)
			say = reply(err)
			continue
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		say = reply(a.who.handle(ctx, raw))
	}
}
