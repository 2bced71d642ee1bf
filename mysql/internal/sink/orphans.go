package sink

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/metrics"
	"ekuiper-mysql/mysql/internal/storage"
)

const (
	// calm is how long no rule may start before the journals without one are
	// looked for: after a start of the plugin all rules come, in any order.
	calm = 30 * time.Second
	// longestCalm bounds that wait, for a rule that starts again and again.
	longestCalm = 10 * time.Minute
	// lookEvery is how often they are looked for, and told of, again.
	lookEvery = 24 * time.Hour
	// followEvery is how often it is seen to what became of those that were found.
	followEvery = time.Minute
)

// orphanWatch finds the journals that hold rows and that no rule has opened:
// the rule is stopped or was deleted, or its server, database or table changed while the
// plugin was not running. Nobody delivers those rows unless a person does. It
// reads the files beside everything else and keeps no lock. The zero value
// needs a gauge.
type orphanWatch struct {
	gauge *metrics.Orphans

	mu      sync.Mutex
	folder  string          // of all journals
	opened  map[string]bool // names of folders, since the process started
	orphans map[string]orphan
	log     api.Logger
	started chan struct{} // one slot: a rule did; nil before the first
	end     chan struct{}
	ended   bool
	done    sync.WaitGroup
}

// orphan is one of them.
type orphan struct {
	rows    uint64
	changed time.Time // when its folder was, before it was read; zero if somebody was at it
}

// note tells that a rule has opened the journal in dir. The first begins the watch.
func (w *orphanWatch) note(dir string, log api.Logger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if w.started == nil {
		w.folder, w.opened, w.log = filepath.Dir(dir), map[string]bool{}, log
		w.started, w.end = make(chan struct{}, 1), make(chan struct{})
		for _, trouble := range storage.Exposed(filepath.Dir(w.folder), w.folder, filepath.Join(filepath.Dir(w.folder), lettersFolder)) {
			log.Warnf("%s", trouble)
		}
		w.done.Go(w.run)
	}
	name := filepath.Base(dir)
	w.opened[name] = true
	if _, ok := w.orphans[name]; ok {
		delete(w.orphans, name)
		w.publish()
	}
	select {
	case w.started <- struct{}{}:
	default:
	}
}

// close ends the watch; twice is safe.
func (w *orphanWatch) close() {
	w.mu.Lock()
	if w.end != nil && !w.ended {
		close(w.end)
	}
	w.ended = true
	w.mu.Unlock()
	w.done.Wait()
}

func (w *orphanWatch) run() {
	latest := time.Now().Add(longestCalm)
	first := true
	timer := time.NewTimer(calm)
	defer timer.Stop()
	follow := time.NewTicker(followEvery)
	defer follow.Stop()
	for {
		select {
		case <-w.end:
			return
		case <-w.started:
			if first {
				timer.Reset(min(calm, time.Until(latest)))
			}
		case <-timer.C:
			first = false
			w.look()
			timer.Reset(lookEvery)
		case <-follow.C:
			w.follow()
		}
	}
}

// look reads every journal that no rule has opened, one after the other.
func (w *orphanWatch) look() {
	names, err := journal.Folders(w.folder)
	if err != nil {
		w.log.Warnf("looking for journals that no rule uses: %v", err)
		return
	}
	w.mu.Lock()
	w.orphans = map[string]orphan{}
	w.mu.Unlock()
	for _, name := range names {
		select {
		case <-w.end:
			return
		default:
		}
		if w.isOpened(name) {
			continue
		}
		dir := filepath.Join(w.folder, name)
		changed := changedAt(dir)
		if open, err := journal.InUse(dir); open || err != nil {
			changed = time.Time{}
		}
		in, err := journal.Inspect(dir, nil)
		switch {
		case err != nil:
			w.log.Warnf("looking for journals that no rule uses: %v", err)
		case in.Counts.Pending > 0 && w.add(name, orphan{in.Counts.Pending, changed}):
			w.tell(name, in)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.publish()
}

// follow finds out what became of the orphans: a person may have drained or
// purged them. Whoever opens a journal changes its folder.
func (w *orphanWatch) follow() {
	w.mu.Lock()
	found := maps.Clone(w.orphans)
	w.mu.Unlock()
	for name, was := range found {
		dir := filepath.Join(w.folder, name)
		changed := changedAt(dir)
		if !changed.IsZero() && changed.Equal(was.changed) {
			continue
		}
		if open, err := journal.InUse(dir); open || err != nil { // a drain is at it
			continue
		}
		rows := uint64(0)
		in, err := journal.Inspect(dir, nil)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			continue
		default:
			rows = in.Counts.Pending
		}
		w.mu.Lock()
		if _, ok := w.orphans[name]; ok {
			w.orphans[name] = orphan{rows, changed}
		}
		if rows == 0 {
			delete(w.orphans, name)
		}
		w.publish()
		w.mu.Unlock()
	}
}

// changedAt is when files came to a folder, or left it, last; zero if it is not there.
func changedAt(dir string) time.Time {
	info, err := os.Stat(dir)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (w *orphanWatch) isOpened(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened[name]
}

// add notes an orphan, unless its rule has started meanwhile.
func (w *orphanWatch) add(name string, o orphan) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opened[name] {
		return false
	}
	w.orphans[name] = o
	return true
}

func (w *orphanWatch) tell(name string, in *journal.Inspection) {
	age := "of unknown age"
	if at := in.Counts.OldestPending; !at.IsZero() {
		age = "the oldest waiting for " + time.Since(at).Round(time.Second).String()
	}
	w.log.Warnf("%d rows wait in a journal that no rule uses, %s: %s; its rule is stopped, was deleted, or writes elsewhere now; start it, or deliver them with: mysql journal drain %s --props FILE, or throw them away with: mysql journal purge %s",
		in.Counts.Pending, age, in.Identity, name, name)
}

// publish sets the gauge. mu is held.
func (w *orphanWatch) publish() {
	var rows uint64
	for _, o := range w.orphans {
		rows += o.rows
	}
	w.gauge.Set(len(w.orphans), rows)
}
