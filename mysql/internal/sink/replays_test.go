package sink

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/test/proxy"
)

// ends waits for the end of the replay that runs.
func (b *bundle) ends() Replaying {
	b.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.outboxes.replays.work.Wait()
	}()
	await(b.t, done, "the replay to end")
	return b.outboxes.Replays().State()
}

func (b *bundle) begins(order ReplayOrder) {
	b.t.Helper()
	if err := b.outboxes.Replays().Begin(order); err != nil {
		b.t.Fatal(err)
	}
}

// wantReplayed checks the sums of a replay, which ended well.
func (b *bundle) wantReplayed(s Replaying, chosen, stored, refused, passedOver int) {
	b.t.Helper()
	if s.Running || s.Err != nil || s.Started.IsZero() || s.Ended.Before(s.Started) || s.Chosen != chosen ||
		s.Stored != stored || s.Refused != refused || s.PassedOver != passedOver || s.Damaged != 0 {
		b.t.Errorf("%+v; want %d chosen, %d stored, %d refused, %d passed over", s, chosen, stored, refused, passedOver)
	}
}

// TestRunningRuleTakesItsLettersBack: to its table, as it writes there, and a
// letter is gone only when its row is stored.
func TestRunningRuleTakesItsLettersBack(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY, x SMALLINT)")
	s := b.open(b.props("", "numbers", "columns", map[string]any{"x": "value"}))
	b.collect(s, `[{"id":1,"value":1},{"id":2,"value":70000},{"id":3,"value":"abc"},{"id":4,"value":80000}]`)
	b.settle(s)
	b.wantFate(s, 1, 3)
	if s := b.outboxes.Replays().State(); s.Running || !s.Started.IsZero() {
		t.Errorf("before the first: %+v", s)
	}
	b.exec("ALTER TABLE numbers MODIFY x INT")
	b.begins(ReplayOrder{Rule: "rule"})
	got := b.ends()
	b.wantReplayed(got, 3, 2, 1, 0)
	b.wantRows("SELECT * FROM numbers ORDER BY id", "1,1", "2,70000", "4,80000")
	b.wantLetters(b.lettersDir(), `{"id":3,"value":"abc"}`)
	if len(got.Refusals) != 1 || got.Refusals[0].Number != 0 || !strings.Contains(got.Refusals[0].Reason, `"abc"`) {
		t.Errorf("refusals %+v", got.Refusals)
	}
	b.collect(s, `{"id":5,"value":5}`) // the rule goes on
	b.settle(s)
	b.wantFate(s, 2, 3)
	if n := b.log.count("the replay of dead letters ended: 2 stored, 1 refused again"); n != 1 {
		t.Errorf("the log tells of the end %d times", n)
	}
}

func TestReplayTakesWhatIsOrdered(t *testing.T) {
	for name, c := range map[string]struct {
		order ReplayOrder
		want  []string // rows in the table
	}{
		"by id":               {ReplayOrder{Rule: "rule", IDs: []uint64{2}}, []string{"2"}},
		"by number":           {ReplayOrder{Rule: "rule", Numbers: []uint16{1062}}, []string{"3"}},
		"by no number":        {ReplayOrder{Rule: "rule", Numbers: []uint16{0}}, []string{"1", "2", "5"}},
		"all of the rule":     {ReplayOrder{Rule: "rule"}, []string{"1", "2", "3", "5"}},
		"ids of another rule": {ReplayOrder{Rule: "rule", IDs: []uint64{4, 5}}, []string{"5"}},
		"nothing":             {ReplayOrder{Rule: "rule", IDs: []uint64{99}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)")
			b.open(b.props("", "numbers"))
			store := b.outboxes.Letters()
			for i, l := range []deadletter.Letter{
				{Rule: "rule", Table: "numbers"},
				{Rule: "rule", Table: ""},
				{Rule: "rule", Table: "numbers", Number: 1062},
				{Rule: "other", Table: "numbers"},
				{Rule: "rule", Table: "numbers"},
			} {
				l.Op, l.Raw = "op", fmt.Appendf(nil, `{"id":%d}`, i+1)
				if err := store.Put(t.Context(), l); err != nil {
					t.Fatal(err)
				}
			}
			b.begins(c.order)
			b.wantReplayed(b.ends(), len(c.want), len(c.want), 0, 0)
			b.wantRows("SELECT id FROM numbers ORDER BY id", c.want...)
			left := 0
			for range store.Letters(deadletter.Filter{}) {
				left++
			}
			if left != 5-len(c.want) {
				t.Errorf("%d letters are left", left)
			}
		})
	}
}

// TestLettersOfOtherTablesStay: of a rule that writes elsewhere now, and of
// another action of the same rule.
func TestLettersOfOtherTablesStay(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT PRIMARY KEY)", "CREATE TABLE former (id INT PRIMARY KEY)")
	b.open(b.props("", "numbers"))
	store := b.outboxes.Letters()
	for i, l := range []deadletter.Letter{{Op: "op", Table: "former"}, {Op: "op", Table: "numbers"}, {Op: "op_1", Table: "numbers"}} {
		l.Rule, l.Raw = "rule", fmt.Appendf(nil, `{"id":%d}`, i)
		if err := store.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	b.begins(ReplayOrder{Rule: "rule"})
	b.wantReplayed(b.ends(), 3, 1, 0, 2)
	b.wantRows("SELECT id FROM numbers", "1")
	b.wantRows("SELECT id FROM former")
	b.wantLetters(b.lettersDir(), `{"id":0}`, `{"id":2}`)
}

