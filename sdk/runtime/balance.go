package runtime

import "time"

// What follows keeps the host's messages and their answers in balance over a
// kill of the plugin. The host sends one message and waits for its answer
// without end; an answer that it does not wait for stays in its queue and
// is taken for that of the next message, and so on for good.
//
// Where the note of the run before says that the host waits, it gets its
// answer at the start, and all is as before (debt oweOK, oweError). Otherwise
// the host may wait for the answer to a message that was lost on its way, or
// it may have nothing to say. So:
//
//   - A message that comes by itself shows that the host does not wait.
//   - When none comes for a while, one error goes out. A host that has waited
//     is free; to one that has not it is an answer too many: from now on there
//     may be a surplus, and an ok could be taken for another message's.
//   - While there may be a surplus, an answer is held back for longer than the
//     host takes to send the message again. The host has one message
//     outstanding at most, so that one that comes while another is not
//     answered shows that the host had an answer to that one: the surplus is
//     used up, and the held answer must not go out. If none comes, there is
//     no surplus, and the held answer goes out.
//
// Where the host sends nothing again, silence proves nothing, as the next
// message may be far. Then the answer is held for a moment only, and the
// surplus counts as gone when messages have several times come at once after
// their forerunner's answer, but never before it.
type balance struct {
	waiting bool        // for a message that shows what the host is at
	probed  bool        // an error went out, by this run or one before, for a silence
	probe   time.Time   // when, if by this run
	silence *time.Timer // nil until the host has connected

	held  *heldAnswer
	hold  *time.Timer
	after time.Time // when the answer before went out, if it was held
	swift int       // how many messages in a row came at once after that

	before print     // of the message before
	last   time.Time // when that came
	again  bool      // this one is the one before, of which the host knows no ok
}

// heldAnswer is an answer that waits for proof that the host waits for it.
type heldAnswer struct {
	mark print
	err  error
}

const (
	swiftEnough = 3  // messages in a row that show the balance where nothing is sent again
	gapMemory   = 16 // messages over which the longest gap fades

	// unlikeEnough messages that were all unlike the one before let the runtime
	// take a message that is equal to the one before for the same. That is a
	// guess: see ifProbed.
	unlikeEnough = 1000
)

func (b *balance) stop() {
	for _, t := range []*time.Timer{b.silence, b.hold} {
		if t != nil {
			t.Stop()
		}
	}
}

// recover gives the host what it is owed. turn is held.
func (a *acked) recover(e earlier) {
	owed := a.memory.recall(a.run.listener, a.terms, e)
	a.balance.probed = a.memory.note.surplus > 0
	switch owed {
	case oweOK:
		a.run.log.Info("the message that was not acknowledged when the plugin ended is kept: acknowledged")
		a.answer(nil)
	case oweError:
		a.answer(errGone)
	case oweUnknown:
		a.balance.waiting = true
	}
}

// Connected begins the wait for a message to come by itself.
func (a *acked) Connected() {
	a.turn.Lock()
	defer a.turn.Unlock()
	b := &a.balance
	if !b.waiting || a.ended {
		return
	}
	if b.silence != nil {
		b.silence.Stop()
	}
	b.silence = time.AfterFunc(a.patienceWithSilence(), a.silent)
}

// patienceWithSilence is how long a host may be silent that has something to
// say: some time longer than it was lately, and than it waits after an error.
func (a *acked) patienceWithSilence() time.Duration {
	t, n := &a.run.p.timing, &a.memory.note
	wait := max(t.silence, min(2*n.gap, t.silenceMost))
	if n.failed && a.terms.resends {
		wait = max(wait, a.terms.interval+t.resendSlack)
	}
	return wait
}

