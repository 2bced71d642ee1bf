package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"sync"
	"time"
)

// Policy says what Append does when there is no room.
type Policy uint8

// The policies.
const (
	Block      Policy = iota // wait until there is, or the context ends
	DropOldest               // give up the oldest messages that were not handed out yet, whole segments at a time
	Refuse                   // return ErrFull at once
)

// Always as Options.SyncEvery syncs before Append returns.
const Always time.Duration = 0

// Logger takes what a person should know. It must not block for long.
type Logger interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Options of a journal. Dir and MaxBytes are required.
type Options struct {
	// Dir is the folder of this journal alone; it is made if need be.
	Dir string
	// Identity says whose rows these are. It is kept on disk as it is, so it
	// holds no secret; a journal of another identity is not opened.
	Identity string
	// MaxBytes bounds the segments on disk. A message that is larger is taken
	// while there is no segment. State, files kept aside and, for moments, one
	// segment being rewritten come on top.
	MaxBytes int64
	// MaxAge gives up messages that are older when they would be handed out,
	// and whole segments of them before; 0 never does. Time counts only while
	// it is known to pass: see clock.go.
	MaxAge time.Duration
	// Full is what happens when MaxBytes is reached.
	Full Policy
	// SyncEvery is how long written messages may wait for a sync: what a power
	// cut can cost, as well as at most 16 MiB. Always, or 0, syncs before
	// Append returns; then only what is synced is handed out.
	SyncEvery time.Duration
	// SegmentBytes is the size at which a new segment begins. By default it is a
	// sixteenth of MaxBytes up to 4 MiB, which Open scans in a few milliseconds,
	// and more, up to 16 MiB, only where there would be over 256 segments.
	SegmentBytes int64
	// CacheBytes is how much of what is not handed out yet is kept in memory,
	// 2 MiB by default. What is beyond comes from disk.
	CacheBytes int64
	// Budget is what this journal shares with others: its part bounds what
	// CacheBytes bounds, and what is written and not synced, which is synced
	// sooner then. Nil is as if there were no others.
	Budget Budget
	// FS is the file system, by default OS.
	FS FS
	// Log is where faults are told; nil is nowhere.
	Log Logger

	// intakeBytes is the room of the intake, by default 2 MiB where MaxBytes is
	// 64 MiB or more; negative is no intake.
	intakeBytes int64
	// clock is what rows get their age from; nil is the system's.
	clock clock
	// linger is how long a segment that was handed out is left alone, by default
	// defaultLinger; negative is not at all.
	linger time.Duration
	// watchEvery is how often the syncer looks whether the folder is still there,
	// at most: with Always every message may be a round of it. By default 100 ms;
	// negative is in every round.
	watchEvery time.Duration
}

func (o *Options) complete() error {
	if o.Dir == "" || o.MaxBytes <= 0 {
		return errors.New("journal: Dir and MaxBytes are required")
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = max(min(o.MaxBytes/16, 4<<20), min(o.MaxBytes/256, 16<<20), 4<<10)
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 2 << 20
	}
	if o.intakeBytes == 0 && o.MaxBytes >= leastIntake {
		o.intakeBytes = defaultIntake
	}
	if o.linger == 0 {
		o.linger = defaultLinger
	}
	if o.watchEvery == 0 {
		o.watchEvery = 100 * time.Millisecond
	}
	if o.clock == nil {
		o.clock = systemClock{time.Now()}
	}
	if o.Budget == nil {
		o.Budget = unbounded{}
	}
	if o.FS == nil {
		o.FS = OS
	}
	if o.Log == nil {
		o.Log = silent{}
	}
	return nil
}

// Budget bounds the memory of several journals together. Its methods may be
// called from any goroutine, and must not block.
type Budget interface {
	Use(bytes int64) // so many more are used, or fewer
	Share() int64    // how many one journal may use in all
}

type unbounded struct{}

func (unbounded) Use(int64)    {}
func (unbounded) Share() int64 { return math.MaxInt64 }

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

// ErrIdentity says that the journal in the folder belongs to something else.
var ErrIdentity = errors.New("the journal belongs to another identity")

