package sink

import (
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
)

// A rule that comes back with other wishes for its journal gets them, although
// rows are still on their way from the one it left.
func TestRuleComesBackWithAnotherJournal(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []any
		disk          bool
	}{
		"from memory to disk":  {[]any{"journal", "off"}, []any{"journal", "on"}, true},
		"from disk to memory":  {[]any{"journal", "on"}, []any{"journal", "off"}, true}, // rows stay in order
		"with a shorter fsync": {[]any{"fsync", "5s"}, []any{"fsync", "always"}, true},
		"to exactly once":      {[]any{"journal", "off"}, []any{"journal", "on", "delivery", "exactlyOnce"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, keyless)
			b.exec("RENAME TABLE t TO away")
			s := b.open(b.props("", "t", c.before...))
			b.collect(s, numbered(0, 100))
			first := s.outbox.Load()
			b.end(s)
			s = b.open(b.props("", "t", c.after...))
			if _, disk := s.outbox.Load().queue.(*journal.Disk); disk != c.disk {
				t.Errorf("the queue is a %T", s.outbox.Load().queue)
			}
			b.collect(s, numbered(100, 200))
			b.end(s)
			s = b.open(b.props("", "t", c.after...))
			b.collect(s, numbered(200, 300))
			b.exec("RENAME TABLE away TO t")
			b.settle(s)
			if _, memory := first.queue.(*journal.Memory); memory {
				await(t, first.queue.Empty(), "the rows in memory")
			}
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "300,300")
		})
	}
}

func TestJournalKeepsToTheBoundOfTheRuleThatCameBack(t *testing.T) {
	b := newBundle(t, keyless)
	b.exec("RENAME TABLE t TO away")
	s := b.open(b.props("", "t"))
	b.collect(s, numbered(0, 100))
	b.end(s)
	s = b.open(b.props("", "t", "requireAck", true, "whenFull", "refuse", "maxJournalBytes", "1MiB"))
	message := `{"id":7,"name":"` + strings.Repeat("x", 1<<20) + `"}`
	err := s.Collect(b.context("rule"), []byte(message))
	if err == nil || !strings.Contains(err.Error(), "maxJournalBytes 1048576") {
		t.Errorf("a message beyond the bound: %v", err)
	}
	b.exec("RENAME TABLE away TO t")
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "100,100")
}

// The answer to a ROLLBACK is lost just when the ledger has been dropped.
func TestLedgerIsGoneAndSoIsTheConnection(t *testing.T) {
	b := newBundle(t, keyless)
	faults := &lossy{what: func(r []byte) bool { return r[0] == query && string(r[1:]) == "ROLLBACK" }, every: 1}
	s := b.openLossy(faults, b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(0, 10))
	b.settle(s)
	b.exec("DROP TABLE ekuiper_mysql_ledger")
	b.collect(s, numbered(10, 20))
	b.settle(s)
	faults.wantLosses(t, 1)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "20,20")
	b.wantRows("SELECT position FROM ekuiper_mysql_ledger", "20")
}

// A COMMIT under exactlyOnce goes unanswered, and the rule comes back without
// the ledger before the batch is tried again.
func TestUnansweredCommitOfARuleThatGivesUpTheLedger(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	faults := &lossy{what: func(r []byte) bool { return commits(r) || begins(r) && b.log.count("trying again") > 0 }, every: 1}
	s := b.openLossy(faults, b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(0, 10))
	await(t, b.log.saying("trying again"), "an answer to be lost")
	b.end(s)
	s = b.open(b.props("", "t"))
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "10")
	b.wantCounts(s, 10, 0)
}

// The other way round: an INSERT at least once is under way while the rule comes
// back with a ledger, which does not know of it, and then its answer is lost.
func TestUnansweredInsertOfARuleThatTurnsToTheLedger(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	faults := &lossy{what: inserts, every: 1, hold: make(chan struct{})}
	s := b.openLossy(faults, b.props("", "t"))
	b.collect(s, numbered(0, 10))
	b.awaitRow("SELECT 1 FROM t")
	b.end(s)
	s = b.open(b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(10, 20))
	b.awaitRow("SELECT 1 FROM ekuiper_mysql_ledger")
	close(faults.hold)
	b.settle(s)
	faults.wantLosses(t, 1)
	b.wantRows("SELECT COUNT(*) FROM t", "20")
	b.wantCounts(s, 20, 0)
}

