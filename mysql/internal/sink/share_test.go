package sink

import (
	"fmt"
	"testing"
)

// only returns the url of a user whom the server gives one connection.
func (b *bundle) only() string {
	b.t.Helper()
	if err := server.CreateUser("only", password, "ALL PRIVILEGES ON *.*"); err != nil {
		b.t.Fatal(err)
	}
	b.exec("ALTER USER only@'%' WITH MAX_USER_CONNECTIONS 1")
	return fmt.Sprintf("only:%s@tcp(%s)/%s", password, server.Addr(), b.database)
}

// TestOneConnectionDoes where the table changes under the rule, and the
// writer has to read it again.
func TestOneConnectionDoes(t *testing.T) {
	b := newBundle(t, keyless)
	s := b.open(b.props("", "t", "url", b.only(), "extraFields", "ignore"))
	b.collect(s, `{"id":1,"name":"a"}`)
	b.settle(s)
	b.exec("ALTER TABLE t DROP COLUMN name")
	b.collect(s, `{"id":2,"name":"b"}`)
	b.settle(s)
	b.wantFate(s, 2, 0)
}

// TestOneConnectionDoesForDoubt: rows of which nobody knows whether they are
// stored are compared over the connection that there is.
func TestOneConnectionDoesForDoubt(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))")
	faults := &lossy{what: inserts, every: 3}
	s := b.openLossy(faults, b.props("", "t", "url", b.only(), "delivery", "atLeastOnce"))
	for i := range 9 {
		b.collect(s, fmt.Sprintf(`{"id":%d,"name":"row %d"}`, i, i))
		b.settle(s)
	}
	b.wantRows("SELECT COUNT(*), SUM(id) FROM t", "9,36")
	b.wantFate(s, 9, 0)
	faults.wantLosses(t, 2)
}

// TestRulesShareConnections: forty rules with a row each, of a user whom the
// server gives four connections: each rule gives its own up for the next.
func TestRulesShareConnections(t *testing.T) {
	t.Run("the bound is the server's", func(t *testing.T) { shareConnections(t, 4) })
	t.Run("the bound is higher", func(t *testing.T) { shareConnections(t, 100) })
}

func shareConnections(t *testing.T, most int) {
	b := newBundle(t, keyless)
	if err := server.CreateUser("few", password, "ALL PRIVILEGES ON *.*"); err != nil {
		t.Fatal(err)
	}
	b.exec("ALTER USER few@'%' WITH MAX_USER_CONNECTIONS 4")
	b.outboxes.ShareConnections(most)
	var sinks []*Sink
	for i := range 40 {
		url := fmt.Sprintf("few:%s@tcp(%s)/%s", password, server.Addr(), b.database)
		s := b.openRule(fmt.Sprint("rule", i), b.props("", "t", "url", url))
		b.collect(s, fmt.Sprintf(`{"id":%d}`, i))
		sinks = append(sinks, s)
	}
	for _, s := range sinks {
		await(t, s.outbox.queue.Empty(), "a row of each rule to be stored")
	}
	b.wantRows("SELECT COUNT(*), SUM(id) FROM t", "40,780")
}
