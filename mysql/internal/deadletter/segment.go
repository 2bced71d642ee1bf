package deadletter

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names in the folder. Beside them lie the segments.
const (
	lockName     = "writer.lock"
	removalName  = "removed.log"
	removalLock  = "removed.lock"
	asideName    = "aside" // a folder: damaged pieces
	tmpSuffix    = ".tmp"
	segmentEnd   = ".letters"
	maxSegments  = 8 // of the bound in bytes, as a rule
	minSegment   = 64 << 10
	largeSegment = 32 << 20
)

// segment is a file of letters. It owns the ids from first to the next
// segment's first; what it holds of others was written again there.
type segment struct {
	first      uint64
	generation int // of two files with the same first id, the later counts
	size       int64
	reclaimed  uint64 // how many of its ids were removed when it was last rewritten
}

func (s segment) name() string {
	return fmt.Sprintf("%020d-%d%s", s.first, s.generation, segmentEnd)
}

func parseSegment(name string) (segment, bool) {
	base, ok := strings.CutSuffix(name, segmentEnd)
	if !ok {
		return segment{}, false
	}
	first, generation, ok := strings.Cut(base, "-")
	if !ok {
		return segment{}, false
	}
	id, err := strconv.ParseUint(first, 10, 64)
	if err != nil || id == 0 || id > maxID {
		return segment{}, false
	}
	n, err := strconv.Atoi(generation)
	if err != nil || n < 0 {
		return segment{}, false
	}
	s := segment{first: id, generation: n}
	return s, s.name() == name
}

// maxID is the highest id that is believed, far above any that is given.
const maxID = 1 << 62

// listing is what a folder holds.
type listing struct {
	segments []segment // ascending; the last is being written
	stale    []string  // left behind by a crash
}

func list(fs FS, dir string) (listing, error) {
	files, err := fs.List(dir)
	if err != nil {
		return listing{}, fmt.Errorf("list the dead letters: %w", err)
	}
	var l listing
	for _, f := range files {
		if strings.HasSuffix(f.Name, tmpSuffix) {
			l.stale = append(l.stale, f.Name)
			continue
		}
		if s, ok := parseSegment(f.Name); ok {
			s.size = f.Size
			l.segments = append(l.segments, s)
		}
	}
	slices.SortFunc(l.segments, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.generation, a.generation))
	})
	kept := l.segments[:0]
	for _, s := range l.segments {
		if len(kept) > 0 && kept[len(kept)-1].first == s.first {
			l.stale = append(l.stale, s.name())
			continue
		}
		kept = append(kept, s)
	}
	l.segments = kept
	return l, nil
}

// below returns the first id that segment i does not own.
func below(segments []segment, i int) uint64 {
	if i+1 < len(segments) {
		return segments[i+1].first
	}
	return math.MaxUint64
}

// openSegment returns a scanner before the first letter of segment i.
func openSegment(fs FS, dir string, segments []segment, i int) (*scanner, File, error) {
	f, err := fs.Open(filepath.Join(dir, segments[i].name()), os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	size, err := f.Size()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	s := newScanner(f, segments[i].name(), size)
	s.last, s.below = segments[i].first-1, below(segments, i)
	if err := s.open(); err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return s, f, nil
}