// Disk is a queue on disk. See the package's description for what it survives.
type Disk struct {
	o         Options
	fs        FS
	log       Logger
	strict    bool // SyncEvery is Always
	id        journalID
	salt      uint32
	boot      [16]byte
	lock      io.Closer // guarded by mu
	watched   time.Time // when the syncer has looked for the folder
	report    Report
	recovery         // zero once Open returns
	unsecured bool   // what the run before has written last may not be on the disk
	replay    uint64 // messages below may have been handed out by a former run
	openedAt  uint64 // what NextRow was when Open returned

	ready    chan struct{} // one slot: something to read
	syncKick chan struct{} // one slot: something to sync
	hurry    chan struct{} // one slot: sync now
	keepKick chan struct{} // one slot: something to tidy
	stop     chan struct{} // closed by Close
	work     sync.WaitGroup

	// turn is held by whoever writes to the active segment or the intake, or replaces it.
	// It is taken before mu.
	turn   sync.Mutex
	writer writer
	intake intake // guarded by turn
	// syncTurn is held from the sync of a segment that is written to until its
	// outcome is noted: the kernel tells of a failure once, and the sync after
	// it succeeds without what the failed one has lost. It is taken before mu,
	// and after turn.
	syncTurn sync.Mutex
	// stateTurn is held by whoever syncs or replaces the state file. It is
	// taken before mu, and after turn.
	stateTurn sync.Mutex
	bare      bool // the spare file is missing; guarded by stateTurn

	note note
	ages ages

	reader reader // belongs to Next, but for what its description says

	mu          sync.Mutex
	segments    []*segment // in the order of their messages
	nextSegment uint64
	active      *segment // the last of segments but for the parts of the intake, or nil
	gathering   *batch   // takes messages until its leader has the turn
	idleBatch   *batch
	next        position // what the next message gets
	synced      position // what a power cut leaves
	readable    uint64   // messages below may be handed out
	diskBytes   int64    // of segments
	reserved    int64    // of messages on their way into a segment or the intake
	unsynced    int64    // bytes written to segments and not synced
	staged      int64    // bytes in the intake
	spared      bool     // messages had their fate in the intake, and that may not be synced
	stuck       bool     // what is in the intake could not be moved: no sync ends a round
	syncDue     bool     // the syncer knows that there is something to do
	newNames    bool     // the folder is to be synced with the next sync
	dirty       []*segment
	halted      error         // the disk failed: no writing until it is repaired
	full        error         // the last write found no room on the disk
	want        int64         // bytes that an Append had no room for; 0 if none
	ripens      time.Time     // when the next segment may be worth rewriting; zero if none is waited for
	changed     chan struct{} // made on demand, closed when waiting may be over
	round       chan struct{} // made on demand, closed by the next sync
	closed      bool          // no more messages
	finished    bool          // no more syncs
	last        []byte        // the last message; nil if it is known by its digest alone
	lastBytes   digest
	before      digest        // of the last message in a segment while there are parts of the intake; zero if it is not known
	emptied     chan struct{} // made on demand, closed when nothing is pending

	cache    []Message // cache[head:] are the next messages to hand out
	head     int
	cached   int64    // bytes in cache
	used     int64    // of the budget
	nextOut  uint64   // no message below will be handed out any more
	nextRead position // the first message beyond the cache
	hint     hint
	epoch    uint64 // grows when messages move to other segments
	reread   *time.Timer

	settled spanSet
	counts  [fates]uint64 // rows by fate
	marks   []mark        // when which rows were accepted
	state   state
	idle    *sync.Cond // on mu: state.writing has ended
	garbage []string   // files that could not be removed yet
	ghosts  []string   // segments that may come back, see layGhosts
	dropped uint64     // rows dropped and not told of yet
	dropWhy string
	toldAt  time.Time // when dropped was last told
}

// Open opens the journal in o.Dir, or makes one, and recovers what a former
// run left: damage costs the records that it hits, is logged and is told by
// Recovered. It reads the segments that have no summary: the last, and what was
// not synced before it; damage in others is told when their rows are read.
//
// Where the run before was ended by what may have been a power cut, and it
// did not sync always, or where the end of the last segment is damaged, 2^32
// numbers are passed over: some may have been given to rows that were handed
// out and are now gone.
//
// ErrLocked says that the journal is in use, ErrIdentity that it is another's.
func Open(o Options) (*Disk, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("journal: the folder %s cannot be made by %s: %w", o.Dir, who(), err)
	}
	lock, err := o.FS.Lock(filepath.Join(o.Dir, lockName))
	if err != nil {
		if errors.Is(err, ErrLocked) {
			return nil, err
		}
		return nil, fmt.Errorf("journal: the folder %s cannot be written to by %s: %w", o.Dir, who(), err)
	}
	d := &Disk{
		o: o, fs: o.FS, log: o.Log, strict: o.SyncEvery <= 0, boot: o.FS.Boot(), lock: lock,
		ready: make(chan struct{}, 1), syncKick: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		keepKick: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	d.idle = sync.NewCond(&d.mu)
	d.prepareIntake()
	if err := d.recover(); err != nil {
		if d.state.file != nil {
			_ = d.state.file.Close()
		}
		_ = lock.Close()
		return nil, fmt.Errorf("journal %s: %w", o.Dir, err)
	}
	signal(d.keepKick)
	signal(d.ready)
	if d.firstPart() < len(d.segments) {
		signal(d.syncKick)
	}
	d.work.Go(d.syncLoop)
	d.work.Go(d.keepLoop)
	return d, nil
}

