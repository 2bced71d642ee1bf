package sink

import (
	"fmt"
	"strings"
	"testing"
)

// TestErrorThatLeavesTheOutcomeUnknown, says the rule, as one that a proxy makes up.
func TestErrorThatLeavesTheOutcomeUnknown(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	faults := &lossy{what: inserts, every: 2, said: serverError(9999, "HY000", "the backend is gone")}
	s := b.openLossy(faults, b.props("", "t", "errors", map[string]any{"9999": "unknown"}))
	for i := 0; i < 200; i += 20 {
		b.collect(s, numbered(i, i+20))
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "200,200")
	b.wantFate(s, 200, 0)
	faults.wantLosses(t, 1)
}

// TestUnansweredCommitOfARuleThatIsEdited: rows that are stored, but of which no
// answer came, are no dead letters because they do not fit the rule as it is now.
func TestUnansweredCommitOfARuleThatIsEdited(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20))")
	faults := &lossy{what: commits, every: 2, hold: make(chan struct{})}
	s := b.openLossy(faults, b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, `{"name":"row 0"}`)
	b.settle(s)
	b.collect(s, `[{"name":"row 1"},{"name":"row 2"},{"name":"row 3"}]`)
	b.awaitRow("SELECT 1 FROM t LIMIT 1 OFFSET 3")
	b.end(s)
	s = b.open(b.props("", "t", "delivery", "exactlyOnce", "mode", "upsert"))
	close(faults.hold)
	b.settle(s)
	faults.wantLosses(t, 1)
	b.wantRows("SELECT COUNT(*) FROM t", "4")
	b.wantCounts(s, 4, 0)
	b.collect(s, `{"name":"row 4"}`) // the rule is the new one
	b.settle(s)
	b.wantCounts(s, 4, 1)
}

// TestLedgerBehindDeadLetters is no database that has gone back: what was refused last
// the ledger passes with the next row that is stored.
func TestLedgerBehindDeadLetters(t *testing.T) {
	b := newBundle(t, keyless)
	props := b.props("", "t", "delivery", "exactlyOnce")
	s := b.open(props)
	b.collect(s, `{"id":1}`, `[{"id":"wrong"},{"id":"too"}]`)
	b.settle(s)
	b.end(s)
	for _, warnings := range []int{0, 1} {
		b.restart()
		s = b.open(props)
		b.collect(s, `{"id":2}`)
		b.settle(s)
		b.end(s)
		if n := b.log.count("has gone back"); n != warnings {
			t.Errorf("%d warnings, want %d", n, warnings)
		}
		b.exec("UPDATE ekuiper_mysql_ledger SET position = 1")
	}
}

// TestTableThatLosesItsTransactions while a rule runs: what was sent when that
// came to light may be there twice, and nothing after it.
func TestTableThatLosesItsTransactions(t *testing.T) {
	const rows, refused = 8000, 6777
	for road, left := range map[string]int{"insert": refused - rows/2, "load": rows/2 - 1} {
		t.Run(road, func(t *testing.T) {
			takingFiles(t, true)
			b := newBundle(t, fmt.Sprintf("CREATE TABLE t (id BIGINT, name VARCHAR(20), x DOUBLE CHECK (x <> %d.5))", refused))
			s := b.open(b.props("", "t", "delivery", "exactlyOnce", "road", road))
			b.collect(s, numbered(0, rows/2))
			b.settle(s)
			b.exec("ALTER TABLE t ENGINE=MyISAM")
			b.collect(s, numbered(rows/2, rows))
			await(t, b.log.saying("needs a table with transactions"), "the engine to be told of")
			b.exec("ALTER TABLE t ENGINE=InnoDB")
			b.settle(s)
			b.wantFate(s, rows-1, 1)
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", fmt.Sprintf("%d,%d", rows-1+left, rows-1))
		})
	}
}

