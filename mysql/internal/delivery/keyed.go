package delivery

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// How many rows one statement updates or deletes. An UPDATE looks for the row's
// values among those of all: more gain nothing (measured on MariaDB 10.11 and
// MySQL 9.7). From 200 keys on servers guess how many rows an index gives
// (eq_range_index_dive_limit), and may read the whole table instead.
const (
	updatedAtOnce = 50
	deletedAtOnce = 150
)

// The errors that an upsert provokes where another unique key than its own has
// caught its row.
const (
	strictNull  = 1048
	strictRange = 1264
	strictTime  = 1292 // with statement.NoTime
)

// group is rows that go by one kind of statement.
type group struct {
	kind  plan.Kind
	key   uint8
	again bool  // rows of kind insert, which may be there already
	rows  []int // of the batch; nil: from lo to hi
	lo    int
	hi    int
	cols  []int // positions in the batch's cols
	gaps  bool  // some cells are absent
}

func (g *group) size() int {
	if g.rows == nil {
		return g.hi - g.lo
	}
	return len(g.rows)
}

func (g *group) row(i int) int {
	if g.rows == nil {
		return g.lo + i
	}
	return g.rows[i]
}

// writeKeyed writes the rows lo to hi of b as its manner says. again says that
// an insert that may be stored already is to end as if it had been written
// just now.
func (s *session) writeKeyed(ctx context.Context, b *batch, lo, hi int, again bool) error {
	s.turnTo(b)
	groups := b.groups(lo, hi, again)
	if len(groups) == 0 {
		return nil
	}
	if len(groups) == 1 && s.turnToGroup(b, &groups[0]) == groups[0].size() {
		return s.writeGroup(ctx, b, &groups[0])
	}
	return s.transaction(ctx, func() error { return s.writeGroups(ctx, b, groups) })
}

func (s *session) writeGroups(ctx context.Context, b *batch, groups []group) error {
	for i := range groups {
		if err := s.writeGroup(ctx, b, &groups[i]); err != nil {
			return err
		}
	}
	return nil
}

// turnToGroup makes the statements choose for rows of g, and returns how many
// the first takes.
func (s *session) turnToGroup(b *batch, g *group) int {
	s.inserts.key = s.inserts.key[:0]
	for _, at := range g.cols {
		s.inserts.key = binary.LittleEndian.AppendUint32(s.inserts.key, uint32(b.cols[at]))
	}
	if g.again {
		s.inserts.key = append(s.inserts.key, 'a')
	}
	return s.chunk(b, g, 0)
}

// chunk returns how many of g's rows from the i-th on the next statement takes.
func (s *session) chunk(b *batch, g *group, i int) int {
	n := g.size() - i
	if lot := b.perStatement(g.size()); lot > 0 {
		n = min(n, lot-i%lot)
	}
	switch g.kind {
	case plan.Update:
		n = min(n, b.manner.updated(b, g))
	case plan.Delete:
		n = min(n, deletedAtOnce)
	}
	if g.gaps {
		return n
	}
	return s.inserts.sizeOf(n, g.kind, g.key)
}

// updated returns how many rows of g one UPDATE may take.
func (m *manner) updated(b *batch, g *group) int {
	key := len(m.keys[g.key].Columns)
	arguments := key + 2
	for _, at := range g.cols {
		if c := b.cols[at]; !b.table.Columns[c].Simple() {
			return 1
		}
		arguments += key + 2
	}
	return max(min(updatedAtOnce, maxPlaceholders/arguments), 1)
}

func (s *session) writeGroup(ctx context.Context, b *batch, g *group) error {
	if b.manner.changesNothing(b, g) {
		return nil
	}
	s.turnToGroup(b, g)
	for i := 0; i < g.size(); {
		n := s.chunk(b, g, i)
		affected, err := s.writeChunk(ctx, b, g, i, i+n)
		if err != nil {
			return b.manner.explain(b, g, err)
		}
		s.passed += b.manner.passed(g, n, affected)
		i += n
	}
	for n := g.size(); n > 0; {
		lot := b.perStatement(n)
		s.inserts.note(lot)
		n -= lot
	}
	return nil
}

