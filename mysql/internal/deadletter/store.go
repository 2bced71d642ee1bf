package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"
)

// Errors of Put. Nothing was kept.
var (
	// ErrFull says that there was no room in time.
	ErrFull = errors.New("the dead letters are full")
	// ErrTooLarge says that the letter is larger than all the room there is.
	ErrTooLarge = errors.New("the row is larger than the dead letters may be")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("the dead letters are closed")
)

// Policy says what becomes of a letter for which there is no room.
type Policy uint8

// The policies.
const (
	DropOldest Policy = iota // the oldest letters go, counted and logged
	Block                    // Put waits until letters are removed
)

// Options are a Store's. Dir is required.
type Options struct {
	Dir          string
	MaxBytes     int64 // of all letters on disk, 0: 256 MiB, at least 128 KiB; the list of removals comes on top
	SegmentBytes int64 // of one file, 0: an eighth of MaxBytes, 64 KiB to 32 MiB; a letter is never split
	Full         Policy
	// FsyncEvery bounds what a power cut can cost: 0 and Put returns after the
	// fsync, which concurrent Puts share; above 0 the fsync follows that much
	// later; below 0 the operating system writes when it likes. A SIGKILL
	// costs nothing either way.
	FsyncEvery time.Duration
	FS         FS     // nil: the operating system's
	Logger     Logger // nil: silent
}

const (
	defaultMaxBytes = 256 << 20
	leastMaxBytes   = 128 << 10
	// tidyEvery is how often removals by other processes are looked for while
	// nothing waits for room.
	tidyEvery = time.Minute
	// roomCheck is how often they are while something does.
	roomCheck = time.Second
)

func (o *Options) normalise() {
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.MaxBytes = max(o.MaxBytes, leastMaxBytes)
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = min(max(o.MaxBytes/maxSegments, minSegment), largeSegment)
	}
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.Logger == nil {
		o.Logger = silent{}
	}
}

type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}

// Store writes letters into a folder. Any goroutine may use it.
type Store struct {
	*Reader
	options Options
	lock    io.Closer // the writer's, until it has ended
	writer  *writer

	requests chan *request
	tidy     chan struct{} // one slot: somebody wants removals looked for
	stop     chan struct{}
	done     chan struct{} // closed when the writer's goroutine has ended
	closing  sync.Once
	closeErr error

	mu      sync.Mutex
	disk    int64         // bytes of all segments
	coming  int64         // bytes of letters on their way there
	wanted  int64         // bytes that the largest waiting letter needs
	room    chan struct{} // closed when there may be more room
	dropped uint64
	held    uint64
	recall  recall

	reading sync.Mutex // held by who reads letters for Has
}

// request is a letter on its way to the writer.
type request struct {
	place     Place
	meta, raw []byte
	result    chan error
}

// size is the frame's, in bytes.
func (r *request) size() int64 { return frameHead + int64(len(r.meta)) + int64(len(r.raw)) }

// Stats are a store's figures at one moment.
type Stats struct {
	Letters uint64 // held, damaged ones included, as of the last look at what other processes removed
	Bytes   int64  // on disk
	Limit   int64  // that Bytes may be
	Dropped uint64 // letters given up by DropOldest since Open
}

// Open opens the folder, making it if need be, and recovers from whatever
// ended its last writer: a torn end is cut off and kept aside. While another
// process has it open the error is ErrLocked.
func Open(o Options) (*Store, error) {
	o.normalise()
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("open the dead letters: %w", err)
	}
	lock, err := o.FS.Lock(filepath.Join(o.Dir, lockName), false)
	if err != nil {
		return nil, fmt.Errorf("open the dead letters in %s: %w", o.Dir, err)
	}
	s := &Store{
		Reader: NewReader(o.Dir, o.FS), options: o, lock: lock,
		requests: make(chan *request, 256), tidy: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		room: make(chan struct{}),
	}
	if s.writer, err = openWriter(s, 1); err != nil {
		return nil, errors.Join(fmt.Errorf("open the dead letters in %s: %w", o.Dir, err), lock.Close())
	}
	go s.run()
	return s, nil
}

// Put keeps l, with an id of its own and, where it has none, the time. When it
// returns nil a SIGKILL cannot undo it, nor, where FsyncEvery is 0, a power
// cut. On any error nothing of l counts as kept, and trying again is right
// unless it is ErrTooLarge or ErrClosed. While there is no room it waits,
// under Block until ctx is done and then returns ErrFull.
func (s *Store) Put(ctx context.Context, l Letter) error {
	kept, err := s.Submit(ctx, l)
	if err != nil {
		return err
	}
	return kept()
}

