package delivery

import "time"

// stages is how long the open batch has taken so far. It is the feeder's own.
type stages struct {
	begun  time.Time     // when it got its first row; zero without one
	queued time.Duration // how long that row had waited by then
	idle   time.Duration // how long the batch has waited since: for more rows, for the writer
	since  time.Time     // it waits; zero while it is worked on
}

// begin notes that the batch gets its first row, which was accepted at
// accepted, Unix nanoseconds, 0 if that is not known. Clocks are set: a time
// before that is none.
func (s *stages) begin(now time.Time, accepted int64) {
	*s = stages{begun: now}
	if accepted != 0 {
		s.queued = max(now.Sub(time.Unix(0, accepted)), 0)
	}
}

// rest notes that the batch, if there is one, waits.
func (s *stages) rest() {
	if !s.begun.IsZero() {
		s.since = time.Now()
	}
}

// work notes that it waits no more. It may be called while it does not wait.
func (s *stages) work() {
	if !s.since.IsZero() {
		s.idle += time.Since(s.since)
		s.since = time.Time{}
	}
}

// end returns how long the first row has waited, and how long the batch was
// worked on, and forgets them.
func (s *stages) end(now time.Time) (waited, worked time.Duration) {
	if !s.since.IsZero() {
		s.idle += now.Sub(s.since)
	}
	waited, worked = s.queued+s.idle, max(now.Sub(s.begun)-s.idle, 0)
	*s = stages{}
	return waited, worked
}

// idle notes that the feeder is about to wait.
func (f *feeder) idle() {
	f.stages.rest()
	f.condition.open(len(f.batch.rows))
}

// taken notes that the writer has the batch.
func (f *feeder) taken(now time.Time) {
	f.condition.open(0)
	f.meter.Prepared(f.stages.end(now))
}
