package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/schema"
)

const (
	// copiedFolder holds, below the dead letters, how far each copy is. It is
	// there so that it is lost with them: ids begin anew then.
	copiedFolder = "copied"
	// copyPause is the least time between two passages through the letters.
	copyPause = 200 * time.Millisecond
	// lastCopy bounds the passage after a rule has stopped.
	lastCopy = 10 * time.Second

	maxCopyRows  = 100     // letters in one statement
	maxCopyBytes = 1 << 20 // of their rows, in one statement of several

	firstCopyRetry = time.Second
	lastCopyRetry  = time.Minute
)

// copies are the dead letters' ways into tables: of running rules, and of
// stopped ones that have not ended yet.
type copies struct {
	mu      sync.Mutex
	running map[string]*copier // by cursor
	work    sync.WaitGroup
}

// startCopy begins to copy the letters of an action to the table that c names;
// where it names none, it returns nil. mu is held.
func (o *Outboxes) startCopy(id identity, c *config.Config, log api.Logger) *copier {
	if c.DeadLetterTable == "" {
		return nil
	}
	folder, err := o.folder()
	if err != nil {
		return nil // there are no letters either
	}
	options, db, err := connectLazily(c, o.reachOf(c), log)
	if err != nil {
		log.Errorf("dead letters are not copied: %v", err) // the same has just succeeded for the rows
		return nil
	}
	db.SetMaxOpenConns(1)
	rows, dir := options.Table, filepath.Join(folder, lettersFolder) // which another process may write to for the moment
	k := &copier{
		id: id, own: lettersOf(c), table: schema.Name{Database: rows.Database, Table: tableName(c.DeadLetterTable)}, db: db, log: log,
		letters: deadletter.NewReader(dir, nil), cursor: cursor{filepath.Join(dir, copiedFolder), journal.DirName(id.rule, id.op, id.instance, id.target+"/"+id.table+" > "+c.DeadLetterTable)},
		arrived: make(chan struct{}, 1), finished: make(chan struct{}), done: make(chan struct{}),
	}
	o.copies.launch(k, o.end)
	return k
}

// launch runs k once what it takes the place of has ended.
func (s *copies) launch(k *copier, end <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = map[string]*copier{}
	}
	before := s.running[k.cursor.name]
	s.running[k.cursor.name] = k
	s.work.Go(func() {
		defer close(k.done)
		if before != nil {
			before.finish()
			<-before.done
		}
		k.run(end)
		_ = k.db.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running[k.cursor.name] == k {
			delete(s.running, k.cursor.name)
		}
	})
}

// copier brings the dead letters of one action to a table as well. The files
// stay the record: it reads them, in the background, from the last that the
// table has on, which is kept on disk, and holds no more of them in memory
// than one statement takes. What is copied twice, after a kill, the table
// knows by its place.
type copier struct {
	id      identity
	own     func(table string) bool // whether letters of a table are the action's
	table   schema.Name
	db      *sqlx.DB
	letters *deadletter.Reader
	cursor  cursor
	log     api.Logger

	arrived  chan struct{} // one slot: there are new letters
	finished chan struct{} // closed: one more passage at most
	once     sync.Once     // for that
	done     chan struct{} // closed when it has ended

	last  uint64      // id: the table has what it should of the letters up to it
	tried int         // passages that failed, since the last that did not
	class fault.Class // of the last failure
	errno uint16
}

// notify tells that there are new letters; nil is nobody to tell.
func (k *copier) notify() {
	if k == nil {
		return
	}
	select {
	case k.arrived <- struct{}{}:
	default:
	}
}

// finish lets it end once it has tried to copy what is there. It does not wait.
func (k *copier) finish() {
	if k != nil {
		k.once.Do(func() { close(k.finished) })
	}
}

