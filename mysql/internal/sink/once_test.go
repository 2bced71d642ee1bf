package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/test/proxy"
)

// keyless has nothing that could tell a row that is written twice.
const keyless = "CREATE TABLE t (id BIGINT, name VARCHAR(20), x DOUBLE)"

func numbered(from, to int) string {
	var rows []string
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"row %d","x":%d.5}`, i, i, i))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// wantOnce gives rows, so many a message, to a sink that loses so many answers
// at least, and wants each of them once.
func (b *bundle) wantOnce(faults *lossy, rows, each int, losses int64, more ...any) {
	b.t.Helper()
	s := b.openLossy(faults, b.props("", "t", append([]any{"delivery", "exactlyOnce"}, more...)...))
	for i := 0; i < rows; i += each {
		b.collect(s, numbered(i, i+each))
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", fmt.Sprintf("%d,%d", rows, rows))
	b.wantFate(s, uint64(rows), 0)
	faults.wantLosses(b.t, losses)
}

func TestExactlyOnceWhereCommitsGoUnanswered(t *testing.T) {
	b := newBundle(t, keyless)
	b.wantOnce(&lossy{what: commits, every: 3}, 3000, 50, 20, "maxBatchRows", 30)
	b.wantRows("SELECT lane, lanes, position, epoch, owner, target FROM ekuiper_mysql_ledger", "0,1,3000,1,rule, op, 0,t")
}

func TestExactlyOnceWhereAnyAnswerIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		what  func([]byte) bool
		every int64
	}{
		"begins": {begins, 2}, "prepares": {prepares, 4}, "advances": {advances, 5}, "inserts": {inserts, 5}, "commits": {commits, 5},
	} {
		t.Run(name, func(t *testing.T) {
			faults := &lossy{what: c.what, every: c.every}
			faults.fromTheFirst()
			newBundle(t, keyless).wantOnce(faults, 500, 50, 1, "maxBatchRows", 11) // more than one statement at first
		})
	}
}

func TestExactlyOnceWithRefusedRows(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT UNIQUE, name VARCHAR(20), x DOUBLE CHECK (x <> 77.5))")
	faults := &lossy{what: commits, every: 4}
	s := b.openLossy(faults, b.props("", "t", "delivery", "exactlyOnce", "maxBatchRows", 40))
	for i := 0; i < 200; i += 20 {
		b.collect(s, numbered(i, i+20))
	}
	b.collect(s, numbered(10, 13)) // real duplicates, not repeats of ours
	b.collect(s, `{"id":900,"name":"a name that has no room in its column"}`)
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "199,199")
	b.wantFate(s, 199, 5)
	faults.wantLosses(t, 2)
}

func TestDuplicateOfALostAnswerIsNoDeadLetter(t *testing.T) {
	for name, ddl := range map[string]string{
		"primary key": "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)",
		"unique key":  "CREATE TABLE t (auto INT PRIMARY KEY AUTO_INCREMENT, id BIGINT, name VARCHAR(20), x DOUBLE, UNIQUE (name, id))",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, ddl)
			faults := &lossy{what: inserts, every: 4}
			s := b.openLossy(faults, b.props("", "t", "maxBatchRows", 100))
			for i := 0; i < 2000; i += 50 {
				b.collect(s, numbered(i, i+50))
			}
			b.settle(s)
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "2000,2000")
			b.wantFate(s, 2000, 0)
			faults.wantLosses(t, 3)
		})
	}
}

func TestOtherRowWithTheSameKeyIsStillADeadLetter(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)", "INSERT INTO t VALUES (7, 'another', 7.5)")
	faults := &lossy{what: inserts, every: 1}
	s := b.openLossy(faults, b.props("", "t"))
	b.collect(s, numbered(0, 10))
	await(t, b.log.saying("trying again"), "an answer to be lost")
	faults.off.Store(true)
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "10")
	b.wantRows("SELECT name FROM t WHERE id = 7", "another")
	b.wantFate(s, 9, 1)
}

// snapshot copies the journal of the only rule as it is on disk, as a SIGKILL
// would leave it. The copy is put back by restore.
func (b *bundle) snapshot() (restore func()) {
	b.t.Helper()
	folder, err := b.outboxes.folder()
	if err != nil {
		b.t.Fatal(err)
	}
	from, to := filepath.Join(folder, journals), filepath.Join(b.t.TempDir(), "copy")
	b.copyLive(to, from)
	return func() {
		b.t.Helper()
		b.outboxes.Close()
		if err := os.RemoveAll(from); err != nil {
			b.t.Fatal(err)
		}
		if err := os.CopyFS(from, os.DirFS(to)); err != nil {
			b.t.Fatal(err)
		}
		b.outboxes = NewOutboxes(b.outboxes.folder)
	}
}

// copyLive copies a folder that is in use: a file may get its name, or be replaced,
// while it is being copied.
func (b *bundle) copyLive(to, from string) {
	b.t.Helper()
	for {
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			b.t.Fatal(err)
		}
		if err := os.RemoveAll(to); err != nil {
			b.t.Fatal(err)
		}
	}
}

// end closes a sink, whose rows are all settled.
func (b *bundle) end(s *Sink) {
	b.t.Helper()
	if err := s.Close(b.context("rule")); err != nil {
		b.t.Fatal(err)
	}
}

// waiting opens a sink that reaches no server, gives it messages and returns
// the journal as a kill would leave it then.
func (b *bundle) waiting(props map[string]any, messages ...string) (restore func()) {
	b.t.Helper()
	b.exec("RENAME TABLE t TO away")
	s := b.open(props)
	b.collect(s, messages...)
	restore = b.snapshot()
	b.exec("RENAME TABLE away TO t")
	b.settle(s)
	b.end(s)
	return restore
}

func TestExactlyOnceRecognisesRowsOfAKilledProcess(t *testing.T) {
	b := newBundle(t, keyless)
	props := b.props("", "t", "delivery", "exactlyOnce", "maxBatchRows", 7)
	restore := b.waiting(props, numbered(0, 20), `{"id":"wrong"}`, numbered(20, 40))
	b.wantRows("SELECT COUNT(*) FROM t", "40")
	restore() // as if the kill had come before anything was settled
	s := b.open(props)
	b.collect(s, numbered(40, 50))
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "50,50")
	b.wantCounts(s, 50, 1)
	b.wantRows("SELECT position, epoch FROM ekuiper_mysql_ledger", "51,2")
	if n := b.log.count("error row set aside"); n != 1 {
		t.Errorf("the wrong row was set aside %d times", n)
	}
}

// wantCounts checks the journal's sums, which outlive the process.
func (b *bundle) wantCounts(s *Sink, stored, setAside uint64) {
	b.t.Helper()
	n := s.outbox.Load().queue.Counts()
	if n.Stored != stored || n.SetAside != setAside || n.Received != stored+setAside {
		b.t.Errorf("counts %+v; want stored %d, set aside %d", n, stored, setAside)
	}
}

func TestAtLeastOnceRecognisesRowsOfAKilledProcessByTheirKey(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	props := b.props("", "t")
	restore := b.waiting(props, numbered(0, 1500))
	b.exec("UPDATE t SET x = -1 WHERE id = 700")
	b.exec("DELETE FROM t WHERE id = 800")
	restore()
	s := b.open(props)
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "1500,1500")
	b.wantCounts(s, 1499, 1)
}

func TestJournalRestoredFromABackupIsNoticed(t *testing.T) {
	b := newBundle(t, keyless)
	props := b.props("", "t", "delivery", "exactlyOnce")
	restore := b.waiting(props, numbered(0, 20))
	s := b.open(props)
	b.collect(s, numbered(20, 30)) // which the backup never had
	b.settle(s)
	b.end(s)
	restore()
	s = b.open(props)
	b.collect(s, numbered(30, 60)) // numbered like those that the backup never had
	await(t, b.log.saying("restored from a backup"), "the log to say that the journal was restored")
	b.wantRows("SELECT COUNT(*) FROM t", "30")
	b.follow("DELETE FROM")
	b.settle(s)
	b.wantRows("SELECT COUNT(DISTINCT id) FROM t", "60")
}

// follow does what a line of the log tells to do.
func (b *bundle) follow(begins string) {
	b.t.Helper()
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	for _, line := range b.log.lines {
		if _, statement, ok := strings.Cut(line, ": "+begins); ok {
			statement, _, _ = strings.Cut(begins+statement, ";")
			if _, err := b.db.Exec(statement); err != nil {
				b.t.Fatalf("%s: %v", statement, err)
			}
			return
		}
	}
	b.t.Fatalf("no line tells to %s", begins)
}

// TestJournalThatWentAnotherWayIsNoticed: the restored copy has taken other
// rows under the same numbers before it met the ledger.
func TestJournalThatWentAnotherWayIsNoticed(t *testing.T) {
	b := newBundle(t, keyless)
	way := proxy.Start(t, server.Addr())
	props := b.props(way.Addr(), "t", "delivery", "exactlyOnce")
	restore := b.waiting(props, numbered(0, 20))
	s := b.open(props)
	b.collect(s, numbered(20, 30))
	b.settle(s)
	b.end(s)
	restore()
	way.BlackHole()
	s = b.open(props)
	b.collect(s, numbered(40, 60)) // the numbers 20 to 40
	restore = b.snapshot()
	b.end(s)
	restore()
	way.Pass()
	s = b.open(props)
	await(t, b.log.saying("restored from a backup"), "the log to say that the journal went another way")
	b.wantRows("SELECT COUNT(*) FROM t", "30")
	b.follow("DELETE FROM")
	b.settle(s)
	b.wantRows("SELECT COUNT(DISTINCT id) FROM t", "50")
}

func TestLostJournalIsNoticed(t *testing.T) {
	b := newBundle(t, keyless)
	props := b.props("", "t", "delivery", "exactlyOnce")
	b.waiting(props, numbered(0, 20))
	b.outboxes.Close()
	folder := t.TempDir()
	b.outboxes = NewOutboxes(func() (string, error) { return folder, nil })
	s := b.open(props)
	b.collect(s, numbered(20, 30))
	await(t, b.log.saying("if the plugin's data folder was lost"), "the log to say that a journal is gone")
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "30,30")
}

func TestCopyOfAJournalIsFenced(t *testing.T) {
	b := newBundle(t, keyless)
	props := b.props("", "t", "delivery", "exactlyOnce")
	s := b.open(props)
	b.collect(s, numbered(0, 10))
	b.settle(s)
	if err := s.outbox.Load().queue.(*journal.Disk).Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	own, err := b.outboxes.folder()
	if err != nil {
		t.Fatal(err)
	}
	b.copyLive(filepath.Join(folder, journals), filepath.Join(own, journals))
	twin := *b
	twin.outboxes = NewOutboxes(func() (string, error) { return folder, nil })
	defer twin.outboxes.Close()
	other := twin.open(props)
	twin.collect(other, numbered(100, 110))
	twin.settle(other)
	b.collect(s, numbered(10, 20))
	await(t, b.log.saying("another process delivers rows of a copy of this journal"), "the log to say that there is a copy")
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "20,20")
}

func TestLedgerTableDroppedUnderLoad(t *testing.T) {
	b := newBundle(t, keyless)
	s := b.open(b.props("", "t", "delivery", "exactlyOnce", "maxBatchRows", 20))
	for i := 0; i < 1000; i += 50 {
		b.collect(s, numbered(i, i+50))
		if i == 300 {
			b.settle(s)
			b.exec("DROP TABLE ekuiper_mysql_ledger")
		}
		if i == 600 {
			b.settle(s)
			b.exec("DELETE FROM ekuiper_mysql_ledger")
		}
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "1000,1000")
	b.wantRows("SELECT position FROM ekuiper_mysql_ledger", "1000")
	if b.log.count("is made anew") != 2 {
		t.Error("the log does not tell of both")
	}
}

func TestExactlyOnceWaitsForATransactionalEngine(t *testing.T) {
	b := newBundle(t, keyless+" ENGINE=MyISAM")
	s := b.open(b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(0, 10))
	await(t, b.log.saying("needs a table with transactions, and the engine of t is MyISAM"), "the log to name the engine")
	b.exec("ALTER TABLE t ENGINE=InnoDB")
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "10,10")
}

func TestLedgerWithoutTransactionsIsRefused(t *testing.T) {
	b := newBundle(t, keyless, "CREATE TABLE `own ledger` (journal BINARY(16), lane INT, lanes INT, position BIGINT UNSIGNED, digest BIGINT UNSIGNED, epoch BIGINT UNSIGNED, "+
		"owner TEXT, target TEXT, host TEXT, claimed TIMESTAMP, PRIMARY KEY (journal, lane)) ENGINE=Aria")
	s := b.open(b.props("", "t", "delivery", "exactlyOnce", "ledgerTable", "`own ledger`"))
	b.collect(s, numbered(0, 10))
	await(t, b.log.saying("the ledger `own ledger`: its engine Aria has no transactions"), "the log to name the engine")
	b.exec("ALTER TABLE `own ledger` ENGINE=InnoDB")
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "10,10")
	b.wantRows("SELECT position FROM `own ledger`", "10")
}

func TestUserWhoMayNotMakeTheLedgerIsToldHow(t *testing.T) {
	b := newBundle(t, keyless)
	if err := server.CreateUser("writer", password, "SELECT, INSERT, UPDATE ON "+b.database+".*"); err != nil {
		t.Fatal(err)
	}
	props := b.props("", "t", "delivery", "exactlyOnce")
	props["url"] = strings.Replace(props["url"].(string), "user:", "writer:", 1)
	s := b.open(props)
	b.collect(s, numbered(0, 10))
	await(t, b.log.saying("an administrator may make it instead: CREATE TABLE"), "the log to tell how to make the ledger")
	b.log.mu.Lock()
	var create string
	for _, line := range b.log.lines {
		if _, rest, ok := strings.Cut(line, "may make it instead: "); ok {
			create, _, _ = strings.Cut(rest, "): Error")
		}
	}
	b.log.mu.Unlock()
	b.exec(create)
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "10,10")
}

func TestRuleThatTurnsToExactlyOnceWhileRowsWait(t *testing.T) {
	b := newBundle(t, keyless)
	b.exec("RENAME TABLE t TO away")
	s := b.open(b.props("", "t"))
	b.collect(s, numbered(0, 100))
	b.end(s)
	s = b.open(b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(100, 200))
	b.exec("RENAME TABLE away TO t")
	b.settle(s)
	b.end(s)
	s = b.open(b.props("", "t"))
	b.collect(s, numbered(200, 300))
	b.settle(s)
	b.end(s)
	s = b.open(b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(300, 400))
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "400,400")
}

func TestErrorsAsTheRuleClassesThem(t *testing.T) {
	b := newBundle(t, "CREATE TABLE parent (id INT PRIMARY KEY)", "CREATE TABLE t (id BIGINT, parent INT, FOREIGN KEY (parent) REFERENCES parent (id))")
	s := b.open(b.props("", "t", "errors", map[string]any{"ER_NO_REFERENCED_ROW_2": "retry"}))
	b.collect(s, `{"id":1,"parent":5}`)
	await(t, b.log.saying("trying again by itself, rows wait"), "the log to say that the row waits")
	b.exec("INSERT INTO parent VALUES (5)")
	b.settle(s)
	b.wantRows("SELECT id FROM t", "1")
	b.wantFate(s, 1, 0)
	refused := New(b.outboxes)
	err := refused.Configure(b.props("", "t", "errors", map[string]any{"1452": "perhaps", "12": 7}))
	if err == nil || !strings.Contains(err.Error(), `property errors: "1452": value "perhaps" is not allowed: use one of row, retry`) || !strings.Contains(err.Error(), `"12"`) {
		t.Errorf("%v", err)
	}
}

// TestServerThatWentBackIsTold: the ledger is found behind where the process
// left it, and the process goes on from there.
func TestServerThatWentBackIsTold(t *testing.T) {
	b := newBundle(t, keyless)
	s := b.open(b.props("", "t", "delivery", "exactlyOnce"))
	b.collect(s, numbered(0, 30))
	b.settle(s)
	b.exec("UPDATE ekuiper_mysql_ledger SET position = 20")
	b.exec("DELETE FROM t WHERE id >= 20")
	b.collect(s, numbered(30, 40))
	b.settle(s)
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "30,30")
	b.wantRows("SELECT position FROM ekuiper_mysql_ledger", "40")
	if n := b.log.count("the database has gone back, from row 30 to 20"); n != 1 {
		t.Errorf("the log says %d times that the database has gone back", n)
	}
}

// TestExactlyOnceWhileTheServerIsReadOnlyNowAndThen is what clients see of a failover.
func TestExactlyOnceWhileTheServerIsReadOnlyNowAndThen(t *testing.T) {
	b := newBundle(t, keyless)
	if err := server.CreateUser("writer", password, "SELECT, INSERT, UPDATE, CREATE ON "+b.database+".*"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.exec("SET GLOBAL read_only = 0") })
	props := b.props("", "t", "delivery", "exactlyOnce", "maxBatchRows", 10)
	props["url"] = strings.Replace(props["url"].(string), "user:", "writer:", 1)
	s := b.open(props)
	rows := 0
	send := func() {
		for range 20 {
			b.collect(s, numbered(rows, rows+20))
			rows += 20
		}
	}
	for range 5 {
		send()
		b.exec("SET GLOBAL read_only = 1") // amid what is being written
		send()
		b.exec("SET GLOBAL read_only = 0")
		b.settle(s)
	}
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", fmt.Sprintf("%d,%d", rows, rows))
	b.wantFate(s, uint64(rows), 0)
}

func TestNothingIsMadeInTheDatabaseUnlessAskedFor(t *testing.T) {
	b := newBundle(t, keyless)
	s := b.open(b.props("", "t"))
	b.collect(s, numbered(0, 10), `{"id":"refused"}`)
	b.settle(s)
	b.wantFate(s, 10, 1)
	b.wantRows("SHOW TABLES", "t")
}
