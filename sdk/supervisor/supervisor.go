// Package supervisor keeps one worker process alive. It starts it, gives it
// the host's commands one at a time through a pipe, remembers what runs, and
// when the worker dies starts another in which the same runs again.
//
// It knows commands as bytes and what they are about as keys, nothing more.
// Configurations stay in memory and pass through pipes: they appear in no
// argument, no environment and no log line of this package.
//
// What it holds to, with the durations of Limits:
//   - A worker that has died is replaced at once; one that dies at once again
//     and again after a wait that doubles, which stays below a second where the
//     workers are killed from outside.
//   - Stop is always answered with success: what a dead worker ran has
//     stopped.
//   - Start waits for a worker, bounded. Without one it is taken all the same,
//     and carried out when there is one: the worker will be back, while a start
//     that is refused is refused for good.
//   - A start that ends the worker is tried once more, then refused.
//   - A start that keeps ending workers when it is replayed, or right after, is
//     left out for a while, so that the others run.
//   - A worker that does not answer in time is killed and replaced.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Process is a worker process. Its methods may be called from several
// goroutines.
type Process interface {
	// Pid returns the process id.
	Pid() int
	// Send gives the worker a message. It blocks while the worker does not
	// read, until that dies.
	Send(m Message) error
	// Answers brings one answer for each order.
	Answers() <-chan Message
	// Dead is closed when the worker has ended. Its last answer is in Answers
	// by then.
	Dead() <-chan struct{}
	// Kill ends the worker, without a word to it. Killing twice is fine.
	Kill()
	// Fate says how the worker ended, such as "exit status 2", after Dead.
	Fate() string
	// Killed says that somebody else has ended the worker, a person or the
	// kernel, which has no other way to spare memory. After Dead.
	Killed() bool
}

// Limits are the supervisor's durations.
type Limits struct {
	Wait  time.Duration // a start waits for a worker that takes commands
	Start time.Duration // a start takes, or the worker hangs
	Stop  time.Duration // a stop takes, or the worker hangs
	End   time.Duration // the worker's orderly end takes, then it is killed
	Reap  time.Duration // a killed worker is waited for

	Lived     time.Duration // a worker that lived this long did not die at once
	Wait1     time.Duration // before the next worker when two in a row died at once; doubles
	WaitMost  time.Duration
	KillMost  time.Duration // the longest wait after a worker that was killed from outside
	Retry     time.Duration // before a replayed start that was refused is tried again; doubles
	RetryMost time.Duration

	Settle  time.Duration // a worker's death this soon after a suspect's start is laid to it
	Calm    time.Duration // a start that ran this long is above suspicion
	Out     time.Duration // a start that keeps ending workers is left out; doubles
	OutMost time.Duration
}

// strikes is how many workers in a row a start may end before it is left out.
const strikes = 3

// Usual returns the limits that are in use where the worker's own stop takes
// at most stop, and its end at most end.
func Usual(stop, end time.Duration) Limits {
	const ms = time.Millisecond
	return Limits{
		Wait: 2 * time.Second, Start: 15 * time.Second, Stop: stop, End: end, Reap: 300 * ms,
		Lived: time.Second, Wait1: 50 * ms, WaitMost: 10 * time.Second, KillMost: 500 * ms,
		Retry: 250 * ms, RetryMost: 10 * time.Second,
		Settle: 300 * ms, Calm: time.Second, Out: time.Second, OutMost: 10 * time.Minute,
	}
}

// Command is a command of the host.
type Command struct {
	Key   any          // comparable; of all starts with one key the last counts
	Start bool         // or else a stop
	Again bool         // a start that the host believes carried out: it goes on to be tried where it fails
	Raw   []byte       // what the worker gets
	Log   *slog.Logger // says what the command is about
}

// RefusedError is a worker's refusal of a command.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// ErrReplaced says that no more workers can be started: the executable is
// another than the supervisor's.
var ErrReplaced = errors.New("the plugin's executable has been replaced")

var (
	errDied = errors.New("the worker ended")
	errHung = errors.New("the worker did not answer")
)

