package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/journal"
)

// abandon leaves a journal of a rule whose table was never there.
func (b *bundle) abandon(messages ...string) (dir string) {
	b.t.Helper()
	s := b.openRule("gone", b.props("", "absent"))
	b.collect(s, messages...)
	await(b.t, b.log.saying("no such table"), "the log to say that there is no table")
	dir = filepath.Join(b.folder, journals, journal.DirName("gone", "op", 0, s.config.Target+"/absent"))
	_ = s.Close(b.context("gone"))
	b.outboxes.Close()
	b.outboxes = b.newOutboxes()
	return dir
}

func (b *bundle) openDrain(dir string) *Drain {
	b.t.Helper()
	d, err := OpenDrain(dir, b.lettersDir(), filepath.Join(b.folder, "spare"), b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDrain(t *testing.T) {
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprint("beside a running plugin ", running), func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
			dir := b.abandon(`[{"id":1},{"id":2}]`, `[{"id":3},{"id":"x"},{"id":1}]`, `{"id":4}`)
			letters := b.lettersDir()
			if running {
				b.set("another")
				letters = filepath.Join(b.folder, "spare")
			}
			d := b.openDrain(dir)
			if _, err := OpenDrain(dir, "", "", b.log); !errors.Is(err, journal.ErrLocked) {
				t.Errorf("got %v, want ErrLocked", err)
			}
			if err := d.Run(t.Context(), b.target(b.props("", "numbers"))); err != nil {
				t.Fatal(err)
			}
			if c := d.Counts(); c.Received != 6 || c.Stored != 4 || c.SetAside != 2 || c.Pending != 0 || d.LettersDir != letters {
				t.Errorf("%+v, letters in %s", c, d.LettersDir)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2", "3", "4")
			b.wantLetters(letters, `{"id":"x"}`, `{"id":1}`)
			in, err := journal.Inspect(dir, nil)
			if err != nil || in.Counts.Pending != 0 || in.Counts.Stored != 4 {
				t.Errorf("%+v, %v", in, err)
			}
			for l, err := range deadletter.NewReader(letters, nil).Letters(deadletter.Filter{}) {
				if err != nil || l.Rule != "gone" || l.Op != "op" || l.Instance != 0 || l.Place.Journal != in.ID || l.Place.Record < 3 {
					t.Errorf("%+v, %v", l, err)
				}
			}
			if err := journal.Purge(dir, func() error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDrainGoesOnAfterAnInterruption: rows that became letters before are not
// set aside twice, wherever the letters are.
// Exactly once no row comes twice into a table without a key.
func TestDrainGoesOnAfterAnInterruption(t *testing.T) {
	for kind, count := range map[string]string{"atLeastOnce": "COUNT(DISTINCT id)", "exactlyOnce": "COUNT(*)"} {
		t.Run(kind, func(t *testing.T) { testInterruptedDrain(t, kind, count) })
	}
}

func testInterruptedDrain(t *testing.T, kind, count string) {
	b := newBundle(t, "CREATE TABLE numbers (id INT)")
	props := b.props("", "numbers", "delivery", kind)
	var messages []string
	for i := range 3000 {
		messages = append(messages, fmt.Sprintf(`[{"id":%d}]`, i))
		if i%1000 == 500 {
			messages = append(messages, fmt.Sprintf(`["wrong %d"]`, i))
		}
	}
	dir := b.abandon(messages...)
	ctx, cancel := context.WithCancel(t.Context())
	d := b.openDrain(dir)
	go func() {
		<-b.log.saying("wrong 500")
		cancel()
	}()
	err := d.Run(ctx, b.target(props))
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	first := d.Counts()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = b.openDrain(dir)
	if err := d.Run(t.Context(), b.target(props)); err != nil {
		t.Fatal(err)
	}
	if c := d.Counts(); c.Stored != 3000 || c.SetAside != 3 || c.Pending != 0 || first.Received != c.Received {
		t.Errorf("%+v, then %+v", first, c)
	}
	b.wantRows("SELECT "+count+" FROM numbers", "3000")
	b.wantLetters(b.lettersDir(), `"wrong 500"`, `"wrong 1500"`, `"wrong 2500"`)
}

// TestDrainKnowsLettersOfTheRunningPlugin: a row that is a letter already, but
// was not settled when the plugin was killed, is none again.
func TestDrainKnowsLettersOfTheRunningPlugin(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT)")
	dir := b.abandon(`[{"id":1},{"id":"x"}]`)
	in, err := journal.Inspect(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := b.set("another")
	if err := store.Put(t.Context(), deadletter.Letter{Rule: "gone", Place: deadletter.Place{Journal: in.ID, Record: 1}, Raw: []byte(`{"id":"x"}`)}); err != nil {
		t.Fatal(err)
	}
	d := b.openDrain(dir)
	if err := d.Run(t.Context(), b.target(b.props("", "numbers"))); err != nil {
		t.Fatal(err)
	}
	b.wantLetters(b.lettersDir(), `{"id":"x"}`)
	b.wantLetters(d.LettersDir)
	if c := d.Counts(); c.SetAside != 1 || c.Pending != 0 {
		t.Errorf("%+v", c)
	}
}

// TestDrainKnowsLettersOfTheOneBefore: that ran beside the plugin, which has
// ended since, and was killed before it had settled the row.
func TestDrainKnowsLettersOfTheOneBefore(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT)")
	dir := b.abandon(`[{"id":1},{"id":"x"}]`)
	in, err := journal.Inspect(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	spare := filepath.Join(b.folder, "spare")
	store, err := deadletter.Open(deadletter.Options{Dir: spare})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), deadletter.Letter{Rule: "gone", Place: deadletter.Place{Journal: in.ID, Record: 1}, Raw: []byte(`{"id":"x"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	d := b.openDrain(dir)
	if err := d.Run(t.Context(), b.target(b.props("", "numbers"))); err != nil {
		t.Fatal(err)
	}
	b.wantLetters(spare, `{"id":"x"}`)
	b.wantLetters(b.lettersDir())
	if c := d.Counts(); c.SetAside != 1 || c.Stored != 1 || c.Pending != 0 {
		t.Errorf("%+v", c)
	}
}

func TestDrainOfWhatIsNoJournal(t *testing.T) {
	b := newBundle(t)
	if _, err := OpenDrain(t.TempDir(), b.lettersDir(), "", b.log); !errors.Is(err, ErrNoJournal) {
		t.Errorf("got %v", err)
	}
}
