package sink

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proxy"
)

// stopCopied stops a rule and waits until the copy of its dead letters has ended.
func (b *bundle) stopCopied(s *Sink) {
	b.t.Helper()
	k := s.outbox.Load().letters.copier.Load()
	if k == nil {
		b.t.Fatal("dead letters are not copied")
	}
	if err := s.Close(b.context("rule")); err != nil {
		b.t.Fatal(err)
	}
	await(b.t, k.done, "the copy of the dead letters to end")
}

func (b *bundle) restart() {
	b.outboxes.Close()
	b.outboxes = b.newOutboxes()
}

func TestRefusedRowsAreCopiedToATable(t *testing.T) {
	for _, journal := range []string{"on", "off"} {
		t.Run("journal "+journal, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
			b.journal = journal
			props := b.props("", "numbers", "deadLetterTable", "`dead letters`")
			for run := range 2 { // without a journal, rows are numbered anew
				s := b.open(props)
				b.collect(s, fmt.Sprintf(`[{"id":%d},{"id":%d},{"id":"x%d"}]`, run, run, run), "{\"id\":\"\xff\"}")
				b.settle(s)
				b.stopCopied(s)
				b.restart()
			}
			b.wantRows("SELECT id FROM numbers ORDER BY id", "0", "1")
			b.wantRows("SELECT rule, op, instance, table_name, column_name, errno, sql_state, class, COALESCE(CONVERT(raw USING utf8mb4), HEX(raw)) FROM `dead letters` ORDER BY id",
				"rule,op,0,numbers,id,0,,row,"+`{"id":"x0"}`,
				"rule,op,0,numbers,,0,,row,"+`{"id":"?"}`,
				"rule,op,0,numbers,,1062,23000,row,"+`{"id":0}`,
				"rule,op,0,numbers,id,0,,row,"+`{"id":"x1"}`,
				"rule,op,0,numbers,,0,,row,"+`{"id":"?"}`,
				"rule,op,0,numbers,,1062,23000,row,"+`{"id":1}`)
			b.wantRows("SELECT COUNT(*) FROM `dead letters` WHERE HEX(raw) = '7B226964223A22FF227D' AND ABS(TIMESTAMPDIFF(MINUTE, time, UTC_TIMESTAMP())) < 5 AND reason LIKE '%UTF-8%'", "2")
		})
	}
}

// TestCopyOfRowsThatChooseTheirTable: their letters name the very table, or
// the property's text where a row chooses none.
func TestCopyOfRowsThatChooseTheirTable(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m_a (device VARCHAR(9), x INT)", "CREATE TABLE m_b (device VARCHAR(9), x INT)", "CREATE TABLE m_c (device VARCHAR(9), x INT)")
	other := b.open(b.props("", "m_c"))
	b.collect(other, `{"x":"another action's"}`)
	b.settle(other)
	_ = other.Close(b.context("rule"))
	s := b.open(b.props("", "m_{device}", "allowedTables", "m_a,m_b", "deadLetterTable", "refused"))
	b.collect(s, `[{"device":"a","x":1},{"device":"a","x":"A"},{"device":"b","x":"B"},{"device":"c","x":2},{"x":3}]`)
	b.settle(s)
	b.wantFate(s, 1, 4)
	b.stopCopied(s)
	b.wantRows("SELECT table_name, raw FROM refused ORDER BY raw", `m_a,{"device":"a","x":"A"}`, `m_b,{"device":"b","x":"B"}`, `m_{device},{"device":"c","x":2}`, `m_{device},{"x":3}`)
}

