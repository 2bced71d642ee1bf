package connection

import "time"

// DrainLimits bounds Drain.
type DrainLimits struct {
	First  time.Duration // wait for a first connection, if there was none yet
	Quiet  time.Duration // an open connection this long without a message counts as drained
	Stall  time.Duration // give up when no message was begun or finished for this long
	Usual  time.Duration // give up after this time on a peer that keeps sending
	Longer time.Duration // give up after this time on a handler that is slow but moves on
}

// kernelHolds is more messages than the kernel can hold of a connection whose
// peer has closed it: who delivers more during a drain is still sending.
const kernelHolds = 4096

// sample is how often Drain looks.
const sample = 20 * time.Millisecond

// Drain waits until every connection has ended and all that was sent on it
// has been handled. It reports whether that was so; false means that a limit
// cut it short and what is left will be lost by Close.
func (in *Inlet) Drain(l DrainLimits) bool {
	tick := time.NewTicker(sample)
	defer tick.Stop()
	began := time.Now()
	d := drainage{limits: l, first: in.steps.Load(), last: in.steps.Load()}
	for {
		in.mu.Lock()
		now := inletState{ever: in.ever, open: len(in.pipes), closed: in.closed, idle: in.idle()}
		changed := in.changed
		in.mu.Unlock()
		now.steps = in.steps.Load()
		if ended, whole := d.look(now, time.Since(began)); ended {
			return whole
		}
		select {
		case <-changed:
		case <-tick.C:
			d.seen += sample
		}
	}
}

// idle reports whether no connection is inside a message. The caller holds mu.
func (in *Inlet) idle() bool {
	for p := range in.pipes {
		if p.busy.Load() {
			return false
		}
	}
	return true
}

// inletState is what Drain sees of an inlet.
type inletState struct {
	ever, closed, idle bool
	open               int
	steps              uint64
}

// drainage is how far a Drain is.
//
// What has not come for a while will not come, but only where it could have
// been read meanwhile: after a pause of the whole process, as where a container
// has used up its share of the CPU, or of its machine, a clock alone would say
// that nothing has come, before anybody has looked. So that while is counted in
// samples, of which a pause has one.
type drainage struct {
	limits      DrainLimits
	first, last uint64        // steps
	seen, moved time.Duration // in samples: since the beginning, and when the last step was
}

// look reports whether the Drain has ended, and if so what it returns.
func (d *drainage) look(s inletState, elapsed time.Duration) (ended, whole bool) {
	if s.steps != d.last {
		d.last, d.moved = s.steps, d.seen
	}
	switch still := d.seen - d.moved; {
	case s.closed:
		return true, true
	case s.open == 0 && (s.ever || d.seen >= d.limits.First):
		return true, true
	case s.open > 0 && s.idle && still >= d.limits.Quiet:
		return true, true
	case s.open > 0 && !s.idle && still >= d.limits.Stall,
		elapsed >= d.limits.Usual && d.last-d.first > 2*kernelHolds,
		elapsed >= d.limits.Longer:
		return true, false
	}
	return false, false
}