// Supervisor keeps a worker alive while Run lasts.
type Supervisor struct {
	spawn  func() (Process, error)
	limits Limits
	log    *slog.Logger

	turn    chan struct{} // holds a token while the worker has an order
	sending sync.WaitGroup

	mu      sync.Mutex
	live    []*start
	worker  *worker       // nil while there is none
	changed chan struct{} // closed and replaced when live or worker changes

	// Run's own.
	quick   int  // workers in a row that died at once
	riddles int  // of these, how many in a row nobody is to blame for
	careful bool // starts are replayed one by one with time to settle, to find the culprit
}

// start is a live start: what the host believes to run.
type start struct {
	Command
	on      *worker   // where it was started
	since   time.Time // and when
	refused int       // replays in a row
	blamed  int       // for workers in a row
	due     time.Time // not to be replayed before
}

// worker is a process with what is known of it.
type worker struct {
	Process
	born   time.Time
	latest *start // started last
	blame  bool   // its death has been laid to somebody
}

// New returns a supervisor whose workers spawn starts.
func New(spawn func() (Process, error), limits Limits, log *slog.Logger) *Supervisor {
	return &Supervisor{
		spawn: spawn, limits: limits, log: log,
		turn: make(chan struct{}, 1), changed: make(chan struct{}),
	}
}

// Run keeps a worker alive until ctx is done; then it lets the worker end in
// order, within the limit, and returns nil. Any other end is an error that
// nothing mends. Run is called once.
func (s *Supervisor) Run(ctx context.Context) error {
	defer s.sending.Wait()
	for ctx.Err() == nil {
		born := time.Now()
		process, err := s.spawn()
		switch {
		case errors.Is(err, ErrReplaced):
			return err
		case err == nil:
			w := &worker{Process: process, born: born}
			if s.tend(ctx, w); ctx.Err() != nil {
				return nil
			}
			s.judge(w)
		default:
			s.quick++
		}
		wait := doubled(s.limits.Wait1, s.quick-2, s.limits.WaitMost)
		if err == nil && process.Killed() {
			wait = min(wait, s.limits.KillMost)
		}
		if err != nil {
			s.log.Error("cannot start the worker", "error", err, "next_try_in", wait)
		} else {
			s.log.Error("the worker has ended, another takes its place", "worker", process.Pid(), "fate", process.Fate(),
				"lived", time.Since(born).Round(time.Millisecond), "starts_in", wait)
		}
		if !pause(ctx, wait) {
			return nil
		}
	}
	return nil
}

// doubled returns d, doubled so many times, at most most; 0 before the first.
func doubled(d time.Duration, times int, most time.Duration) time.Duration {
	if times < 0 {
		return 0
	}
	for range times {
		if d >= most {
			break
		}
		d *= 2
	}
	return min(d, most)
}

// tend brings everything up in a new worker and stays until it has ended or,
// when ctx is done, has been made to.
func (s *Supervisor) tend(ctx context.Context, w *worker) {
	s.setWorker(w)
	defer s.setWorker(nil)
	for up := false; !w.dead(); {
		if ctx.Err() != nil {
			s.finish(w)
			return
		}
		e, wait, changed := s.next(w)
		if e == nil && !up {
			up = true
			s.log.Info("worker up", "worker", w.Pid(), "running", s.running(w), "after", time.Since(w.born).Round(time.Millisecond))
		}
		if e != nil {
			if s.replay(ctx, w, e); s.careful || s.suspect(e) {
				wait, changed = s.limits.Settle, nil
			} else {
				continue
			}
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-w.Dead():
			return
		case <-ctx.Done():
		case <-timer:
		case <-changed:
		}
	}
}

// next returns the start to replay in w, if any, else how long until one is
// due, 0 for none, and what tells of changes. Suspects come last: the others
// then run when one of them ends the worker.
func (s *Supervisor) next(w *worker) (_ *start, wait time.Duration, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *start
	for _, e := range s.live {
		if e.on == w {
			continue
		}
		if until := time.Until(e.due); until > 0 {
			if wait == 0 || until < wait {
				wait = until
			}
			continue
		}
		if found == nil || found.blamed > 0 && e.blamed == 0 {
			found = e
		}
	}
	return found, wait, s.changed
}

func (s *Supervisor) suspect(e *start) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.blamed > 0
}

