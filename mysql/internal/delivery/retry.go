package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/schema"
)

const (
	firstPause    = 50 * time.Millisecond
	maxPause      = 5 * time.Second
	operatorPause = 30 * time.Second       // the longest pause where a person must act
	electionPause = 400 * time.Millisecond // ... where a cluster may find another primary
	electedWithin = time.Minute            // for so long; after that it is an outage like any other
	remindEvery   = time.Minute            // how often a lasting trouble is logged again
	patientFor    = 10 * time.Second       // how long conflicts with other transactions are nothing to log
)

// retry paces the attempts at one thing and says in the log when trouble
// begins, changes, lasts and ends: not once per attempt.
type retry struct {
	d        *Delivery
	doing    string
	attempts int
	since    time.Time
	logged   time.Time
	last     trouble
	hastened <-chan struct{} // of before the attempt: the setup may change during it
}

// trouble is what makes an error another one: not its text, which may name a
// port that is new with each attempt.
type trouble struct {
	class  fault.Class
	number uint16
}

func newRetry(d *Delivery, doing string) *retry {
	return &retry{d: d, doing: doing, hastened: d.hasten()}
}

// wait notes err and pauses, longer each time and with jitter so that a fleet
// of boxes does not return in step; not at all where the setup has changed, of
// which err tells nothing. It returns an error when ctx is done.
func (r *retry) wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errStopped
	}
	class := r.d.classify(err)
	if errors.Is(err, schema.ErrNoTable) {
		class = fault.Operator
	}
	r.d.meter.Retried(class.String())
	hastened := r.hastened
	r.hastened = r.d.hasten()
	select {
	case <-hastened:
		return nil
	default:
	}
	if r.attempts == 0 {
		r.since = time.Now()
	}
	r.attempts++
	if !fault.Usable(err) {
		r.d.setup.Load().dropIdle()
	}
	limit := maxPause
	r.d.condition.failed(err, class, r.attempts, r.since)
	if isOfTable(err) && (!fault.IsConflict(err) || time.Since(r.since) >= patientFor) {
		r.d.ill.Store(true)
	}
	mend := class == fault.Operator || class == fault.SchemaChanged
	r.d.stuck.Store(mend)
	switch {
	case mend:
		limit = operatorPause
		advice := "this needs mending at the server or in the rule; rows wait, trying again by itself"
		if errors.Is(err, schema.ErrNoTable) {
			advice = "create it, grant the rule's user what it needs, set autoCreate to true, or correct the property table: " + advice
		}
		r.report(err, advice)
	case fault.IsConflict(err) && time.Since(r.since) < patientFor:
		r.d.log.Debugf("%s %s: %v; trying again", r.doing, r.d.target(), err)
	default:
		if !fault.IsConflict(err) {
			r.d.health.down()
		}
		if r.d.setup.Load().options.Several && time.Since(r.since) < electedWithin {
			limit = electionPause
		}
		r.report(err, "trying again by itself, rows wait")
	}
	timer := time.NewTimer(pause(r.attempts, limit))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errStopped
	case <-r.hastened:
		r.hastened = r.d.hasten()
	case <-timer.C:
	}
	return nil
}

// isOfTable tells whether err is about one table: others may be well.
func isOfTable(err error) bool {
	if errors.Is(err, schema.ErrNoTable) || errors.As(err, new(*mendError)) || fault.IsConflict(err) {
		return true
	}
	number, _ := fault.Number(err)
	switch number {
	case 1036, 1100, 1142, 1143, 1146, 1194, 1195, 1205, 1347, 1442, 1471, 1932:
		return true
	}
	return false
}

func (r *retry) report(err error, advice string) {
	now := time.Now()
	t := trouble{class: r.d.classify(err)}
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		t.number = server.Number
	}
	if t == r.last && now.Sub(r.logged) < remindEvery {
		return
	}
	r.last, r.logged = t, now
	r.d.log.Warnf("%s %s failed, attempt %d in %v: %v; %s", r.doing, r.d.target(), r.attempts, now.Sub(r.since).Round(time.Millisecond), err, advice)
}

// healed says that what was tried has worked.
func (r *retry) healed() {
	if r.attempts > 0 && r.last != (trouble{}) {
		r.d.log.Infof("%s %s works again after %d attempts in %v", r.doing, r.d.target(), r.attempts, time.Since(r.since).Round(time.Millisecond))
	}
	r.d.stuck.Store(false)
	r.d.ill.Store(false)
	r.d.condition.healed()
	*r = *newRetry(r.d, r.doing)
}

// pause doubles from firstPause to limit and takes half of it at random.
func pause(attempt int, limit time.Duration) time.Duration {
	p := limit
	if attempt < 20 {
		p = min(limit, firstPause<<(attempt-1))
	}
	return p/2 + rand.N(p/2+1)
}
