// Redpanda Connect, pinned by this module's go.sum, as a peer of the bench:
// its own program with the file input, the sql components and the driver of
// MySQL, and nothing else of its many.
package main

import (
	"context"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/sql/base"
)

func main() { service.RunCLI(context.Background()) }
