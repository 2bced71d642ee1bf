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

// TestIsolation: whatever the server's default is, what is not committed is not
// seen; the url's choice and that of initSql hold.
func TestIsolation(t *testing.T) {
	query := "SELECT @@transaction_isolation"
	if isMariaDB(t) {
		query = "SELECT @@tx_isolation"
	}
	for _, level := range []string{"READ UNCOMMITTED", "READ COMMITTED"} {
		execute(t, servers[0], "SET GLOBAL TRANSACTION ISOLATION LEVEL "+level)
		o := options(0)
		want(t, pool(t, o, &link.Cluster{}), query, "REPEATABLE-READ")
		o.Driver.Params = map[string]string{query[len("SELECT @@"):]: "'SERIALIZABLE'"}
		want(t, pool(t, o, &link.Cluster{}), query, "SERIALIZABLE")
		o.InitSQL = []string{"DO 1"}
		want(t, pool(t, o, &link.Cluster{}), query, "SERIALIZABLE")
		o.Driver.Params, o.InitSQL = map[string]string{"autocommit": "1"}, []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"}
		want(t, pool(t, o, &link.Cluster{}), query, "READ-COMMITTED")
	}
	execute(t, servers[0], "SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ")
}
