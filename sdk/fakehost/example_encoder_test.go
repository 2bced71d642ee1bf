package fakehost_test

import (
	"fmt"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// What bytes reach a sink depends on the action's properties. Here a rule with
// a window gives two rows at once, and then none.
func ExampleEncoder() {
	for _, action := range []map[string]any{{}, {"sendSingle": true}} {
		e := fakehost.NewEncoder(action)
		for _, window := range [][]map[string]any{{{"a": 1}, {"a": 2}}, {}} {
			messages, err := e.Result(window...)
			fmt.Printf("%s %v\n", messages, err)
		}
	}
	// Output:
	// [[{"a":1},{"a":2}]] <nil>
	// [[]] <nil>
	// [{"a":1} {"a":2}] <nil>
	// [] <nil>
}
