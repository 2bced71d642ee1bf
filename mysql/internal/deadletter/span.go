package deadletter

import "slices"

// span is the ids first to last, both included.
type span struct{ first, last uint64 }

// spans is a set of ids, as ascending spans that do not touch.
type spans []span

// add puts r into the set.
func (s *spans) add(r span) {
	from, _ := slices.BinarySearchFunc(*s, r.first, func(e span, id uint64) int {
		if id > 0 && e.last < id-1 { // neither holds nor touches
			return -1
		}
		return 1
	})
	to := from
	for to < len(*s) && ((*s)[to].first <= r.last || (*s)[to].first == r.last+1 && r.last+1 != 0) {
		r.first, r.last = min(r.first, (*s)[to].first), max(r.last, (*s)[to].last)
		to++
	}
	*s = slices.Replace(*s, from, to, r)
}

// has tells whether id is in the set.
func (s spans) has(id uint64) bool {
	i, found := slices.BinarySearchFunc(s, id, func(e span, id uint64) int {
		switch {
		case e.last < id:
			return -1
		case e.first > id:
			return 1
		}
		return 0
	})
	return found && i < len(s)
}

// count returns how many ids of first to last are in the set.
func (s spans) count(first, last uint64) (n uint64) {
	for _, e := range s {
		if lo, hi := max(e.first, first), min(e.last, last); lo <= hi {
			n += hi - lo + 1
		}
	}
	return n
}

// from returns the part of the set from id on.
func (s spans) from(id uint64) spans {
	var rest spans
	for _, e := range s {
		if e.last >= id {
			rest = append(rest, span{max(e.first, id), e.last})
		}
	}
	return rest
}
