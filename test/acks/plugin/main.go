// Command plugin is a plugin whose sink keeps its messages in a file, refuses
// those that it is told to, and can kill itself at chosen points of a
// message's way: with it the tests see which acknowledgement the host has
// taken for which message.
package main

import (
	"os"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

func main() {
	runtime.Start(os.Args, &runtime.PluginConfig{
		Name:  name(),
		Sinks: map[string]runtime.NewSinkFunc{"acks": func() api.Sink { return &sink{} }},
	})
}

// name is the plugin's name, acks unless the environment says otherwise:
// sockets are named after it, and tests run side by side.
func name() string {
	if n := os.Getenv("ACKS_NAME"); n != "" {
		return n
	}
	return "acks"
}
