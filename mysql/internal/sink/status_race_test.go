package sink

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
)

// TestAskedWhileRulesComeAndGo: whoever asks while a rule starts, stops, moves
// and is changed sees sums that add up.
func TestAskedWhileRulesComeAndGo(t *testing.T) {
	b := newBundle(t, keyless, "CREATE TABLE other LIKE t")
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			for ctx.Err() == nil {
				b.outboxes.page.ServeHTTP(httptest.NewRecorder(), nil)
				b.outboxes.Letters()
				b.outboxes.Replays().State()
				for _, r := range b.outboxes.Status().Rules {
					if n := r.Rows; n.Received != n.Stored+n.Superseded+n.SetAside+n.Dropped+n.Lost+r.PendingRows {
						t.Errorf("the sums are wrong: %+v", r)
					}
				}
			}
		})
	}
	for i := range 12 {
		table := []string{"t", "other"}[i%2]
		s := b.open(b.props("", table, "journal", []string{"on", "on", "off"}[i%3], "maxJournalBytes", 64<<20+i<<20))
		b.collect(s, numbered(10*i, 10*i+10), `{"id":"wrong"}`)
		_ = b.outboxes.Replays().Begin(ReplayOrder{Rule: "rule"})
		if err := s.Close(b.context("rule")); err != nil {
			t.Error(err)
		}
	}
	cancel()
	asking.Wait()
	b.ends()
	for _, s := range []*Sink{b.open(b.props("", "t")), b.open(b.props("", "other"))} {
		b.settle(s)
	}
	b.outboxes.writing.Wait() // for what was left in memory
	b.wantRows("SELECT (SELECT COUNT(*) FROM t) + (SELECT COUNT(*) FROM other)", "120")
}