// writeChunk writes the rows from to to of g in one statement.
func (s *session) writeChunk(ctx context.Context, b *batch, g *group, from, to int) (affected int64, err error) {
	rows := to - from
	s.boxes.begin()
	b.arguments(&s.boxes, g, from, to)
	args := s.boxes.args
	defer s.boxes.forget(len(args))
	err = s.conn.Raw(func(c any) error {
		p, err := s.prepared(ctx, c, b, g, from, to, len(args))
		if err != nil {
			return err
		}
		if g.gaps { // seldom the same again
			defer p.Close()
		}
		var result driver.Result
		if result, err = p.ExecContext(ctx, args); err != nil {
			return err
		}
		affected, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%v of %d rows: %w", g.kind, rows, err)
	}
	return affected, nil
}

// prepared returns the statement of the rows from to to of g.
func (s *session) prepared(ctx context.Context, c any, b *batch, g *group, from, to, arguments int) (prepared, error) {
	rows := to - from
	if g.gaps {
		preparer, ok := c.(driver.ConnPrepareContext)
		if !ok {
			return nil, errDriver
		}
		stmt, err := preparer.PrepareContext(ctx, b.manner.render(b, g, from, rows))
		if err != nil {
			return nil, err
		}
		p, ok := stmt.(prepared)
		if !ok {
			return nil, errDriver
		}
		return p, nil
	}
	in := &s.inserts
	in.uses++
	if p, ok := in.kept[shapeKey{g.kind, g.key, string(in.key), rows}]; ok {
		p.used = in.uses
		return p, nil
	}
	key := shapeKey{g.kind, g.key, string(in.key), rows}
	return in.prepare(ctx, c, key, arguments, b.manner.render(b, g, from, rows))
}

// render returns the text of the statement that writes rows rows of g, from the
// one at from on.
func (m *manner) render(b *batch, g *group, from, rows int) string {
	t := b.table
	cols := make([]int, len(g.cols))
	for i, at := range g.cols {
		cols[i] = b.cols[at]
	}
	var absent func(row, i int) bool
	if g.gaps {
		absent = func(row, i int) bool { return b.cell(g.row(from+row), g.cols[i]).Kind() == schema.Absent }
	}
	switch g.kind {
	case plan.InsertIgnore:
		return statement.Upsert(t, cols, rows, absent, &statement.Change{Version: -1})
	case plan.Replace:
		return statement.Replace(t, cols, rows, absent)
	case plan.Upsert:
		return statement.Upsert(t, cols, rows, nil, m.change(b, g))
	case plan.Update:
		return statement.Update(t, rows, m.change(b, g))
	case plan.Delete:
		return statement.Delete(t, rows, m.change(b, g))
	}
	return statement.Insert(t, cols, rows, absent)
}

// change is what g's rows do to those that are there.
func (m *manner) change(b *batch, g *group) *statement.Change {
	c := &statement.Change{Key: m.keys[g.key].Columns, Version: m.version, Strict: m.strict, Alias: m.alias}
	for _, at := range g.cols {
		col := b.cols[at]
		if slices.Contains(c.Key, col) || col == m.version || g.again && b.table.Columns[col].Numbered { // the row has its number
			continue
		}
		as := m.assign[col]
		if g.again {
			as = statement.Set
		}
		if as != statement.Keep {
			c.Assign = append(c.Assign, statement.Assignment{Column: col, As: as})
		}
	}
	return c
}

// changesNothing tells whether g's rows are updates without a column to set.
func (m *manner) changesNothing(b *batch, g *group) bool {
	return g.kind == plan.Update && m.version < 0 && len(m.change(b, g).Assign) == 0
}

// passed returns how many of n rows have left the table as it was, as far as
// the number of affected rows tells.
func (m *manner) passed(g *group, n int, affected int64) int {
	switch {
	case g.kind == plan.InsertIgnore:
		return max(n-int(affected), 0)
	case !g.kind.Keyed() || m.version < 0 || !m.unique[g.key]:
		return 0
	case g.kind == plan.Upsert && (n > 1 && affected > 0): // one a row that is new, two a row that has changed
		return 0
	}
	return max(n-int(min(affected, int64(n))), 0)
}

// explain says what an error of an upsert really is about.
func (m *manner) explain(b *batch, g *group, err error) error {
	number, _ := fault.Number(err)
	time := number == strictTime && strings.Contains(err.Error(), statement.NoTime)
	if g.kind != plan.Upsert || !m.strict || g.size() > 1 || number != strictNull && number != strictRange && !time {
		return err
	}
	for _, c := range m.keys[g.key].Columns {
		if time || strings.Contains(err.Error(), "'"+b.table.Columns[c].Name+"'") {
			return fmt.Errorf("another unique key of the table has the row's values in a row of another key, which an upsert leaves alone (%w)", err)
		}
	}
	return err
}

// cell returns the cell of a row at a position in cols.
func (b *batch) cell(row, at int) *schema.Argument { return &b.cells[row*len(b.cols)+at] }

// arguments adds those of the statement that writes the rows from to to of g.
func (b *batch) arguments(to *boxes, g *group, from, end int) {
	m := b.manner
	var c *statement.Change
	if g.kind == plan.Update || g.kind == plan.Delete {
		c = m.change(b, g)
	}
	key := func(row int) {
		for _, col := range c.Key {
			to.add(b.cell(row, b.at[col]))
		}
	}
	if g.kind == plan.Update {
		set := func(col, terms int) {
			for i := from; i < end; i++ {
				if end-from > 1 {
					key(g.row(i))
				}
				for range terms {
					to.add(b.cell(g.row(i), b.at[col]))
				}
			}
		}
		for _, a := range c.Assign {
			set(a.Column, a.As.Terms())
		}
		if c.Version >= 0 {
			set(c.Version, 1)
		}
	}
	for i := from; i < end; i++ {
		if c != nil {
			key(g.row(i))
			if c.Version >= 0 {
				to.add(b.cell(g.row(i), b.at[c.Version]))
			}
			continue
		}
		for _, at := range g.cols {
			if cell := b.cell(g.row(i), at); cell.Kind() != schema.Absent {
				to.add(cell)
			}
		}
	}
}

// groups returns the rows lo to hi of b in groups to be written in order.
func (b *batch) groups(lo, hi int, again bool) []group {
	first := &b.rows[lo]
	again = again && b.manner.KindField != "" && !b.manner.Strict && b.inDoubt(lo, hi)
	if b.uniform && !again && (b.full || b.fillsGaps()) {
		all := group{kind: first.kind, key: first.key, lo: lo, hi: hi, gaps: !b.full}
		switch {
		case first.kind < plan.Upsert || first.kind == plan.Upsert && b.full:
			all.cols = b.present(&all)
			return []group{all}
		case first.kind == plan.Delete && !b.manner.linked:
			all.gaps = false
			return []group{all}
		}
	}
	rows := make([]plan.Row, hi-lo)
	shapes := &shapes{b: b, known: map[string]int{}, again: again}
	for i := range rows {
		rows[i] = shapes.row(lo + i)
	}
	planned := plan.Groups(rows, b.manner.free)
	groups := make([]group, len(planned))
	for i, p := range planned {
		g := &groups[i]
		for j := range p.Rows {
			p.Rows[j] += lo
		}
		r := &b.rows[p.Rows[0]]
		*g = group{kind: p.Kind, key: r.key, rows: p.Rows, again: p.Kind == plan.Upsert && r.kind == plan.Insert}
		if p.Kind != plan.Delete {
			g.cols = b.present(g)
		}
		if p.Kind < plan.Upsert {
			g.gaps = b.hasGaps(g)
		}
	}
	return groups
}

// present returns the positions of the columns that some row of g has.
func (b *batch) present(g *group) []int {
	cols := make([]int, 0, len(b.cols))
	for at := range b.cols {
		for i := range g.size() {
			if b.full || b.cell(g.row(i), at).Kind() != schema.Absent {
				cols = append(cols, at)
				break
			}
		}
	}
	return cols
}

func (b *batch) hasGaps(g *group) bool {
	for i := range g.size() {
		for _, at := range g.cols {
			if b.cell(g.row(i), at).Kind() == schema.Absent {
				return true
			}
		}
	}
	return false
}

// shapes tells the rows of a batch as a plan sees them.
type shapes struct {
	b     *batch
	known map[string]int
	again bool
	form  []byte
}

func (s *shapes) row(i int) plan.Row {
	b, m, r := s.b, s.b.manner, &s.b.rows[i]
	p := plan.Row{Kind: r.kind}
	if s.again && r.kind == plan.Insert && r.doubt && r.key != noKey && m.unique[r.key] {
		p.Kind = plan.Upsert
	}
	p.Shape = s.shape(i, p.Kind)
	p.Alone = m.linked && (p.Kind == plan.Update || p.Kind == plan.Delete)
	p.Whole = p.Kind == plan.Update && m.version < 0
	if p.Kind == plan.Update {
		for at, c := range b.cols {
			if slices.Contains(m.keys[r.key].Columns, c) || b.cell(i, at).Kind() == schema.Absent || m.assign[c] == statement.Keep {
				continue
			}
			p.Alone = p.Alone || m.tied[c]
			p.Whole = p.Whole && m.assign[c] == statement.Set
		}
	}
	if r.key == noKey {
		p.Vague = true
		return p
	}
	s.form = s.form[:0]
	for _, c := range m.keys[r.key].Columns {
		s.form = schema.SameKey(s.form, b.cell(i, b.at[c]))
	}
	p.Same = string(s.form)
	s.form = s.form[:0]
	for _, c := range m.keys[r.key].Columns {
		var like schema.Likeness
		s.form, like = b.table.Columns[c].AppendKey(s.form, b.cell(i, b.at[c]))
		p.Vague = p.Vague || like == schema.Vague
	}
	p.Class = string(s.form)
	return p
}

// shape numbers what rows must have in common to share a statement.
func (s *shapes) shape(i int, kind plan.Kind) int {
	s.form = s.form[:0]
	if kind.Keyed() {
		s.form = append(s.form, byte(kind), s.b.rows[i].key)
	}
	if kind == plan.Upsert && s.b.rows[i].kind == plan.Insert {
		s.form = append(s.form, 'a')
	}
	if kind == plan.Upsert || kind == plan.Update || !s.b.fillsGaps() {
		for at := range s.b.cols {
			there := byte(0)
			if s.b.cell(i, at).Kind() != schema.Absent {
				there = 1
			}
			s.form = append(s.form, there)
		}
	}
	n, ok := s.known[string(s.form)]
	if !ok {
		n = len(s.known)
		s.known[string(s.form)] = n
	}
	return n
}
