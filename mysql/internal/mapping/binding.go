package mapping

import (
	"bytes"
	"slices"
)

// binding is a plan for one table, and what that makes of the names that rows use.
type binding struct {
	plan   *Plan
	table  Table
	taken  map[int]int       // the plan's column by the table's; len(plan.columns) is its rest
	hosts  []int             // the table's columns that take the machine's name
	names  map[string]*field // that rows use
	bytes  int               // of names
	claims map[int]*field    // which field of the row has the table's column; only for settle
}

// Bounds on the names that are kept: rows may have others without end.
const (
	maxNames     = 4096
	maxNameBytes = 1 << 20
)

// fate is what becomes of a field, beside the columns that columns gives its value.
type fate uint8

const (
	nothing  fate = iota // it is used, or not wanted
	byName               // it goes to the column as
	unplaced             // no column has its name: who knows the table judges
	toRest
	dropping // its column has another value, and extra fields are dropped
	refused  // the same, and they are errors of their row
	passing  // it says what to do with the row
)

// field is a name that rows use.
type field struct {
	name  []byte
	uses  // empty if columns has none
	fate  fate
	as    []byte // the column that has its name
	col   int    // the table's number of that
	snake bool   // the column has its name in snake_case only
	rival *field // that had the column in the row where this one had not

	round, at int // where it stood in the last row that was matched
}

// bind makes b that of a plan and a table.
func (b *binding) bind(p *Plan, t Table) {
	*b = binding{plan: p, table: t, taken: map[int]int{}, names: map[string]*field{}, claims: map[int]*field{}}
	for i := range p.columns {
		if c := t.Lookup(p.columns[i].name); c >= 0 {
			b.taken[c] = i
			if p.columns[i].meta == host {
				b.hosts = append(b.hosts, c)
			}
		}
	}
	if len(p.rest) > 0 {
		if c := t.Lookup(p.rest); c >= 0 {
			b.taken[c] = len(p.columns)
		}
	}
}

// field returns what is known of a name.
func (b *binding) field(name []byte) *field {
	if f, ok := b.names[string(name)]; ok {
		return f
	}
	if len(b.names) >= maxNames || b.bytes+len(name) > maxNameBytes {
		clear(b.names)
		b.bytes = 0
	}
	f := &field{name: bytes.Clone(name), col: -1}
	if u := b.plan.fields[string(name)]; u != nil {
		f.uses = *u
	}
	f.fate = b.place(f)
	if b.plan.pass != "" && string(name) == b.plan.pass && (f.fate != byName || f.snake) {
		f.fate, f.snake = passing, false
	}
	b.names[string(f.name)] = f
	b.bytes += len(name)
	return f
}

// place finds the column of f's name.
func (b *binding) place(f *field) fate {
	if len(f.whole) > 0 {
		return nothing
	}
	if b.plan.ignoreOthers {
		if len(b.plan.rest) > 0 && !b.plan.wholeRow {
			return toRest
		}
		return nothing
	}
	f.as, f.col = f.name, b.table.Lookup(f.name)
	instead := b.plan.instead != "" && string(f.name) == b.plan.instead
	if f.col < 0 && b.plan.snakeCase && !instead {
		if as := appendSnake(nil, f.name); !bytes.Equal(as, f.name) {
			f.as, f.col = as, b.table.Lookup(as)
			f.snake = f.col >= 0
		}
	}
	_, taken := b.taken[f.col]
	taken = taken || instead
	switch {
	case f.col >= 0 && !taken:
		return byName
	case len(b.plan.rest) > 0 || f.paths == nil && taken:
		return b.left()
	case f.paths != nil:
		return nothing
	}
	return unplaced
}

// left is the fate of a field whose column it cannot have.
func (b *binding) left() fate {
	switch {
	case b.plan.wholeRow:
		return nothing
	case len(b.plan.rest) > 0:
		return toRest
	case b.plan.ignoreExtra:
		return dropping
	}
	return refused
}

// Passing tells whether a column of the table takes what may differ when the
// row comes again: the machine's name.
func (b *binding) Passing(column int) bool {
	return len(b.hosts) > 0 && slices.Contains(b.hosts, column)
}
