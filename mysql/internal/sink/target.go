package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/memory"
	"ekuiper-mysql/mysql/internal/metrics"
	"ekuiper-mysql/mysql/internal/schema"
)

// ErrStalled says that the table has taken no row for as long as was allowed.
var ErrStalled = errors.New("the table takes no rows")

// Target is a table that a person names, for rows that no rule delivers. They
// go there by the way of a rule's rows: the same conversion, batches and
// judgement of errors.
type Target struct {
	config *config.Config
	log    api.Logger
	// Patience is how long no row may move before it is given up; 0 is for ever.
	Patience time.Duration

	memory   *memory.Budget // shared with the rules; nil: with nobody
	progress func(Replayed) // told of a replay as it goes on; may be nil
}

// NewTarget returns the target that c describes. What a rule would log goes to log.
func NewTarget(c *config.Config, log api.Logger) *Target { return &Target{config: c, log: log} }

// String names the table and its server, and no secret.
func (t *Target) String() string { return fmt.Sprintf("%s at %s", t.config.Table, t.config.Target) }

// Check connects and reads the table's columns, once: a mistake in the address
// is then an error and not something to wait for. A table that is to be made
// may be missing.
func (t *Target) Check(ctx context.Context) error {
	options, db, err := connectLazily(t.config, nil, t.log)
	if err != nil {
		return err
	}
	defer db.Close()
	if options.Route != nil {
		if err := db.PingContext(ctx); err != nil {
			return fmt.Errorf("%v: %w", t, err)
		}
		return nil
	}
	table, err := schema.Load(ctx, db, options.Table)
	if errors.Is(err, schema.ErrNoTable) && options.Design.Create == design.On {
		return nil
	}
	if err == nil {
		err = options.Manner.Check(ctx, db, table)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	return nil
}

// transfer delivers from q until empty is closed. It ends early, with an
// error, when ctx is done or nothing has moved for as long as Patience says;
// what is not settled then stays in the queue, and may be stored unless there
// is a ledger, which may be nil. strict is the manner's: rows do not come in
// the order in which they came first.
func (t *Target) transfer(ctx context.Context, q delivery.Queue, letters delivery.DeadLetters, ledger *delivery.Ledger, origin delivery.Origins, strict bool, empty <-chan struct{}) error {
	options, db, err := connectLazily(t.config, nil, t.log)
	if err != nil {
		return err
	}
	options.Ledger, options.Origin = ledger, origin
	if t.memory != nil {
		options.Memory = t.memory
	}
	if options.Manner != nil {
		options.Manner.Strict = strict
	}
	moved := &movement{Queue: q, moved: make(chan struct{}, 1)}
	d := newCarrier(options, db, moved, letters, &metrics.Rule{}, t.log, &delivery.Health{})
	d.Start()
	err = t.await(ctx, moved.moved, empty)
	if e := d.Stop(); e != nil {
		t.log.Debugf("closing the connections: %v", e)
	}
	return err
}

func (t *Target) await(ctx context.Context, moved, empty <-chan struct{}) error {
	var stalled <-chan time.Time
	var patience *time.Timer
	if t.Patience > 0 {
		patience = time.NewTimer(t.Patience)
		defer patience.Stop()
		stalled = patience.C
	}
	for {
		select {
		case <-empty:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stalled:
			return fmt.Errorf("%w: none in %v: %v", ErrStalled, t.Patience, t)
		case <-moved:
			if patience != nil {
				patience.Reset(t.Patience)
			}
		}
	}
}

// movement is a queue that tells when a row is settled.
type movement struct {
	delivery.Queue
	moved chan struct{} // one slot
}

func (m *movement) Settle(fate delivery.Fate, from, to uint64) {
	m.Queue.Settle(fate, from, to)
	select {
	case m.moved <- struct{}{}:
	default:
	}
}
