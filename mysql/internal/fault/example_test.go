package fault_test

import (
	"fmt"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/fault"
)

// What is to be done next depends on the error alone.
func ExampleClassify() {
	for _, err := range []error{
		&mysql.MySQLError{Number: 1406, Message: "Data too long for column 'name' at row 3"},
		&mysql.MySQLError{Number: 1213, Message: "Deadlock found when trying to get lock; try restarting transaction"},
		&mysql.MySQLError{Number: 1146, Message: "Table 'database.test' doesn't exist"},
		&mysql.MySQLError{Number: 1054, Message: "Unknown column 'level' in 'field list'"},
		mysql.ErrInvalidConn,
	} {
		fmt.Printf("%v: %v\n", err, fault.Classify(err))
	}
	fmt.Println(fault.Column(&mysql.MySQLError{Number: 1406, Message: "Data too long for column 'name' at row 3"}))
	// Output:
	// Error 1406: Data too long for column 'name' at row 3: row
	// Error 1213: Deadlock found when trying to get lock; try restarting transaction: passing
	// Error 1146: Table 'database.test' doesn't exist: operator
	// Error 1054: Unknown column 'level' in 'field list': schema changed
	// invalid connection: outcome unknown
	// name
}

// A rule knows better about an error of its own server: here a foreign key
// whose parent rows come by another rule, soon.
func ExampleParseOverrides() {
	overrides, err := fault.ParseOverrides(map[string]any{"1452": "retry"})
	missing := &mysql.MySQLError{Number: 1452, Message: "Cannot add or update a child row: a foreign key constraint fails"}
	fmt.Println(fault.Classify(missing), "becomes", fault.Classifier{Overrides: overrides}.Classify(missing), err)
	// Output:
	// row becomes passing <nil>
}
