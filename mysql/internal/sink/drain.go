package sink

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/journal"
)

// ErrNoJournal says that a folder holds no journal that can be read.
var ErrNoJournal = errors.New("no journal")

// Drain is a journal that no rule has open, on its way to a table.
type Drain struct {
	// LettersDir is the folder that refused rows go to.
	LettersDir string

	queue   *journal.Disk
	letters *letters
	known   map[uint64]bool // rows that are letters in the other folder
	log     api.Logger
}

// drainSync is how long what is settled may wait for a sync: a power cut then
// costs rows that are delivered again.
const drainSync = time.Second

// OpenDrain opens the journal in dir, which is journal.ErrLocked while a rule
// has it. Refused rows are set aside in the folder lettersDir or, while the
// plugin writes there, in spareDir: a folder has one writer.
func OpenDrain(dir, lettersDir, spareDir string, log api.Logger) (*Drain, error) {
	name, err := journal.Identify(dir)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("%w in %s: no state file can be read", ErrNoJournal, dir)
	}
	d := &Drain{LettersDir: lettersDir, log: log}
	d.queue, err = journal.Open(journal.Options{Dir: dir, Identity: name, MaxBytes: math.MaxInt64 / 2, SegmentBytes: 16 << 20, SyncEvery: drainSync, Log: log})
	if err != nil {
		return nil, err
	}
	if err := d.openLetters(filepath.Base(dir), name, spareDir); err != nil {
		return nil, errors.Join(err, d.queue.Close())
	}
	return d, nil
}

// openLetters makes ready to set rows aside. Those that a rule, or a drain beside
// the plugin, set aside just before it ended, and that come again, are recognised.
func (d *Drain) openLetters(folder, name, spare string) error {
	store, err := deadletter.Open(deadletter.Options{Dir: d.LettersDir, Logger: d.log})
	id := d.queue.ID()
	d.letters = &letters{id: identify(folder, name), journal: hex.EncodeToString(id[:]), lines: deadletter.NewLog(d.log), log: d.log}
	other := spare
	if errors.Is(err, deadletter.ErrLocked) {
		d.LettersDir, other = spare, d.LettersDir
		store, err = deadletter.Open(deadletter.Options{Dir: spare, Logger: d.log})
	}
	if err != nil {
		return err
	}
	d.letters.store = store
	if d.known, err = placesOf(deadletter.NewReader(other, nil), d.letters.journal); err != nil {
		return errors.Join(err, store.Close())
	}
	recall(store, d.letters.journal, d.queue)
	if err := store.Recalled(d.letters.journal); err != nil {
		return errors.Join(err, store.Close())
	}
	return nil
}

// placesOf returns the rows of a journal that are letters.
func placesOf(r *deadletter.Reader, name string) (map[uint64]bool, error) {
	known := map[uint64]bool{}
	for l, err := range r.Letters(deadletter.Filter{SkipRaw: true}) {
		var corrupt *deadletter.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return nil, err
		}
		if err == nil && l.Place.Journal == name {
			known[l.Place.Record] = true
		}
	}
	return known, nil
}

// Run delivers what is pending to t and returns when nothing is. On an error
// the rest is still in the journal; rows of a batch that was being written
// come again, and may be stored unless t delivers exactly once.
func (d *Drain) Run(ctx context.Context, t *Target) error {
	return t.transfer(ctx, messages{d.queue}, d, ledgerOf(d.letters.id, t.config, d.queue), originOf(d.letters.id, d.queue), false, d.queue.Empty())
}

// Counts are the journal's. It may be called by any goroutine.
func (d *Drain) Counts() journal.Counts { return d.queue.Counts() }

// Damaged is how many rows were found to be gone when the journal was opened, and
// are counted as lost since then.
func (d *Drain) Damaged() uint64 { return d.queue.Recovered().Lost }

// Holds implements delivery.DeadLetters.
func (d *Drain) Holds(number uint64) bool { return d.known[number] || d.letters.Holds(number) }

// HoldsAll implements delivery.DeadLetters.
func (d *Drain) HoldsAll(from, to uint64) bool { return d.letters.holdAll(from, to, d.known) }

// SetAside implements delivery.DeadLetters.
func (d *Drain) SetAside(ctx context.Context, r delivery.Refused) (kept func() error, err error) {
	if r.Replayed && d.Holds(r.Number) {
		return func() error { return nil }, nil
	}
	return d.letters.SetAside(ctx, r)
}

// Close lets go of the journal and the dead letters.
func (d *Drain) Close() error {
	d.letters.lines.Flush()
	return errors.Join(d.letters.store.Close(), d.queue.Close())
}

// identityText is how a journal says whose rows it holds.
const identityText = "rule %s, op %s, instance %d, to %s"

// identify takes a journal's identity apart. Names may hold the words between
// them: the folder's name, which has a hash of all, decides. Where it does
// not fit, as of a folder that was renamed, the whole text is the rule.
func identify(folder, text string) identity {
	rest, ok := strings.CutPrefix(text, "rule ")
	if !ok {
		return identity{rule: text}
	}
	for _, op := range indexes(rest, ", op ") {
		tail := rest[op+len(", op "):]
		for _, at := range indexes(tail, ", instance ") {
			number, target, _ := strings.Cut(tail[at+len(", instance "):], ", to ")
			n, err := strconv.Atoi(number)
			if err == nil && journal.DirName(rest[:op], tail[:at], n, target) == folder {
				return identity{rule: rest[:op], op: tail[:at], instance: n, target: target}
			}
		}
	}
	return identity{rule: text}
}

// indexes returns where part begins in text.
func indexes(text, part string) (all []int) {
	for at := 0; ; {
		i := strings.Index(text[at:], part)
		if i < 0 {
			return all
		}
		all = append(all, at+i)
		at += i + 1
	}
}