// replay starts e in w, unless it has been stopped or replaced meanwhile.
func (s *Supervisor) replay(ctx context.Context, w *worker, e *start) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-w.Dead():
		return
	case <-ctx.Done():
		return
	}
	s.mu.Lock()
	gone := !slices.Contains(s.live, e)
	s.mu.Unlock()
	if gone || w.dead() {
		return
	}
	err := s.call(ctx, w, Again, e.Command, s.limits.Start)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused *RefusedError
	switch {
	case err == nil:
		e.on, e.since, e.refused = w, time.Now(), 0
		w.latest = e
	case errors.As(err, &refused):
		// It ran before: what is in its way now may pass.
		wait := doubled(s.limits.Retry, e.refused, s.limits.RetryMost)
		e.refused++
		e.due = time.Now().Add(wait)
		e.Log.Error("not running: its start is refused in the new worker, and tried again", "error", err, "next_try_in", wait)
	default:
		s.accuse(e, w)
	}
}

// accuse lays the end of w to e. The caller holds mu.
func (s *Supervisor) accuse(e *start, w *worker) {
	w.blame = true
	e.blamed++
	if e.blamed < strikes {
		e.Log.Warn("the worker ended at its start, or right after", "worker", w.Pid(), "times", e.blamed)
		return
	}
	most := s.limits.OutMost
	if len(s.live) == 1 {
		most = s.limits.WaitMost // nobody gains by its absence
	}
	wait := doubled(s.limits.Out, e.blamed-strikes, most)
	e.due = time.Now().Add(wait)
	e.Log.Error("not running: left out, since the worker ends each time it is started, with all others", "times", e.blamed, "next_try_in", wait)
}

// judge looks for who is to blame for the end of w.
func (s *Supervisor) judge(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, e := range s.live {
		if e.on == w && now.Sub(e.since) >= s.limits.Calm {
			e.blamed = 0
		}
	}
	// A worker that is killed from outside proves nothing against what it did
	// last. (One that is killed during a start is laid to that, see replay:
	// it may have wanted all the memory there is.)
	e := w.latest
	if e != nil && !w.blame && !w.Killed() && slices.Contains(s.live, e) &&
		now.Sub(e.since) <= s.limits.Settle && (s.careful || e.blamed > 0) {
		s.accuse(e, w)
	}
	if now.Sub(w.born) >= s.limits.Lived {
		s.quick, s.riddles, s.careful = 0, 0, false
		return
	}
	s.quick++
	switch {
	case w.blame:
		s.riddles, s.careful = 0, false
	case !w.Killed():
		s.riddles++
		s.careful = s.riddles > 1
	}
}

// finish lets w end in order, within the limit.
func (s *Supervisor) finish(w *worker) {
	s.sending.Go(func() { _ = w.Send(Message{Kind: End}) })
	if within(s.limits.End, w.Dead()) {
		return
	}
	s.log.Warn("the worker does not end and is killed", "worker", w.Pid(), "limit", s.limits.End)
	s.kill(w)
}

// kill kills w and waits for its end, bounded: the kernel may be busy with it.
func (s *Supervisor) kill(w *worker) {
	w.Kill()
	within(s.limits.Reap, w.Dead())
}

// call gives w an order and waits for the answer: nil, a *RefusedError, or
// errDied, errHung. The caller has the turn.
func (s *Supervisor) call(ctx context.Context, w *worker, kind Kind, c Command, limit time.Duration) error {
	s.sending.Go(func() {
		if w.Send(Message{Kind: kind, Body: c.Raw}) != nil {
			w.Kill() // it has closed its ears
		}
	})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a := <-w.Answers():
		return answer(a)
	case <-w.Dead():
		select {
		case a := <-w.Answers():
			return answer(a)
		default:
		}
		return fmt.Errorf("%w: %s", errDied, w.Fate())
	case <-timer.C:
		c.Log.Error("the worker does not answer and is killed", "worker", w.Pid(), "limit", limit)
		s.kill(w)
		return fmt.Errorf("%w within %v", errHung, limit)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func answer(m Message) error {
	if m.Kind == Done {
		return nil
	}
	return &RefusedError{Reason: string(m.Body)}
}

func (s *Supervisor) setWorker(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worker = w
	s.signal()
}

// signal tells of a change. The caller holds mu.
func (s *Supervisor) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// running is the number of symbols that run in w.
func (s *Supervisor) running(w *worker) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.live {
		if e.on == w {
			n++
		}
	}
	return n
}

// within waits for done, at most for limit, and reports whether it came.
func within(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// pause waits and reports whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	return !within(d, ctx.Done())
}
