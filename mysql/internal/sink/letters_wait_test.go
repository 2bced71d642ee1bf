package sink

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/status"
)

// TestLettersOfAnotherWriterAreWaitedFor: while another process has the dead
// letters, such as a drain that runs when the plugin starts, refused rows wait
// and are letters afterwards; they are not in the log alone.
func TestLettersOfAnotherWriterAreWaitedFor(t *testing.T) {
	for _, journal := range []string{"on", "off"} {
		t.Run(journal, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
			b.journal = journal
			other, err := deadletter.Open(deadletter.Options{Dir: b.lettersDir()})
			if err != nil {
				t.Fatal(err)
			}
			s := b.open(b.props("", "numbers", "deadLetterTable", "letters"))
			b.collect(s, `[{"id":1},{"id":"wrong"},{"id":2}]`)
			await(t, b.log.saying("another process writes these dead letters"), "the log to say what rows wait for")
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
			b.settle(s)
			b.wantFate(s, 2, 1)
			b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2")
			b.wantLetters(b.lettersDir(), `{"id":"wrong"}`)
			if b.outboxes.Letters() == nil {
				t.Error("the page has no dead letters")
			}
			b.stopCopied(s)
			b.wantRows("SELECT raw FROM letters", `{"id":"wrong"}`)
		})
	}
}

// TestLettersThatCannotBeOpenedYet: where the folder of the dead letters cannot
// be used when the rule starts, as on a full disk or after a run as root, what
// is refused waits for it. Without a journal it goes to the log alone.
func TestLettersThatCannotBeOpenedYet(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
	if err := os.WriteFile(b.lettersDir(), nil, 0o600); err != nil { // a file in the folder's place
		t.Fatal(err)
	}
	s := b.open(b.props("", "numbers"))
	if n := b.log.count("a row that is refused will wait"); n != 1 {
		t.Errorf("the start tells %d times, want once", n)
	}
	b.collect(s, `[{"id":1},{"id":"wrong"},{"id":2}]`)
	await(t, b.log.saying("rows cannot be set aside"), "the log to say what rows wait for")
	if n := s.outbox.Load().queue.Counts(); n.SetAside != 0 {
		t.Errorf("%d rows are set aside, nowhere", n.SetAside)
	}
	if now := s.outbox.Load().status(); now.State != status.Paused || now.Healthy {
		t.Errorf("%s, healthy %v, while somebody has to mend something", now.State, now.Healthy)
	}
	memory := b.openRule("another", b.props("", "numbers", "journal", "off"))
	b.collect(memory, `[{"id":3},{"id":"lost"}]`)
	b.settle(memory)
	if n := b.log.count("rows that are set aside go to the log alone"); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
	if err := os.Remove(b.lettersDir()); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	b.wantFate(s, 2, 1)
	b.wantLetters(b.lettersDir(), `{"id":"wrong"}`)
}

// TestLettersAreNotOpenedForEachRow: a backlog of rows that come again asks for
// each of them; what has just failed is not tried again for the next.
func TestLettersAreNotOpenedForEachRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		l := &letters{journal: "j", open: func() (*deadletter.Store, error) {
			tried++
			return nil, syscall.ENOSPC
		}}
		for want := range 3 {
			for i := range uint64(1000) {
				if l.Holds(i) {
					t.Fatal("a row is known, of no store")
				}
			}
			if tried != want+1 {
				t.Errorf("tried %d times, want %d", tried, want+1)
			}
			time.Sleep(putAgain)
		}
	})
}

// TestLettersThatTheStoreRefuses: a row that is too large is told of and
// settled, and one that comes after the end is neither.
func TestLettersThatTheStoreRefuses(t *testing.T) {
	store, err := deadletter.Open(deadletter.Options{Dir: t.TempDir(), MaxBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	log := &logLines{}
	l := &letters{store: store, lines: deadletter.NewLog(log), log: log}
	row := delivery.Refused{Raw: make([]byte, 1<<20), Reason: errors.New("why")}
	kept, err := l.SetAside(t.Context(), row)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept(); err != nil || log.count("is in the log alone") != 1 {
		t.Errorf("%v; log:\n%s", err, log)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	row.Raw = row.Raw[:1]
	if kept, err = l.SetAside(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if err := kept(); !errors.Is(err, deadletter.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	l.lines.Flush()
}
