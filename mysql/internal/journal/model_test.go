package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// model knows what was promised.
type model struct {
	t     *testing.T
	rng   *rand.Rand
	power bool // some lives end by power cuts
	mixed bool // and some by kills
	fs    *simFS
	o     Options
	log   *lines
	tally

	mu     sync.Mutex
	sent   map[string]*sent
	byRow  map[uint64]*sent // every row ever handed out
	last   *sent            // appended last, if that is certain
	out    []Message        // handed out in this life and not settled
	orders int
}

func newModel(t *testing.T, seed uint64, e ends) *model {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := &model{
		t: t, rng: rng, power: e != kills, mixed: e == both, fs: newSimFS(rand.New(rand.NewPCG(seed, 8))), log: &lines{}, // the journal's goroutines use its own
		sent: map[string]*sent{}, byRow: map[uint64]*sent{},
	}
	m.o = Options{
		Dir: "j", Identity: "sim", FS: m.fs, Log: m.log, MaxBytes: 1 << 20, SegmentBytes: int64(300 + rng.IntN(4000)),
		CacheBytes: int64(rng.IntN(3000)),
	}
	if rng.IntN(3) > 0 {
		m.o.SyncEvery = time.Second
		m.o.intakeBytes = int64(rng.IntN(3) * (intakeSlots*(slotHead+recordHead) + rng.IntN(4000)))
	}
	m.o.linger = []time.Duration{-1, defaultLinger}[rng.IntN(2)] // without it segments are rewritten far more often
	return m
}

// round lives a few times, and then looks at everything.
func (m *model) round() {
	for range 1 + m.rng.IntN(4) {
		m.live()
	}
	m.fs.Restart(false)
	budget := m.newBudget()
	d, err := Open(m.o)
	if err != nil {
		m.fail("opening at the end: %v", err)
	}
	defer m.leave(d)
	m.readAll(d)
	m.checkKept()
	m.checkCounts(d)
	m.settleAll(d)
	<-d.Empty()
	if err := d.Close(); err != nil {
		m.fail("closing at the end: %v", err)
	}
	if n := budget.used.Load(); n != 0 {
		m.fail("%d bytes of the budget are still in use", n)
	}
	m.checkFiles()
}

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf(format+"\nlog:\n%s", append(args, strings.Join(m.log.all, "\n"))...)
}

// live opens the journal, works with it and ends it in one of all ways.
func (m *model) live() {
	m.lives++
	if m.rng.IntN(3) > 0 {
		m.fs.Fuse(1 + m.rng.IntN(400))
	}
	m.out = nil
	m.newBudget()
	d, err := Open(m.o)
	if err == nil {
		defer m.leave(d)
		m.checkLast(d)
		m.work(d)
		if !m.fs.IsDead() && m.rng.IntN(2) == 0 {
			if d.Close() == nil && !m.fs.IsDead() {
				m.keepAll()
			}
		} else {
			m.synced(d)
			crash(d)
		}
	} else if !m.fs.IsDead() {
		m.fail("open: %v", err)
	}
	if !m.power { // what was written stays; a fate may not have been
		for _, s := range m.sent {
			s.safe = s.safe || s.accepted
		}
	}
	m.doubtAll()
	m.fs.Restart(m.power && !(m.mixed && m.rng.IntN(2) == 0))
	m.log.add("model", "restart")
}

// newBudget lets the journal that is opened next share its memory with others.
func (m *model) newBudget() *moody {
	b := &moody{}
	m.o.Budget = b
	return b
}

// leave ends d if the test has failed with it open.
func (m *model) leave(d *Disk) {
	if m.t.Failed() {
		crash(d)
	}
}

// keepAll notes that all that was written or settled must come back.
func (m *model) keepAll() {
	for _, s := range m.sent {
		s.safe = s.safe || s.accepted && !s.doubt
	}
	m.keepFates()
}

func (m *model) keepFates() {
	for _, s := range m.sent {
		for i, f := range s.fates {
			s.kept[i] = f != noFate && !s.doubts[i]
		}
	}
}

// doubtAll notes that a power cut may have taken what was not kept.
func (m *model) doubtAll() {
	for _, s := range m.sent {
		s.doubt = !s.safe
		for i, f := range s.fates {
			s.doubts[i] = f != noFate && !s.kept[i]
		}
	}
}

