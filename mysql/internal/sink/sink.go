// Package sink is the api.Sink that eKuiper's rules use as "mysql". It wires
// the other rooms together: what Collect accepts is in the queue, and a
// delivery takes it from there to the table.
package sink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/payload"
)

// closeWait is how long Close waits for the table: commands are serial for
// all rules, so a stop must not take longer.
const closeWait = 400 * time.Millisecond

// Sink is one action of one rule. Its methods are called one after the other,
// but that Close does not wait for a Collect that the disk keeps.
type Sink struct {
	outboxes *Outboxes
	config   *config.Config
	warnings []string
	outbox   atomic.Pointer[outbox] // nil before Open and after Close
	active   *active                // beside outbox
	log      api.Logger
	urgent   context.Context // done when the rule is about to stop
	hurry    context.CancelFunc
	warned   bool // that the queue made eKuiper wait
	unsynced bool // the message before is kept, but eKuiper was told otherwise
	acks     *ackMemory
	arrivals []journal.Arrival // of CollectBatch; reused
}

// New returns a sink whose rows outlive it in o.
func New(o *Outboxes) *Sink {
	urgent, hurry := context.WithCancel(context.Background())
	return &Sink{outboxes: o, urgent: urgent, hurry: hurry}
}

// Configure validates the action's properties; its error names every one that is wrong.
func (s *Sink) Configure(props map[string]any) error { return bounded(s.configure(props)) }

// maxRefusal bounds the text of a refusal, in bytes: it goes to the host and the log.
const maxRefusal = 8 << 10

func bounded(err error) error {
	if err == nil || len(err.Error()) <= maxRefusal {
		return err
	}
	text := err.Error()
	return fmt.Errorf("%s... (%d bytes more)", strings.ToValidUTF8(text[:maxRefusal], ""), len(text)-maxRefusal)
}

func (s *Sink) configure(props map[string]any) error {
	c, warnings, err := config.Parse(props)
	if err != nil {
		for _, w := range warnings { // what is missing may be there under a wrong name
			err = errors.Join(err, errors.New(w))
		}
		return err
	}
	if err := Judge(c); err != nil {
		return err
	}
	s.config, s.warnings = c, warnings
	return nil
}

// Judge tells all that is wrong with properties that config leaves to the rooms
// they are for.
func Judge(c *config.Config) error {
	_, overrides := fault.ParseOverrides(c.Errors)
	_, plan := PlanOf(c)
	_, way := RouteOf(c)
	_, columns := mappingOf(c)
	return errors.Join(overrides, plan, way, columns)
}

// Open starts delivering. It does not wait for the server, which may be down.
func (s *Sink) Open(ctx api.StreamContext) error {
	if s.config == nil {
		return errors.New("mysql sink: opened before it was configured")
	}
	s.log = ctx.GetLogger()
	for _, w := range s.warnings {
		s.log.Warnf("%s", w)
	}
	table := s.config.Table
	if s.config.TableField != "" {
		table += " or " + s.config.TableField
	}
	id := identity{ctx.GetRuleId(), ctx.GetOpId(), ctx.GetInstanceId(), s.config.Target, table}
	box, err := s.outboxes.open(id, s.config, s.log)
	if err != nil {
		return err
	}
	s.outbox.Store(box)
	s.active = s.outboxes.begin(id, s.config, s.log)
	s.acks = s.outboxes.openAckMemory(id, box.queue, s.config.RequireAck, s.log)
	s.log.Infof("writing to table %q at %s", table, s.config.Target)
	return nil
}

// Collect accepts one message into the queue. While the queue is full it
// waits until ctx is done. Then, where the rule has requireAck, nothing of the
// message is kept and the error asks eKuiper to send it again; without it,
// ctx ends only because the rule stops, and the message is kept.
func (s *Sink) Collect(ctx api.StreamContext, data any) error {
	box := s.outbox.Load()
	if box == nil {
		return errors.New("mysql sink: the rule has stopped")
	}
	message, ok := data.([]byte)
	if !ok {
		return fmt.Errorf("mysql sink: a message of type %T came, want bytes", data)
	}
	rows := payload.Count(message)
	if rows == 0 {
		return nil
	}
	if disk, ok := box.queue.(*journal.Disk); ok && s.unsynced && disk.IsLast(message) {
		err := disk.AwaitSync(ctx) // it comes again, and is kept already
		s.unsynced = err != nil
		return err
	}
	began := time.Now()
	err := s.append(ctx, box, message, rows)
	if err == nil {
		box.meter.Accepted(time.Since(began))
	}
	if s.unsynced = errors.Is(err, journal.ErrUnsynced) && s.config.RequireAck; s.unsynced {
		return err
	}
	if errors.Is(err, journal.ErrUnsynced) { // nobody would send it again
		s.warnUnsynced(1)
		return nil
	}
	if errors.Is(err, journal.ErrFull) && !s.config.RequireAck {
		err = box.queue.Force(message, rows)
	}
	if err != nil {
		return s.refusal(err)
	}
	return nil
}