func (k *copier) run(end <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-end:
			cancel()
		case <-over:
		}
	}()
	var err error
	if k.last, err = k.cursor.read(); err != nil {
		k.log.Warnf("dead letters are copied from the first on: %v", err)
	}
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.finished:
			last, cancel := context.WithTimeout(ctx, lastCopy)
			defer cancel()
			if err := k.pass(last); err != nil && ctx.Err() == nil {
				k.log.Warnf("some dead letters are not in %s yet, and will be when the rule runs again: %v", k.table, err)
			}
			return
		case <-wait.C:
		}
		if err := k.pass(ctx); err != nil {
			wait.Reset(k.failed(ctx, err))
			continue
		}
		k.succeeded()
		select {
		case <-k.arrived:
			wait.Reset(copyPause)
		case <-k.finished:
		case <-ctx.Done():
		}
	}
}

// failed says so if that is news, and returns how long to wait.
func (k *copier) failed(ctx context.Context, err error) time.Duration {
	class := fault.Classify(err)
	errno, _ := fault.Number(err)
	if ctx.Err() == nil && (k.tried == 0 || class != k.class || errno != k.errno) {
		k.class, k.errno = class, errno
		k.log.Warnf("dead letters cannot be copied to %s, and are on disk alone until they can: %v", k.table, err)
	}
	pause := lastCopyRetry
	if k.tried < 6 {
		pause = min(pause, firstCopyRetry<<k.tried)
	}
	k.tried++
	return pause/2 + rand.N(pause/2+1)
}

func (k *copier) succeeded() {
	if k.tried > 0 {
		k.log.Infof("dead letters are copied to %s again", k.table)
	}
	k.tried = 0
}

// pass copies the letters that the table does not have yet.
func (k *copier) pass(ctx context.Context) error {
	var batch []deadletter.Letter
	bytes, seen := 0, k.last
	flush := func() error {
		if err := k.write(ctx, batch); err != nil {
			return err
		}
		batch, bytes = batch[:0], 0
		if seen == k.last {
			return nil
		}
		k.last = seen
		return k.cursor.write(seen)
	}
	for l, err := range k.letters.Letters(deadletter.Filter{After: k.last, Rule: k.id.rule}) {
		var corrupt *deadletter.CorruptError
		if errors.As(err, &corrupt) {
			continue // who reads the letters is told of it
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if l.Op == k.id.op && l.Instance == k.id.instance && k.own(l.Table) {
			batch = append(batch, l)
			bytes += len(l.Raw)
		}
		if seen = l.ID; len(batch) < maxCopyRows && bytes < maxCopyBytes {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

// write copies letters: all in one statement, or, where the server refuses
// that because of one of them, each in its own.
func (k *copier) write(ctx context.Context, letters []deadletter.Letter) error {
	if len(letters) == 0 {
		return nil
	}
	err := k.insert(ctx, letters, true)
	class := fault.Classify(err)
	number, _ := fault.Number(err)
	switch {
	case number == duplicateKey && len(letters) == 1:
		return nil // it was copied before a kill
	case class != fault.Row && class != fault.TooLarge && class != fault.TooSlow:
		return err
	case len(letters) > 1:
		mid := len(letters) / 2
		if err := k.write(ctx, letters[:mid]); err != nil {
			return err
		}
		return k.write(ctx, letters[mid:])
	case class == fault.TooSlow:
		return err
	}
	l := letters[0]
	k.log.Warnf("dead letter %d, of %d bytes, is copied to %s without its row: %v", l.ID, len(l.Raw), k.table, err)
	if err = k.insert(ctx, letters, false); fault.Classify(err) == fault.Row {
		k.log.Errorf("dead letter %d is on disk alone: %s does not take it: %v", l.ID, k.table, err)
		return nil
	}
	return err
}

// insert runs one statement, making the table first where it is not there.
func (k *copier) insert(ctx context.Context, letters []deadletter.Letter, withRows bool) error {
	text, args := copyStatement(k.table, letters, withRows)
	_, err := k.db.ExecContext(ctx, text, args...)
	if number, _ := fault.Number(err); number == noSuchTable {
		// Not before it is needed: that takes a right which this user may lack.
		if _, err := k.db.ExecContext(ctx, createCopies(k.table)); err != nil {
			return fmt.Errorf("make the table %s: %w", k.table, err)
		}
		_, err = k.db.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return fmt.Errorf("insert of %d dead letters: %w", len(letters), err)
	}
	return nil
}