// work does this and that until the file system dies, or for a while.
func (m *model) work(d *Disk) {
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	dead := m.fs.Dead()
	var watch sync.WaitGroup
	watch.Go(func() { // a dead disk does not answer: nobody waits for it
		select {
		case <-dead:
			cancel()
		case <-ctx.Done():
		}
	})
	for range m.rng.IntN(120) {
		if m.fs.IsDead() {
			break
		}
		switch n := m.rng.IntN(100); {
		case n < 45:
			m.append(ctx, d)
		case n < 50:
			m.appendMany(ctx, d)
		case n < 57:
			m.appendAll(ctx, d)
		case n < 77:
			m.take(d)
		case n < 93:
			m.settle(d)
		case n < 95:
			m.synced(d)
		case n < 96:
			time.Sleep(time.Duration(m.rng.IntN(3000)) * time.Millisecond) // of the bubble
		case n < 98:
			m.fs.BadSyncs(m.rng.IntN(2) * 300)
		default:
			m.fillDisk()
		}
	}
	m.fs.Space(-1)
	m.fs.BadSyncs(0)
	cancel()
	watch.Wait()
}

func (m *model) fillDisk() {
	if m.fs.IsLimited() {
		m.fs.Space(-1)
	} else {
		m.fs.Space(int64(m.rng.IntN(2000)))
	}
}

func (m *model) newMessage() *sent {
	m.orders++
	s := &sent{text: fmt.Sprintf("%d-%0*d", m.orders, m.rng.IntN(300), 0), rows: 1 + m.rng.IntN(4), order: m.orders}
	for range s.rows {
		s.fates, s.kept, s.doubts = append(s.fates, noFate), append(s.kept, false), append(s.doubts, false)
	}
	m.sent[s.text] = s
	m.messages++
	return s
}

// append sends one message. It does not wait long on a full disk.
func (m *model) append(ctx context.Context, d *Disk) {
	s := m.newMessage()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	m.sendOne(ctx, d, s)
	if s.accepted {
		m.last = s
	} else {
		m.last = nil
	}
}

func (m *model) sendOne(ctx context.Context, d *Disk, s *sent) {
	err := d.Append(ctx, []byte(s.text), s.rows)
	dead := m.fs.IsDead()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log.add("model", "append %q, %d rows: %v", s.text, s.rows, err)
	s.accepted = err == nil
	s.safe = s.accepted && d.strict
	if err != nil && !dead && !errors.Is(err, ErrFull) && !errors.Is(err, ErrUnsynced) {
		m.t.Errorf("append: %v", err)
	}
}

// appendMany sends from several goroutines at a time.
func (m *model) appendMany(ctx context.Context, d *Disk) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var wait sync.WaitGroup
	for range 2 + m.rng.IntN(3) {
		s := m.newMessage()
		wait.Go(func() { m.sendOne(ctx, d, s) })
	}
	wait.Wait()
	m.last = nil
}

// appendAll sends several messages at once.
func (m *model) appendAll(ctx context.Context, d *Disk) {
	var all []Arrival
	var batch []*sent
	for range 1 + m.rng.IntN(6) {
		s := m.newMessage()
		batch = append(batch, s)
		all = append(all, Arrival{[]byte(s.text), s.rows})
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err := d.AppendAll(ctx, all)
	dead := m.fs.IsDead()
	m.log.add("model", "append %d messages up to %q: %v", len(batch), batch[len(batch)-1].text, err)
	if err != nil && !dead && !errors.Is(err, ErrFull) && !errors.Is(err, ErrUnsynced) {
		m.t.Errorf("append all: %v", err)
	}
	m.last = nil
	for _, s := range batch {
		s.accepted = err == nil
		if s.safe = s.accepted && d.strict; s.accepted {
			m.last = s
		}
	}
}

// take reads some messages and checks each against what was sent.
func (m *model) take(d *Disk) {
	for range m.rng.IntN(8) {
		msg, ok := d.Next()
		if !ok {
			return
		}
		m.check(msg)
		m.out = append(m.out, msg)
	}
}

func (m *model) check(msg Message) {
	s := m.sent[string(msg.Data)]
	m.log.add("model", "next %d row %d %q %v", msg.Record, msg.First, msg.Data, msg.settled)
	if s == nil || s.rows != msg.Rows {
		m.fail("a message that nobody sent: %d %q with %d rows", msg.Record, msg.Data, msg.Rows)
	}
	if n := len(m.out); n > 0 && (m.out[n-1].Record >= msg.Record || m.out[n-1].First >= msg.First) {
		m.fail("message %d, row %d after %d, row %d", msg.Record, msg.First, m.out[n-1].Record, m.out[n-1].First)
	}
	for i := range msg.Rows {
		row := msg.First + uint64(i)
		if before := m.byRow[row]; before != nil && before != s {
			m.fail("row %d is of %q, and was of %q", row, s.text, before.text)
		}
		m.byRow[row] = s
		m.rows++
		if s.kept[i] && !msg.Settled(i) {
			m.fail("row %d of %q comes again, although its fate %d was kept", i, s.text, s.fates[i])
		}
		if msg.Settled(i) && s.fates[i] == noFate {
			m.fail("row %d of %q is settled, although nobody did that", i, s.text)
		}
		if s.fates[i] != noFate && !msg.Settled(i) {
			m.again++
			s.fates[i], s.doubts[i] = noFate, false // forgotten
		}
	}
	if s.known && s.first != msg.First {
		m.fail("%q has row %d, and had %d", s.text, msg.First, s.first)
	}
	s.first, s.known, s.doubt = msg.First, true, false
}

// settle gives some rows that are out their fate.
func (m *model) settle(d *Disk) {
	if len(m.out) == 0 {
		return
	}
	fate := Fate(m.rng.IntN(4))
	var spans []Span
	for range 1 + m.rng.IntN(4) {
		i := m.rng.IntN(len(m.out))
		msg := m.out[i]
		if m.rng.IntN(3) == 0 {
			i = 0 // the oldest, so that segments become free
			msg = m.out[0]
		}
		s := m.sent[string(msg.Data)]
		for r := range msg.Rows {
			if s.fates[r] == noFate && m.rng.IntN(5) > 0 {
				s.fates[r] = fate
				spans = append(spans, Span{msg.First + uint64(r), msg.First + uint64(r) + 1})
			}
		}
	}
	d.Settle(fate, spans...)
	m.log.add("model", "settle %d %v", fate, spans)
	kept := m.out[:0]
	for i, msg := range m.out {
		s := m.sent[string(msg.Data)]
		done := true
		for _, f := range s.fates {
			done = done && f != noFate
		}
		if !done || i == len(m.out)-1 { // the last one is for the order's check
			kept = append(kept, msg)
		}
	}
	m.out = kept
	if m.fs.IsDead() {
		return
	}
	if !m.power && d.hasWrittenFates() {
		m.keepFates()
	}
}

// hasWrittenFates tells whether every fate is in the file. Settle may return
// while another goroutine is about to write them, or has taken them to do so:
// a kill in that write takes them.
func (d *Disk) hasWrittenFates() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.state.stale && !d.state.writing && len(d.state.entries) == 0
}

