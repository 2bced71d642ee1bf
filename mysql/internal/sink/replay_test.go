package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/test/proxy"
)

// target is the table of props, as a person names it on the command line.
func (b *bundle) target(props map[string]any) *Target {
	b.t.Helper()
	c, _, err := config.Parse(props)
	if err != nil {
		b.t.Fatal(err)
	}
	t := NewTarget(c, b.log)
	t.Patience = time.Minute // only ends a test that hangs
	return t
}

func (b *bundle) lettersDir() string { return filepath.Join(b.folder, lettersFolder) }

func (b *bundle) reader() *deadletter.Reader { return deadletter.NewReader(b.lettersDir(), nil) }

// wantLetters checks which rows are letters, in order.
func (b *bundle) wantLetters(dir string, want ...string) {
	b.t.Helper()
	var got []string
	for l, err := range deadletter.NewReader(dir, nil).Letters(deadletter.Filter{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		got = append(got, string(l.Raw))
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("letters %q, want %q", got, want)
	}
}

// set puts rows among the dead letters, as a running plugin would, and returns
// the store, which stays open.
func (b *bundle) set(table string, rows ...string) *deadletter.Store {
	b.t.Helper()
	store, err := b.outboxes.openLetters(b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rows {
		if err := store.Put(context.Background(), deadletter.Letter{Rule: "rule", Table: table, Raw: []byte(r)}); err != nil {
			b.t.Fatal(err)
		}
	}
	return store
}

const all = 1 << 40 // above every id

func TestReplayStoresWhatTheTableTakesNow(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY, x SMALLINT)")
	s := b.open(b.props("", "numbers"))
	b.collect(s, `[{"id":1,"x":1},{"id":2,"x":70000},{"id":3,"y":3},{"id":1,"x":4},{"id":5,"x":"z"},7,{"id":6`)
	b.settle(s)
	b.wantFate(s, 1, 6)
	b.exec("ALTER TABLE numbers MODIFY x INT, ADD COLUMN y INT")
	told := map[uint64]string{}
	// The rule goes on beside it, and sets another aside.
	refused := func(l deadletter.Letter, err error) {
		if told[l.ID] = err.Error(); len(told) == 1 {
			b.set("numbers", `{"id":9,"x":9}`)
		}
	}
	got, err := b.target(b.props("", "numbers")).Replay(t.Context(), b.reader(), deadletter.Filter{}, 6, refused)
	if err != nil || got.Stored != 2 || got.Refused != 4 || got.Damaged != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	b.wantRows("SELECT * FROM numbers ORDER BY id", "1,1,NULL", "2,70000,NULL", "3,NULL,3")
	b.wantLetters(b.lettersDir(), `{"id":5,"x":"z"}`, "7", `{"id":6`, `{"id":1,"x":4}`, `{"id":9,"x":9}`)
	for _, part := range []string{`column "x"`, "a number is no row", "not JSON", "Duplicate entry '1'"} {
		found := false
		for _, text := range told {
			found = found || strings.Contains(text, part)
		}
		if !found {
			t.Errorf("no reason tells of %q: %v", part, told)
		}
	}
}

func TestReplayChoosesByFilterAndIntoAnotherTable(t *testing.T) {
	b := newBundle(t, "CREATE TABLE repaired (id INT PRIMARY KEY)")
	b.set("numbers", `{"id":1}`, `{"id":2}`, `[{"id":3},{"id":4}]`, ``, `{"id":5}`)
	refused := 0
	got, err := b.target(b.props("", "repaired")).Replay(t.Context(), b.reader(), deadletter.Filter{IDs: []uint64{2, 3, 4}}, all, func(deadletter.Letter, error) { refused++ })
	if err != nil || got.Stored != 2 || got.Refused != 1 || refused != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	b.wantRows("SELECT id FROM repaired ORDER BY id", "2", "3", "4")
	b.wantLetters(b.lettersDir(), `{"id":1}`, ``, `{"id":5}`)
	got, err = b.target(b.props("", "repaired")).Replay(t.Context(), b.reader(), deadletter.Filter{Rule: "another"}, all, nil)
	if err != nil || got != (Replayed{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// executed is how many prepared statements the server has executed.
func (b *bundle) executed() int {
	b.t.Helper()
	line := b.query("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")[0]
	n, err := strconv.Atoi(strings.TrimPrefix(line, "Com_stmt_execute,"))
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestReplayGoesInBatches(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
	var rows []string
	for i := range 3000 {
		rows = append(rows, fmt.Sprintf(`{"id":%d}`, i))
	}
	b.set("numbers", rows...)
	before := b.executed()
	got, err := b.target(b.props("", "numbers")).Replay(t.Context(), b.reader(), deadletter.Filter{}, all, nil)
	if err != nil || got.Stored != 3000 {
		t.Errorf("%+v, %v", got, err)
	}
	if n := b.executed() - before; n > 300 {
		t.Errorf("%d statements for 3,000 letters", n)
	}
	b.wantRows("SELECT COUNT(*) FROM numbers", "3000")
	b.wantLetters(b.lettersDir())
}

// TestReplayThatIsCutShort: what is stored is removed, the rest stays and is
// replayed by the next.
func TestReplayThatIsCutShort(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT)")
	var rows []string
	for i := range 5000 {
		rows = append(rows, fmt.Sprintf(`{"id":%d}`, i))
		if i == 2500 {
			rows = append(rows, `"refused"`)
		}
	}
	b.set("numbers", rows...)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := b.target(b.props("", "numbers")).Replay(ctx, b.reader(), deadletter.Filter{}, all, func(deadletter.Letter, error) { cancel() })
	if !errors.Is(err, context.Canceled) || first.Stored == 0 || first.Stored == 5000 {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := b.target(b.props("", "numbers")).Replay(t.Context(), b.reader(), deadletter.Filter{}, all, func(deadletter.Letter, error) {})
	if err != nil || first.Stored+second.Stored != 5000 || second.Refused != 1 {
		t.Errorf("%+v, then %+v, %v", first, second, err)
	}
	b.wantRows("SELECT COUNT(DISTINCT id) FROM numbers", "5000")
	b.wantLetters(b.lettersDir(), `"refused"`)
}

func TestReplayEndsWhenTheTableTakesNothing(t *testing.T) {
	b := newBundle(t, numbers)
	hole := proxy.Start(t, server.Addr())
	b.set("numbers", `{"id":1}`)
	to := b.target(b.props(hole.Addr(), "numbers"))
	if err := to.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	hole.BlackHole()
	to.Patience = 100 * time.Millisecond
	if got, err := to.Replay(t.Context(), b.reader(), deadletter.Filter{}, all, nil); !errors.Is(err, ErrStalled) || got != (Replayed{}) {
		t.Errorf("%+v, %v", got, err)
	}
	b.wantLetters(b.lettersDir(), `{"id":1}`)
	hole.Pass()
	if err := b.target(b.props("", "absent")).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("got %v", err)
	}
}
