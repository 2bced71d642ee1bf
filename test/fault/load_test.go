package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"go.nanomsg.org/mangos/v3"
)

const (
	// resendPause is the resendInterval of the rules.
	resendPause = 5 * time.Millisecond
	// tailing is how many messages are handed over when a fault is over: they
	// show that all goes on, and the last of them surely arrives.
	tailing = 20
	// dripping is the pause between messages while a fault lasts.
	dripping = 5 * time.Millisecond
)

// load is messages on their way, handed over in the background: so many as
// fast as they are taken, then one now and then until the fault is over, then a
// few more.
type load struct {
	a        *arena
	messages int
	random   *rand.Rand
	encode   func(id int64) any
	over     chan struct{} // closed when the fault is over
	done     chan struct{} // closed when all are handed over
	err      error         // after done

	mu       sync.Mutex
	progress *sync.Cond
	sent     int
}

// send starts handing over messages of 1 to 10 rows.
func (a *arena) send(messages int, random *rand.Rand) *load {
	encode := a.options.encode
	if encode == nil {
		encode = func(id int64) any { return rowOf(id) }
	}
	l := &load{
		a: a, messages: messages, encode: encode, random: rand.New(rand.NewPCG(random.Uint64(), 0)),
		over: make(chan struct{}), done: make(chan struct{}),
	}
	l.progress = sync.NewCond(&l.mu)
	go func() {
		defer close(l.done)
		l.err = l.run()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent = math.MaxInt // nobody waits for ever
		l.progress.Broadcast()
	}()
	return l
}

func (l *load) run() error {
	for range l.messages {
		if err := l.message(); err != nil {
			return err
		}
	}
	drip := time.NewTicker(dripping)
	defer drip.Stop()
	for going := true; going; {
		select {
		case <-l.over:
			going = false
		case <-drip.C:
			if err := l.message(); err != nil {
				return err
			}
		}
	}
	for range tailing {
		if err := l.message(); err != nil {
			return err
		}
	}
	return nil
}

// message hands over one message.
func (l *load) message() error {
	m := l.a.ledger.hand(1 + l.random.Int64N(10))
	rows := make([]any, 0, m.next-m.first)
	for id := m.first; id < m.next; id++ {
		rows = append(rows, l.encode(id))
	}
	message, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	if err := l.a.deliver(message); err != nil {
		return fmt.Errorf("rows %d to %d: %w", m.first, m.next-1, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	l.progress.Broadcast()
	return nil
}

// reach waits until a message is handed over, the first being 0.
func (l *load) reach(message int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.sent <= message {
		l.progress.Wait()
	}
}

// finish says that the fault is over and waits until all is handed over.
func (l *load) finish() {
	l.a.Helper()
	close(l.over)
	<-l.done
	l.a.must(l.err)
}

// deliver hands one message over as eKuiper does. Where eKuiper would drop it
// it is tried again: what the host drops is not the plugin's.
func (a *arena) deliver(message []byte) error {
	switch {
	case a.real != nil:
		return a.real.deliver(message)
	case a.mode.acks:
		return a.collect(message)
	}
	return a.push(message)
}

func (a *arena) push(message []byte) error {
	for begin := time.Now(); ; {
		err := a.rule.Send(message)
		if !errors.Is(err, mangos.ErrSendTimeout) || time.Since(begin) > limit {
			return err
		}
	}
}

// collect sends a message until it is acknowledged: once more after each
// error, and waiting without end for an answer, which is the plugin's to give
// also when it was killed.
func (a *arena) collect(message []byte) error {
	for begin := time.Now(); time.Since(begin) < limit; {
		if err := a.push(message); err != nil {
			return err
		}
		err := a.rule.ReadAck(limit)
		if err == nil {
			a.ledger.acked()
			return nil
		}
		var refused *fakehost.AckError
		if !errors.As(err, &refused) {
			return err
		}
		<-time.After(resendPause)
	}
	return fmt.Errorf("not acknowledged within %v", limit)
}
