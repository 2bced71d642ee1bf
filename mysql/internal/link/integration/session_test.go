package integration

import (
	"testing"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/link"
)

// TestSessionAfterInitSQL: what the sink relies on is set after it, on each connection.
func TestSessionAfterInitSQL(t *testing.T) {
	o := options(0)
	o.Driver.Params = map[string]string{"sql_mode": "CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')", "time_zone": "'+00:00'", "autocommit": "1"}
	o.InitSQL = []string{"SET sql_mode = 'ANSI_QUOTES', @x = 5;", "SELECT 1", "DO 1"}
	db := pool(t, o, &link.Cluster{})
	for range 2 {
		want(t, db, "SELECT CONCAT(@@sql_mode, ' ', @@time_zone, ' ', @@autocommit + 0, ' ', @x, ' ', @@character_set_client)", "ANSI_QUOTES,STRICT_ALL_TABLES +00:00 1 5 utf8mb4")
	}
	if o.Driver.Params["autocommit"] != "1" {
		t.Error("the caller's settings are changed")
	}
	o.InitSQL = []string{"SELECT 1", "SELECT * FROM nowhere.nothing"}
	_, err := ask(pool(t, o, &link.Cluster{}), "SELECT 1")
	if number, _ := fault.Number(err); number != 1146 && number != 1049 {
		t.Errorf("%v", err)
	}
	refused(t, pool(t, o, &link.Cluster{}), "initSql statement 2: ")
}
