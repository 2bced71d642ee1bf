// Command nothing is a plugin whose sink does nothing with what it is sent: the
// most that any portable sink can reach.
package main

import (
	"bytes"
	"errors"
	"os"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

func main() {
	runtime.Start(os.Args, &runtime.PluginConfig{
		Name:  "nothing",
		Sinks: map[string]runtime.NewSinkFunc{"nothing": func() api.Sink { return &sink{} }},
	})
}

// sink makes the file that the property done names when a message holds the
// property last, which is how the bench learns that all has come.
type sink struct {
	done string
	last []byte
}

func (s *sink) Configure(props map[string]interface{}) error {
	s.done, _ = props["done"].(string)
	last, _ := props["last"].(string)
	s.last = []byte(last)
	if s.done == "" || last == "" {
		return errors.New("properties done and last: want a file's name and a part of the last message")
	}
	return nil
}

func (s *sink) Open(api.StreamContext) error { return nil }

func (s *sink) Collect(_ api.StreamContext, data interface{}) error {
	if message := data.([]byte); bytes.Contains(message, s.last) {
		return os.WriteFile(s.done, nil, 0o600)
	}
	return nil
}

func (s *sink) Close(api.StreamContext) error { return nil }
