package sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/memory"
	"ekuiper-mysql/mysql/internal/schema"
)

// Errors of Replays.Begin.
var (
	// ErrNotRunning says that no action of the rule runs whose table could take the letters.
	ErrNotRunning = errors.New("the rule does not run")
	// ErrNoLetters says that this plugin keeps no dead letters.
	ErrNoLetters = errors.New("there are no dead letters to read")
)

// errRuleStopped ends a replay whose rule stops.
var errRuleStopped = errors.New("the rule has stopped; what is not stored is still a dead letter")

const (
	// replayPatience is how long a replay waits for a table that takes nothing.
	replayPatience = 30 * time.Second
	// maxRefusals is how many refusals of a replay are remembered.
	maxRefusals = 100
)

// active is one running action, as far as a replay needs it.
type active struct {
	id     identity
	config *config.Config
	own    func(table string) bool // whether letters of a table are its own
	log    api.Logger
	ctx    context.Context // done when the rule stops
	stop   context.CancelCauseFunc
}

// begin notes that an action runs.
func (o *Outboxes) begin(id identity, c *config.Config, log api.Logger) *active {
	a := &active{id: id, config: c, own: lettersOf(c), log: log}
	a.ctx, a.stop = context.WithCancelCause(context.Background())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.active = append(o.active, a)
	return a
}

// stopped notes that an action has stopped, and ends its replay.
func (o *Outboxes) stopped(a *active) {
	a.stop(errRuleStopped)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.active = slices.DeleteFunc(o.active, func(other *active) bool { return other == a })
}

// takes tells whether letters of a table are this action's.
func (a *active) takes(op, table string) bool { return op == a.id.op && a.own(table) }

// lettersOf returns what tells whether dead letters of a table are those of an
// action with the properties c: where rows choose, the letters name the very table.
func lettersOf(c *config.Config) (own func(table string) bool) {
	name, way, err := aim(c)
	switch {
	case err != nil:
		return func(string) bool { return false }
	case way == nil:
		only := name.String()
		return func(table string) bool { return table == "" || table == only }
	}
	return func(table string) bool {
		if table == "" || table == way.String() {
			return true
		}
		chosen, err := schema.ParseName(table)
		return err == nil && way.Allows(chosen)
	}
}

// ReplayOrder says which dead letters are to go back to the table of their rule.
type ReplayOrder struct {
	Rule    string   // required
	IDs     []uint64 // none: all
	Numbers []uint16 // error numbers, 0 for reasons that are not the server's; none: all
}

// Refusal is a letter that the table has refused again.
type Refusal struct {
	ID     uint64
	Number uint16 // the server's error number, or 0
	Reason string
}

// Replaying is how far a replay is, or how it ended.
type Replaying struct {
	Order          ReplayOrder
	Running        bool
	Started, Ended time.Time
	Chosen         int // letters that matched when it began
	PassedOver     int // of them, letters of tables that the rule does not write to now
	Replayed
	Refusals []Refusal // the first 100
	Err      error     // why it ended early
}

// Replays takes dead letters back to the tables of running rules, one replay
// at a time. Its methods may be called from any goroutine.
type Replays struct {
	outboxes *Outboxes
	patience time.Duration // 0: replayPatience

	mu     sync.Mutex
	state  Replaying
	cancel context.CancelCauseFunc // nil before the first
	ended  bool                    // no other begins
	work   sync.WaitGroup
}

// Replays returns what brings dead letters back.
func (o *Outboxes) Replays() *Replays { return &o.replays }

// Letters returns the dead letters of all rules, or nil where none are kept or
// no rule has run yet.
func (o *Outboxes) Letters() *deadletter.Store {
	return o.shown.letters.Load()
}

// State returns how far the replay is that runs or ran last; it is zero before the first.
func (r *Replays) State() Replaying {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := r.state
	state.Refusals = slices.Clone(state.Refusals)
	return state
}

// Begin starts a replay and does not wait for its end. A letter goes to the
// table that the rule writes to now, with the rule's properties as they are
// now, and is removed once its row is stored. While one runs, here or in
// another process, the error is deadletter.ErrReplaying.
func (r *Replays) Begin(order ReplayOrder) error {
	r.outboxes.mu.Lock()
	store, memory := r.outboxes.Letters(), r.outboxes.batches
	var rules []*active
	for _, a := range r.outboxes.active {
		if a.id.rule == order.Rule {
			rules = append(rules, a)
		}
	}
	r.outboxes.mu.Unlock()
	switch {
	case store == nil:
		return ErrNoLetters
	case len(rules) == 0:
		return ErrNotRunning
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Running || r.ended {
		return deadletter.ErrReplaying
	}
	folder, err := r.outboxes.folder()
	if err != nil {
		return err
	}
	lock, err := deadletter.LockReplay(filepath.Join(folder, lettersFolder))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	r.state = Replaying{Order: order, Running: true, Started: time.Now()}
	p := &passage{Replays: r, letters: store, rules: rules, memory: memory, lock: lock, log: rules[0].log}
	p.log.Infof("a replay of the rule's dead letters begins")
	r.work.Go(func() { p.run(ctx) })
	return nil
}

// Stop ends the replay that runs, if one does; what is not stored is still a letter.
func (r *Replays) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel(errors.New("stopped by the operator; what is not stored is still a dead letter"))
	}
}

