package delivery

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// maxCompared is how many rows one SELECT looks up.
const maxCompared = 200

// inDoubt tells whether some of the rows lo to hi may be in the table already.
func (b *batch) inDoubt(lo, hi int) bool {
	return slices.ContainsFunc(b.rows[lo:hi], func(r rowRef) bool { return r.doubt })
}

// doubted marks the rows lo to hi as perhaps stored.
func (b *batch) doubted(lo, hi int) {
	for i := lo; i < hi; i++ {
		b.rows[i].doubt = true
	}
}

// reconcile settles those of the rows lo to hi that the table has already,
// with the very same values, and writes the others. It is for a batch that
// met a duplicate key although some of its rows may have been stored before.
func (w *writer) reconcile(ctx context.Context, b *batch, lo, hi, patience int) error {
	retry := newRetry(w.Delivery, "comparing rows with those in")
	var same []bool
	for {
		var err error
		if same, err = w.compare(ctx, b, lo, hi); err == nil {
			retry.healed()
			break
		}
		if remedy, never := incomparable(err); never {
			w.unreadable.Do(func() {
				w.log.Warnf("%s: rows that may have been stored before cannot be compared with those in the table, and count as duplicates: %v; %s", w.target(), err, remedy)
			})
			if !fault.Usable(err) {
				w.disconnect()
			}
			same = make([]bool, hi-lo)
			break
		}
		w.disconnect()
		if err := retry.wait(ctx, err); err != nil {
			return err
		}
	}
	for i := lo; i < hi; i++ {
		b.rows[i].doubt = false // what is not there is not there
	}
	for from := lo; from < hi; {
		to := from + 1
		for to < hi && same[to-lo] == same[from-lo] {
			to++
		}
		if same[from-lo] {
			w.stored(b, from, to)
		} else if err := w.write(ctx, b, from, to, patience); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// compare tells which of the rows lo to hi are in the table as they are.
func (w *writer) compare(ctx context.Context, b *batch, lo, hi int) ([]bool, error) {
	same := make([]bool, hi-lo)
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	// Reading is not to begin a transaction, which would hold the table as it is.
	if err := w.session.hold(ctx, false); err != nil {
		return nil, w.checked(err)
	}
	keys, err := w.usableKeys(ctx, b)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		for from := lo; from < hi; from += maxCompared {
			to := min(from+maxCompared, hi)
			there, err := w.lookUp(ctx, b, key, from, to)
			if err != nil {
				return nil, err
			}
			for i := from; i < to; i++ {
				if form, ok := b.keyForm(key, b.values(i)); ok && b.rows[i].doubt && !same[i-lo] {
					same[i-lo] = b.equal(i, there[string(form)])
				}
			}
		}
	}
	return same, nil
}

// usableKeys returns the unique keys of which b has all columns, as indexes
// into b.cols. One that a row is found by may be NULL in the next.
func (w *writer) usableKeys(ctx context.Context, b *batch) (usable [][]int, err error) {
	for _, c := range b.cols {
		if !b.table.Columns[c].Comparable() {
			return nil, nil
		}
	}
	if w.keysOf != b.table {
		// Over the connection that is there: the user may have no second one.
		keys, err := schema.LoadKeys(ctx, w.session.conn, b.table)
		if err != nil {
			return nil, err
		}
		w.keys, w.keysOf = keys, b.table
	}
	for _, key := range w.keys {
		at := make([]int, len(key))
		for i, c := range key {
			at[i] = slices.Index(b.cols, c)
		}
		if !slices.Contains(at, -1) {
			usable = append(usable, at)
		}
	}
	return usable, nil
}

// lookUp reads the rows of the table that share key with the doubtful ones of
// lo to hi: the cells of each by its key's form.
func (w *writer) lookUp(ctx context.Context, b *batch, key []int, lo, hi int) (map[string][]any, error) {
	var args []any
	tuples := 0
	for i := lo; i < hi; i++ {
		cells := b.values(i)
		if _, ok := b.keyForm(key, cells); !ok || !b.rows[i].doubt {
			continue
		}
		for _, k := range key {
			args = append(args, cells[k])
		}
		tuples++
	}
	there := make(map[string][]any, tuples)
	if tuples == 0 {
		return there, nil
	}
	keyCols := make([]int, len(key))
	for i, k := range key {
		keyCols[i] = b.cols[k]
	}
	rows, err := w.session.conn.QueryContext(ctx, statement.Select(b.table, b.cols, keyCols, tuples), args...)
	if err != nil {
		return nil, &beforeError{"reading rows to compare", err}
	}
	defer rows.Close()
	pointers := make([]any, len(b.cols))
	for rows.Next() {
		cells := make([]any, len(b.cols))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, &beforeError{"reading rows to compare", err}
		}
		if form, ok := b.keyForm(key, cells); ok {
			there[string(form)] = cells
		}
	}
	if err := rows.Err(); err != nil {
		return nil, &beforeError{"reading rows to compare", err}
	}
	return there, nil
}

// values are the cells of row as the driver would read them; nil where absent.
func (b *batch) values(row int) []any {
	cells := b.slice(row, row+1)
	values := make([]any, len(cells))
	for i := range cells {
		values[i] = cells[i].Value()
	}
	return values
}

// keyForm is the key of a row in a form in which equal keys are equal bytes.
// Without its whole key nothing can be said of a row, nor with NULL in it.
func (b *batch) keyForm(key []int, cells []any) (form []byte, ok bool) {
	for _, k := range key {
		if cells[k] == nil {
			return nil, false
		}
		if form, ok = b.table.Columns[b.cols[k]].AppendComparable(form, cells[k]); !ok {
			return nil, false
		}
	}
	return form, true
}

// equal tells whether the table's row, if there is one, has the values of the
// batch's. Of a column that the latter lacks anything is right, and of one
// that takes the machine's name.
func (b *batch) equal(row int, stored []any) bool {
	if stored == nil {
		return false
	}
	var ours, theirs []byte
	cells := b.slice(row, row+1)
	for i := range cells {
		if cells[i].Kind() == schema.Absent || b.mapper.Passing(b.cols[i]) {
			continue
		}
		c := &b.table.Columns[b.cols[i]]
		var ok1, ok2 bool
		ours, ok1 = c.AppendComparable(ours[:0], cells[i].Value())
		theirs, ok2 = c.AppendComparable(theirs[:0], stored[i])
		if !ok1 || !ok2 || !bytes.Equal(ours, theirs) {
			return false
		}
	}
	return true
}

// incomparable tells whether err says that the table's rows can never be read,
// and what a person may do about it.
func incomparable(err error) (remedy string, never bool) {
	var large interface{ Excessive() bool }
	if errors.As(err, &large) && large.Excessive() {
		return "those in the table are larger than is read", true
	}
	number, _ := fault.Number(err)
	return "grant SELECT on it", number == 1142 || number == 1143 // denied: the table, a column
}
