package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// TestWorkerKills kills the plugin's worker alone, at random moments. Nobody
// starts it again but its supervisor, and what was acknowledged reaches the
// table.
func TestWorkerKills(t *testing.T) {
	b := newBundle(t)
	b.launch()
	supervisor := b.plugin.Pid()
	rule := b.open(b.server.Addr(), map[string]any{"requireAck": true, "resendInterval": 10})
	const kills, rows = 20, 3000
	killAt := killsAmong(t, kills, rows)
	for id := range rows {
		message := fmt.Appendf(nil, `[{"id":%d}]`, id)
		if killAt[id] {
			// Killed with the message on its way: taken or not, no answer counts.
			b.must(rule.Send(message))
			former, err := b.plugin.KillWorker()
			b.must(err)
			_, err = b.plugin.WaitWorker(former)
			b.must(err)
			for rule.ReadAck(100*time.Millisecond) == nil {
				continue
			}
		}
		tries, err := 0, rule.Collect(message, 2*time.Second)
		for errors.Is(err, fakehost.ErrNoAck) || refusedOnce(err) {
			if tries++; tries > 10 {
				t.Fatalf("row %d is not taken: %v", id, err)
			}
			err = rule.Collect(message, 2*time.Second)
		}
		b.must(err)
	}
	b.waitRows(rows)
	b.must(rule.Close())
	if b.plugin.Pid() != supervisor {
		t.Error("the plugin was started anew")
	}
	if n := strings.Count(b.plugin.Log(), "another takes its place"); n != kills {
		t.Errorf("the log tells of %d ends of workers, want %d", n, kills)
	}
}

// refusedOnce says that the answer is an error that asks for the message again.
func refusedOnce(err error) bool {
	var ack *fakehost.AckError
	return errors.As(err, &ack)
}