// silent frees the host that has said nothing.
func (a *acked) silent() {
	a.turn.Lock()
	defer a.turn.Unlock()
	b, n := &a.balance, &a.memory.note
	if !b.waiting || a.ended {
		return
	}
	before := n.surplus
	a.memory.setSurplus(before + min(1, 255-before))
	if err := a.acks.Answer(errProbe.Error()); err != nil {
		a.memory.setSurplus(before)
		a.unsent.report(a.run.log, "cannot send an acknowledgement", err)
		b.silence = time.AfterFunc(a.run.p.timing.silence, a.silent)
		return
	}
	b.waiting, b.probed, b.probe = false, true, time.Now()
	a.run.log.Warn("no message since the plugin came back: the host may wait for an acknowledgement that was lost, and has got an error", "surplus", n.surplus)
}

// arrived takes note of a message. It reports whether it is one that was
// taken, and that the host sends again because it took an answer too many for
// that one's. turn is held.
func (a *acked) arrived(now time.Time, mark print) (taken bool) {
	b, n := &a.balance, &a.memory.note
	b.waiting = false
	if b.silence != nil {
		b.silence.Stop()
		b.silence = nil
	}
	a.rhythm(now, mark)
	held := b.held
	if held == nil {
		a.swift(now)
		return false
	}
	b.hold.Stop()
	b.held = nil
	if n.surplus > 0 {
		a.memory.setSurplus(n.surplus - 1)
	}
	a.run.log.Info("an acknowledgement too many is made up for", "surplus", n.surplus)
	return a.terms.resends && held.mark == mark && held.err == nil
}

// rhythm learns how long the host is silent, and whether messages repeat.
func (a *acked) rhythm(now time.Time, mark print) {
	b, n := &a.balance, &a.memory.note
	if !b.last.IsZero() {
		gap := now.Sub(b.last)
		n.gap = max(gap, n.gap-(n.gap-gap)/gapMemory)
	}
	same := a.terms.resends && mark == b.before && !b.last.IsZero()
	b.again = same && (n.failed || b.held != nil)
	if same && !b.again {
		n.unlike = 0
	} else if n.unlike < unlikeEnough {
		n.unlike++
	}
	b.before, b.last = mark, now
}

// swift counts messages that came right after a held answer and not before:
// the host had waited for it.
func (a *acked) swift(now time.Time) {
	b := &a.balance
	if b.after.IsZero() || a.terms.resends || a.memory.note.surplus == 0 {
		return
	}
	if now.Sub(b.after) > a.run.p.timing.holdUnsent/10 {
		b.swift = 0
	} else if b.swift++; b.swift >= swiftEnough {
		a.memory.setSurplus(0)
	}
}

// settle answers a message that came at that time, or holds its answer. turn
// is held.
func (a *acked) settle(came time.Time, mark print, err error) {
	wait := time.Duration(0)
	if a.memory.note.surplus > 0 && !a.ended {
		wait = a.holdFor(came)
	}
	if wait <= 0 {
		a.memory.setSurplus(0)
		a.answer(err)
		return
	}
	// What came while this was collected is not read yet.
	wait = max(wait-time.Since(came), a.run.p.timing.holdLeast)
	a.balance.held = &heldAnswer{mark, err}
	a.balance.hold = time.AfterFunc(wait, a.due)
}

// holdFor is how long it takes to see that no other message comes, from the
// time on that one came; 0 says that it is seen already.
func (a *acked) holdFor(came time.Time) time.Duration {
	t, b := &a.run.p.timing, &a.balance
	if !a.terms.resends {
		return t.holdUnsent
	}
	again := a.terms.interval + t.resendSlack
	if again <= t.answer || b.probe.IsZero() {
		return again
	}
	// The host sends again after longer than a message should wait. But one
	// that the error has freed sends just that interval after it, and any
	// other when it likes.
	since := came.Sub(b.probe)
	b.probe = time.Time{}
	if since >= a.terms.interval-t.resendEarly && since <= again {
		return 0
	}
	return again
}

// due sends the held answer: no other message has come.
func (a *acked) due() {
	a.turn.Lock()
	defer a.turn.Unlock()
	b := &a.balance
	held := b.held
	if held == nil || a.ended {
		return
	}
	b.held, b.after = nil, time.Now()
	if a.terms.resends {
		a.memory.setSurplus(0)
	}
	a.answer(held.err)
}
