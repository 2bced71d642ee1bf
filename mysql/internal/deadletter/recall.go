package deadletter

import (
	"errors"
	"sync/atomic"
)

// recall is the places of letters of journals being recovered.
type recall map[string]*places

type places struct {
	from, to uint64
	at       map[position]struct{}
	read     atomic.Bool // the letters of before are noted, unless there is err
	err      error
}

type position struct {
	record uint64
	row    uint32
}

// Recall prepares Has for a journal that is being recovered, from record from up
// to, not including, to: places are noted at some 40 bytes each, and not those
// of what comes for the first time, or there would be more of them for ever. A row
// that was set aside just before a crash, and whose record was not settled, is
// then recognised when it comes again; also one that was replayed or purged
// since, as long as its file is there. It reads nothing itself: see Recalled.
func (s *Store) Recall(journal string, from, to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recall == nil {
		s.recall = recall{}
	}
	s.recall[journal] = &places{from: from, to: to, at: map[position]struct{}{}}
}

// Recalled waits until what Recall has asked for is known, as Has does, and tells
// why it is not. That takes the heads of all letters, which one who waits reads
// for all: there may be many journals, and a million letters.
func (s *Store) Recalled(journal string) error {
	s.mu.Lock()
	asked := s.recall[journal]
	s.mu.Unlock()
	if asked == nil {
		return nil
	}
	if !asked.read.Load() {
		s.readFor(asked)
	}
	return asked.err
}

// readFor reads the letters for asked, and for all others that are not known yet.
func (s *Store) readFor(asked *places) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if asked.read.Load() {
		return
	}
	all := []*places{asked}
	s.mu.Lock()
	for _, p := range s.recall {
		if p != asked && !p.read.Load() {
			all = append(all, p)
		}
	}
	s.mu.Unlock()
	err := s.readPlaces()
	if err != nil {
		s.options.Logger.Warnf("rows that were set aside before may be set aside again: %v", err)
	}
	for _, p := range all {
		p.err = err
		p.read.Store(true)
	}
}

// readPlaces notes the places of all letters.
func (s *Store) readPlaces() (err error) {
	w := walk{Reader: s.Reader, filter: Filter{SkipRaw: true}, next: 1, unremoved: true}
	w.yield = func(l Letter, failure error) bool {
		var corrupt *CorruptError
		if failure == nil {
			s.note(l.Place)
		} else if errors.As(failure, &corrupt) {
			s.options.Logger.Warnf("dead letters: %v", failure)
		} else {
			err = failure
		}
		return err == nil
	}
	w.all()
	return err
}

func (s *Store) note(p Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.recall[p.Journal]; known.mayHold(p) {
		known.at[position{p.Record, p.Row}] = struct{}{}
	}
}

func (k *places) mayHold(p Place) bool { return k != nil && p.Record >= k.from && p.Record < k.to }

// Has tells whether the row at p is among the letters of a recalled journal. It
// may have to wait, see Recalled.
func (s *Store) Has(p Place) bool {
	s.mu.Lock()
	known := s.recall[p.Journal]
	s.mu.Unlock()
	if !known.mayHold(p) {
		return false
	}
	_ = s.Recalled(p.Journal) // an error is told
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := known.at[position{p.Record, p.Row}]
	return ok
}
