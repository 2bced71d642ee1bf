package delivery

import (
	"context"
	"errors"
	"slices"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// growth is what a feeder knows of fields without columns.
type growth struct {
	spent *schema.Table   // has got what it may have, or can have
	told  map[string]bool // fields that a dry run has told of
}

// grows tells whether a field that t has no column for is to get one.
func (f *feeder) grows(t *schema.Table) bool {
	return f.options.Design.Evolve != design.Off && f.growth.spent != t
}

// grow gives t, which the row at hand did not fit, the columns that it lacks,
// or says which these would be. An error means that ctx is done.
func (f *feeder) grow(ctx context.Context, t *schema.Table) error {
	if f.options.Design.Evolve == design.On {
		grown, full, err := f.evolve(ctx, t, f.sampler)
		if err == nil && full {
			f.growth.spent = grown
		}
		return err
	}
	columns, _ := f.options.Design.Missing(t, f.sampleOf([]rowRef{f.asking}, t))
	var news []design.Column
	for _, c := range columns {
		if !f.growth.told[c.Name] && len(f.growth.told) < f.options.Design.MaxColumns {
			news = append(news, c)
		}
	}
	if len(news) == 0 {
		return nil
	}
	if f.growth.told == nil {
		f.growth.told = map[string]bool{}
	}
	for _, c := range news {
		f.growth.told[c.Name] = true
	}
	f.log.Infof("%s lacks columns; autoEvolve is dryRun: with true it would get them by: %s", f.target(), statement.AddColumns(f.options.Table, news))
	return nil
}

// evolve gives t the columns that it lacks for the rows that sample looks at,
// and returns it as it is then; full says that no others would get any. An
// error means that ctx is done.
func (d *Delivery) evolve(ctx context.Context, t *schema.Table, sample sampler) (_ *schema.Table, full bool, err error) {
	rows, err := sample(ctx, t)
	if err != nil {
		return nil, false, err
	}
	first := t
	retry := newRetry(d, "adding columns to")
	for {
		through := d.setup.Load()
		plan := &through.options.Design
		passed := 0
		barred := d.barred.has(t)
		columns, over := plan.Missing(t, rows.Without(func(name string) bool {
			out := barred(name)
			if out {
				passed++
			}
			return out
		}))
		if len(columns) == 0 {
			if over > 0 {
				d.log.Warnf("%s has %d columns, and maxColumns is %d: %d new fields get none; what becomes of them is extraFields' affair", d.target(), len(t.Columns), plan.MaxColumns, over)
			}
			retry.healed()
			return t, over > 0 || t == first && passed == 0, nil
		}
		a := &adding{Delivery: d, setup: through}
		failed := a.add(ctx, columns)
		switch {
		case failed == nil:
		case errors.Is(failed, errStopped):
			return nil, false, failed
		case !errors.Is(failed, errThere) && d.setup.Load() == through:
			if err := retry.wait(ctx, failed); err != nil {
				return nil, false, err
			}
		}
		// Also after an error: somebody may have added them meanwhile.
		before := t
		d.tables.drop(t)
		if t, err = d.current(ctx, sample); err != nil {
			return nil, false, err
		}
		d.bar(through, t, a.bars)
		if t == before && (a.added || errors.Is(failed, errThere)) {
			if err := retry.wait(ctx, errUnseen); err != nil { // as on a replica that lags
				return nil, false, err
			}
		}
	}
}

// adding is the adding of columns, each that the server takes.
type adding struct {
	*Delivery
	setup *setup
	added bool  // some are
	bars  []bar // those that are not, and never will be
}

// add adds columns; those that the server refuses are found by halves, so that
// the others are not refused with them.
func (a *adding) add(ctx context.Context, columns []design.Column) error {
	if n := len(a.bars); n > 0 && (a.bars[n-1].all() || n >= mostBarred) {
		return nil // one answer is enough
	}
	text := statement.AddColumns(a.setup.options.Table, columns)
	err := a.define(ctx, a.setup, "ALTER", text)
	var refused *refusedError
	if err == nil {
		a.added = true
		a.log.Infof("%s gets columns for new fields: %s", a.target(), text)
	}
	if !errors.As(err, &refused) {
		return err
	}
	if narrow, can := design.Narrow(columns); can && refused.number == rowTooWide {
		return a.add(ctx, narrow)
	}
	if len(columns) == 1 || refused.number == notTable {
		a.bars = append(a.bars, refused.bars(columns[:1])...)
		return nil
	}
	left, right := columns[:len(columns)/2], columns[len(columns)/2:]
	if i := refused.at(columns); i >= 0 {
		left, right = columns[i:i+1], append(slices.Clone(columns[:i]), columns[i+1:]...)
	}
	if err := a.add(ctx, left); err != nil {
		return err
	}
	return a.add(ctx, right)
}

// errUnseen says that a change is not to be seen yet.
var errUnseen = errors.New("the server does not show the new columns yet")
