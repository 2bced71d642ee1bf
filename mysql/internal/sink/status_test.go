package sink

import (
	"strings"
	"sync"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/control"
	"ekuiper-mysql/mysql/internal/status"
	"ekuiper-mysql/test/proxy"
)

// told waits until what the plugin tells of its only rule is as wanted; the
// bound only ends a test that hangs.
func (b *bundle) told(what string, wanted func(status.Rule) bool) status.Rule {
	b.t.Helper()
	var r status.Rule
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		p, err := control.Status(b.t.Context(), b.folder, time.Millisecond)
		if err != nil {
			continue // it does not listen yet
		}
		if len(p.Rules) == 1 {
			if r = p.Rules[0]; wanted(r) {
				return r
			}
		}
	}
	b.t.Fatalf("waited a minute for the status to say %s; it says %+v", what, r)
	return r
}

// TestStatusOfAnOutage: it waits with the error, the backlog and its age grow,
// and when the server is back it is drained.
func TestStatusOfAnOutage(t *testing.T) {
	b := newBundle(t, keyless)
	way := proxy.Start(t, server.Addr())
	s := b.open(b.props(way.Addr(), "t"))
	b.collect(s, numbered(0, 10))
	b.settle(s)
	r := b.told("idle", func(r status.Rule) bool { return r.State == status.Idle && r.LaneRows == 0 })
	if r.Rule != "rule" || r.Table != "t" || r.Server != way.Addr()+"/"+b.database || r.Delivery != "atLeastOnce" || r.Queue != "disk" || !r.Healthy ||
		r.Rows.Stored != 10 || r.LastStored == nil || r.LastError != nil || r.Road != "insert" || r.Connections != 1 || r.Batches == 0 || r.Reconnects != 0 {
		t.Errorf("idle: %+v", r)
	}
	way.BlackHole() // what connects anew gets no answer
	way.Cut()
	b.collect(s, numbered(10, 20))
	first := b.told("waiting", func(r status.Rule) bool { return r.State == status.Waiting && r.PendingRows == 10 })
	if first.Healthy || first.LastError == nil || first.LastError.Over || first.LastError.Class == "" || first.PendingBytes == 0 {
		t.Errorf("cut: %+v", first)
	}
	b.collect(s, numbered(20, 40))
	b.told("more waiting, for longer", func(r status.Rule) bool {
		return r.PendingRows == 30 && r.PendingBytes > first.PendingBytes && r.OldestPendingSeconds > max(first.OldestPendingSeconds, 1)
	})
	if m := s.outbox.Load().meter.Snapshot(); m.Healthy || m.RetriesByClass["passing"]+m.RetriesByClass["outcome_unknown"] == 0 || m.OldestPendingAge() == 0 {
		t.Errorf("metrics of the outage: %+v", m)
	}
	way.Pass()
	b.settle(s)
	r = b.told("idle again", func(r status.Rule) bool { return r.State == status.Idle && r.LastError != nil && r.LastError.Over })
	if !r.Healthy || r.Rows.Stored != 40 || r.Reconnects == 0 || r.OldestPendingSeconds != 0 || r.PendingBytes != 0 {
		t.Errorf("healed: %+v", r)
	}
	b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "40,40")
}

// TestStatusOfWhatNeedsAPerson: a table that is not there pauses the rule, and
// a rule that stops with rows says so until they are written.
func TestStatusOfWhatNeedsAPerson(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "t"))
	b.collect(s, numbered(0, 10))
	r := b.told("paused", func(r status.Rule) bool { return r.State == status.Paused })
	if r.Healthy || r.LastError == nil || r.LastError.Class != "operator" || !strings.Contains(r.LastError.Text, "t") {
		t.Errorf("paused: %+v, %+v", r, r.LastError)
	}
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	if r := b.told("stopped", func(r status.Rule) bool { return r.State == status.Stopped }); r.Healthy || r.PendingRows != 10 {
		t.Errorf("stopped: %+v", r)
	}
	b.exec(keyless)
	s = b.open(b.props("", "t"))
	b.settle(s)
	b.told("idle", func(r status.Rule) bool { return r.State == status.Idle && r.Rows.Stored == 10 })
}

// TestStatusOfAnOutageOfWhatNeedsAPerson: while the server is away nobody can
// mend the table, and that it is away is what is told.
func TestStatusOfAnOutageOfWhatNeedsAPerson(t *testing.T) {
	b := newBundle(t)
	way, err := proxy.Run(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(way.Close)
	defer end()
	s := b.open(b.props(way.Addr(), "t"))
	b.collect(s, numbered(0, 10))
	b.told("paused", func(r status.Rule) bool { return r.State == status.Paused })
	end()
	r := b.told("waiting", func(r status.Rule) bool { return r.State == status.Waiting })
	if r.Healthy || r.LastError == nil || r.LastError.Class != "passing" {
		t.Errorf("while the server is away: %+v, %+v", r, r.LastError)
	}
}