// refusal says why a message is not accepted.
func (s *Sink) refusal(err error) error {
	if errors.Is(err, journal.ErrDisk) || !errors.Is(err, journal.ErrFull) {
		return fmt.Errorf("not accepted: %w", err)
	}
	return fmt.Errorf("not accepted: %w (%s), the database takes rows slower than the rule makes them, or not at all", err, s.bound())
}

// CollectBatch is Collect for messages that have come already: one write takes
// them all where there is room, and otherwise they are accepted one by one. It
// returns how many are accepted; err is about the next one.
func (s *Sink) CollectBatch(ctx api.StreamContext, messages [][]byte) (taken int, err error) {
	if box := s.outbox.Load(); box != nil && s.appendAll(ctx, box, messages) {
		return len(messages), nil
	}
	for i, m := range messages {
		if err := s.Collect(ctx, m); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

// appendAll reports whether all messages are in the queue; if not, none is.
func (s *Sink) appendAll(ctx context.Context, box *outbox, messages [][]byte) bool {
	all := s.arrivals[:0]
	for _, m := range messages {
		if rows := payload.Count(m); rows > 0 {
			all = append(all, journal.Arrival{Data: m, Rows: rows})
		}
	}
	began := time.Now()
	err := box.queue.AppendAll(ctx, all)
	if err == nil && len(all) > 0 {
		box.meter.Accepted(time.Since(began))
	}
	clear(all)
	s.arrivals = all
	if errors.Is(err, journal.ErrUnsynced) {
		s.warnUnsynced(len(messages))
		err = nil
	}
	return err == nil
}

func (s *Sink) warnUnsynced(messages int) {
	s.log.Warnf("the rule stopped before the last messages (%d) were synced: they are in the journal, but a power cut may still take them", messages)
}

// append waits for room until ctx is done or the rule is about to stop.
func (s *Sink) append(ctx context.Context, box *outbox, message []byte, rows int) error {
	if box.queue.HasRoom(len(message)) {
		return box.queue.Append(ctx, message, rows)
	}
	s.warnBlocked()
	defer box.meter.Block()()
	patient, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.urgent, cancel)
	defer stop()
	return box.queue.Append(patient, message, rows)
}

// SetUrgent ends the wait for room: the rule is about to stop.
func (s *Sink) SetUrgent() { s.hurry() }

// TooLarge counts a message that the runtime has thrown away; how many rows it
// held nobody knows.
func (s *Sink) TooLarge(int64, int64) {
	if box := s.outbox.Load(); box != nil {
		box.meter.TooLarge()
	}
}

// warnBlocked says once that eKuiper now has to wait, and what that means.
func (s *Sink) warnBlocked() {
	if s.warned {
		return
	}
	s.warned = true
	if s.config.RequireAck {
		s.log.Warnf("the queue is full (%s): messages are refused until there is room; eKuiper keeps them where the rule sets enableCache or resendInterval", s.bound())
		return
	}
	s.log.Warnf("the queue is full (%s): eKuiper has to wait, and drops rows once its own buffers are full; to keep them set requireAck with enableCache or resendInterval in the action, or raise that bound", s.bound())
}

// bound names the property that bounds the queue, and its value.
func (s *Sink) bound() string {
	if s.config.Journal {
		return fmt.Sprintf("maxJournalBytes %d", s.config.MaxJournalBytes)
	}
	return fmt.Sprintf("maxQueueBytes %d", s.config.MaxQueueBytes)
}

// Close waits up to 400 ms for the table to take what is queued, and not at
// all while the database is known to be down. What is left is written on
// after it returns.
func (s *Sink) Close(ctx api.StreamContext) error {
	box := s.outbox.Swap(nil)
	if box == nil {
		return nil
	}
	s.hurry()
	s.outboxes.stopped(s.active)
	s.acks.close()
	wait, cancel := context.WithTimeout(ctx, closeWait)
	defer cancel()
	s.outboxes.release(wait, box)
	return nil
}
