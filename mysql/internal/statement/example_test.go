package statement_test

import (
	"fmt"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// Names are quoted, whatever is in them; values are never part of the text.
func ExampleInsert() {
	table := schema.NewTable(schema.Name{Database: "plant", Table: "odd`; DROP TABLE x"},
		schema.NewColumn("id", "bigint"), schema.NewColumn("note", "text"), schema.NewColumn("place", "point"))
	fmt.Println(statement.Insert(table, []int{0, 2}, 2, nil))

	// The second row has no place: the column's default stands there.
	fmt.Println(statement.Insert(table, []int{0, 2}, 2, func(row, i int) bool { return row == 1 && i == 1 }))
	// Output:
	// INSERT INTO `plant`.`odd``; DROP TABLE x` (`id`,`place`) VALUES (?,ST_GeomFromText(?)),(?,ST_GeomFromText(?))
	// INSERT INTO `plant`.`odd``; DROP TABLE x` (`id`,`place`) VALUES (?,ST_GeomFromText(?)),(?,DEFAULT)
}