// TestRuleEditedWhileItsTableLosesItsTransactions: what waits is written a row at
// a time then, so that a row which is refused takes no other with it.
func TestRuleEditedWhileItsTableLosesItsTransactions(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT, x INT CHECK (x < 10))")
	s := b.open(b.props("", "t"))
	b.collect(s, `{"id":0,"x":1}`)
	b.settle(s)
	locked := b.alone()
	locked("LOCK TABLES t WRITE")
	b.collect(s, `[{"id":1,"x":1},{"id":2,"x":1},{"id":3,"x":50},{"id":4,"x":1},{"id":5,"x":1}]`)
	b.awaitRow(insertWaits)
	b.end(s)
	s = b.open(b.props("", "t", "mode", "replace"))
	locked("ALTER TABLE t ENGINE=MyISAM")
	b.cut("user")
	locked("UNLOCK TABLES")
	b.settle(s)
	b.wantRows("SELECT id FROM t ORDER BY id", "0", "1", "2", "4", "5")
	b.wantCounts(s, 5, 1)
}

// TestConnectionsThatDoNotLastForATransaction do for a part of it.
func TestConnectionsThatDoNotLastForATransaction(t *testing.T) {
	newBundle(t, keyless).wantOnce(&lossy{what: inserts, every: 3}, 4000, 4000, 3) // it takes four
}

// TestViewOfATableWithoutTransactions is written to as that table is.
func TestViewOfATableWithoutTransactions(t *testing.T) {
	ddl := []string{"CREATE TABLE m (id INT, v TINYINT CHECK (v >= 0)) ENGINE=MyISAM", "CREATE VIEW w AS SELECT * FROM m", "CREATE VIEW t AS SELECT id, v FROM w"}
	var rows []string
	for i := range 50 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"v":1}`, i))
	}
	rows[40] = `{"id":40,"v":-3}`
	batch := "[" + strings.Join(rows, ",") + "]"
	t.Run("atLeastOnce", func(t *testing.T) {
		b := newBundle(t, ddl...)
		s := b.open(b.props("", "t"))
		b.collect(s, batch)
		b.settle(s)
		b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM m", "49,49")
		b.wantFate(s, 49, 1)
	})
	t.Run("exactlyOnce", func(t *testing.T) {
		b := newBundle(t, ddl...)
		refused := b.log.saying(`delivery "exactlyOnce" needs a table with transactions, and the engine of ` + b.database + ".m, which t is a view of, is MyISAM: alter it to InnoDB, or use atLeastOnce")
		s := b.open(b.props("", "t", "delivery", "exactlyOnce"))
		b.collect(s, batch)
		await(t, refused, "the log to name the engine")
		b.wantRows("SELECT COUNT(*) FROM m", "0")
		b.exec("ALTER TABLE m ENGINE=InnoDB")
		_ = s.Close(b.context("rule"))
		s = b.open(b.props("", "t", "delivery", "exactlyOnce"))
		b.settle(s)
		b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM m", "49,49")
	})
}

// TestTriggerThatWritesWithoutTransactions holds no rows up: the table itself is
// as it should be, and the server warns of the other one at each ROLLBACK.
func TestTriggerThatWritesWithoutTransactions(t *testing.T) {
	for _, road := range []string{"insert", "load"} {
		t.Run(road, func(t *testing.T) {
			takingFiles(t, true)
			b := newBundle(t, "CREATE TABLE t (id BIGINT, name VARCHAR(20), x DOUBLE CHECK (x <> 777.5 AND x <> 4777.5))")
			b.exec("CREATE TABLE log (id BIGINT) ENGINE=MyISAM")
			b.exec("CREATE TRIGGER logged AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)")
			s := b.open(b.props("", "t", "delivery", "exactlyOnce", "road", road))
			b.collect(s, numbered(0, 4000), numbered(4000, 8000))
			b.settle(s)
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "7998,7998")
			b.wantFate(s, 7998, 2)
		})
	}
}
