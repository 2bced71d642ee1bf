package runtime

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/supervisor"
)

// lastWord bounds the worker's last log line: standard error may be a pipe
// that nobody empties any more.
const lastWord = 20 * time.Millisecond

// exitOrphan is a worker's exit code when its supervisor is gone. Nobody is
// left to read it.
const exitOrphan = 1

var (
	errTold     = errors.New("the supervisor has told the worker to end")
	errOrphaned = errors.New("the supervisor is gone")
)

// startAsWorker runs the plugin under its supervisor's orders and ends the
// process.
func startAsWorker(conf *PluginConfig) {
	// The end comes from the supervisor: Ctrl-C in a terminal and the signals
	// of a service manager reach both processes at once.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	log := newLog(os.Stderr, os.Getenv).With("plugin", conf.Name)
	orders, answers, err := supervisor.TakePipes()
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(exitOrphan)
	}
	s := surroundings{log: log, getenv: os.Getenv, timing: usualTiming(), unblock: removeAckSocket}
	os.Exit(work(conf, s, orders, answers, func() { orphaned(log) }))
}

// orphaned ends the process at once, whatever it is doing: the host starts
// another plugin as soon as it likes, which needs the sockets and files of
// this one. What symbols must not lose they have on disk.
func orphaned(log *slog.Logger) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		log.Warn("the supervisor is gone; the worker leaves at once")
	}()
	within(lastWord, said)
	os.Exit(exitOrphan)
}

// work carries out the supervisor's orders until it is told to end, and
// returns the exit code. When the supervisor is gone it calls leave, which
// ends the process.
func work(conf *PluginConfig, s surroundings, in io.Reader, out io.Writer, leave func()) int {
	p := newPlugin(conf, s)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	orders := make(chan supervisor.Message, 1)
	go func() {
		for {
			m, err := supervisor.Read(in)
			if err == nil && m.Kind == supervisor.End {
				cancel(errTold)
				continue
			}
			if err != nil {
				leave()
				cancel(errOrphaned) // where the process goes on, in tests
				return
			}
			orders <- m // one at a time: there is room
		}
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.workOff(ctx, orders, out)
		p.end()
	}()
	<-ctx.Done()
	if !within(p.patience(), ended) {
		p.log.Warn("a command does not return; leaving all the same", "reason", context.Cause(ctx))
	}
	return ExitOK
}

// workOff carries out orders until ctx is done.
func (p *plugin) workOff(ctx context.Context, orders <-chan supervisor.Message, out io.Writer) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-orders:
			answer := supervisor.Message{Kind: supervisor.Done}
			if err := p.carryOut(m.Body, m.Kind == supervisor.Again); err != nil {
				answer = supervisor.Message{Kind: supervisor.Refused, Body: []byte(err.Error())}
			}
			// Where it cannot be written, the other pipe ends as well.
			_ = supervisor.Write(out, answer)
		}
	}
}