// TestLettersFindTheTableThatTheirRowsChoose where a rule writes to many.
func TestLettersFindTheTableThatTheirRowsChoose(t *testing.T) {
	b := newBundle(t, "CREATE TABLE m_a (id TINYINT, device TEXT)", "CREATE TABLE m_b (id TINYINT, device TEXT)", "CREATE TABLE m_secret (id INT, device TEXT)")
	s := b.open(b.props("", "m_{device}", "allowedTables", []any{"m_a", "m_b"}))
	b.collect(s, `[{"id":300,"device":"a"},{"id":300,"device":"b"},{"id":300,"device":"secret"}]`)
	b.settle(s)
	b.exec("ALTER TABLE m_a MODIFY id INT")
	b.exec("ALTER TABLE m_b MODIFY id INT")
	b.begins(ReplayOrder{Rule: "rule"})
	b.wantReplayed(b.ends(), 3, 2, 1, 0)
	b.wantRows("SELECT id FROM m_a UNION ALL SELECT id FROM m_b", "300", "300")
	b.wantRows("SELECT id FROM m_secret")
}

func TestReplayThatCannotBegin(t *testing.T) {
	b := newBundle(t, numbers)
	r := b.outboxes.Replays()
	if err := r.Begin(ReplayOrder{Rule: "rule"}); !errors.Is(err, ErrNoLetters) {
		t.Errorf("before any rule: %v", err)
	}
	s := b.open(b.props("", "numbers"))
	if err := r.Begin(ReplayOrder{Rule: "another"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("another rule: %v", err)
	}
	lock, err := deadletter.LockReplay(b.lettersDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(ReplayOrder{Rule: "rule"}); !errors.Is(err, deadletter.ErrReplaying) {
		t.Errorf("beside the command line: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	b.begins(ReplayOrder{Rule: "rule"})
	b.wantReplayed(b.ends(), 0, 0, 0, 0)
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(ReplayOrder{Rule: "rule"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a rule that has stopped: %v", err)
	}
	b.outboxes.Replays().close()
	b.open(b.props("", "numbers"))
	if err := r.Begin(ReplayOrder{Rule: "rule"}); !errors.Is(err, deadletter.ErrReplaying) {
		t.Errorf("at the end of the process: %v", err)
	}
}

// TestReplayThatEndsEarly keeps every letter that is not stored: the rule
// stops, somebody stops it, the table takes nothing.
func TestReplayThatEndsEarly(t *testing.T) {
	for name, end := range map[string]func(b *bundle, s *Sink) string{
		"the rule stops": func(b *bundle, s *Sink) string {
			if err := s.Close(b.context("rule")); err != nil {
				b.t.Fatal(err)
			}
			return "the rule has stopped"
		},
		"somebody stops it":       func(b *bundle, _ *Sink) string { b.outboxes.Replays().Stop(); return "stopped by the operator" },
		"the table takes nothing": func(*bundle, *Sink) string { return ErrStalled.Error() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, numbers)
			way := proxy.Start(t, server.Addr())
			s := b.open(b.props(way.Addr(), "numbers"))
			lock, err := b.db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			store := b.outboxes.Letters()
			for i := range 10 {
				if err := store.Put(t.Context(), deadletter.Letter{Rule: "rule", Op: "op", Table: "numbers", Raw: fmt.Appendf(nil, `{"id":%d}`, i)}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := lock.ExecContext(t.Context(), "LOCK TABLES numbers WRITE"); err != nil {
				t.Fatal(err)
			}
			b.outboxes.replays.patience = time.Minute
			if name == "the table takes nothing" {
				b.outboxes.replays.patience = 200 * time.Millisecond
			}
			b.begins(ReplayOrder{Rule: "rule"})
			want := end(b, s)
			got := b.ends()
			if _, err := lock.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
				t.Fatal(err)
			}
			if got.Err == nil || got.Running || got.Stored != 0 || !strings.Contains(got.Err.Error(), want) && name != "the table takes nothing" {
				t.Errorf("%+v; want an error that tells %q", got, want)
			}
			left := 0
			for range store.Letters(deadletter.Filter{}) {
				left++
			}
			if left != 10 {
				t.Errorf("%d letters are left, want 10", left)
			}
		})
	}
}

// TestActionsAreForgottenWhenTheyStop so that nothing grows with restarts.
func TestActionsAreForgottenWhenTheyStop(t *testing.T) {
	b := newBundle(t, numbers)
	for range 5 {
		if err := b.open(b.props("", "numbers")).Close(b.context("rule")); err != nil {
			t.Fatal(err)
		}
	}
	b.outboxes.mu.Lock()
	defer b.outboxes.mu.Unlock()
	if left := slices.Clone(b.outboxes.active); len(left) != 0 {
		t.Errorf("%d actions are known", len(left))
	}
}