// synced asks for durability: what is accepted and settled then is safe.
func (m *model) synced(d *Disk) {
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Second)
	defer cancel()
	if d.Sync(ctx) == nil {
		m.keepAll()
	}
}

// checkLast checks that a resend of the last message is recognised.
func (m *model) checkLast(d *Disk) {
	// A disk that fails while the journal is opened makes it forget.
	if m.last != nil && m.last.safe && !m.fs.IsDead() && !d.IsLast([]byte(m.last.text)) {
		m.fail("%q is not known as the last message", m.last.text)
	}
	if d.IsLast([]byte("another")) {
		m.fail("another message passes for the last")
	}
}

func (m *model) readAll(d *Disk) {
	m.out = nil
	for {
		msg, ok := d.Next()
		if !ok {
			return
		}
		m.check(msg)
		m.out = append(m.out, msg)
	}
}

// checkKept checks that every safe message is there, or has its fate.
func (m *model) checkKept() {
	pending := map[string]bool{}
	for _, msg := range m.out {
		pending[string(msg.Data)] = true
	}
	for _, s := range m.sent {
		if s.safe {
			m.safe++
		}
		if pending[s.text] {
			m.back++
			continue
		}
		for i, f := range s.fates {
			if f == noFate && s.safe {
				m.fail("row %d of %q was accepted for good and is gone", i, s.text)
			}
		}
		m.gone++
	}
}

// checkCounts checks the sums against the model.
func (m *model) checkCounts(d *Disk) {
	c := d.Counts()
	if c.Received != c.Stored+c.Superseded+c.SetAside+c.Dropped+c.Lost+c.Pending {
		m.fail("the sums are wrong: %+v", c)
	}
	pending, most := uint64(0), [4]uint64{}
	for _, msg := range m.out {
		for i := range msg.Rows {
			if !msg.Settled(i) {
				pending++
			}
		}
	}
	if c.Pending != pending {
		m.fail("%d rows pending, %d came", c.Pending, pending)
	}
	for _, s := range m.sent {
		for _, f := range s.fates {
			if f != noFate {
				most[f]++
			}
		}
	}
	got := [4]uint64{c.Stored, c.Superseded, c.SetAside, c.Dropped}
	if !m.power && got != most {
		m.fail("fates %v, want %v", got, most)
	}
	if !m.power && c.Lost > 0 {
		m.fail("%d rows lost without a power cut", c.Lost)
	}
}

func (m *model) settleAll(d *Disk) {
	for _, msg := range m.out {
		d.Settle(Stored, one(msg))
	}
}

// checkFiles copies some of the journals to the disk and has them inspected.
func (m *model) checkFiles() {
	if m.rng.IntN(10) > 0 {
		return
	}
	dir := m.t.TempDir()
	for name, data := range m.fs.Files() {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	c := Counted(m.t, dir)
	if c.Pending != 0 || c.Received != c.Stored+c.Superseded+c.SetAside+c.Dropped+c.Lost {
		m.fail("files: %+v", c)
	}
}
