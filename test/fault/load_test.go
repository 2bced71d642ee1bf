package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.nanomsg.org/mangos/v3"

	"ekuiper-mysql/test/fakehost"
)

const (
	// resendPause is the resendInterval of the rules.
	resendPause = 5 * time.Millisecond
	// quiet is how long after a crash no acknowledgement means that none will
	// come: the sockets redial within a part of it.
	quiet = time.Second
	// tailing is how many messages are handed over when a fault is over: they
	// show that all goes on, and the last of them surely arrives.
	tailing = 20
)

// load is messages on their way, handed over in the background: so many, and
// when the fault is over a few more.
type load struct {
	a        *arena
	messages int
	over     chan struct{} // closed when the fault is over
	done     chan struct{} // closed when all are handed over
	err      error         // after done

	mu       sync.Mutex
	progress *sync.Cond
	sent     int
}

// send starts handing over messages of 1 to 10 rows. encode makes the bytes
// of a row; nil stands for the row as it is.
func (a *arena) send(messages int, random *rand.Rand, encode func(id int64) any) *load {
	if encode == nil {
		encode = func(id int64) any { return rowOf(id) }
	}
	l := &load{a: a, messages: messages, over: make(chan struct{}), done: make(chan struct{})}
	l.progress = sync.NewCond(&l.mu)
	sizes := make([]int64, messages+tailing)
	for i := range sizes {
		sizes[i] = 1 + random.Int64N(10)
	}
	go func() {
		defer close(l.done)
		l.err = l.run(sizes, encode)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent = len(sizes) // nobody waits for ever
		l.progress.Broadcast()
	}()
	return l
}

func (l *load) run(sizes []int64, encode func(id int64) any) error {
	for i, size := range sizes {
		if i == l.messages {
			<-l.over
		}
		m := l.a.ledger.hand(size)
		rows := make([]any, 0, size)
		for id := m.first; id < m.next; id++ {
			rows = append(rows, encode(id))
		}
		message, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		if err := l.a.deliver(message); err != nil {
			return fmt.Errorf("rows %d to %d: %w", m.first, m.next-1, err)
		}
		l.mu.Lock()
		l.sent++
		l.progress.Broadcast()
		l.mu.Unlock()
	}
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
	if a.mode.acks {
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

// collect sends a message until it is acknowledged. After a crash it stands
// for a host that sends again what nobody has answered.
func (a *arena) collect(message []byte) error {
	for begin := time.Now(); time.Since(begin) < limit; {
		life := a.lives.Load()
		if err := a.push(message); err != nil {
			return err
		}
		err := a.answer(life)
		if err == nil {
			a.ledger.acked()
			return nil
		}
		var refused *fakehost.AckError
		if !errors.As(err, &refused) && !errors.Is(err, fakehost.ErrNoAck) {
			return err
		}
		<-time.After(resendPause)
	}
	return fmt.Errorf("not acknowledged within %v", limit)
}

// answer waits for the acknowledgement of what was sent to the plugin's life,
// for as long as that goes on.
func (a *arena) answer(life int64) error {
	for begin := time.Now(); ; {
		crashed := a.lives.Load() != life
		wait := 20 * time.Millisecond
		if crashed {
			wait = quiet
		}
		err := a.rule.ReadAck(wait)
		if !errors.Is(err, fakehost.ErrNoAck) || crashed || time.Since(begin) > limit {
			return err
		}
	}
}
