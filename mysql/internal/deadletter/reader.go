package deadletter

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
)

// ErrNotFound says that there is no letter with that id.
var ErrNotFound = errors.New("no such dead letter")

// Reader reads the letters of a folder and removes them, beside a Store that
// writes there in this process or another. Any goroutine may use it.
type Reader struct {
	fs  FS
	dir string
}

// NewReader returns a Reader of the folder dir, which need not exist: then it
// holds no letters. A nil fs stands for the operating system's.
func NewReader(dir string, fs FS) *Reader {
	if fs == nil {
		fs = OS{}
	}
	return &Reader{fs, dir}
}

// Letters yields the letters that match, oldest first, one in memory at a time.
// A *CorruptError comes in the place of a piece that is damaged, and the next
// letters follow it; any other error is the last that is yielded. What is put
// or removed meanwhile may be seen or not.
func (r *Reader) Letters(filter Filter) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		w := walk{Reader: r, filter: filter, yield: yield, next: 1}
		w.all()
	}
}

// maxRelists bounds how often one passage begins anew because files vanish.
const maxRelists = 1000

var errStop = errors.New("the caller has seen enough")

// walk is one passage through the letters.
type walk struct {
	*Reader
	filter    Filter
	unremoved bool // also the letters that were removed
	yield     func(Letter, error) bool
	removed   spans
	next      uint64 // the lowest id not seen yet
}

func (w *walk) all() {
	for tries := 0; ; tries++ {
		err := w.run()
		// The writer has rewritten or dropped a file that was listed, or cut
		// off a write that failed: look again, behind the last letter.
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.ErrUnexpectedEOF)) && tries < maxRelists {
			continue
		}
		if err != nil && !errors.Is(err, errStop) {
			w.yield(Letter{}, err)
		}
		return
	}
}

func (w *walk) run() error {
	removals := removals{fs: w.fs, dir: w.dir}
	if err := removals.refresh(); err != nil {
		return err
	}
	if !w.unremoved {
		w.removed = removals.ids
	}
	l, err := list(w.fs, w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range l.segments {
		end := below(l.segments, i)
		if end <= w.next || !w.filter.mayHold(l.segments[i].first, end-1) {
			continue
		}
		if err := w.segment(l.segments, i); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) segment(segments []segment, i int) error {
	s, f, err := openSegment(w.fs, w.dir, segments, i)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		f, err := s.next(false)
		var corrupt *CorruptError
		switch {
		case errors.Is(err, io.EOF):
			w.next = max(w.next, s.below)
			return nil
		case errors.As(err, &corrupt):
			if i == len(segments)-1 && s.off == s.end { // still being written
				return nil
			}
			err = w.damaged(corrupt)
		case err == nil:
			err = w.letter(s, f)
		}
		if err != nil {
			return err
		}
	}
}

func (w *walk) damaged(e *CorruptError) error {
	if !w.yield(Letter{}, e) {
		return errStop
	}
	return nil
}

// letter yields the frame that s has just read, if it matches.
func (w *walk) letter(s *scanner, f frame) error {
	if f.kind != kindLetter || f.id < w.next {
		return nil
	}
	w.next = f.id + 1
	if w.removed.has(f.id) {
		return nil
	}
	l, err := f.letter()
	if err != nil {
		return w.damaged(&CorruptError{s.name, f.off, f.size()})
	}
	if !w.filter.match(&l) {
		return nil
	}
	if !w.filter.SkipRaw {
		s.off, s.last = f.off, f.id-1
		f, err := s.next(true)
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			return w.damaged(corrupt)
		}
		if err != nil {
			return err
		}
		l.Raw = f.raw
	}
	if !w.yield(l, nil) {
		return errStop
	}
	return nil
}

// Get returns one letter, or ErrNotFound.
func (r *Reader) Get(id uint64) (Letter, error) {
	for l, err := range r.Letters(Filter{IDs: []uint64{id}}) {
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			continue
		}
		return l, err
	}
	return Letter{}, fmt.Errorf("%w: %d", ErrNotFound, id)
}

// Count counts the letters that match, by rule and error number, in that
// order, and the damaged pieces it met. It reads no rows.
func (r *Reader) Count(filter Filter) (counts []Count, damaged int, err error) {
	type key struct {
		rule   string
		number uint16
	}
	filter.SkipRaw = true
	found := map[key]*Count{}
	for l, err := range r.Letters(filter) {
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			damaged++
			continue
		}
		if err != nil {
			return nil, damaged, err
		}
		c := found[key{l.Rule, l.Number}]
		if c == nil {
			c = &Count{Rule: l.Rule, Number: l.Number, First: l.Time, Last: l.Time}
			found[key{l.Rule, l.Number}] = c
		}
		c.Letters++
		c.Bytes += int64(l.Size)
		if l.Time.Before(c.First) {
			c.First = l.Time
		}
		if l.Time.After(c.Last) {
			c.Last = l.Time
		}
	}
	for _, c := range found {
		counts = append(counts, *c)
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Number, b.Number))
	})
	return counts, damaged, nil
}

// Remove takes letters out, by id; ids that are not there are ignored. It is
// durable when it returns; the space is free when the Store that writes there
// gets round to it, at the latest when it needs room.
func (r *Reader) Remove(ids []uint64) error { return remove(r.fs, r.dir, ids) }
