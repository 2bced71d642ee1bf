package runtime_test

import (
	"context"
	"fmt"
	"os"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

type sink struct{}

func (sink) Configure(map[string]any) error       { return nil }
func (sink) Open(api.StreamContext) error         { return nil }
func (sink) Collect(api.StreamContext, any) error { return nil }
func (sink) Close(api.StreamContext) error        { return nil }

// The main function of a plugin. It does not return: the plugin ends when its
// host does.
func ExampleStart() {
	runtime.Start(os.Args, &runtime.PluginConfig{
		Name:  "mine",
		Sinks: map[string]runtime.NewSinkFunc{"mine": func() api.Sink { return sink{} }},
	})
}

// A plugin that a person starts says what it is.
func ExampleRun() {
	conf := &runtime.PluginConfig{Name: "mine"}
	code := runtime.Run(context.Background(), []string{"./mine"}, conf, runtime.Options{Stderr: os.Stdout})
	fmt.Println("exit code", code)
	// Output:
	// This is the eKuiper portable plugin "mine". eKuiper starts it by itself;
	// it does nothing on its own. To install it, give eKuiper the plugin's zip file:
	//
	//   curl -X POST http://localhost:9081/plugins/portables \
	//     -H 'Content-Type: application/json' \
	//     -d '{"name":"mine","file":"file:///path/to/mine.zip"}'
	// exit code 2
}
