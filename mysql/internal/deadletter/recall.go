package deadletter

import "errors"

// recall is the places of letters of journals being recovered.
type recall map[string]*places

type places struct {
	from uint64
	at   map[position]struct{}
}

type position struct {
	record uint64
	row    uint32
}

// Recall prepares Has for a journal that is being recovered: it notes the
// places of its letters at record from and behind it, at some 40 bytes each,
// and of those put from now on. A row that was set aside just before a crash,
// and whose record was not settled, is then recognised when it comes again;
// also one that was replayed or purged since, as long as its file is there.
// It reads all letters' heads.
func (s *Store) Recall(journal string, from uint64) error {
	p := &places{from, map[position]struct{}{}}
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
	if known := s.recall[p.Journal]; known != nil && p.Record >= known.from {
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

// Forget ends what Recall began, when the journal's recovery is over.
func (s *Store) Forget(journal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.recall, journal)
}
