package sink

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/metrics"
	"ekuiper-mysql/test/proxy"
)

// recount counts the fate of all rows by readers that share nothing with what
// wrote them: of the journal's files, of the dead letters and of the table.
// The table must have no key, and the rows of the test must all be different.
func (b *bundle) recount(when, dir, table string) metrics.Rows {
	b.t.Helper()
	in, err := journal.Inspect(dir, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c := in.Counts
	if c.Received != c.Stored+c.Superseded+c.SetAside+c.Dropped+c.Lost+c.Pending {
		b.t.Errorf("%s: the sums do not add up: %+v", when, c)
	}
	var letters uint64
	for l, err := range b.reader().Letters(deadletter.Filter{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		if l.Place.Journal == in.ID {
			letters++
		}
	}
	stored := b.query("SELECT COUNT(DISTINCT id) FROM " + table)[0]
	if letters != c.SetAside || stored != fmt.Sprint(c.Stored) {
		b.t.Errorf("%s: %d letters and %s rows in the table; the journal says %+v", when, letters, stored, c)
	}
	return metrics.Rows{Received: c.Received, Stored: c.Stored, Superseded: c.Superseded, SetAside: c.SetAside, Dropped: c.Dropped, Lost: c.Lost, Pending: c.Pending}
}

// wantRecount compares what the sink says with the recount.
func (b *bundle) wantRecount(when string, s *Sink, dir string) metrics.Rows {
	b.t.Helper()
	for {
		rows := s.outbox.Load().meter.Snapshot().Rows
		// A row's fate is known a moment before it is in the file.
		if err := s.outbox.Load().queue.(*journal.Disk).Sync(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		want := b.recount(when, dir, "numbers")
		if s.outbox.Load().meter.Snapshot().Rows != rows {
			continue // reading has found damage meanwhile
		}
		if rows != want {
			b.t.Errorf("%s: the sink counts %+v, its files say %+v", when, rows, want)
		}
		return rows
	}
}

func TestSumsHoldOverFaultsAndRestarts(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id INT, body TEXT)")
	way := proxy.Start(t, server.Addr())
	props := b.props(way.Addr(), "numbers", "maxJournalBytes", "1MiB", "whenFull", "dropOldest")
	// restart ends the process, as far as the sink can tell.
	restart := func(s *Sink) *Sink {
		t.Helper()
		if s != nil {
			_ = s.Close(b.context("rule"))
		}
		b.outboxes.Close()
		b.outboxes = b.newOutboxes()
		return b.open(props)
	}
	s := b.open(props)
	dir := filepath.Join(b.folder, journals, journal.DirName("rule", "op", 0, s.config.Target+"/numbers"))
	id := 0
	send := func(rows int) {
		t.Helper()
		body := strings.Repeat("x", 1000)
		for range rows {
			b.collect(s, fmt.Sprintf(`{"id":%d,"body":%q}`, id, body))
			id++
		}
	}

	send(100)
	b.collect(s, `[{"id":"refused"},{"none":1}]`)
	b.settle(s)
	if c := b.wantRecount("stored and set aside", s, dir); c.Stored != 100 || c.SetAside != 2 || c.Pending != 0 {
		t.Errorf("%+v", c)
	}

	s = restart(s)
	if c := b.wantRecount("after a restart", s, dir); c.Received != 102 {
		t.Errorf("%+v", c)
	}

	way.BlackHole()
	s = restart(s) // no connection that is open still
	send(200)
	if c := b.wantRecount("while the database is away", s, dir); c.Pending != 200 {
		t.Errorf("%+v", c)
	}

	_ = s.Close(b.context("rule"))
	b.outboxes.Close()
	spoil(t, dir, `{"id":150,`)
	b.outboxes = b.newOutboxes()
	s = b.open(props)
	if c := b.wantRecount("after damage", s, dir); c.Lost+c.Pending != 200 { // it is found when it is read
		t.Errorf("%+v", c)
	}

	send(2000)
	if c := b.wantRecount("when the journal was full", s, dir); c.Dropped == 0 || c.Received != 2302 {
		t.Errorf("%+v", c)
	}

	s = restart(s)
	way.Pass()
	b.settle(s)
	b.collect(s, `{"id":"refused again"}`)
	b.settle(s)
	c := b.wantRecount("at the end", s, dir)
	if c.Pending != 0 || c.Lost != 1 || c.SetAside != 3 || c.Stored+c.Dropped != 2299 {
		t.Errorf("%+v", c)
	}
	_ = s.Close(b.context("rule"))
	line := fmt.Sprintf("finished: received=%d stored=%d superseded=0 set_aside=3 dropped=%d lost=1 pending=0", c.Received, c.Stored, c.Dropped)
	if b.log.count(line) != 1 {
		t.Errorf("the last line is not %q", line)
	}
}

// spoil flips a bit of the message that holds text, in the journal's files.
func spoil(t *testing.T, dir, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(data, []byte(text)); at >= 0 {
			data[at+20] ^= 1
			if err := os.WriteFile(f, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no segment holds %s", text)
}
