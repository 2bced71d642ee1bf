package fakehost_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

// printer is the sink under test.
type printer struct{}

func (printer) Configure(props map[string]any) error {
	if props["colour"] == "none" {
		return errors.New("colour is none: want a colour")
	}
	return nil
}
func (printer) Open(api.StreamContext) error  { return nil }
func (printer) Close(api.StreamContext) error { return nil }

func (printer) Collect(ctx api.StreamContext, data any) error {
	if string(data.([]byte)) == "[]" {
		return errors.New("nothing to print")
	}
	fmt.Printf("printed %s\n", data)
	return nil
}

// greeter is the source under test.
type greeter struct{ whom string }

func (g *greeter) Configure(datasource string, _ map[string]any) error {
	g.whom = datasource
	return nil
}
func (*greeter) Close(api.StreamContext) error { return nil }

func (g *greeter) Open(_ api.StreamContext, rows chan<- api.SourceTuple, _ chan<- error) {
	rows <- api.NewDefaultSourceTuple(map[string]any{"hello": g.whom}, nil)
}

// adder is the function under test.
type adder struct{}

func (adder) Validate([]any) error { return nil }
func (adder) IsAggregate() bool    { return false }
func (adder) Exec(args []any, _ api.FunctionContext) (any, bool) {
	return args[0].(float64) + args[1].(float64), true
}

// A plugin under test, in the test's own process. Names of sockets are the
// machine's, so plugin, rules and functions get names that no other test has.
func Example() {
	name := fmt.Sprintf("example%d", os.Getpid())
	host, err := fakehost.New(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()

	ctx, end := context.WithCancel(context.Background())
	ended := make(chan int)
	go func() {
		ended <- runtime.Run(ctx, []string{name, fakehost.HostArgument}, &runtime.PluginConfig{
			Name:      name,
			Sinks:     map[string]runtime.NewSinkFunc{"printer": func() api.Sink { return printer{} }},
			Sources:   map[string]runtime.NewSourceFunc{"greeter": func() api.Source { return &greeter{} }},
			Functions: map[string]runtime.NewFunctionFunc{name: func() api.Function { return adder{} }},
		}, runtime.Options{Stderr: io.Discard})
	}()
	defer func() { end(); <-ended }()
	if err := host.WaitPlugin(); err != nil {
		fmt.Println(err)
		return
	}

	// A rule's sink: what it is configured with, and its acknowledgements.
	_, err = host.OpenSink(fakehost.Sink(name+"refused", "printer", map[string]any{"colour": "none"}))
	fmt.Println(err)
	sink, err := host.OpenSink(fakehost.Sink(name+"sink", "printer", map[string]any{"requireAck": true}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sink.Collect([]byte(`[{"a":1}]`), 5*time.Second))
	fmt.Println(sink.Collect([]byte(`[]`), 5*time.Second))
	fmt.Println(sink.Close())

	// A stream's source.
	control := fakehost.Source(name+"source", "greeter", map[string]any{"datasource": "world"})
	source, err := host.OpenSource(control)
	if err != nil {
		fmt.Println(err)
		return
	}
	row, err := source.Read(5 * time.Second)
	fmt.Println(row.Message, err)
	fmt.Println(source.Close())

	// A function, called from a rule's SELECT.
	function, err := host.OpenFunc(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := function.Exec(fakehost.Meta{RuleID: name + "rule", OpID: "project"}, 0, 1, 2.5)
	fmt.Println(sum.State, sum.Result, err)
	fmt.Println(function.Close())

	// Output:
	// the plugin answers: error: configure sink printer: colour is none: want a colour
	// printed [{"a":1}]
	// <nil>
	// the sink answers: nothing to print
	// <nil>
	// map[hello:world] <nil>
	// <nil>
	// true 3.5 <nil>
	// <nil>
}
