package delivery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// Server is what decides, of a server, how rows go to it.
type Server struct {
	Version     string // its VERSION()
	Flavour     fault.Flavour
	MaxPacket   int  // bytes
	LocalInfile bool // LOAD DATA LOCAL is allowed there
	EmptyIsNull bool // its sql_mode makes NULL of empty text, which LOAD DATA and INSERT do differently
}

// Ask finds out about the server behind q.
func Ask(ctx context.Context, q sqlx.QueryerContext) (s Server, err error) {
	if err := q.QueryRowxContext(ctx, "SELECT @@max_allowed_packet, VERSION()").Scan(&s.MaxPacket, &s.Version); err != nil {
		return s, fmt.Errorf("ask for the version: %w", err)
	}
	s.Flavour = fault.FlavourOf(s.Version)
	if s.Flavour == fault.TiDB { // which takes LOAD DATA, and splits it: nobody asks it
		return s, nil
	}
	err = q.QueryRowxContext(ctx, "SELECT @@local_infile, COALESCE(FIND_IN_SET('EMPTY_STRING_IS_NULL', @@sql_mode), 0) > 0").Scan(&s.LocalInfile, &s.EmptyIsNull)
	if err != nil {
		return s, fmt.Errorf("ask for local_infile: %w", err)
	}
	return s, nil
}

// Preview is what a row would become. Nothing of it is written.
type Preview struct {
	Cells      []PreviewCell // its fields, as they are named after the mapping
	Missing    []string      // columns that the row lacks and that have no default
	Reason     error         // why it would be set aside; nil where it would not
	Statements []string      // that would write the row alone
	Load       string        // the LOAD DATA that large batches of such rows go by; empty: INSERT
	NoLoad     string        // why not
}

// PreviewCell is what one field becomes.
type PreviewCell struct {
	Field  string
	Source string         // of the mapping, where that gives the column its value; else empty
	Column *schema.Column // nil: the table has none of that name
	Value  schema.Argument
	Err    error // why the value does not fit
}

// Preview returns what the writer would do with row in the table t of the
// server s, by the writer's own code. A nil row stands for one that has all
// columns. The error is that of the table, which cannot be written to as o asks.
func (o *Options) Preview(t *schema.Table, s Server, row *payload.Row) (p Preview, err error) {
	b := &batch{grows: o.Design.Evolve == design.On}
	if err := b.prepare(t, o, knowsAlias(s.Flavour, s.Version)); err != nil {
		return p, err
	}
	if row == nil {
		if p.Reason = b.fill(); p.Reason != nil {
			return p, nil
		}
	} else {
		ref := rowRef{raw: row.Raw, accepted: uint32(time.Now().Unix())}
		_, p.Reason = b.add(ref, *row, o)
		p.Cells = o.cells(t, *row, ref)
	}
	if p.Reason != nil {
		return p, nil
	}
	if b.rows[0].kind <= plan.Upsert { // it may be a new row
		for c := range t.Columns {
			if t.Columns[c].Required && (b.at[c] < 0 || b.cell(0, b.at[c]).Kind() == schema.Absent) {
				p.Missing = append(p.Missing, t.Columns[c].Name)
			}
		}
	}
	p.Statements = b.texts()
	p.NoLoad = o.noLoad(b, s)
	if p.NoLoad == "" {
		p.Load = statement.Load(t, b.cols, "...")
	}
	return p, nil
}

// fill makes b one row that has all columns.
func (b *batch) fill() error {
	number := schema.NewColumn("", "bigint")
	one, err := number.Convert(payload.Value{Kind: payload.Number, Text: []byte("1")}, &schema.Options{}, nil)
	if err != nil {
		return err
	}
	for c := range b.table.Columns {
		if b.table.Columns[c].Generated {
			continue
		}
		b.at[c] = len(b.cols)
		b.cols, b.cells = append(b.cols, c), append(b.cells, one)
	}
	ref := rowRef{}
	if b.manner != nil {
		ref.kind = b.manner.Mode
	}
	b.rows = append(b.rows, ref)
	if b.manner != nil {
		b.rows[0].key, err = b.manner.place(b, ref.kind)
	}
	return err
}

// texts are the statements that write the one row of b.
func (b *batch) texts() (all []string) {
	if b.manner != nil {
		for _, g := range b.groups(0, 1, false) {
			if !b.manner.changesNothing(b, &g) {
				all = append(all, b.manner.render(b, &g, 0, 1))
			}
		}
		return all
	}
	var cols []int
	for at, c := range b.cols {
		if b.cell(0, at).Kind() != schema.Absent {
			cols = append(cols, c)
		}
	}
	return []string{statement.Insert(b.table, cols, 1, nil)}
}

// cells are the fields of row, as they go to columns, each judged for itself.
func (o *Options) cells(t *schema.Table, row payload.Row, ref rowRef) (all []PreviewCell) {
	if o.Mapping != nil {
		var b batch
		mapped, _, err := b.mapper.Map(row, o.Mapping, t, o.facts(ref))
		if err != nil {
			return nil // the row's reason says why
		}
		row = mapped
	}
	for _, f := range row.Fields {
		cell := PreviewCell{Field: string(f.Name), Source: o.Mapping.Source(string(f.Name))}
		if c := t.Lookup(f.Name); c >= 0 {
			cell.Column = &t.Columns[c]
			if !cell.Column.Generated && (f.Value.Kind != payload.Null || !o.NullAsDefault) {
				cell.Value, cell.Err = cell.Column.Convert(f.Value, &o.Convert, nil)
			}
		}
		// The same name again: the last counts.
		all = slices.DeleteFunc(all, func(before PreviewCell) bool {
			return before.Field == cell.Field || cell.Column != nil && before.Column == cell.Column
		})
		all = append(all, cell)
	}
	return all
}

// noLoad says why large batches of rows like that of b go by INSERT; "" where
// they go by LOAD DATA. See loads, which asks the same of each batch.
func (o *Options) noLoad(b *batch, s Server) string {
	switch {
	case b.manner != nil:
		return "mode is not insert"
	case o.Road == InsertRoad:
		return "road is insert"
	case s.Flavour == fault.TiDB:
		return "TiDB splits what it loads"
	case o.Road == AutoRoad && s.Flavour != fault.MySQL:
		return "MariaDB is quicker with INSERT"
	case !s.LocalInfile:
		return "local_infile is off on the server"
	case s.EmptyIsNull:
		return "the server's sql_mode has EMPTY_STRING_IS_NULL"
	case !b.loadable(0, 1):
		return "LOAD DATA could change what is in such rows, or in this kind of table"
	}
	return ""
}