// TestCopyGoesOnAfterARestart: what was set aside while the database was away,
// or before there was a table for it, gets there once.
func TestCopyGoesOnAfterARestart(t *testing.T) {
	b := newBundle(t, numbers, "CREATE TABLE others (id INT)")
	other := b.openRule("another", b.props("", "others"))
	b.collect(other, `{"id":"another rule's"}`)
	b.settle(other)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `{"id":"before"}`)
	b.settle(s)
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	way := proxy.Start(t, server.Addr())
	props := b.props(way.Addr(), "numbers", "deadLetterTable", "letters")
	s = b.open(props)
	b.collect(s, `[{"id":"a"},{"id":"b"}]`)
	b.settle(s)
	way.BlackHole()
	way.Cut()
	// Nothing waits for the copy: what does not convert needs no server.
	b.collect(s, `[{"id":"c"},{"id":"d"}]`)
	b.settle(s)
	_ = s.Close(b.context("rule"))
	b.restart() // a copy under way is cut off
	way.Pass()
	s = b.open(props)
	b.collect(s, `{"id":"e"}`)
	b.settle(s)
	b.stopCopied(s)
	want := func(when string) {
		t.Helper()
		var rows []string
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			rows = append(rows, `{"id":"`+id+`"}`)
		}
		got := b.query("SELECT raw FROM letters WHERE raw NOT LIKE '%before%' ORDER BY raw")
		if strings.Join(got, " ") != strings.Join(rows, " ") {
			t.Errorf("%s: %q", when, got)
		}
		b.wantRows("SELECT COUNT(*) FROM letters WHERE raw LIKE '%before%'", "1")
		b.wantRows("SELECT COUNT(*) FROM letters WHERE rule <> 'rule'", "0")
	}
	want("after the restart")

	files, err := filepath.Glob(filepath.Join(b.lettersDir(), copiedFolder, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, spoilt := range []string{"", "12", "-1\n"} { // what a power cut may leave, and nothing at all
		if err := os.WriteFile(files[0], []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		s = b.open(props)
		b.stopCopied(s)
		want("without a cursor")
	}
}

func TestCopyWaitsUntilItMay(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
	if err := server.CreateUser("meek", password, "SELECT, INSERT ON `"+b.database+"`.numbers"); err != nil {
		t.Fatal(err)
	}
	props := b.props("", "numbers", "deadLetterTable", "letters")
	props["url"] = strings.Replace(props["url"].(string), "user:", "meek:", 1)
	s := b.open(props)
	b.collect(s, `[{"id":1},{"id":"x"},{"id":2}]`)
	b.settle(s)
	b.wantFate(s, 2, 1)
	await(t, b.log.saying("cannot be copied to letters"), "the log to say that dead letters cannot be copied")
	b.exec(createCopies(s.outbox.Load().letters.copier.Load().table))
	if err := server.Exec("GRANT INSERT ON `" + b.database + "`.letters TO meek"); err != nil {
		t.Fatal(err)
	}
	await(t, b.log.saying("are copied to letters again"), "the log to say that they are copied")
	b.wantRows("SELECT raw FROM letters", `{"id":"x"}`)
	if n := b.log.count("cannot be copied"); n != 1 {
		t.Errorf("the log says %d times that they cannot be copied", n)
	}
}

// TestManyAndLargeLettersAreCopied: in statements of a bounded size; without
// its row where that is larger than the server takes.
func TestManyAndLargeLettersAreCopied(t *testing.T) {
	own := mariadb.Start(t, "--max-allowed-packet=1M")
	b := newBundle(t)
	for _, step := range []error{own.CreateDatabase(b.database), own.CreateUser("user", password, "ALL PRIVILEGES ON *.*"), own.Exec("CREATE TABLE " + b.database + ".numbers (id INT)")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	store, err := b.outboxes.openLetters(b.log)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1050 {
		size := 100
		if i%100 == 7 {
			size = 700 << 10
		}
		if i%1000 == 13 {
			size = 2 << 20
		}
		l := deadletter.Letter{
			Rule: "rule", Op: "op", Table: "numbers", Text: "reason " + strings.Repeat("\xff", 70<<10*(1-min(i, 1))), Column: strings.Repeat("ü", 300),
			Place: deadletter.Place{Journal: "j", Record: uint64(i)}, Time: time.Now(), Raw: []byte(strings.Repeat("x", size)),
		}
		if err := store.Put(context.Background(), l); err != nil {
			t.Fatal(err)
		}
	}
	b.stopCopied(b.open(b.props(own.Addr(), "numbers", "deadLetterTable", "letters")))
	var rows, whole, without int
	err = own.DB().QueryRow("SELECT COUNT(*), COALESCE(SUM(LENGTH(raw) > 0), 0), COALESCE(SUM(raw IS NULL), 0) FROM "+b.database+".letters").Scan(&rows, &whole, &without)
	if err != nil || rows != 1050 || whole != 1048 || without != 2 {
		t.Errorf("%d rows, %d with their text and %d without, %v", rows, whole, without, err)
	}
	if n := b.log.count("is copied to letters without its row"); n != 2 {
		t.Errorf("the log tells of %d letters without their row", n)
	}
}
