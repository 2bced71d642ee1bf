package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/schema"
)

// maxPlaceholders is what one prepared statement may hold: its count travels in 16 bits.
const maxPlaceholders = math.MaxUint16

// rowRef is one row by its number in the queue, and its text.
type rowRef struct {
	number   uint64
	raw      []byte
	accepted uint32 // as its Message's
	replayed bool   // it may have been set aside already
	doubt    bool   // it may be in the table already
	kind     plan.Kind
	key      uint8 // of the manner's keys the one that finds its place, or noKey
}

// batch is rows ready to be written: cells holds len(rows) times len(cols)
// arguments. Rows may lack columns that others have; full says that none does.
type batch struct {
	table  *schema.Table
	cols   []int // indexes into table.Columns
	cells  []schema.Argument
	rows   []rowRef
	bytes  int     // estimate of the arguments on the wire
	full   bool    // no cell is absent
	noted  int64   // bytes of the rule's ration
	lot    int     // the most rows of one statement, of several; 0 where one takes all
	long   bool    // full by the bytes that a statement should have, not by rows
	loads  bool    // LOAD DATA may take them all at once
	grows  bool    // a field without a column is to get one, but for those
	barred *barred // that get none; may be nil

	manner  *manner  // how the rows are written; nil inserts them
	options *Options // that manner is of
	uniform bool     // all rows have one kind and key

	at     []int             // by table column: index into cols, or -1
	shape  []named           // the last row's fields, which the next most likely repeats
	spares []schema.Argument // the row being converted
	room   schema.Room       // of the text in cells
	mapper mapping.Mapper    // idle without Options.Mapping
}

// named is a field name as it came and the cell it belongs to: an index into
// cols, extra or computed.
type named struct {
	name []byte
	cell int
}

// misfit is a cell whose value does not fit its column.
type misfit struct {
	cell int
	err  error
}

// What a field is when it has no cell.
const (
	extra    = -1 // the table has no such column
	computed = -2 // a generated column: the server fills it
)

// fieldError says that the table has no column for a field.
type fieldError struct {
	field  string
	table  schema.Name
	source string // what of the mapping gives the column its value; empty if the field does
	mapped bool   // there is a mapping
	grows  bool   // it is to get one
	why    error  // the server takes none; nil: nobody has tried
}

func (e *fieldError) Error() string {
	if e.why != nil {
		return fmt.Sprintf("field %q: table %q has no such column, and can have none: %v, leave it out of the rule, or set extraFields to \"ignore\"", e.field, e.table.Table, e.why)
	}
	if e.source != "" {
		return fmt.Sprintf("column %q (%s): table %q has no such column; add it to the table, or correct the property", e.field, e.source, e.table.Table)
	}
	if e.mapped {
		return fmt.Sprintf("field %q: table %q has no such column; add it, name another in columns, leave the field out of the rule, or set restField, or extraFields to \"ignore\"", e.field, e.table.Table)
	}
	return fmt.Sprintf("field %q: table %q has no such column; add it, leave the field out of the rule, or set extraFields to \"ignore\" or autoEvolve to true", e.field, e.table.Table)
}

// errNoFields is of a row that has nothing to store: eKuiper makes such rows
// where the stream lacks all the columns that a rule selects.
var errNoFields = errors.New("the row has no field that the table has a column for")

// reset empties b for rows of t. The columns stay, since rows are mostly alike.
func (b *batch) reset(t *schema.Table) {
	if b.table != t {
		b.shape = b.shape[:0]
		b.at = b.at[:0]
		for range t.Columns {
			b.at = append(b.at, -1)
		}
		b.cols = b.cols[:0]
	}
	b.table = t
	clear(b.cells) // the arguments keep whole messages alive
	clear(b.rows)
	clear(b.spares)
	b.room.Reset()
	b.mapper.Forget()
	b.cells, b.rows, b.bytes, b.full, b.uniform, b.lot, b.long = b.cells[:0], b.rows[:0], 0, true, true, 0, false
}