// Submit is the first half of Put: it waits for room. Letters that are
// submitted one after the other are kept in that order and wait for the disk
// together. kept is the other half and waits until l is kept, or cannot be.
func (s *Store) Submit(ctx context.Context, l Letter) (kept func() error, err error) {
	l.normalise(time.Now)
	if len(l.Raw) > maxRaw {
		return nil, ErrTooLarge
	}
	r := &request{l.Place, appendMeta(nil, &l), l.Raw, make(chan error, 1)}
	if r.size()+2*fileHead > s.options.MaxBytes { // as reserve counts, in a folder without letters
		return nil, fmt.Errorf("%w: %d bytes, the bound is %d", ErrTooLarge, r.size(), s.options.MaxBytes)
	}
	if err := s.reserve(ctx, r.size()); err != nil {
		return nil, err
	}
	select {
	case s.requests <- r:
	case <-s.done:
		return nil, ErrClosed
	}
	return func() error { return s.await(r) }, nil
}

func (s *Store) await(r *request) error {
	select {
	case err := <-r.result:
		return err
	case <-s.done:
	}
	select { // the writer may have answered just before it ended
	case err := <-r.result:
		return err
	default:
		return ErrClosed
	}
}

// reserve takes n bytes of the bound, waiting for room.
func (s *Store) reserve(ctx context.Context, n int64) error {
	var check *time.Ticker
	for {
		s.mu.Lock()
		// A new segment's head may have to fit as well.
		if s.disk+s.coming+n+fileHead <= s.options.MaxBytes {
			s.coming += n
			s.mu.Unlock()
			return nil
		}
		s.wanted = max(s.wanted, n)
		room := s.room
		s.mu.Unlock()
		s.lookSoon()
		if check == nil {
			check = time.NewTicker(roomCheck)
			defer check.Stop()
		}
		select {
		case <-room:
		case <-check.C: // another process may have removed some
		case <-ctx.Done():
			return fmt.Errorf("%w: %d bytes", ErrFull, s.options.MaxBytes)
		case <-s.stop:
			return ErrClosed
		}
	}
}

// Remove takes letters out, by id, and makes their space free.
func (s *Store) Remove(ids []uint64) error {
	if err := s.Reader.Remove(ids); err != nil {
		return err
	}
	s.lookSoon()
	return nil
}

// lookSoon has removals looked for without waiting for it.
func (s *Store) lookSoon() {
	select {
	case s.tidy <- struct{}{}:
	default:
	}
}

// Stats returns the figures. Letters that another process has removed, as the
// command line does, may still be counted: who asks has them looked for, so
// that the next figures are right.
func (s *Store) Stats() Stats {
	s.lookSoon()
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Letters: s.held, Bytes: s.disk, Limit: s.options.MaxBytes, Dropped: s.dropped}
}

// Close makes everything put durable and lets go of the folder. Puts in flight
// return ErrClosed unless they were written. It is safe twice.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.stop)
		<-s.done
		s.closeErr = errors.Join(s.writer.close(), s.lock.Close())
	})
	return s.closeErr
}

// run owns the writer.
func (s *Store) run() {
	defer close(s.done)
	w := s.writer
	var sync <-chan time.Time
	if s.options.FsyncEvery > 0 {
		t := time.NewTicker(s.options.FsyncEvery)
		defer t.Stop()
		sync = t.C
	}
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	w.tidy()
	for {
		select {
		case r := <-s.requests:
			w.write(s.gather(r))
		case <-s.tidy:
			w.tidy()
		case <-tidy.C:
			w.tidy()
		case <-sync:
			w.sync()
		case <-s.stop:
			return
		}
	}
}

// Bounds on the letters of one write.
const (
	maxGathered = 1024
	maxGather   = 1 << 20 // bytes
)

// gather returns r and what waits behind it, to share a write and an fsync.
func (s *Store) gather(r *request) []*request {
	all := []*request{r}
	for size := r.size(); len(all) < maxGathered && size < maxGather; {
		select {
		case r := <-s.requests:
			all = append(all, r)
			size += r.size()
		default:
			return all
		}
	}
	return all
}
