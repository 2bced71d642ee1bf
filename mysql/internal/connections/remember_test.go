package connections

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// status reads a counter of the session's own.
func status(t *testing.T, c *sql.Conn, name string) (n int) {
	t.Helper()
	if err := c.QueryRowContext(context.Background(), "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = '"+name+"'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Statements outlive who closes them, few and small enough of them.
func TestStatementsAreRemembered(t *testing.T) {
	config, err := mysql.ParseDSN(server.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	db := sql.OpenDB(Remember(New(5).Connector(plain, "")))
	defer db.Close()
	db.SetMaxOpenConns(1)
	ask := func(text string, want int) {
		t.Helper()
		var got int
		if err := db.QueryRow(text, want).Scan(&got); err != nil || got != want {
			t.Errorf("%.40s: %d, %v", text, got, err)
		}
	}
	counts := func() (prepared, closed int) {
		c, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return status(t, c, "Com_stmt_prepare"), status(t, c, "Com_stmt_close")
	}
	for i := range 50 {
		ask("SELECT ?", i)
		ask("SELECT ? + 0", i)
	}
	if prepared, closed := counts(); prepared != 2 || closed != 0 {
		t.Errorf("%d prepared, %d closed", prepared, closed)
	}
	// One that is in use is nobody else's.
	c, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := c.PrepareContext(ctx, "SELECT ?")
	two, err2 := c.PrepareContext(ctx, "SELECT ?")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, stmt := range []*sql.Stmt{one, two, one} {
		var got int
		if err := stmt.QueryRow(7).Scan(&got); err != nil || got != 7 {
			t.Error(got, err)
		}
	}
	_, _, _ = one.Close(), two.Close(), c.Close()

	for i := range 3 * mostRemembered {
		ask(fmt.Sprintf("SELECT ? + %d - %d", i, i), i)
	}
	for i := range 8 {
		ask("SELECT ? /* "+strings.Repeat("x", mostText/4+i)+" */", i)
	}
	ask("SELECT ? /* "+strings.Repeat("x", longText)+" */", 5)
	c, err = db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.Raw(func(raw any) error {
		f := raw.(*forgetful)
		size := 0
		for text := range f.kept {
			size += len(text)
		}
		if len(f.kept) > mostRemembered || size != f.text || size > mostText {
			t.Errorf("%d statements are kept, %d bytes, %d as counted", len(f.kept), size, f.text)
		}
		return nil
	})
	if prepared, closed := status(t, c, "Com_stmt_prepare"), status(t, c, "Com_stmt_close"); prepared-closed > mostRemembered {
		t.Errorf("the server has %d of %d statements", prepared-closed, prepared)
	}
	if fresh := func() (yes bool) {
		_ = c.Raw(func(raw any) error { yes = raw.(*forgetful).Fresh(); return nil })
		return yes
	}; !fresh() || fresh() {
		t.Error("a connection tells once that it is new")
	}
}
