package random_test

import (
	"fmt"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/context"

	"ekuiper-mysql/mysql/internal/random"
)

// A seed makes the same rows in every run.
func ExampleNew() {
	source := random.New()
	err := source.Configure("", map[string]any{
		"count": 3, "randomSeed": 7, "rate": "max",
		"fields": map[string]any{"id": "sequence", "level": map[string]any{"type": "int", "max": 9}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.Background().WithCancel()
	rows, ended := make(chan api.SourceTuple), make(chan struct{})
	go func() {
		defer close(ended)
		source.Open(ctx, rows, make(chan error))
	}()
	for range 3 {
		fmt.Println((<-rows).Message())
	}
	cancel()
	<-ended
	fmt.Println(source.Close(ctx))
	// Output:
	// map[id:1 level:2]
	// map[id:2 level:2]
	// map[id:3 level:1]
	// <nil>
}
