// Command plugin uses every name of the SDK's public surface the way plugins
// do. It is compiled against the SDK of this repository and against the bare
// surface: both must take it.
package main

import (
	"context"
	"os"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/mock"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

type source struct{}

func (source) Open(ctx api.StreamContext, consumer chan<- api.SourceTuple, errCh chan<- error) {
	select {
	case consumer <- api.NewDefaultSourceTuple(map[string]interface{}{"a": 1}, nil):
	case <-ctx.Done():
		errCh <- ctx.Err()
	}
}
func (source) Configure(string, map[string]interface{}) error { return nil }
func (source) Close(api.StreamContext) error                  { return nil }

type sink struct{ log api.Logger }

func (s *sink) Open(ctx api.StreamContext) error {
	var child api.StreamContext
	var cancel context.CancelFunc
	child, cancel = ctx.WithMeta("rule", "op").WithInstance(1).WithCancel()
	defer cancel()
	s.log = child.GetLogger()
	for _, f := range []func(...interface{}){s.log.Debug, s.log.Info, s.log.Warn, s.log.Error, s.log.Debugln, s.log.Infoln, s.log.Warnln, s.log.Errorln} {
		f(child.GetRuleId(), child.GetOpId(), child.GetInstanceId())
	}
	for _, f := range []func(string, ...interface{}){s.log.Debugf, s.log.Infof, s.log.Warnf, s.log.Errorf} {
		f("%v", child.Err())
	}
	return nil
}
func (*sink) Configure(map[string]interface{}) error { return nil }
func (s *sink) Collect(_ api.StreamContext, data interface{}) error {
	s.log.Infof("%s", data.([]byte))
	return nil
}
func (*sink) Close(api.StreamContext) error { return nil }

type function struct{}

func (function) Validate([]interface{}) error { return nil }
func (function) Exec(args []interface{}, ctx api.FunctionContext) (interface{}, bool) {
	return ctx.GetFuncId() + len(args), true
}
func (function) IsAggregate() bool { return false }

var (
	_ api.SourceTuple = &api.DefaultSourceTuple{Mess: map[string]interface{}{}, M: map[string]interface{}{}}
	_ api.Closable    = source{}

	// The helpers for authors' tests, by their exact types.
	_ func(api.Source, []api.SourceTuple, *testing.T) = mock.TestSourceOpen
	_ func(api.Sink, []string) error                  = mock.RunSinkCollect
	_ func(api.Function, []mock.FuncTest, *testing.T) = mock.TestFuncExec
	_                                                 = mock.FuncTest{Args: []interface{}{1}, Result: 1, Ok: true}
)

func main() {
	runtime.Start(os.Args, &runtime.PluginConfig{
		Name:      "surface",
		Sources:   map[string]runtime.NewSourceFunc{"source": func() api.Source { return source{} }},
		Functions: map[string]runtime.NewFunctionFunc{"function": func() api.Function { return function{} }},
		Sinks:     map[string]runtime.NewSinkFunc{"sink": func() api.Sink { return &sink{} }},
	})
}
