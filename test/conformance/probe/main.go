// Command probe is a plugin that shows what a host does: its sink writes down
// everything that reaches it, its source emits the rows of its configuration,
// and its function doubles a number.
//
// The sink's and the source's property "record" names the file to write to,
// one JSON object per line. What a sink does with a message can be told by
// the message itself: see [Sink.Collect].
package main

import (
	"os"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

func main() {
	runtime.Start(os.Args, &runtime.PluginConfig{
		Name:      name(),
		Sinks:     map[string]runtime.NewSinkFunc{"probe": func() api.Sink { return &Sink{} }},
		Sources:   map[string]runtime.NewSourceFunc{"probe_rows": func() api.Source { return &Source{} }},
		Functions: map[string]runtime.NewFunctionFunc{name() + "_twice": func() api.Function { return Twice{} }},
	})
}

// name is the plugin's name, probe unless the environment says otherwise:
// sockets are named after it and its function, and tests run side by side.
func name() string {
	if n := os.Getenv("PROBE_NAME"); n != "" {
		return n
	}
	return "probe"
}