// Recovered tells what Open found.
func (d *Disk) Recovered() Report { return d.report }

// ID names the journal: made at random when it was created, kept for its life.
// A journal that was lost and made anew has another.
func (d *Disk) ID() [16]byte { return d.id }

// Watermark returns the lowest row number that has no fate yet: all rows below
// have theirs. Numbers that no row ever had count as having one. Where nothing
// is pending it is NextRow. It never goes back while the journal is open; a
// power cut can set it back to what the last sync covered.
func (d *Disk) Watermark() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settled.watermark()
}

// NextRow returns the number that the next accepted row gets. It never goes
// back, not over a power cut either, of what was ever handed out.
func (d *Disk) NextRow() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next.row
}

// OpenedAt returns what NextRow was when Open returned: rows below were
// accepted by a former run, all others by this one.
func (d *Disk) OpenedAt() uint64 { return d.openedAt }

// Unread tells whether there are messages that Next has not handed out, also
// where the disk does not give them for the moment.
func (d *Disk) Unread() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.head < len(d.cache) || d.nextRead.record < d.next.record
}

// HasRoom implements Queue.
func (d *Disk) HasRoom(size int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.halted == nil && d.full == nil && d.fits(recordHead+int64(size))
}

// fits tells whether size bytes are within the bounds. mu is held.
func (d *Disk) fits(size int64) bool {
	used := d.diskBytes + d.reserved
	return (used == 0 || used+size+segmentHead+summarySize <= d.o.MaxBytes) && (d.unsynced == 0 || d.unsynced+size <= maxUnsynced)
}

// IsLast implements Queue.
func (d *Disk) IsLast(data []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		return string(d.last) == string(data)
	}
	return d.lastBytes == digestOf(data)
}

// Ready implements Queue.
func (d *Disk) Ready() <-chan struct{} { return d.ready }

// pending returns how many rows have no fate. mu is held.
func (d *Disk) pending() uint64 {
	n := d.next.row
	for _, c := range d.counts {
		n -= c
	}
	return n
}

// Counts implements Queue.
func (d *Disk) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := Counts{
		Received: d.next.row - d.counts[void],
		Stored:   d.counts[Stored], Superseded: d.counts[Superseded], SetAside: d.counts[SetAside],
		Dropped: d.counts[Dropped], Lost: d.counts[lost], Pending: d.pending(), DiskBytes: d.diskBytes,
	}
	if c.Pending == 0 {
		return c
	}
	for _, s := range d.segments {
		c.PendingBytes += s.live()
	}
	c.OldestPending = d.oldest()
	return c
}

// Empty implements Queue.
func (d *Disk) Empty() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending() == 0 {
		return closed
	}
	if d.emptied == nil {
		d.emptied = make(chan struct{})
	}
	return d.emptied
}

// Sync makes durable, against power cuts too, what is written and settled so
// far. It waits for the disk, until ctx is done at most.
func (d *Disk) Sync(ctx context.Context) error {
	if err := d.AwaitSync(ctx); err != nil {
		return err
	}
	return d.syncState()
}

// AwaitSync waits until what is written so far is synced, until ctx is done at
// most: then it returns ErrUnsynced.
func (d *Disk) AwaitSync(ctx context.Context) error {
	d.mu.Lock()
	end := d.next.record
	d.mu.Unlock()
	return d.awaitSync(ctx, end)
}

// Close implements Queue. What is written is synced; an error says that this
// failed, and that a power cut may still cost it.
func (d *Disk) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		d.work.Wait()
		return nil
	}
	d.closed = true
	close(d.stop)
	d.wake()
	d.mu.Unlock()
	d.work.Wait()
	if d.Counts().Pending > 0 && d.isAdrift() {
		_ = d.repair() // an error is told, and that of the sync below
	}
	d.turn.Lock() // no write is on its way after this
	defer d.turn.Unlock()
	var unmoved error
	if d.unstage(time.Time{}) != nil { // a full disk: what is in the intake stays there
		unmoved = d.syncIntake()
	}
	err := errors.Join(d.syncOnce(), unmoved)
	d.closeIntake(err == nil)
	if err == nil {
		last := d.lastWritten()
		d.mu.Lock()
		d.seal(last)
		d.mu.Unlock()
		d.summarise()
	}
	if e := d.closeState(err == nil && !d.unsecured); err == nil {
		err = e
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finished = true
	d.o.Budget.Use(-d.used)
	d.used = 0
	d.endRound()
	if d.reread != nil {
		d.reread.Stop()
	}
	for _, s := range append(d.segments, d.reader.segment) { // which may be in the list no more
		if s != nil && s.file != nil {
			_ = s.file.Close()
			s.file = nil
		}
	}
	if e := d.lock.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("journal %s: closing: %w", d.o.Dir, err)
	}
	return nil
}
