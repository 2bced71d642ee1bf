// Package runtime runs a plugin: it answers the host's commands, feeds sinks,
// drains sources, serves functions, and ends when the host does.
//
// A plugin's main is one call:
//
//	runtime.Start(os.Args, &runtime.PluginConfig{
//		Name:  "mine",
//		Sinks: map[string]runtime.NewSinkFunc{"mine": func() api.Sink { return &mine{} }},
//	})
//
// What a symbol may rely on:
//   - Configure, Open, Collect and Close of one instance are never called at
//     the same time, but for Close after a Collect that would not return.
//   - Where the rule sets requireAck, Collect has 2.5 seconds (its context
//     carries the deadline); every message is answered within 3.
//   - A stop hands over what the host had sent before, then cancels the
//     context that Open received, then calls Close, whose context carries a
//     deadline of 500 ms. A Close that takes longer goes on while the host
//     gets its answer.
//   - A panic in a call of the runtime's is contained: it is logged with its
//     stack and counts as an error.
//   - Configure and Open of one instance have 15 seconds together.
//
// Start runs the plugin as two processes. The one that the host starts is a
// small supervisor: it answers the host and knows what is running. Its child,
// the worker, is the same executable and has all the symbols. When the worker
// ends, by a panic in a goroutine, out of memory or killed, another takes its
// place at once, in which every symbol is started again with its
// configuration, without the host's doing. The worker ends with its
// supervisor.
package runtime

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/supervisor"
)

// NewSourceFunc makes a source. It is called for every start.
type NewSourceFunc func() api.Source

// NewSinkFunc makes a sink. It is called for every start.
type NewSinkFunc func() api.Sink

// NewFunctionFunc makes a function. It is called for every start.
type NewFunctionFunc func() api.Function

// PluginConfig names the plugin, as it is installed, and its symbols.
type PluginConfig struct {
	// Name is the plugin's: that of its zip's descriptor, <name>.json.
	Name string
	// Symbols by their names in SQL and in rules, which the descriptor lists.
	Sources   map[string]NewSourceFunc
	Functions map[string]NewFunctionFunc
	Sinks     map[string]NewSinkFunc
}

// Environment variables that set the runtime.
const (
	// EnvLogLevel is debug, info (the default), warn or error.
	EnvLogLevel = "EKUIPER_PLUGIN_LOG_LEVEL"
	// EnvMaxMessage is the largest message a sink gets, in bytes; 64 MiB
	// unless set. A larger one is logged and thrown away.
	EnvMaxMessage = "EKUIPER_PLUGIN_MAX_MESSAGE_BYTES"
	// EnvSupervisor, set to off, runs the plugin as one process, with nobody
	// to start it again: for a debugger, or a system that forbids children.
	EnvSupervisor = "EKUIPER_PLUGIN_SUPERVISOR"
)

// Exit codes of Start and Run.
const (
	ExitOK      = 0 // the host ended, or the process was told to
	ExitNoHost  = 1 // no host answered
	ExitNotHost = 2 // not started by a host
)

// Start runs the plugin and ends the process. args are the process's own:
// the host passes its settings, a JSON object, as the only argument.
func Start(args []string, conf *PluginConfig) {
	// The host's death breaks the pipe that stderr may be. That must not kill
	// the plugin at the first line it logs, before its symbols are closed.
	signal.Ignore(syscall.SIGPIPE)
	if supervisor.IsWorker() {
		startAsWorker(conf)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx, args, conf)
	stop()
	os.Exit(code)
}

// start runs the plugin under a supervisor where it can.
func start(ctx context.Context, args []string, conf *PluginConfig) int {
	if !startedByHost(args) || os.Getenv(EnvSupervisor) == "off" {
		return Run(ctx, args, conf, Options{})
	}
	s := processSurroundings(os.Stderr, os.Getenv)
	launcher, err := supervisor.NewLauncher(args)
	if err != nil {
		s.log.Warn("running without a supervisor: the plugin will not start again by itself", "reason", err)
		return run(ctx, conf, s)
	}
	return supervise(ctx, conf, s, launcher.Spawn)
}

func processSurroundings(stderr io.Writer, getenv func(string) string) surroundings {
	return surroundings{
		log:     newLog(stderr, getenv),
		getenv:  getenv,
		parent:  watchParent(),
		timing:  usualTiming(),
		unblock: removeAckSocket,
	}
}

// Options replaces parts of Run's surroundings; the zero value is what Start
// uses.
type Options struct {
	Stderr io.Writer           // the log; os.Stderr
	Getenv func(string) string // os.Getenv
}

// Run is Start for a program that goes on afterwards: it runs the plugin, in
// this process and without a supervisor, until ctx is done or the host is
// gone and returns the exit code. Several may run in one process, under
// different names.
func Run(ctx context.Context, args []string, conf *PluginConfig, opt Options) int {
	if opt.Stderr == nil {
		opt.Stderr = os.Stderr
	}
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	if !startedByHost(args) {
		fmt.Fprintf(opt.Stderr, byHand, conf.Name)
		return ExitNotHost
	}
	return run(ctx, conf, processSurroundings(opt.Stderr, opt.Getenv))
}

const byHand = `This is the eKuiper portable plugin %[1]q. eKuiper starts it by itself;
it does nothing on its own. To install it, give eKuiper the plugin's zip file:

  curl -X POST http://localhost:9081/plugins/portables \
    -H 'Content-Type: application/json' \
    -d '{"name":"%[1]s","file":"file:///path/to/%[1]s.zip"}'
`
