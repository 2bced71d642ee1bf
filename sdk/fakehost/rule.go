package fakehost

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Rule is a running rule with one sink, down to how eKuiper's sink node
// treats it: results are encoded by the action's properties, sent one after
// the other, and where the action sets requireAck each waits for its
// acknowledgement and is sent again after an error if the action sets
// enableCache or resendInterval, and else dropped.
type Rule struct {
	Control Control // what its sink is started with
	host    *Host
	ack     bool
	resend  time.Duration // 0 drops

	mu     sync.Mutex
	enc    *Encoder
	counts Counts
	run    *ruleRun // nil while stopped
}

// Counts is what a rule's status would say, in messages.
type Counts struct {
	In         int // reached the sink node
	Out        int // sent, and acknowledged where that is asked for
	Exceptions int // sent in vain, resends included
}

type ruleRun struct {
	conn    *SinkConn
	queue   chan []byte
	stop    chan struct{}
	stopped chan struct{}
}

// ruleBuffer is eKuiper's default bufferLength; the real host then drops.
const ruleBuffer = 1024

// ErrStuck says that a rule waits for an acknowledgement and cannot stop.
var ErrStuck = errors.New("the rule waits for an acknowledgement: it cannot be stopped")

// RunRule starts a rule with the sink that c describes.
func (h *Host) RunRule(c Control) (*Rule, error) {
	r := &Rule{Control: c, host: h, enc: NewEncoder(c.Config)}
	r.ack, _ = c.Config["requireAck"].(bool)
	switch n := c.Config["resendInterval"].(type) {
	case int:
		r.resend = time.Duration(n) * time.Millisecond
	case float64:
		r.resend = time.Duration(n) * time.Millisecond
	}
	if cache, _ := c.Config["enableCache"].(bool); cache && r.resend <= 0 {
		r.resend = 100 * time.Millisecond
	}
	return r, r.Start()
}

// Start starts the rule again after Stop.
func (r *Rule) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != nil {
		return nil
	}
	conn, err := r.host.OpenSink(r.Control)
	if err != nil {
		return err
	}
	r.run = &ruleRun{
		conn: conn, queue: make(chan []byte, ruleBuffer),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go r.sink(r.run)
	return nil
}

// Stop stops the rule as eKuiper does. Results not yet sent are lost.
func (r *Rule) Stop() error {
	r.mu.Lock()
	run := r.run
	r.run = nil
	r.mu.Unlock()
	if run == nil {
		return nil
	}
	close(run.stop)
	timer := time.NewTimer(sendLimit)
	defer timer.Stop()
	select {
	case <-run.stopped:
		return run.conn.Close()
	case <-timer.C:
		return errors.Join(ErrStuck, run.conn.Disconnect())
	}
}

// Emit is one result of the rule: a row, or the rows of a window.
func (r *Rule) Emit(rows ...map[string]any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil {
		return fmt.Errorf("rule %s is stopped", r.Control.Meta.RuleID)
	}
	messages, err := r.enc.Result(rows...)
	if err != nil {
		return err
	}
	for _, m := range messages {
		select {
		case r.run.queue <- m:
			r.counts.In++
		default:
			return fmt.Errorf("rule %s: buffer full, message dropped", r.Control.Meta.RuleID)
		}
	}
	return nil
}

// Counts returns the rule's counts so far.
func (r *Rule) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// sink is the sink node's loop.
func (r *Rule) sink(run *ruleRun) {
	defer close(run.stopped)
	for {
		select {
		case <-run.stop:
			return
		case m := <-run.queue:
			for err := r.send(run, m); err != nil && r.resend > 0; err = r.send(run, m) {
				wait := time.NewTimer(r.resend)
				select {
				case <-run.stop:
					wait.Stop()
					return
				case <-wait.C:
				}
			}
		}
	}
}

// send sends a message once and counts what came of it.
func (r *Rule) send(run *ruleRun, message []byte) error {
	err := run.conn.Send(message)
	for err == nil && r.ack {
		// As long as it takes; a closed socket ends it.
		if err = run.conn.ReadAck(time.Second); errors.Is(err, ErrNoAck) {
			err = nil
			continue
		}
		break
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.counts.Exceptions++
	} else {
		r.counts.Out++
	}
	return err
}