// close ends the replay for good and waits for its end.
func (r *Replays) close() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.Stop()
	r.work.Wait()
}

// passage is one replay. It belongs to one goroutine.
type passage struct {
	*Replays
	letters *deadletter.Store
	rules   []*active
	memory  *memory.Budget
	lock    io.Closer
	log     api.Logger
}

func (p *passage) run(ctx context.Context) {
	err := p.replay(ctx)
	p.lock.Close()            // nothing was written
	_ = p.letters.Remove(nil) // makes the room of those removed free
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel(nil)
	p.state.Running, p.state.Ended, p.state.Err = false, time.Now(), err
	s := &p.state
	outcome := "ended"
	if err != nil {
		outcome = fmt.Sprintf("ended early (%v)", err)
	}
	p.log.Infof("the replay of dead letters %s: %d stored, %d refused again, %d passed over", outcome, s.Stored, s.Refused, s.PassedOver)
}

// destination is an action and how many letters are for it.
type destination struct {
	*active
	letters int
}

func (p *passage) replay(ctx context.Context) error {
	destinations, last, err := p.survey(ctx)
	if err != nil {
		return err
	}
	var failures error
	for _, d := range destinations {
		err := p.deliver(ctx, d, last)
		if ctx.Err() != nil {
			return errors.Join(failures, context.Cause(ctx))
		}
		failures = errors.Join(failures, err)
	}
	return failures
}

// filter matches the letters that were ordered.
func (p *passage) filter() deadletter.Filter {
	order := p.State().Order
	return deadletter.Filter{Rule: order.Rule, IDs: order.IDs, Numbers: order.Numbers}
}

// survey finds out which actions the letters are for. What is set aside later
// is not taken.
func (p *passage) survey(ctx context.Context) (to []destination, last uint64, err error) {
	type origin struct{ op, table string }
	counts := map[origin]int{}
	filter := p.filter()
	filter.SkipRaw = true
	for l, err := range p.letters.Letters(filter) {
		var corrupt *deadletter.CorruptError
		switch {
		case ctx.Err() != nil:
			return nil, 0, context.Cause(ctx)
		case errors.As(err, &corrupt): // counted when they are replayed
		case err != nil:
			return nil, 0, err
		default:
			counts[origin{l.Op, l.Table}]++
			last = l.ID
		}
	}
	chosen, passedOver := 0, 0
	for from, n := range counts {
		chosen += n
		i := slices.IndexFunc(p.rules, func(a *active) bool { return a.takes(from.op, from.table) })
		if i < 0 {
			passedOver += n
			continue
		}
		d := slices.IndexFunc(to, func(d destination) bool { return d.active == p.rules[i] })
		if d < 0 {
			d, to = len(to), append(to, destination{active: p.rules[i]})
		}
		to[d].letters += n
	}
	slices.SortFunc(to, func(a, b destination) int {
		return cmp.Or(cmp.Compare(a.id.op, b.id.op), cmp.Compare(a.id.table, b.id.table))
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Chosen, p.state.PassedOver = chosen, passedOver
	return to, last, nil
}

// deliver replays the letters of one action.
func (p *passage) deliver(ctx context.Context, d destination, last uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := context.AfterFunc(d.ctx, func() { cancel(context.Cause(d.ctx)) })
	defer end()
	t := NewTarget(d.config, d.log)
	t.Patience, t.memory = cmp.Or(p.patience, replayPatience), p.memory
	check, done := context.WithTimeout(ctx, t.Patience)
	defer done()
	if err := t.Check(check); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	p.mu.Lock()
	before := p.state.Replayed
	p.mu.Unlock()
	t.progress = func(now Replayed) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.state.Stored, p.state.Refused, p.state.Damaged = before.Stored+now.Stored, before.Refused+now.Refused, max(before.Damaged, now.Damaged)
	}
	filter := p.filter()
	filter.Match = func(l *deadletter.Letter) bool { return d.takes(l.Op, l.Table) }
	now, err := t.Replay(ctx, p.letters.Reader, filter, last, p.refused)
	t.progress(now)
	return err
}

// refused remembers a letter that stays.
func (p *passage) refused(l deadletter.Letter, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	number, _ := fault.Number(reason)
	if len(p.state.Refusals) < maxRefusals {
		p.state.Refusals = append(p.state.Refusals, Refusal{l.ID, number, reason.Error()})
	}
}
