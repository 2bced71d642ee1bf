package sink

import (
	"context"
	"fmt"
	"testing"

	"ekuiper-mysql/mysql/internal/journal"
)

// slowQueue has what it was given and does not return.
type slowQueue struct {
	journal.Queue
	has chan struct{} // receives when it has a message
	may chan struct{} // closed: it returns
}

func (q *slowQueue) Append(ctx context.Context, data []byte, rows int) error {
	err := q.Queue.Append(ctx, data, rows)
	q.has <- struct{}{}
	<-q.may
	return err
}

func (q *slowQueue) AppendAll(ctx context.Context, all []journal.Arrival) error {
	err := q.Queue.AppendAll(ctx, all)
	q.has <- struct{}{}
	<-q.may
	return err
}

// A stop does not wait for a disk that stands still. What the disk has taken
// in the end is accepted all the same.
func TestStopDuringASlowWrite(t *testing.T) {
	for name, collect := range map[string]func(b *bundle, s *Sink) error{
		"one": func(b *bundle, s *Sink) error { return s.Collect(b.context("rule"), []byte(`{"id":1}`)) },
		"two": func(b *bundle, s *Sink) error {
			n, err := s.CollectBatch(b.context("rule"), [][]byte{[]byte(`{"id":1}`), []byte(`{"id":2}`)})
			if err == nil && n != 2 {
				err = fmt.Errorf("%d of 2 messages taken", n)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY)")
			s := b.open(b.props("", "t"))
			slow := &slowQueue{s.outbox.Load().queue, make(chan struct{}), make(chan struct{})}
			s.outbox.Load().queue = slow
			collected := make(chan error, 1)
			go func() {
				defer func() {
					if p := recover(); p != nil {
						collected <- fmt.Errorf("panic: %v", p)
					}
				}()
				collected <- collect(b, s)
			}()
			<-slow.has
			if err := s.Close(b.context("rule")); err != nil {
				t.Error(err)
			}
			close(slow.may)
			if err := <-collected; err != nil {
				t.Error(err)
			}
		})
	}
}
