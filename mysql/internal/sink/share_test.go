package sink

import (
	"fmt"
	"strings"
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
		await(t, s.outbox.Load().queue.Empty(), "a row of each rule to be stored")
	}
	b.wantRows("SELECT COUNT(*), SUM(id) FROM t", "40,780")
}

// TestConnectionsAreLent among rules of the same url, and not to one of
// another user, or with another setting in its session.
func TestConnectionsAreLent(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, rule VARCHAR(20), patience INT, who VARCHAR(100), had INT)")
	b.exec("CREATE TRIGGER tell BEFORE INSERT ON t FOR EACH ROW SET NEW.who = USER(), NEW.had = @@session.lock_wait_timeout")
	b.outboxes.ShareConnections(3)
	kinds := []struct {
		user     string
		patience int
	}{{"lenda", 50}, {"lenda", 50}, {"lenda", 60}, {"lendb", 50}}
	for _, user := range []string{"lenda", "lendb"} {
		if err := server.CreateUser(user, password, "ALL PRIVILEGES ON *.*"); err != nil {
			b.t.Fatal(err)
		}
	}
	var sinks []*Sink
	for i := range 16 {
		k := kinds[i%len(kinds)]
		url := fmt.Sprintf("%s:%s@tcp(%s)/%s?lock_wait_timeout=%d", k.user, password, server.Addr(), b.database, k.patience)
		mode := "atLeastOnce"
		if i%3 == 0 {
			mode = "exactlyOnce"
		}
		sinks = append(sinks, b.openRule(fmt.Sprint("rule", i), b.props("", "t", "url", url, "delivery", mode)))
	}
	for round := range 5 {
		for i, s := range sinks {
			k := kinds[i%len(kinds)]
			b.collect(s, fmt.Sprintf(`{"id":%d,"rule":"%s","patience":%d}`, 100*round+i, k.user, k.patience))
		}
		for _, s := range sinks {
			await(t, s.outbox.Load().queue.Empty(), "a row of each rule to be stored")
		}
	}
	b.wantRows("SELECT COUNT(*), SUM(who LIKE CONCAT(rule, '@%')), SUM(had = patience) FROM t", "80,80,80")
}

// TestRulesShareMemory: rules that have next to none between them store all
// rows as others do, and leave nothing behind in its books.
func TestRulesShareMemory(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (rule INT, id INT, note VARCHAR(200), PRIMARY KEY (rule, id))")
	b.outboxes.ShareMemory(1 << 20)
	const rules, messages, rows = 6, 60, 50
	var sinks []*Sink
	for i := range rules {
		mode := []string{"atLeastOnce", "exactlyOnce"}[i%2]
		sinks = append(sinks, b.openRule(fmt.Sprint("rule", i), b.props("", "t", "delivery", mode)))
	}
	note := strings.Repeat("n", 150)
	for m := range messages {
		for i, s := range sinks {
			var text []string
			for r := range rows {
				text = append(text, fmt.Sprintf(`{"rule":%d,"id":%d,"note":"%s"}`, i, m*rows+r, note))
			}
			b.collect(s, "["+strings.Join(text, ",")+"]")
		}
	}
	for _, s := range sinks {
		await(t, s.outbox.Load().queue.Empty(), "all rows to be stored")
	}
	b.wantRows("SELECT COUNT(*), SUM(note = REPEAT('n', 150)) FROM t", fmt.Sprintf("%d,%d", rules*messages*rows, rules*messages*rows))
	for _, s := range sinks {
		b.end(s)
	}
	if m, n := b.outboxes.messages.Used(), b.outboxes.batches.Used(); m != 0 || n != 0 {
		t.Errorf("%d bytes of messages and %d of batches are still counted", m, n)
	}
}
