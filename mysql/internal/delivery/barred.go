package delivery

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/schema"
)

// A server takes no column of some names, and none where a table is too wide or
// a view. To ask again with each row would change nothing, and to wait would
// hold up all rows for the one field: so it is remembered, and such a field is
// one without a column.

// Numbers of the server's errors that say so.
const (
	tooManyColumns = 1117
	rowTooWide     = 1118
	wrongName      = 1166
	notTable       = 1347 // but a view
)

const (
	mostBarred = 32        // fields: where there are more, no other is asked for either
	barredFor  = time.Hour // the server may be another one by then
)

// refusedError says that the server will not run a statement, whoever asks.
type refusedError struct {
	number      uint16
	doing, text string
	err         error
}

func (e *refusedError) Error() string { return fmt.Sprintf("%s: %v", e.doing, e.err) }

// lasts tells whether it is about the columns, and not about what a person may
// do or the rule asks for.
func (e *refusedError) lasts() bool {
	return e.number == tooManyColumns || e.number == rowTooWide || e.number == wrongName || e.number == notTable
}

// mend is the error where a person must help nevertheless.
func (e *refusedError) mend() *mendError {
	return &mendError{fmt.Sprintf("%v; mend the rule's schema or primaryKey, or let an administrator run it, changed as need be: %s", e, e.text)}
}

// at is the index of the column that the error names, or -1.
func (e *refusedError) at(columns []design.Column) int {
	if e.number != wrongName {
		return -1
	}
	name := fault.Column(e.err)
	return slices.IndexFunc(columns, func(c design.Column) bool { return c.Name == name })
}

// spare parts the columns that a new table may have from those that it must do
// without: the one that the error names, or the last of too many.
func (e *refusedError) spare(columns []design.Column, plan *design.Plan) (some, out []design.Column) {
	if e.number == wrongName {
		if i := e.at(columns); i >= 0 && plan.Spares(columns[i].Name) {
			return slices.Delete(slices.Clone(columns), i, i+1), columns[i : i+1]
		}
		return columns, nil
	}
	many := len(columns)/16 + 1
	for _, c := range slices.Backward(columns) {
		if len(out) < many && plan.Spares(c.Name) {
			out = append(out, c)
		} else {
			some = append(some, c)
		}
	}
	slices.Reverse(some)
	return some, out
}

// bar is that a field gets no column.
type bar struct {
	field  string
	number uint16
	err    error // the server's
}

// all tells whether no other field would get one either.
func (b *bar) all() bool { return b.number == tooManyColumns || b.number == notTable }

// Error says what to do instead.
func (b *bar) Error() string {
	advice := "give the field another name in the rule"
	switch b.number {
	case tooManyColumns, rowTooWide:
		advice = "make room for it in the table, by dropping columns or making wide ones TEXT"
	case notTable:
		advice = "add it to the view and to its table"
	}
	return fmt.Sprintf("%v; %s", b.err, advice)
}

func (e *refusedError) bars(columns []design.Column) (all []bar) {
	for _, c := range columns {
		all = append(all, bar{c.Name, e.number, e.err})
	}
	return all
}

// barred are the fields that get no column. The feeder and the writer share
// them. The nil value has none.
type barred struct {
	mu    sync.Mutex
	table *schema.Table // as it was when they were refused: another may have room
	until time.Time
	bars  []bar
}

// why returns the reason why a field of t gets no column; nil: there is none.
func (b *barred) why(t *schema.Table, name []byte) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bars) == 0 || !time.Now().Before(b.until) {
		return nil
	}
	for i := range b.bars {
		found := &b.bars[i]
		if (found.number == wrongName || b.table == t) && (schema.SameName(found.field, name) || found.all()) {
			return found
		}
	}
	if last := &b.bars[len(b.bars)-1]; t != nil && b.table == t && len(b.bars) >= mostBarred {
		return last
	}
	return nil
}

// has tells of a field's name whether it gets no column in t.
func (b *barred) has(t *schema.Table) func(name string) bool {
	return func(name string) bool { return b.why(t, []byte(name)) != nil }
}

// forget makes all fields be asked for again.
func (b *barred) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bars = nil
}

// add takes down what was refused for t. Names are as wrong for another table,
// and all that is to be known of one that is not there.
func (b *barred) add(t *schema.Table, bars []bar, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(b.until) {
		b.bars = nil
	}
	if b.table != t {
		b.bars = slices.DeleteFunc(b.bars, func(old bar) bool { return old.number != wrongName })
	}
	if len(b.bars) == 0 {
		b.until = now.Add(barredFor)
	}
	b.table = t
	for _, found := range bars {
		if t != nil || found.number == wrongName {
			b.bars = append(b.bars, found)
		}
	}
	b.bars = b.bars[:min(len(b.bars), mostBarred)]
}

// bar takes down that fields of t, nil while there is no table, get no columns
// for as long as the rule is as s has it.
func (d *Delivery) bar(s *setup, t *schema.Table, bars []bar) {
	if len(bars) == 0 || d.setup.Load() != s {
		return
	}
	d.barred.add(t, bars, time.Now())
	others := ""
	if n := len(bars) - 1; n > 0 {
		others = fmt.Sprintf(" and %d others", n)
	}
	d.log.Warnf("%s gets no column for %q%s: %v; what becomes of such fields is extraFields' affair", d.target(), bars[0].field, others, &bars[0])
}
