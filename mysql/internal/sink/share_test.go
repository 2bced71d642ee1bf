package sink

import (
	"fmt"
	"testing"
)

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
	b.exec("GRANT USAGE ON *.* TO few@'%' WITH MAX_USER_CONNECTIONS 4")
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
