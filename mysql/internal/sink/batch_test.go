package sink

import (
	"fmt"
	"strings"
	"testing"

	"ekuiper-mysql/test/proxy"
)

func (b *bundle) collectBatch(s *Sink, messages ...string) {
	b.t.Helper()
	var batch [][]byte
	for _, m := range messages {
		batch = append(batch, []byte(m))
	}
	if n, err := s.CollectBatch(b.context("rule"), batch); n != len(batch) || err != nil {
		b.t.Errorf("%d of %d messages: %v", n, len(batch), err)
	}
}

// Messages that come together are what they would be one by one: what holds no
// rows is nothing, what is no row is set aside.
func TestMessagesTakenTogether(t *testing.T) {
	for _, kept := range []string{"on", "off"} {
		t.Run("journal "+kept, func(t *testing.T) {
			b := newBundle(t, numbers)
			s := b.open(b.props("", "numbers", "journal", kept))
			b.collectBatch(s, `{"id":1}`, `[]`, `[{"id":2},{"id":3}]`, `no row`, `{"id":4}`)
			b.collectBatch(s, `[]`, ``)
			b.settle(s)
			b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2", "3", "4")
			b.wantFate(s, 4, 1)
		})
	}
}

// Where there is no room for all of them, as many as fit are taken, and the
// others wait or, once the rule stops, go over the bound: none is lost.
func TestBatchThatIsLargerThanTheRoom(t *testing.T) {
	const count = 100
	for name, c := range map[string]struct {
		bound string
		bytes int
	}{
		"memory":  {"maxQueueBytes", 64 << 10},
		"journal": {"maxJournalBytes", 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, numbers)
			hole := proxy.Start(t, server.Addr())
			hole.BlackHole()
			props := b.props(hole.Addr(), "numbers", c.bound, c.bytes)
			if c.bound == "maxQueueBytes" {
				props["journal"] = "off"
			}
			s := b.open(props)
			var batch []string
			for i := range count { // twice as much as fits
				batch = append(batch, fmt.Sprintf(`{"id":%d,"x":1%s}`, i, strings.Repeat(" ", c.bytes/(count/2))))
			}
			taken := make(chan struct{})
			go func() {
				defer close(taken)
				b.collectBatch(s, batch...)
			}()
			await(t, b.log.saying("the queue is full"), "the log to say that the queue is full")
			select {
			case <-taken:
				t.Error("CollectBatch did not wait")
			default:
			}
			s.SetUrgent()
			await(t, taken, "CollectBatch")
			hole.Pass()
			b.settle(s)
			b.wantRows("SELECT COUNT(*), SUM(id) FROM numbers", fmt.Sprintf("%d,%d", count, count*(count-1)/2))
			b.wantFate(s, count, 0)
		})
	}
}

// After the rule has stopped nothing is taken.
func TestBatchAfterTheEnd(t *testing.T) {
	if n, err := New(nil).CollectBatch(nil, [][]byte{[]byte(`{}`), []byte(`{}`)}); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}
