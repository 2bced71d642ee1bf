package journal

import "sort"

// spanSet is a set of rows as sorted spans that neither overlap nor touch.
type spanSet struct{ list []Span }

// search returns the index of the first span that ends at row or after it.
func (s *spanSet) search(row uint64) int {
	n := len(s.list)
	if n > 0 && s.list[n-1].To < row { // rows are mostly settled in order
		return n
	}
	return sort.Search(n, func(i int) bool { return s.list[i].To >= row })
}

// add puts the rows of a into s and calls fresh for each part that is new.
func (s *spanSet) add(a Span, fresh func(Span)) {
	if a.From >= a.To {
		return
	}
	lo := s.search(a.From)
	hi, from := lo, a.From
	merged := a
	for ; hi < len(s.list) && s.list[hi].From <= a.To; hi++ {
		old := s.list[hi]
		if from < old.From {
			fresh(Span{from, old.From})
		}
		from = max(from, old.To)
		merged.From, merged.To = min(merged.From, old.From), max(merged.To, old.To)
	}
	if from < a.To {
		fresh(Span{from, a.To})
	}
	if hi == lo {
		s.list = append(s.list, Span{})
		copy(s.list[lo+1:], s.list[lo:])
	} else {
		s.list = append(s.list[:lo+1], s.list[hi:]...)
	}
	s.list[lo] = merged
}

// within returns how many rows of a are in s.
func (s *spanSet) within(a Span) (rows uint64) {
	for i := s.search(a.From); i < len(s.list) && s.list[i].From < a.To; i++ {
		from, to := max(s.list[i].From, a.From), min(s.list[i].To, a.To)
		if from < to {
			rows += to - from
		}
	}
	return rows
}

// parts returns what of a is in s.
func (s *spanSet) parts(a Span) (parts []Span) {
	for i := s.search(a.From); i < len(s.list) && s.list[i].From < a.To; i++ {
		from, to := max(s.list[i].From, a.From), min(s.list[i].To, a.To)
		if from < to {
			parts = append(parts, Span{from, to})
		}
	}
	return parts
}

// watermark returns the first row that is not in s.
func (s *spanSet) watermark() uint64 {
	if len(s.list) > 0 && s.list[0].From == 0 {
		return s.list[0].To
	}
	return 0
}

// end returns the row after the last one in s.
func (s *spanSet) end() uint64 {
	if len(s.list) == 0 {
		return 0
	}
	return s.list[len(s.list)-1].To
}
