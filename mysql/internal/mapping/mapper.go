package mapping

import (
	"bytes"
	"errors"
	"fmt"

	"ekuiper-mysql/mysql/internal/payload"
)

// Table is where names lead.
type Table interface {
	// Lookup returns the number of the column of that name, or -1.
	Lookup(name []byte) int
}

// ErrNothing is of a row of which nothing goes to a column: constants and
// metadata alone are no row.
var ErrNothing = errors.New("the row has no field that goes to a column, neither by columns nor by its name")

// Mapper makes rows as a Plan says. It is for one goroutine; its zero value is
// ready. Rows alike cost it no allocation but for texts that it has to write,
// many of which share one.
type Mapper struct {
	binding
	steps []step // what to do with each field of the row before, which the next most likely repeats
	round int

	fields  []payload.Field // the row that is made; reused
	used    int             // the most fields that one had since Forget
	picked  []payload.Picked
	picker  payload.Picker
	members []payload.Member
	facts   factValues
	texts   texts
}

// step is what to do with the field at one place of a row.
type step struct {
	*field
	fate   fate // the field's own, unless another field of the row has its column
	hidden bool // the same name comes again, and the last counts
}

// Map returns row as plan wants it for table. Its Fields are valid until the
// next call, its Raw is row's. dropped counts fields that go nowhere. An error
// is the row's fault.
func (m *Mapper) Map(row payload.Row, plan *Plan, table Table, f Facts) (mapped payload.Row, dropped int, err error) {
	if m.plan != plan || m.table != table {
		m.bind(plan, table)
		m.steps = m.steps[:0]
		m.picked = make([]payload.Picked, plan.paths)
	}
	m.match(row.Fields)
	clear(m.picked)
	m.fields = m.fields[:0]
	own, inRest := false, 0
	for i := range row.Fields {
		s := &m.steps[i]
		if s.hidden {
			continue
		}
		v := row.Fields[i].Value
		for _, c := range s.whole {
			m.put(plan.columns[c].name, v)
			own = true
		}
		if s.paths != nil {
			m.picker.Pick(v, s.paths, m.picked)
		}
		switch s.fate {
		case byName:
			m.put(s.as, v)
			own = true
		case unplaced:
			m.put(s.name, v)
			own = own || !plan.ignoreExtra // it is told of
		case passing:
			m.put(s.name, v)
		case toRest:
			inRest++
			own = true
		case dropping:
			dropped++
		case refused:
			return payload.Row{}, 0, m.refusal(s)
		}
	}
	found, err := m.putColumns(&f)
	if err != nil {
		return payload.Row{}, 0, err
	}
	if len(plan.rest) > 0 {
		m.put(plan.rest, m.rest(row, inRest))
		own = own || plan.wholeRow && len(row.Fields) > 0
	}
	m.used = max(m.used, len(m.fields))
	if !own && !found {
		return payload.Row{}, 0, ErrNothing
	}
	return payload.Row{Fields: m.fields, Raw: row.Raw}, dropped, nil
}

func (m *Mapper) put(name []byte, v payload.Value) {
	m.fields = append(m.fields, payload.Field{Name: name, Value: v})
}

// putColumns adds what columns take from inside of fields, constants and
// metadata; found tells whether the row had something of it.
func (m *Mapper) putColumns(f *Facts) (found bool, err error) {
	for i := range m.plan.columns {
		c := &m.plan.columns[i]
		switch {
		case c.path == nil && c.meta == none:
			m.put(c.name, c.value)
		case c.meta != none:
			m.put(c.name, m.facts.value(c.meta, f, &m.texts))
		case len(c.path.steps) > 0:
			p := &m.picked[c.slot]
			if p.Half {
				return false, fmt.Errorf(`property columns: column %q: the text at %s: an escape such as \ud800 stands for half a character`, c.name, c.path)
			}
			if p.Found {
				m.put(c.name, p.Value)
				found = true
			}
		}
	}
	return found, nil
}

// rest is the row as it came, or those fields of it that go to the rest, n of them.
func (m *Mapper) rest(row payload.Row, n int) payload.Value {
	switch {
	case m.plan.wholeRow || n > 0 && n == len(row.Fields):
		return payload.Value{Kind: payload.Object, Text: row.Raw}
	case n == 0:
		return payload.Value{Kind: payload.Object, Text: emptyObject}
	}
	m.members = payload.AppendMembers(m.members[:0], row.Raw)
	size := 1
	for i, at := range m.members {
		if m.inRest(i) {
			size += at.End - at.Start + 1
		}
	}
	b := append(m.texts.take(size), '{')
	for i, at := range m.members {
		if !m.inRest(i) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, row.Raw[at.Start:at.End]...)
	}
	return payload.Value{Kind: payload.Object, Text: m.texts.keep(append(b, '}'))}
}

var emptyObject = []byte("{}")

func (m *Mapper) inRest(i int) bool { return m.steps[i].fate == toRest && !m.steps[i].hidden }

// match makes steps those of a row with these fields.
func (m *Mapper) match(fields []payload.Field) {
	if len(fields) == len(m.steps) {
		same := true
		for i := range fields {
			if !bytes.Equal(m.steps[i].name, fields[i].Name) {
				same = false
				break
			}
		}
		if same {
			return
		}
	}
	m.round++
	m.steps = m.steps[:0]
	snake := false
	for i := range fields {
		var f *field
		if f = m.field(fields[i].Name); f.round == m.round {
			m.steps[f.at].hidden = true
		}
		f.round, f.at = m.round, i
		snake = snake || f.snake
		m.steps = append(m.steps, step{field: f, fate: f.fate})
	}
	if snake {
		m.settle()
	}
}

// settle decides between fields of one row that want the same column: that of
// its very name has it, or else the first.
func (m *Mapper) settle() {
	clear(m.claims)
	for pass := range 2 {
		for i := range m.steps {
			s := &m.steps[i]
			if s.hidden || s.fate != byName || s.snake != (pass == 1) {
				continue
			}
			if first, claimed := m.claims[s.col]; !claimed {
				m.claims[s.col] = s.field
			} else if s.snake {
				s.fate, s.rival = m.left(), first
			}
		}
	}
}

// refusal says why a field has no column although there is one of its name.
func (m *Mapper) refusal(s *step) error {
	const cure = `leave the field out of the rule, name a column for it in columns, or set extraFields to "ignore"`
	if s.snake && s.rival != nil {
		return fmt.Errorf("field %q: field %q of the same row goes to column %q already; %s", s.name, s.rival.name, s.as, cure)
	}
	return fmt.Errorf("field %q: column %q has its value from another place (%s); %s", s.name, s.as, m.plan.Source(string(s.as)), cure)
}

// Forget lets go of the last row. What Map has returned of it stays as it is.
func (m *Mapper) Forget() {
	clear(m.fields[:cap(m.fields)][:m.used])
	clear(m.picked)
	m.used = 0
}
