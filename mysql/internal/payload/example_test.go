package payload_test

import (
	"errors"
	"fmt"
	"io"

	"ekuiper-mysql/mysql/internal/payload"
)

// One message of a host that makes batches: rows in nested arrays, a number
// beyond 64 bits, and something that is no row.
func ExampleDecoder() {
	var d payload.Decoder
	d.Reset([]byte(`[[{"id":18446744073709551616,"tags":["a", "b"]}],[7],[{"name":"caf\u00e9"}]]`))
	for {
		row, err := d.Next()
		var element *payload.ElementError
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.As(err, &element):
			fmt.Println("no row:", err)
			continue
		case err != nil:
			fmt.Println("the rest is not JSON:", err)
			continue
		}
		for _, f := range row.Fields {
			fmt.Printf("%s, %v: %s\n", f.Name, f.Value.Kind, f.Value.Text)
		}
	}
	// Output:
	// id, number: 18446744073709551616
	// tags, array: ["a", "b"]
	// no row: element at byte 50: a number is no row: 7
	// name, string: café
}
