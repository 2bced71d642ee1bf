package sink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/status"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proxy"
)

func TestRowsWaitForTheServerToStart(t *testing.T) {
	b := newBundle(t)
	own := mariadb.Start(t)
	for _, step := range []error{own.CreateDatabase(b.database), own.CreateUser("user", password, "ALL PRIVILEGES ON *.*"), own.Exec("CREATE TABLE " + b.database + ".numbers (id BIGINT PRIMARY KEY)"), own.Stop()} {
		if step != nil {
			t.Fatal(step)
		}
	}
	s := b.open(b.props(own.Addr(), "numbers"))
	for i := range 500 {
		b.collect(s, fmt.Sprintf(`{"id":%d}`, i))
	}
	await(t, b.log.saying("connection refused"), "the log to say that the server is down")
	if err := own.Restart(); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	var n int
	if err := own.DB().QueryRow("SELECT COUNT(*) FROM " + b.database + ".numbers").Scan(&n); err != nil || n != 500 {
		t.Errorf("%d rows, %v; want 500", n, err)
	}
	b.wantFate(s, 500, 0)
	await(t, b.log.saying("works again"), "the log to say that it works again")
}

func TestServerKilledUnderLoad(t *testing.T) {
	b := newBundle(t)
	own := mariadb.Start(t)
	for _, step := range []error{own.CreateDatabase(b.database), own.CreateUser("user", password, "ALL PRIVILEGES ON *.*"), own.Exec("CREATE TABLE " + b.database + ".numbers (id BIGINT)")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	s := b.open(b.props(own.Addr(), "numbers", "maxBatchRows", 50))
	const rows = 20_000
	for i := range rows {
		b.collect(s, fmt.Sprintf(`{"id":%d}`, i))
		if i == rows/4 || i == rows/2 {
			if err := own.Restart(); err != nil { // SIGKILL first
				t.Fatal(err)
			}
		}
	}
	b.settle(s)
	var distinct int
	if err := own.DB().QueryRow("SELECT COUNT(DISTINCT id) FROM " + b.database + ".numbers").Scan(&distinct); err != nil || distinct != rows {
		t.Errorf("%d rows, %v; want %d", distinct, err, rows)
	}
	b.wantFate(s, rows, 0)
}

func TestFullQueueWithAcksRefusesAndKeepsNothing(t *testing.T) {
	b := newBundle(t, numbers)
	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	s := b.open(b.props(hole.Addr(), "numbers", "requireAck", true, "journal", "off", "maxQueueBytes", 64<<10))
	big := `{"id":1,"name":"` + strings.Repeat("x", 40<<10) + `"}`
	b.collect(s, big)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	c := b.context("rule")
	c.Context = ctx
	if err := s.Collect(c, []byte(big)); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	if n := s.outbox.Load().queue.Counts().Pending; n != 1 {
		t.Errorf("%d rows pending, want 1", n)
	}
	if b.log.count("warn the queue is full") != 1 {
		t.Error("the log does not say that the queue is full")
	}
	hole.Pass()
	b.settle(s)
}

func TestFullQueueWithoutAcksWaits(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name TEXT)")
	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	s := b.open(b.props(hole.Addr(), "numbers", "journal", "off", "maxQueueBytes", 64<<10))
	big := `{"id":1,"name":"` + strings.Repeat("x", 40<<10) + `"}`
	b.collect(s, big)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		b.collect(s, big)
	}()
	await(t, b.log.saying("eKuiper has to wait"), "the log to say that the queue is full")
	select {
	case <-collected:
		t.Error("Collect did not wait")
	default:
	}
	blocked := b.told("that eKuiper waits", func(r status.Rule) bool { return r.BlockedSeconds > 0 && r.Blocked }).BlockedSeconds
	b.told("that it still does", func(r status.Rule) bool { return r.BlockedSeconds > blocked })
	hole.Pass()
	await(t, collected, "Collect")
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM numbers", "2")
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	b := newBundle(t, numbers)
	for cycle := range 5 {
		s := b.open(b.props("", "numbers"))
		for i := range 100 {
			b.collect(s, fmt.Sprintf(`{"id":%d}`, cycle*100+i))
		}
		b.settle(s)
		if err := s.Close(b.context("rule")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(b.context("rule")); err != nil {
			t.Fatal(err)
		}
		b.wantRows("SELECT COUNT(*) FROM numbers", fmt.Sprint((cycle+1)*100))
	}
}

// TestTwentyRulesStopWhileTheDatabaseDoesNotAnswer: the first stop finds out,
// the others do not wait.
func TestTwentyRulesStopWhileTheDatabaseDoesNotAnswer(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT)")
	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	var sinks []*Sink
	for i := range 20 {
		s := b.openRule(fmt.Sprint("rule", i), b.props(hole.Addr(), "numbers"))
		b.collect(s, `{"id":1}`)
		sinks = append(sinks, s)
	}
	start := time.Now()
	for i, s := range sinks {
		if err := s.Close(b.context(fmt.Sprint("rule", i))); err != nil {
			t.Fatal(err)
		}
		if i == 0 && !s.outboxes.servers[hole.Addr()].health.Down() {
			t.Error("after the first stop the server does not count as down")
		}
	}
	if took := time.Since(start); took > 5*time.Second { // 20 times 500 ms were 10 s
		t.Errorf("20 stops took %v", took)
	}
	hole.Pass()
	b.outboxes.mu.Lock()
	var pending []<-chan struct{}
	for _, box := range b.outboxes.released {
		pending = append(pending, box.queue.Empty())
	}
	b.outboxes.mu.Unlock()
	for _, empty := range pending {
		await(t, empty, "rows of a stopped rule")
	}
	b.wantRows("SELECT COUNT(*) FROM numbers", "20")
}
