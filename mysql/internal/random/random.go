// Package random is the source `random`: rows of made-up values, at a chosen
// rate, to try rules with and to load what comes behind them.
//
// It takes every property of eKuiper's own random source and adds typed
// fields, a rate that loses nothing, an end and a repeatable seed. It imports
// nothing but the SDK's api and touches nothing outside its process.
package random

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// pauseWhenExhausted is how long the source rests after it found no row that
// deduplicate allows, so that a spent pattern costs no CPU.
const pauseWhenExhausted = 100 * time.Millisecond

// Source makes rows. Configure, Open and Close are called by the SDK's
// runtime, one after the other; a Source serves one rule.
type Source struct {
	settings *settings // nil until Configure has accepted the properties
	clock    func() time.Time
	entropy  func() uint64
}

// New returns a source that has to be configured before it is opened.
func New() api.Source { return newSource(time.Now, rand.Uint64) }

// newSource takes the clock that timestamp fields read and the entropy that
// seeds a run without randomSeed.
func newSource(clock func() time.Time, entropy func() uint64) *Source {
	return &Source{clock: clock, entropy: entropy}
}

// Configure validates props; datasource means nothing to this source. The
// error joins everything that is wrong, each with the property, its value and
// what is allowed, and leaves the source unconfigured.
func (s *Source) Configure(_ string, props map[string]interface{}) error {
	set, err := parse(props)
	if err != nil {
		s.settings = nil
		return err
	}
	s.settings = set
	return nil
}

// Open sends rows to consumer until ctx is done. After count rows it stays,
// idle, so that the rule goes on with what it has. Every Open starts afresh:
// sequences at their start, no history, the same rows for the same randomSeed.
func (s *Source) Open(ctx api.StreamContext, consumer chan<- api.SourceTuple, errCh chan<- error) {
	set := s.settings
	if set == nil {
		select {
		case errCh <- errors.New("random source: opened before it was configured"):
		case <-ctx.Done():
		}
		return
	}
	log := ctx.GetLogger()
	for _, warning := range set.warnings {
		log.Warnf("random source: %s", warning)
	}
	seed := set.seed
	if !set.seeded {
		// Within what JSON keeps exact, so that the logged number can be used.
		seed = int64(s.entropy() >> 11)
	}
	log.Infof("random source: %d fields, %s, randomSeed %d", len(set.fields), describeRate(set.rate), seed)

	r := &run{
		ctx:      ctx,
		log:      log,
		done:     ctx.Done(),
		consumer: consumer,
		rows:     newRows(set, newDraw(seed, ctx.GetInstanceId(), s.clock)),
		left:     set.count,
		endless:  set.count == 0,
	}
	if set.rate == 0 {
		r.unpaced()
	} else {
		r.paced(newPacer(set.rate))
	}
	<-r.done
}

// Close releases nothing: all that a run holds ends with Open. It may be
// called at any time and more than once.
func (s *Source) Close(api.StreamContext) error { return nil }

// run is one Open.
type run struct {
	ctx      api.StreamContext
	log      api.Logger
	done     <-chan struct{}
	consumer chan<- api.SourceTuple
	rows     *rows
	left     int64 // rows still to send, unless endless
	endless  bool
	toldSlow bool
	toldDry  bool
}

// unpaced sends as fast as the consumer takes.
func (r *run) unpaced() {
	for r.wanted() {
		if !r.send() {
			return
		}
	}
}

// paced sends each row when the pacer says that it is due.
func (r *run) paced(p *pacer) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, skipped := p.due(time.Since(start))
		if skipped > 0 && !r.toldSlow {
			r.toldSlow = true
			r.log.Warnf("random source: the host takes rows more slowly than rate asks; "+
				"rows more than %v late are not made (said once)", maxDebt)
		}
		for range due {
			if !r.wanted() || !r.send() {
				return
			}
		}
		if !r.wanted() {
			return
		}
		timer.Reset(p.wait(time.Since(start)))
		select {
		case <-timer.C:
		case <-r.done:
			return
		}
	}
}

func (r *run) wanted() bool { return r.endless || r.left > 0 }

// send makes one row and hands it over. It is false when ctx is done.
func (r *run) send() bool {
	row := r.rows.next()
	if row == nil {
		return r.dry()
	}
	select {
	case r.consumer <- api.NewDefaultSourceTuple(row, nil):
		r.left--
		return true
	case <-r.done:
		return false
	}
}

// dry waits where deduplicate leaves nothing to send. It is false when ctx is
// done.
func (r *run) dry() bool {
	if !r.toldDry {
		r.toldDry = true
		r.log.Warnf("random source: %d draws running were duplicates, so deduplicate %d may have used up what the fields can make; "+
			"rows come late or not at all (said once)", triesPerRow, r.rows.history.size)
	}
	timer := time.NewTimer(pauseWhenExhausted)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.done:
		return false
	}
}

func describeRate(rate float64) string {
	if rate == 0 {
		return "as fast as the host takes"
	}
	return fmt.Sprintf("%.6g rows/s", rate)
}