// The same where the INSERT was never carried out.
func TestKilledInsertOfARuleThatTurnsToTheLedger(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	locker, err := b.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer locker.Close()
	if _, err := locker.ExecContext(t.Context(), "LOCK TABLES t READ"); err != nil {
		t.Fatal(err)
	}
	s := b.open(b.props("", "t"))
	b.collect(s, numbered(0, 10))
	b.awaitRow("SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = 'user' AND INFO LIKE 'INSERT%'")
	b.end(s)
	s = b.open(b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(10, 20))
	b.awaitRow("SELECT 1 FROM ekuiper_mysql_ledger")
	b.cut("user")
	if _, err := locker.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "20")
	b.wantCounts(s, 20, 0)
}

// awaitRow waits until a query has a row, of which nothing but the database tells.
func (b *bundle) awaitRow(query string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		var one int
		if b.db.QueryRow(query).Scan(&one) == nil {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("waited a minute for a row of %s", query)
		}
	}
}

// The entry was made when the rule turned to exactlyOnce; a power cut then took
// what the journal had not synced of its rows' fates.
func TestPowerCutAfterTheLedgerBegan(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	restore := b.waiting(b.props("", "t"), numbered(0, 20))
	props := b.props("", "t", "delivery", "exactlyOnce")
	s := b.open(props)
	b.awaitRow("SELECT 1 FROM ekuiper_mysql_ledger")
	b.end(s)
	b.wantRows("SELECT position, digest FROM ekuiper_mysql_ledger", "20,0")
	restore()
	s = b.open(props)
	b.collect(s, numbered(20, 30))
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "30")
	b.wantCounts(s, 30, 0)
	b.wantRows("SELECT position FROM ekuiper_mysql_ledger", "30")
}

// Each row has NULL in one of two unique keys.
func TestRowsThatComeAgainAreFoundByAnyKey(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (a INT UNIQUE, b INT UNIQUE)")
	props := b.props("", "t")
	restore := b.waiting(props, `[{"a":1,"b":null},{"a":null,"b":1},{"a":2,"b":2}]`)
	restore()
	s := b.open(props)
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "3")
	b.wantCounts(s, 3, 0)
}

// A power cut took the journal's last message, which is stored, and the fates
// of those before: no new row is needed to tell that they are stored too.
func TestLastRowOfTheLedgerIsGoneAndNoneFollows(t *testing.T) {
	b := newBundle(t, keyless)
	props := b.props("", "t", "delivery", "exactlyOnce")
	restore := b.waiting(props, numbered(0, 20), numbered(20, 40))
	restore()
	s := b.open(b.props("", "away"))
	id := s.outbox.Load().id
	b.end(s)
	id.table = "t"
	dir, err := b.outboxes.journalDir(id)
	if err != nil {
		t.Fatal(err)
	}
	name, err := journal.Identify(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := journal.Open(journal.Options{Dir: dir, Identity: name, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	d.Settle(journal.Stored, journal.Span{From: 20, To: 40})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s = b.open(props)
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "40,40")
	b.wantCounts(s, 40, 0)
}

// Rows wait while a rule goes to another ledger and comes back to the first,
// where its entry is of a later epoch than the one in use meanwhile.
func TestRuleComesBackWithAnotherLedger(t *testing.T) {
	b := newBundle(t, keyless)
	first, second := b.props("", "t", "delivery", "exactlyOnce"), b.props("", "t", "delivery", "exactlyOnce", "ledgerTable", "second")
	for i := range 3 {
		s := b.open(first)
		b.collect(s, numbered(10*i, 10*i+10))
		b.settle(s)
		b.end(s)
	}
	s := b.open(second)
	b.collect(s, numbered(30, 40))
	b.settle(s)
	b.exec("RENAME TABLE t TO away")
	b.collect(s, numbered(40, 50))
	b.end(s)
	s = b.open(first)
	b.collect(s, numbered(50, 60))
	b.exec("RENAME TABLE away TO t")
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "60,60")
	b.wantCounts(s, 60, 0)
}

// TestClosingTwice: the process ends once, however often it is told to.
func TestClosingTwice(t *testing.T) {
	o := NewOutboxes(func() (string, error) { return t.TempDir(), nil })
	for range 2 {
		o.Close()
	}
}
