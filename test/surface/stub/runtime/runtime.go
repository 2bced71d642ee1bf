// Package runtime is the public surface that eKuiper's Go SDK is known to have.
package runtime

import "github.com/lf-edge/ekuiper/sdk/go/api"

type (
	NewSourceFunc   func() api.Source
	NewFunctionFunc func() api.Function
	NewSinkFunc     func() api.Sink
)

type PluginConfig struct {
	Name      string
	Sources   map[string]NewSourceFunc
	Functions map[string]NewFunctionFunc
	Sinks     map[string]NewSinkFunc
}

func Start(args []string, conf *PluginConfig) {}