// prepare empties b for rows of t as o wants them written.
func (b *batch) prepare(t *schema.Table, o *Options, alias bool) error {
	m, err := o.Manner.resolve(t, alias)
	if err != nil {
		return err
	}
	b.reset(t)
	b.manner, b.options = m, o
	return nil
}

// add converts row, which ref names, and appends it. After an error the batch is as it was
// before. dropped counts fields that the table has no column for.
func (b *batch) add(ref rowRef, row payload.Row, o *Options) (dropped int, err error) {
	if o.Mapping == nil {
		return b.addNamed(ref, row, o)
	}
	mapped, unplaced, err := b.mapper.Map(row, o.Mapping, b.table, o.facts(ref))
	if err != nil {
		return 0, err
	}
	if dropped, err = b.addNamed(ref, mapped, o); err != nil {
		return 0, explained(err, o.Mapping)
	}
	return dropped + unplaced, nil
}

// explained says of an error's column where its value comes from, if that is
// not the field of its name.
func explained(err error, plan *mapping.Plan) error {
	var convert *schema.ConvertError
	if f := (*fieldError)(nil); errors.As(err, &f) {
		f.source, f.mapped = plan.Source(f.field), true
	} else if errors.As(err, &convert) {
		if source := plan.Source(convert.Column); source != "" {
			return fmt.Errorf("%w (%s)", err, source)
		}
	}
	return err
}

// addNamed is add for a row whose fields have their columns' names.
func (b *batch) addNamed(ref rowRef, row payload.Row, o *Options) (dropped int, err error) {
	if b.manner != nil {
		return b.addInManner(ref, row, o)
	}
	return b.addRow(ref, row, o)
}

// addRow is addNamed for a row that says no more what to do with it.
func (b *batch) addRow(ref rowRef, row payload.Row, o *Options) (dropped int, err error) {
	if b.addAlike(ref, row, o) {
		return 0, nil
	}
	if len(b.rows) == 0 && !b.fits(row) {
		b.forgetColumns(0)
	}
	width := len(b.cols)
	cells := b.spares[:0]
	for range width {
		cells = append(cells, schema.Argument{})
	}
	size, placed := 0, 0
	var wrong []misfit
	for i := range row.Fields {
		f := &row.Fields[i]
		cell := extra
		if i < len(b.shape) && bytes.Equal(b.shape[i].name, f.Name) {
			cell = b.shape[i].cell
		} else {
			cell = b.place(i, f.Name)
		}
		if cell == extra {
			if err = b.refuse(f, o); err != nil {
				break
			}
			dropped++
		}
		if cell < 0 {
			continue
		}
		placed++
		for cell >= len(cells) {
			cells = append(cells, schema.Argument{})
		}
		if len(wrong) > 0 { // the same name again, perhaps: the last counts
			wrong = slices.DeleteFunc(wrong, func(m misfit) bool { return m.cell == cell })
		}
		if f.Value.Kind == payload.Null && o.NullAsDefault {
			cells[cell] = schema.Argument{}
			continue
		}
		v, e := b.table.Columns[b.cols[cell]].Convert(f.Value, &o.Convert, &b.room)
		if e != nil {
			wrong = append(wrong, misfit{cell, e})
		}
		cells[cell] = v
		size += argumentSize(&v)
	}
	b.spares = cells
	switch {
	case err != nil:
	case len(wrong) > 0:
		err = wrong[0].err
	case placed == 0:
		err = errNoFields
	}
	if err != nil {
		b.forgetColumns(width)
		return 0, err
	}
	b.widen(len(b.rows))
	for i := range cells {
		if cells[i].Kind() == schema.Absent {
			b.full = false
		}
	}
	b.cells = append(b.cells, cells...)
	b.rows = append(b.rows, ref)
	b.bytes += size
	return dropped, nil
}

