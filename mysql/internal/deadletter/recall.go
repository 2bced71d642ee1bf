package deadletter

import "errors"

// recall is the places of letters of journals being recovered.
type recall map[string]*places

type places struct {
	from, to uint64
	at       map[position]struct{}
}

type position struct {
	record uint64
	row    uint32
}

// Recall prepares Has for a journal that is being recovered: it notes the
// places of its letters from record from up to, not including, to, at some 40
// bytes each, and of those put from now on: what comes for the first time is not
// noted, or there would be more of them for ever. A row that was set aside just before a crash,
// and whose record was not settled, is then recognised when it comes again;
// also one that was replayed or purged since, as long as its file is there.
// It reads all letters' heads.
func (s *Store) Recall(journal string, from, to uint64) error {
	p := &places{from, to, map[position]struct{}{}}
	s.mu.Lock()
	if s.recall == nil {
		s.recall = recall{}
	}
	s.recall[journal] = p
	s.mu.Unlock()
	w := walk{Reader: s.Reader, filter: Filter{SkipRaw: true}, next: 1, unremoved: true}
	var failure error
	w.yield = func(l Letter, err error) bool {
		var corrupt *CorruptError
		if err == nil {
			s.note(l.Place)
		} else if errors.As(err, &corrupt) {
			s.options.Logger.Warnf("dead letters: %v", err)
		} else {
			failure = err
		}
		return failure == nil
	}
	w.all()
	return failure
}

func (s *Store) note(p Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.recall[p.Journal]; known != nil && p.Record >= known.from && p.Record < known.to {
		known.at[position{p.Record, p.Row}] = struct{}{}
	}
}

// Has tells whether the row at p is among the letters of a recalled journal.
func (s *Store) Has(p Place) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.recall[p.Journal]
	if known == nil {
		return false
	}
	_, ok := known.at[position{p.Record, p.Row}]
	return ok
}
