package sink

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
)

// glancing makes the writer ask before each batch whether the table is as it was read.
func glancing(t *testing.T) {
	minReload = time.Nanosecond
	t.Cleanup(func() { minReload = time.Second })
}

// TestKeyAddedUnderARule: an upsert changes the row of its key and no other, also
// where the table has got another unique key since it was read.
func TestKeyAddedUnderARule(t *testing.T) {
	for _, delivery := range []string{"atLeastOnce", "exactlyOnce"} {
		t.Run(delivery, func(t *testing.T) {
			glancing(t)
			b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, serial VARCHAR(9), v INT)")
			s := b.open(b.props("", "t", "mode", "upsert", "delivery", delivery))
			b.collect(s, `{"id":1,"serial":"A","v":1}`)
			b.settle(s)
			b.exec("ALTER TABLE t ADD UNIQUE KEY (serial)")
			b.collect(s, `{"id":2,"serial":"A","v":2}`, `{"id":3,"serial":"B","v":3}`)
			b.settle(s)
			b.wantRows("SELECT id, serial, v FROM t ORDER BY id", "1,A,1", "3,B,3")
			b.wantFate(s, 2, 1)
		})
	}
}

// TestKeyDroppedUnderARule: rows that find no row any more wait.
func TestKeyDroppedUnderARule(t *testing.T) {
	glancing(t)
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
	s := b.open(b.props("", "t", "mode", "upsert"))
	b.collect(s, `{"id":1,"v":1}`)
	b.settle(s)
	b.exec("ALTER TABLE t DROP PRIMARY KEY")
	b.collect(s, `{"id":1,"v":2}`)
	await(t, b.log.saying("has no primary key"), "the key to be missed")
	b.exec("ALTER TABLE t ADD PRIMARY KEY (id)")
	b.settle(s)
	b.wantRows("SELECT id, v FROM t", "1,2")
	b.wantFate(s, 2, 0)
}

// TestTypeNarrowedUnderARule: what the server would round or cut is refused.
func TestTypeNarrowedUnderARule(t *testing.T) {
	glancing(t)
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,4), n DOUBLE)")
	s := b.open(b.props("", "t"))
	b.collect(s, `{"id":1,"d":1.2345,"n":1.6}`)
	b.settle(s)
	b.exec("DELETE FROM t")
	b.exec("ALTER TABLE t MODIFY d DECIMAL(10,2), MODIFY n INT")
	b.collect(s, `{"id":2,"d":1.2345,"n":1}`, `{"id":3,"d":1.23,"n":1.6}`, `{"id":4,"d":1.23,"n":1}`)
	b.settle(s)
	b.wantRows("SELECT id, d, n FROM t", "4,1.23,1")
	b.wantFate(s, 2, 2)
}

// TestEngineWithoutTransactionsUnderARule: rows go one by one from then on.
func TestEngineWithoutTransactionsUnderARule(t *testing.T) {
	glancing(t)
	b := newBundle(t, "CREATE TABLE t (id BIGINT, name VARCHAR(20), x DOUBLE CHECK (x <> 30.5))")
	s := b.open(b.props("", "t"))
	b.collect(s, numbered(0, 10))
	b.settle(s)
	b.exec("ALTER TABLE t ENGINE=MyISAM")
	b.collect(s, numbered(10, 60))
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "59,59")
	b.wantFate(s, 59, 1)
}

// TestCommentsAreNothing that counts, and do not make the table be read again and again.
func TestCommentsAreNothing(t *testing.T) {
	glancing(t)
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	for i := range 20 {
		b.exec(fmt.Sprintf("ALTER TABLE numbers COMMENT = 'number %d'", i))
		b.collect(s, fmt.Sprintf(`{"id":%d}`, i))
		b.settle(s)
	}
	b.wantFate(s, 20, 0)
	b.exec("ALTER TABLE numbers ADD COLUMN later INT")
	b.collect(s, `{"id":20,"later":1}`)
	b.settle(s)
	b.wantFate(s, 21, 0)
	if text := b.log.String(); !strings.Contains(text, "its definition is another one") {
		t.Error("nobody looked")
	}
}

// TestRowsOfTheTableBefore, converted while the writer was finding out that the
// table has changed, are converted anew as well.
func TestRowsOfTheTableBefore(t *testing.T) {
	glancing(t)
	b := newBundle(t, "CREATE TABLE t (id INT, n DOUBLE)")
	s := b.open(b.props("", "t"))
	b.collect(s, `{"id":1,"n":1.6}`)
	b.settle(s)
	locked := b.alone()
	locked("LOCK TABLES t WRITE")
	b.collect(s, `{"id":2,"n":1}`)
	b.awaitRow(insertWaits)
	b.collect(s, `{"id":3,"n":1.6}`, `{"id":4,"n":1}`)
	for s.outbox.Load().queue.(*journal.Disk).Unread() {
		runtime.Gosched() // until the feeder has them
	}
	locked("ALTER TABLE t DROP COLUMN n, ADD COLUMN n INT, ADD COLUMN m INT")
	b.cut("user")
	locked("UNLOCK TABLES")
	b.settle(s)
	b.wantRows("SELECT id, n FROM t WHERE id > 1 ORDER BY id", "2,1", "4,1")
	b.wantFate(s, 3, 1)
}
