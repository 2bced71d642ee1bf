package schema_test

import (
	"fmt"
	"time"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

func ExampleParseName() {
	for _, text := range []string{"test", "plant.test", "`plant.1`.`odd``name`", "a.b.c"} {
		name, err := schema.ParseName(text)
		fmt.Printf("%q %q %v\n", name.Database, name.Table, err)
	}
	// Output:
	// "" "test" <nil>
	// "plant" "test" <nil>
	// "plant.1" "odd`name" <nil>
	// "" "" table name "a.b.c": more than two parts; want table or database.table, a dot inside a name needs backquotes
}

// A value is converted without loss, or not at all.
func ExampleColumn_Convert() {
	price, at := schema.NewColumn("price", "decimal(5,2)"), schema.NewColumn("at", "datetime(3)")
	options := &schema.Options{Location: time.UTC}
	for _, x := range []struct {
		column *schema.Column
		value  payload.Value
	}{
		{&price, payload.Value{Kind: payload.Number, Text: []byte("12.50")}},
		{&price, payload.Value{Kind: payload.String, Text: []byte("12.5")}},
		{&price, payload.Value{Kind: payload.Number, Text: []byte("12.345")}},
		{&at, payload.Value{Kind: payload.Number, Text: []byte("1767268800000")}},
		{&at, payload.Value{Kind: payload.String, Text: []byte("2026-01-01T13:00:00+01:00")}},
	} {
		var room schema.Room
		value, err := x.column.Convert(x.value, options, &room)
		fmt.Println(value.Value(), err)
	}
	// Output:
	// 12.50 <nil>
	// 12.5 <nil>
	// <nil> column "price": "12.345" does not fit decimal(5,2): more than 2 digits after the point: it would be rounded
	// 2026-01-01 12:00:00.000 <nil>
	// 2026-01-01 12:00:00.000 <nil>
}