// refuse says why f, which has no column, is an error of its row; nil: it is
// none. A table that grows has a column for it soon, if it can have one; null can
// wait until it is something.
func (b *batch) refuse(f *payload.Field, o *Options) error {
	grows, why := b.grows || o.Design.Evolve == design.On, error(nil)
	if grows || o.Design.Create == design.On {
		why = b.barred.why(b.table, f.Name)
	}
	able := design.CheckName(string(f.Name)) == nil
	switch {
	case grows && able && f.Value.Kind == payload.Null:
		return nil
	case b.grows && able && why == nil:
		return &fieldError{field: string(f.Name), table: b.table.Name, grows: true}
	case o.IgnoreExtraFields || slices.Contains(o.Unasked, string(f.Name)):
		return nil
	}
	return &fieldError{field: string(f.Name), table: b.table.Name, why: why}
}

// addAlike is add for a row that has the fields of the one before in their
// order, each with a column of its own, as nearly all rows do. It reports
// whether it was one, without a fault; if not, the batch is as it was before.
func (b *batch) addAlike(ref rowRef, row payload.Row, o *Options) bool {
	width, start := len(b.cols), len(b.cells)
	if len(row.Fields) != width || len(b.shape) != width || len(b.rows) == 0 || start != len(b.rows)*width {
		return false
	}
	if cap(b.cells)-start < width {
		b.cells = slices.Grow(b.cells, max(width, start)) // twice as much: append would copy it five times over
		b.rows = slices.Grow(b.rows, max(1, len(b.rows)))
	}
	b.cells = b.cells[:start+width]
	cells, size := b.cells[start:], 0
	for i := range row.Fields {
		f, was := &row.Fields[i], &b.shape[i]
		if was.cell != i || !bytes.Equal(was.name, f.Name) || f.Value.Kind == payload.Null && o.NullAsDefault {
			b.cells = b.cells[:start]
			return false
		}
		var err error
		if cells[i], err = b.table.Columns[b.cols[i]].Convert(f.Value, &o.Convert, &b.room); err != nil {
			b.cells = b.cells[:start]
			return false
		}
		size += argumentSize(&cells[i])
	}
	b.rows = append(b.rows, ref)
	b.bytes += size
	return true
}

// fits tells whether row has just the fields that the row before had, and those
// fill all columns: a column of rows further back would stay empty for ever.
func (b *batch) fits(row payload.Row) bool {
	if len(row.Fields) != len(b.shape) {
		return false
	}
	filled := 0
	for i := range row.Fields {
		if !bytes.Equal(b.shape[i].name, row.Fields[i].Name) {
			return false
		}
		if b.shape[i].cell >= 0 {
			filled++
		}
	}
	return filled >= len(b.cols) // more where a name comes twice
}

// forgetColumns drops the columns from index width on.
func (b *batch) forgetColumns(width int) {
	for _, c := range b.cols[width:] {
		b.at[c] = -1
	}
	b.cols, b.shape = b.cols[:width], b.shape[:0]
}

// place finds the cell of the row's field i and remembers it for the next row.
func (b *batch) place(i int, name []byte) int {
	cell := extra
	if c := b.table.Lookup(name); c >= 0 {
		switch {
		case b.table.Columns[c].Generated:
			cell = computed
		case b.at[c] >= 0:
			cell = b.at[c]
		default:
			cell = len(b.cols)
			b.at[c] = cell
			b.cols = append(b.cols, c)
		}
	}
	if i < len(b.shape) {
		b.shape[i] = named{append(b.shape[i].name[:0], name...), cell}
	} else if i == len(b.shape) {
		b.shape = append(b.shape, named{bytes.Clone(name), cell})
	}
	return cell
}

// widen makes the rows before as wide as cols has become.
func (b *batch) widen(rows int) {
	if rows == 0 || len(b.cells) == rows*len(b.cols) {
		return
	}
	old, width := len(b.cells)/rows, len(b.cols)
	wide := make([]schema.Argument, 0, (rows+1)*width)
	for r := range rows {
		wide = append(wide, b.cells[r*old:(r+1)*old]...)
		for range width - old {
			wide = append(wide, schema.Argument{})
		}
	}
	b.cells, b.full = wide, false
}

