package deadletter

import (
	"errors"
	"io"
	"io/fs"
	"math"
)

// Newest returns the up to n latest letters that match and whose id is below
// before, newest first, with no rows. It reads the files from the last one
// backwards and no more of them than it needs; damaged pieces are passed over.
// More tells whether there are older ones that match. An error of enough,
// which is asked for each file and each letter that matches, ends it.
func (r *Reader) Newest(filter Filter, before uint64, n int, enough func() error) (letters []Letter, more bool, err error) {
	filter.SkipRaw = true
	for tries := 0; ; tries++ {
		letters, more, err = r.newest(filter, before, n, enough)
		// As in walk.all: the writer has rewritten or dropped a file.
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.ErrUnexpectedEOF)) && tries < maxRelists {
			continue
		}
		return letters, more, err
	}
}

func (r *Reader) newest(filter Filter, before uint64, n int, enough func() error) (letters []Letter, more bool, err error) {
	removals := removals{fs: r.fs, dir: r.dir}
	if err := removals.refresh(); err != nil {
		return nil, false, err
	}
	l, err := list(r.fs, r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for i := len(l.segments) - 1; i >= 0 && !more; i-- {
		if l.segments[i].first >= before || !filter.mayHold(l.segments[i].first, below(l.segments, i)-1) {
			continue
		}
		if err := enough(); err != nil {
			return nil, false, err
		}
		// One more than asked for tells that there are more.
		last := ring{size: n + 1 - len(letters)}
		var failure error
		w := walk{Reader: r, filter: filter, removed: removals.ids, next: 1}
		w.yield = func(found Letter, err error) bool {
			if failure = enough(); failure != nil || err == nil && found.ID >= before {
				return false
			}
			if err == nil {
				last.add(found)
			}
			return true
		}
		if err := w.segment(l.segments, i); err != nil && !errors.Is(err, errStop) {
			return nil, false, err
		}
		if failure != nil {
			return nil, false, failure
		}
		letters = last.appendNewestFirst(letters)
		if more = len(letters) > n; more {
			letters = letters[:n]
		}
	}
	return letters, more, nil
}

// Latest is above every id that is given, for Newest.
const Latest = math.MaxUint64

// ring keeps the last size letters.
type ring struct {
	size, at int
	letters  []Letter
}

func (r *ring) add(l Letter) {
	if len(r.letters) < r.size {
		r.letters = append(r.letters, l)
		return
	}
	r.letters[r.at] = l
	r.at = (r.at + 1) % r.size
}

func (r *ring) appendNewestFirst(to []Letter) []Letter {
	for i := len(r.letters) - 1; i >= 0; i-- {
		to = append(to, r.letters[(r.at+i)%len(r.letters)])
	}
	return to
}
