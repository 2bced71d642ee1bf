// Package plan decides which rows of a batch may share a statement, so that
// the batch ends as if its rows had been written one by one. It is pure: it
// knows neither columns nor SQL, only which rows have, or may have, one key.
package plan

import "sort"

// Kind is what a row does to the table.
type Kind uint8

// The kinds of rows.
const (
	Insert       Kind = iota // a duplicate is the row's fault
	InsertIgnore             // a duplicate leaves what is there
	Replace                  // a duplicate takes the place of what is there
	Upsert                   // inserts, or updates the row of its key
	Update                   // updates the rows of its key
	Delete                   // deletes the rows of its key
	Kinds                    // how many there are
)

var names = [Kinds]string{"insert", "insertIgnore", "replace", "upsert", "update", "delete"}

// String returns the kind's name as a rule gives it.
func (k Kind) String() string { return names[k] }

// Parse returns the kind of that name.
func Parse(name string) (k Kind, ok bool) {
	for i, n := range names {
		if n == name {
			return Kind(i), true
		}
	}
	return 0, false
}

// Keyed tells whether rows of the kind find their place by a key, and so need one.
func (k Kind) Keyed() bool { return k >= Upsert }

// Row is what a plan needs to know of a row.
type Row struct {
	Kind  Kind
	Shape int // rows of one kind and shape can share a statement
	// Class tells keys apart: rows of different classes have different keys,
	// those of one class may have one. It means nothing if Vague.
	Class string
	Vague bool   // its key may be that of any other row
	Same  string // rows of equal Same surely have one key; empty says nothing
	Whole bool   // an update that overwrites all that an earlier one of its shape, kind and key has set
	Alone bool   // what comes out depends on the order inside a statement, which the server chooses
}

// Group is rows that one statement writes, or several in a row. Rows are
// indexes, ascending but for an update that stands in the place of an earlier one.
type Group struct {
	Kind  Kind
	Shape int
	Rows  []int
}

// planner holds the groups so far and where each key was last.
type planner struct {
	groups []Group
	of     map[statement][]int // groups, ascending
	last   map[string]int      // by class: the last group that has it
	same   map[string]spot
	vague  int // the last group that has a vague row; -1 none
}

type statement struct {
	kind  Kind
	shape int
}

type spot struct{ group, index int }

// Groups returns rows as groups to be written in order. Rows of one key are
// written in their own order. free says that those of different keys may
// change places: that no other unique key nor anything else ties them.
//
// In a group, which the server takes row by row in order, a key may come
// again; not so in a group of updates, whose order the server chooses.
func Groups(rows []Row, free bool) []Group {
	p := planner{of: map[statement][]int{}, last: map[string]int{}, same: map[string]spot{}, vague: -1}
	for i := range rows {
		p.add(i, &rows[i], free)
	}
	return p.groups
}

func (p *planner) add(i int, r *Row, free bool) {
	conflict := len(p.groups) - 1
	if !r.Vague {
		conflict = p.vague
		if g, ok := p.last[r.Class]; ok {
			conflict = max(conflict, g)
		}
	}
	if (free || conflict == len(p.groups)-1) && p.covers(i, r, conflict) {
		return
	}
	from := max(conflict, 0)
	if r.Kind == Update {
		from = conflict + 1
	}
	if !free {
		from = max(from, len(p.groups)-1)
	}
	if r.Alone {
		from = len(p.groups)
	}
	key := statement{r.Kind, r.Shape}
	group := len(p.groups)
	if candidates := p.of[key]; !r.Alone {
		if n := sort.SearchInts(candidates, from); n < len(candidates) {
			group = candidates[n]
		}
	}
	if group == len(p.groups) {
		p.groups = append(p.groups, Group{Kind: r.Kind, Shape: r.Shape})
		if !r.Alone {
			p.of[key] = append(p.of[key], group)
		}
	}
	g := &p.groups[group]
	g.Rows = append(g.Rows, i)
	if r.Vague {
		p.vague = group
	} else {
		p.last[r.Class] = group
	}
	if r.Same != "" {
		p.same[r.Same] = spot{group, len(g.Rows) - 1}
	}
}

// covers puts the update r in the place of one of the same key in group, if
// nothing is left of that one. It reports whether it did.
func (p *planner) covers(i int, r *Row, group int) bool {
	if r.Kind != Update || !r.Whole || r.Alone || r.Same == "" || group < 0 {
		return false
	}
	s, ok := p.same[r.Same]
	if g := &p.groups[group]; ok && s.group == group && g.Kind == Update && g.Shape == r.Shape {
		g.Rows[s.index] = i
		return true
	}
	return false
}
