package mock_test

import (
	"errors"
	"fmt"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/mock"
)

// counter takes messages of up to ten bytes.
type counter struct{ bytes int }

func (*counter) Configure(map[string]any) error { return nil }
func (*counter) Open(api.StreamContext) error   { return nil }
func (*counter) Close(api.StreamContext) error  { return nil }

func (c *counter) Collect(_ api.StreamContext, data any) error {
	message := data.([]byte)
	if len(message) > 10 {
		return errors.New("too long")
	}
	c.bytes += len(message)
	return nil
}

// The first message that a sink does not take ends the run.
func ExampleRunSinkCollect() {
	c := &counter{}
	err := mock.RunSinkCollect(c, []string{`[{"a":1}]`, `[{"a":1000}]`, `[]`})
	fmt.Println(c.bytes, err)
	// Output: 9 collect message 1: too long
}