// bursts tells whether row may have so many fields more than the rows before it
// that as many cells for each of those would be far more than a batch may have.
func (b *batch) bursts(row payload.Row, o *Options) bool {
	rows, fields := len(b.rows), len(row.Fields)+o.Mapping.Columns()
	if rows == 0 || fields <= len(b.cols) {
		return false
	}
	width := min(fields, len(b.table.Columns))
	return width > len(b.cols) && (rows+1)*width > maxPlaceholders
}

// slice returns the cells of rows lo to hi.
func (b *batch) slice(lo, hi int) []schema.Argument { return b.cells[lo*len(b.cols) : hi*len(b.cols)] }

// extent is how much a statement should have. Its bytes count where they are
// reached with fewer than fewRows.
type extent struct{ rows, bytes, fewRows int }

// isFull tells whether the next row should open another batch: after so much
// where they go in one statement. One of several lots is full with a whole
// number of them: what is left over would be one more statement to prepare.
func (b *batch) isFull(o *Options, e extent, maxPacket int) bool {
	if b.bytes >= min(o.MaxBatchBytes, maxPacket) {
		return true
	}
	if b.lot == 0 {
		n := len(b.rows)
		b.long = n < e.fewRows && !b.loads && b.reaches(e.bytes)
		return b.long || n >= min(e.rows, mostPlaced(len(b.cols), maxPlaceholders))
	}
	lot, most := b.mostInLot(), min(o.MaxBatchRows, mostRows)
	want := sharing * lot
	if b.loads {
		want = max(want, firstRows)
	}
	return len(b.rows) >= max(min(want, most)/lot*lot, lot)
}

// reaches tells whether b has so many bytes, or nearly: one more row like these would be a
// quarter too much. It goes on to a number of rows that one statement of the
// usual sizes takes.
func (b *batch) reaches(bytes int) bool {
	if b.bytes < bytes/2 || !b.hasEvenRows() {
		return false
	}
	return b.bytes >= bytes || b.bytes+b.bytes/max(len(b.rows), 1) > bytes+bytes/4
}

// hasEvenRows tells whether one statement of the usual sizes takes the rows of b.
func (b *batch) hasEvenRows() bool {
	return len(b.rows) >= mostRows || rounded(len(b.rows)) == len(b.rows)
}

// sharing is how many statements share a transaction that has a price of its own.
const sharing = 4

// mostPlaced is how many rows of so many columns one statement of so many
// arguments takes, also if the next row has one column more.
func mostPlaced(columns, arguments int) int { return max(arguments/(columns+1), 1) }

// mostInLot is how many rows a lot may have: the statements of a full one and of
// what is left over stay prepared together.
func (b *batch) mostInLot() int { return min(b.lot, mostPlaced(len(b.cols), maxArguments/2)) }

// perStatement returns how many of n rows the next statement may take.
func (b *batch) perStatement(n int) int {
	if b.lot == 0 {
		return n
	}
	return min(n, b.mostInLot())
}

// gaps tells whether some of the rows lo to hi lacks a column.
func (b *batch) gaps(lo, hi int) bool {
	if b.full {
		return false
	}
	cells := b.slice(lo, hi)
	for i := range cells {
		if cells[i].Kind() == schema.Absent {
			return true
		}
	}
	return false
}

// fillsGaps tells whether a statement may name columns that some of its rows lack:
// nobody knows which of a view's the server numbers, of which DEFAULT is 0.
func (b *batch) fillsGaps() bool { return b.table.Engine != "" }

// argumentSize is what a takes in the binary protocol, at most.
func argumentSize(a *schema.Argument) int {
	if a.Kind() == schema.Text {
		return len(a.Text()) + 11 // a type, a length
	}
	return 10
}
