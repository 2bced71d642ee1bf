package config_test

import (
	"fmt"

	"ekuiper-mysql/mysql/internal/config"
)

func ExampleParse() {
	c, warnings, err := config.Parse(map[string]any{
		"url": "user:test@tcp(localhost:3306)/database", "table": "test", "maxBatchBytes": "2MiB", "timezon": "UTC",
	})
	fmt.Println(c.Target, c.Table, c.MaxBatchBytes, err)
	fmt.Println(warnings)

	// All that is wrong comes at once.
	_, _, err = config.Parse(map[string]any{
		"url": "user:test@tcp(localhost:3306)/database", "table": "test", "nullAs": "nothing", "maxBatchRows": 0,
	})
	fmt.Println(err)
	// Output:
	// localhost:3306/database test 2097152 <nil>
	// [property timezon is not known and has no effect; did you mean timezone?]
	// property nullAs: "nothing"; allowed: null, default
	// property maxBatchRows: 0; allowed: 1 to 65535
}
