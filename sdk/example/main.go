// Command example is a whole plugin in few lines: the source ticks counts, the
// function twice doubles a number, and the sink lines appends every message to
// a file. ../README.md builds it, installs it and makes a rule of all three.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

var plugin = runtime.PluginConfig{
	Name:      "example",
	Sources:   map[string]runtime.NewSourceFunc{"ticks": func() api.Source { return &ticks{} }},
	Functions: map[string]runtime.NewFunctionFunc{"twice": func() api.Function { return twice{} }},
	Sinks:     map[string]runtime.NewSinkFunc{"lines": func() api.Sink { return &lines{} }},
}

func main() { runtime.Start(os.Args, &plugin) }

type ticks struct{ every time.Duration }

// Not "interval": a host that finds a source's property of that name limits
// the rate itself, and loses rows.
func (s *ticks) Configure(_ string, props map[string]any) (err error) {
	if s.every, err = time.ParseDuration(fmt.Sprint(props["every"])); err != nil || s.every <= 0 {
		return fmt.Errorf("every is %v: want a duration such as 100ms", props["every"])
	}
	return nil
}

func (s *ticks) Open(ctx api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			rows <- api.NewDefaultSourceTuple(map[string]any{"n": n}, nil)
		case <-ctx.Done():
			return
		}
	}
}

func (*ticks) Close(api.StreamContext) error { return nil }

type twice struct{}

func (twice) IsAggregate() bool { return false }

func (twice) Validate(args []any) error {
	if len(args) != 1 {
		return fmt.Errorf("twice has %d arguments: want 1", len(args))
	}
	return nil
}

func (twice) Exec(args []any, _ api.FunctionContext) (any, bool) {
	n, ok := args[0].(float64)
	if !ok {
		return fmt.Errorf("twice of %v: want a number", args[0]), false
	}
	return 2 * n, true
}

type lines struct {
	path string
	file *os.File
}

func (s *lines) Configure(props map[string]any) error {
	if s.path, _ = props["path"].(string); s.path == "" {
		return fmt.Errorf("path is %v: want the name of a file", props["path"])
	}
	return nil
}

func (s *lines) Open(api.StreamContext) (err error) {
	s.file, err = os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return err
}

func (s *lines) Collect(_ api.StreamContext, data any) error {
	_, err := fmt.Fprintf(s.file, "%s\n", data)
	return err
}

func (s *lines) Close(api.StreamContext) error { return s.file.Close() }
