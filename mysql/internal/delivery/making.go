package delivery

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/statement"
)

// Tables and columns are made between batches, over a connection of their own:
// such a statement commits whatever is open on its connection. Two processes
// may well do so at once: what is there already is what was wanted, and is
// read again.

// The bounds of a sample. What waits beyond is not looked at.
const (
	sampleRows  = 1000
	sampleBytes = 1 << 20
)

// lockWait is how long, in seconds, such a statement waits for others that use
// the table: all that want it after that wait behind it.
const lockWait = 5

// sampler looks at rows to draw up a table, or columns for t, from. Its error
// means that ctx is done.
type sampler func(ctx context.Context, t mapping.Table) (*design.Sample, error)

// once returns a sampler that looks but once.
func (s sampler) once() sampler {
	var known *design.Sample
	return func(ctx context.Context, t mapping.Table) (_ *design.Sample, err error) {
		if known == nil {
			known, err = s(ctx, t)
		}
		return known, err
	}
}

// noTable has no columns yet.
type noTable struct{}

// Lookup implements mapping.Table.
func (noTable) Lookup([]byte) int { return -1 }

// look is a look at rows, as their table gets them.
type look struct {
	design.Sample
	table   mapping.Table
	options *Options
	mapper  mapping.Mapper
	decoder payload.Decoder
	size    int // bytes looked at
}

func (d *Delivery) newLook(t mapping.Table) *look {
	l := &look{table: t, options: &d.setup.Load().options}
	if m := l.options.Manner; m != nil {
		l.Pass = m.KindField
	}
	return l
}

// at adds a message's rows, as far as it can be read. What metadata tells of
// them is that of row.
func (l *look) at(message []byte, row rowRef) {
	l.size += len(message)
	l.decoder.Reset(message)
	for l.Rows() < sampleRows {
		r, err := l.decoder.Next()
		var element *payload.ElementError
		switch {
		case errors.As(err, &element):
			continue
		case err != nil:
			return
		}
		if l.options.Mapping != nil {
			if r, _, err = l.mapper.Map(r, l.options.Mapping, l.table, l.options.facts(row)); err != nil {
				continue
			}
		}
		l.Add(r)
	}
}

func (d *Delivery) sampleOf(rows []rowRef, t mapping.Table) *design.Sample {
	l := d.newLook(t)
	for i := range rows {
		l.at(rows[i].raw, rows[i])
	}
	return &l.Sample
}

// sample looks at the row at hand, at its message and at those behind it. It
// waits a moment for them: what a rule's first row alone tells of the rows to
// come is little.
func (f *feeder) sample(ctx context.Context, t mapping.Table) (*design.Sample, error) {
	l := f.newLook(t)
	l.at(f.asking.raw, f.asking)
	l.at(f.at.Data, f.asking)
	for i := range f.held {
		l.at(f.held[i].Data, f.asking)
	}
	enough := time.NewTimer(f.options.SampleFor)
	defer enough.Stop()
	for l.Rows() < sampleRows && l.size < sampleBytes {
		if m, ok := f.queue.Next(); ok {
			f.held = append(f.held, m)
			l.at(m.Data, f.asking)
			continue
		}
		select {
		case <-ctx.Done():
			return nil, errStopped
		case <-f.queue.Ready():
		case <-enough.C:
			return &l.Sample, nil
		}
	}
	return &l.Sample, nil
}

// create makes the table. Its error is for a person to mend, or passes, unless
// it is design.ErrNothing or errStopped.
func (d *Delivery) create(ctx context.Context, s *setup, sample sampler) error {
	o := &s.options
	rows, err := sample(ctx, noTable{})
	if err != nil {
		return err
	}
	columns, over, err := o.Design.Table(rows.Without(d.barred.has(nil)))
	if errors.Is(err, design.ErrNothing) {
		return err
	}
	if err != nil {
		return &mendError{fmt.Sprintf("%s does not exist, and cannot be made: %v", o.Table, err)}
	}
	text := statement.CreateTable(o.Table, columns, o.Design.Key)
	if o.Design.Create == design.DryRun {
		return &mendError{fmt.Sprintf("%s does not exist; autoCreate is dryRun: with true it would be made, after a look at %d rows, by: %s", o.Table, rows.Rows(), text)}
	}
	if text, err = d.makeTable(ctx, s, columns); err != nil {
		return err
	}
	d.log.Infof("%s did not exist and is made, after a look at %d rows: %s", d.target(), rows.Rows(), text)
	if over > 0 {
		d.log.Warnf("%s: %d fields of these rows have no column: maxColumns is %d; what becomes of such fields is extraFields' affair", d.target(), over, o.Design.MaxColumns)
	}
	if len(o.Design.Key) == 0 {
		d.log.Infof("%s has no primary key: rows that come again, as after a crash, cannot be told from new ones; the property primaryKey gives it one", d.target())
	}
	return nil
}

// makeTable makes the table of columns, but for those of the rows' own that the
// server takes in none, and returns the statement that has done it.
func (d *Delivery) makeTable(ctx context.Context, s *setup, columns []design.Column) (text string, err error) {
	o := &s.options
	var bars []bar
	defer func() { d.bar(s, nil, bars) }()
	for len(columns) > 0 {
		text = statement.CreateTable(o.Table, columns, o.Design.Key)
		err = d.define(ctx, s, "CREATE", text)
		var refused *refusedError
		if !errors.As(err, &refused) {
			return text, err
		}
		if narrow, can := design.Narrow(columns); can && refused.number == rowTooWide {
			columns = narrow
			continue
		}
		some, out := refused.spare(columns, &o.Design)
		if len(out) == 0 {
			return "", refused.mend()
		}
		bars = append(bars, refused.bars(out)...)
		columns = some
	}
	return "", design.ErrNothing
}

// define runs a statement that makes something; what says the privilege that it
// takes. That nobody can run it is a refusedError.
func (d *Delivery) define(ctx context.Context, s *setup, what, text string) error {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return &beforeError{"connect", err}
	}
	defer func() {
		if s.options.Shared && err == nil { // whose waits are bounded already
			_ = conn.Close()
			return
		}
		// Not back to its pool, with a session that is not as the url asks for.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}()
	if !s.options.Shared {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET SESSION lock_wait_timeout = %d", lockWait)); err != nil {
			d.log.Debugf("bounding the wait for %s: %v", d.target(), err)
		}
	}
	if _, err = conn.ExecContext(ctx, text); err == nil {
		return nil
	}
	doing := fmt.Sprintf("making what %s lacks", s.options.Table)
	class := d.classify(err)
	number, _ := fault.Number(err)
	switch {
	case ctx.Err() != nil:
		return errStopped
	case number == duplicateColumn || number == tableExists:
		return errThere
	case number == 1044 || number == 1142 || number == 1227:
		return &mendError{fmt.Sprintf("%s: %v; grant %s on it to the rule's user, or let an administrator run: %s", doing, err, what, text)}
	case number == 0 || class == fault.Passing || class == fault.OutcomeUnknown:
		return &beforeError{doing, err}
	}
	refused := &refusedError{number: number, doing: doing, text: text, err: err}
	if refused.lasts() {
		return refused
	}
	return refused.mend()
}

// Numbers of the server's errors.
const (
	tableExists     = 1050
	duplicateColumn = 1060
)

// errThere says that somebody else was quicker.
var errThere = errors.New("it is there already")
