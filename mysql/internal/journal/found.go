package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
)

// found is a segment's file as recovery found it.
type found struct {
	segment
	head     header
	intact   bool // the head is
	length   int64
	foot     []byte // what may be a summary
	stale    []Span // messages that a later segment holds
	over     uint64 // and all from here on
	hopeless bool   // neither head nor record can be read
}

func (d *Disk) readHead(name string, number uint64) (*found, error) {
	f := &found{segment: segment{id: number, path: filepath.Join(d.o.Dir, name), sealed: true, recovered: true}}
	file, err := d.fs.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if f.length, err = file.Size(); err != nil {
		return nil, err
	}
	b := make([]byte, segmentHead)
	n, err := file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		d.log.Errorf("journal: %s: its head cannot be read: %v", f.path, err)
	}
	if f.head, f.intact, err = parseHeader(b[:n]); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if f.intact {
		f.start = segmentHead
	}
	if f.length >= segmentHead+summarySize {
		f.foot = make([]byte, summarySize)
		if _, err := file.ReadAt(f.foot, f.length-summarySize); err != nil && !errors.Is(err, io.EOF) {
			f.foot = nil // the scan will find out why
		}
	}
	return f, nil
}

// findBase finds the first message of a segment, from its head or, where that
// is damaged, from its first record.
func (d *Disk) findBase(f *found) error {
	if f.intact {
		f.from = position{f.head.base, f.head.baseRow}
		return nil
	}
	return d.withScanner(f, func(_ File, scan *scanner) error {
		r, _, err := scan.next()
		if errors.Is(err, io.EOF) {
			f.hopeless = true
			return nil
		}
		f.from = position{r.number, r.first}
		return err
	})
}

func (d *Disk) withScanner(f *found, do func(File, *scanner) error) error {
	file, err := d.fs.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	scan := scanner{salvage: true, window: d.reader.scan.window}
	scan.reset(file, d.salt, f.start, f.length)
	err = do(file, &scan)
	d.reader.scan.window = scan.window[:0] // one window serves all
	return err
}

// markStale notes which messages of a segment a later one holds: after a
// repair, what follows the last sync is written again; after a rewrite, the
// new segment replaces the old.
func markStale(segs []*found) {
	byID := slices.SortedFunc(slices.Values(segs), func(a, b *found) int { return cmp.Compare(b.id, a.id) })
	var stale []Span // of those that were, shared
	over := uint64(math.MaxUint64)
	for _, f := range byID {
		f.stale, f.over = stale[:len(stale):len(stale)], over
		switch {
		case !f.intact:
		case f.head.end == 0:
			over = min(over, f.head.base)
		default:
			stale = append(stale, Span{f.head.base, f.head.end})
		}
	}
}

func (f *found) isStale(message uint64) bool { return f.isStaleWithin(message, message+1) }

// isStaleWithin tells whether any message from from on and below to is stale.
func (f *found) isStaleWithin(from, to uint64) bool {
	return f.over < to || slices.ContainsFunc(f.stale, func(s Span) bool { return s.From < to && from < s.To })
}

// isStaleThroughout tells whether one later segment holds them all.
func (f *found) isStaleThroughout(from, to uint64) bool {
	return f.over <= from || slices.ContainsFunc(f.stale, func(s Span) bool { return s.From <= from && to <= s.To })
}
