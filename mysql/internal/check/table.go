package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

const (
	mostTables  = 16  // that sample rows may name
	mostRefused = 5   // rows told of one by one
	mostText    = 200 // bytes of a value that are shown
)

// sample is one of the sample rows.
type sample struct {
	number int // from 1
	row    payload.Row
	err    error // it could not be read
}

// target is a table, and the sample rows for it.
type target struct {
	name    schema.Name
	shown   string // "" where there is but one
	rows    []sample
	table   *schema.Table
	made    bool // the table is not there, or lacks columns: table is what it would be
	ddl     []string
	preview delivery.Preview // of the first row that is taken, or of one with all columns
	looked  bool             // preview is known
}

// database tells whether the url's is there.
func (c *checking) database(context.Context) {
	if c.lacks(database, login) {
		return
	}
	name := c.databaseName()
	if c.noDatabase != nil {
		c.told(c.failed(database, c.noDatabase))
		return
	}
	c.told(Step{Name: database, Status: OK, Detail: name})
}

// tables looks at every table that rows go to.
func (c *checking) tables(ctx context.Context) {
	c.readSamples()
	if c.lacks(table, properties, database, server) {
		for _, n := range []string{keys, row, statements} {
			c.lacks(n, table)
		}
		return
	}
	if !c.aim() {
		for _, n := range []string{keys, row, statements} {
			c.lacks(n, table)
		}
		return
	}
	for _, t := range c.targets {
		c.oneTable(ctx, t)
	}
}

// readSamples reads the sample rows by the sink's own decoder.
func (c *checking) readSamples() {
	if c.Rows == nil {
		return
	}
	var d payload.Decoder
	d.Reset(c.Rows)
	for n := 1; ; n++ {
		r, err := d.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		s := sample{number: n, err: err}
		if err == nil {
			var own payload.Decoder // which does not use its memory again for the next row
			own.Reset(r.Raw)
			s.row, s.err = own.Next()
		}
		c.samples = append(c.samples, s)
		var element *payload.ElementError
		if err != nil && !errors.As(err, &element) {
			return
		}
	}
}

// aim finds the tables that the rows go to. It reports whether there are any.
func (c *checking) aim() bool {
	way := c.options.Route
	if way == nil {
		c.targets = []*target{{name: c.options.Table, rows: c.samples}}
		return true
	}
	if len(c.samples) == 0 {
		c.told(Step{Name: table, Status: Warning, Detail: "rows choose their table: " + way.String(), Remedy: "give sample rows with --row, and their tables are looked at"})
		c.bad[table] = table
		return false
	}
	for _, s := range c.samples {
		if s.err != nil {
			continue
		}
		name, err := way.Find(nil, s.row, func([]byte) bool { return false })
		if err != nil {
			c.told(Step{
				Name: table, Status: Failed, Detail: fmt.Sprintf("row %d: %v", s.number, err),
				Remedy: "a row like that would be set aside as a dead letter: correct table, tableField or allowedTables, or the rule",
			})
			continue
		}
		i := slices.IndexFunc(c.targets, func(t *target) bool { return t.name.Table == string(name) })
		if i < 0 && len(c.targets) < min(mostTables, c.options.MaxTables) {
			i = len(c.targets)
			full := schema.Name{Database: way.Database(), Table: string(name)}
			c.targets = append(c.targets, &target{name: full, shown: full.String()})
		}
		if i >= 0 {
			c.targets[i].rows = append(c.targets[i].rows, s)
		}
	}
	if len(c.targets) > 0 {
		delete(c.bad, table) // rows that find none are told of
	}
	return len(c.targets) > 0
}

// oneTable looks at a table and at what its rows become.
func (c *checking) oneTable(ctx context.Context, t *target) {
	bounded, cancel := c.bound(ctx)
	defer cancel()
	found, err := schema.Load(bounded, c.db, t.name)
	switch {
	case errors.Is(err, schema.ErrNoTable) && c.options.Design.Create != design.Off:
		if !c.draw(t) {
			return
		}
	case err != nil:
		s := c.failed(table, err)
		s.Table = t.shown
		c.told(s)
		c.skipOf(t, table, keys, row, statements)
		return
	default:
		t.table = found
		if len(found.PrimaryKey) == 0 {
			_ = found.LoadUnique(bounded, c.db) // where it cannot be told, there is none
		}
		c.told(c.describe(t))
	}
	o := c.optionsFor(t)
	if !t.made {
		if !c.keys(bounded, t, &o) {
			return
		}
	}
	c.judge(t, &o)
	c.statements(ctx, t)
}

// optionsFor are those of a table that rows choose, or of the only one.
func (c *checking) optionsFor(t *target) delivery.Options {
	o := c.options
	o.Table = t.name
	if o.Route != nil {
		o.Unasked = o.Route.Fields()
	}
	return o
}

// skipOf skips the steps that a table's failing leaves nothing to do for.
func (c *checking) skipOf(t *target, root string, names ...string) {
	for _, n := range names {
		c.told(Step{Name: n, Table: t.shown, Status: Skipped, Detail: "it needs the step " + root + ", which failed"})
	}
}

// draw makes t what autoCreate would make of the sample rows.
func (c *checking) draw(t *target) bool {
	s := &design.Sample{}
	var m mapping.Mapper
	for _, r := range t.rows {
		row := r.row
		if r.err != nil {
			continue
		}
		if c.options.Mapping != nil {
			mapped, _, err := m.Map(row, c.options.Mapping, none{}, mapping.Facts{})
			if err != nil {
				continue
			}
			row = mapped
		}
		s.Add(row)
	}
	columns, over, err := c.options.Design.Table(s)
	if err != nil {
		status, remedy := Failed, "correct schema and primaryKey"
		if errors.Is(err, design.ErrNothing) {
			status, remedy = Warning, "give sample rows with --row to see what is made of them"
		}
		c.told(Step{Name: table, Table: t.shown, Status: status, Detail: t.name.String() + " does not exist, and autoCreate is on: " + err.Error(), Remedy: remedy})
		c.bad[table] = table
		c.skipOf(t, table, keys, row, statements)
		return false
	}
	t.ddl = []string{statement.CreateTable(t.name, columns, c.options.Design.Key)}
	t.made = true
	t.table = withColumns(t.name, nil, columns)
	for _, k := range c.options.Design.Key {
		if i := t.table.Lookup([]byte(k)); i >= 0 {
			t.table.PrimaryKey = append(t.table.PrimaryKey, i)
			t.table.Columns[i].Nullable = false
		}
	}
	if len(t.table.PrimaryKey) > 0 {
		t.table.Unique.Keys = []schema.Key{{Columns: t.table.PrimaryKey, NotNull: true}}
	}
	t.table.Engine = "InnoDB"
	step := Step{
		Name: table, Table: t.shown, Status: OK, SQL: t.ddl,
		Detail: fmt.Sprintf("%s does not exist; autoCreate would make it, of these %d rows, with %d columns", t.name, s.Rows(), len(columns)),
	}
	if over > 0 {
		step.Status, step.Remedy = Warning, fmt.Sprintf("%d fields get no column: raise maxColumns, now %d", over, c.options.Design.MaxColumns)
	}
	if c.options.Design.Create == design.DryRun {
		step.Status, step.Remedy = Warning, "autoCreate is dryRun, which makes nothing: rows wait until somebody makes the table"
	}
	c.told(step)
	return true
}

// none is a table that is not there yet.
type none struct{}

// Lookup implements mapping.Table.
func (none) Lookup([]byte) int { return -1 }

// withColumns is a table of columns and new ones.
func withColumns(name schema.Name, has []schema.Column, more []design.Column) *schema.Table {
	all := slices.Clone(has)
	for _, m := range more {
		all = append(all, schema.NewColumn(m.Name, strings.ToLower(m.Type.SQL(false))))
	}
	return schema.NewTable(name, all...)
}

// describe tells what the table is.
func (c *checking) describe(t *target) Step {
	s := Step{Name: table, Table: t.shown, Status: OK}
	found := t.table
	var key []string
	for _, k := range found.PrimaryKey {
		key = append(key, found.Columns[k].Name)
	}
	parts := []string{fmt.Sprintf("%s has %d columns", t.name, len(found.Columns))}
	apart := slices.IndexFunc(found.Unique.Keys, func(k schema.Key) bool { return k.NotNull })
	switch {
	case len(key) > 0:
		parts = append(parts, "primary key "+strings.Join(key, ", "))
	case apart >= 0:
		for _, i := range found.Unique.Keys[apart].Columns {
			key = append(key, found.Columns[i].Name)
		}
		parts = append(parts, "no primary key, but a unique one, "+strings.Join(key, ", "))
	default:
		parts = append(parts, "no primary key")
		s.Status = Warning
		s.Remedy = "rows that come again, as after a crash, cannot be told from new ones: give the table a primary key, or a unique one that is NOT NULL, or set delivery to exactlyOnce"
		if c.config.ExactlyOnce {
			s.Status, s.Remedy = OK, ""
		}
	}
	switch {
	case found.Engine == "" && found.Atomic:
		parts = append(parts, "a view, or its engine is not shown")
	case found.Atomic:
		parts = append(parts, "engine "+found.Engine+", atomic")
	default:
		unsafe, engine := found.Unsafe()
		if unsafe != found.Name {
			engine += " of the view's table " + unsafe.String()
		}
		parts = append(parts, "engine "+engine+", not atomic")
		s.Status = Warning
		s.Remedy = "a statement that fails leaves a part of itself behind in such a table: ALTER TABLE " + statement.Table(unsafe) + " ENGINE=InnoDB"
		if c.config.ExactlyOnce {
			s.Status = Failed
			s.Remedy = "delivery exactlyOnce needs transactions: ALTER TABLE " + statement.Table(unsafe) + " ENGINE=InnoDB"
		}
	}
	s.Detail = strings.Join(parts, ", ")
	return s
}

// keys tells whether rows can be written in the mode of the action.
func (c *checking) keys(ctx context.Context, t *target, o *delivery.Options) bool {
	if o.Manner == nil {
		c.told(Step{Name: keys, Table: t.shown, Status: OK, Detail: "mode insert finds no rows: a duplicate key is the row's fault"})
		return true
	}
	if err := o.Manner.Check(ctx, c.db, t.table); err != nil {
		s := c.failed(keys, err)
		s.Table, s.Remedy = t.shown, "correct keyField, updateFields, keepFields or versionField, or give the table the key; docs/modes.md tells what each mode needs"
		c.told(s)
		c.skipOf(t, keys, row, statements)
		return false
	}
	key := "the table's own keys"
	if len(o.Manner.Key) > 0 {
		key = strings.Join(o.Manner.Key, ", ")
	}
	c.told(Step{Name: keys, Table: t.shown, Status: OK, Detail: "mode " + c.config.Mode + " finds rows by " + key})
	return true
}

// judge tells what becomes of the sample rows.
func (c *checking) judge(t *target, o *delivery.Options) {
	if c.Rows == nil {
		p, err := o.Preview(t.table, c.is, nil)
		t.preview, t.looked = p, err == nil && p.Reason == nil
		c.told(Step{Name: row, Table: t.shown, Status: Skipped, Detail: "no sample row was given", Remedy: "--row FILE tells what becomes of one"})
		return
	}
	c.grow(t)
	s := Step{Name: row, Table: t.shown, Status: OK, SQL: nil}
	var refused []string
	var first *delivery.Preview
	taken := 0
	for _, r := range t.rows {
		if r.err != nil {
			refused = append(refused, fmt.Sprintf("row %d: %v", r.number, r.err))
			continue
		}
		p, err := o.Preview(t.table, c.is, &r.row)
		reason := errors.Join(err, p.Reason)
		if reason == nil && len(p.Missing) > 0 {
			reason = fmt.Errorf("the table wants %s, which the row has not and which has no default", strings.Join(p.Missing, ", "))
		}
		if reason != nil {
			refused = append(refused, fmt.Sprintf("row %d: %v", r.number, reason))
			if first == nil {
				first = &p // the fields of a row that is refused tell more
			}
			continue
		}
		if taken++; !t.looked {
			t.preview, t.looked = p, true
		}
	}
	if first == nil && t.looked {
		first = &t.preview
	}
	if first != nil {
		s.Fields = c.fields(first)
	}
	c.told(c.verdict(s, taken, refused))
}

// verdict sums up what becomes of sample rows.
func (c *checking) verdict(s Step, taken int, refused []string) Step {
	s.Detail = fmt.Sprintf("%d rows fit", taken)
	if taken == 1 {
		s.Detail = "1 row fits"
	}
	switch {
	case taken+len(refused) == 0:
		s.Status, s.Detail, s.Remedy = Warning, "the sample has no row for it", "give a file with at least one JSON object"
	case len(refused) > 0:
		more := ""
		if len(refused) > mostRefused {
			more = fmt.Sprintf("; and %d more", len(refused)-mostRefused)
		}
		s.Status = Failed
		s.Detail += fmt.Sprintf(", %d would be set aside: ", len(refused)) + strings.Join(refused[:min(len(refused), mostRefused)], "; ") + more
		s.Remedy = "change the rule's SQL, the column's type, or the properties columns, extraFields, nullAs, timezone, epochUnit; what is set aside becomes a dead letter"
	}
	lost := 0
	for _, f := range s.Fields {
		if f.Note == noteDropped {
			lost++
		}
	}
	if lost > 0 && s.Status == OK {
		s.Status = Warning
		s.Detail += fmt.Sprintf("; %d fields have no column and are dropped", lost)
		s.Remedy = "extraFields is ignore: add columns, or name others in the property columns, where the values are wanted"
	}
	return s
}

// grow adds to t what autoEvolve would.
func (c *checking) grow(t *target) {
	if c.options.Design.Evolve == design.Off || t.made {
		return
	}
	s := &design.Sample{}
	for _, r := range t.rows {
		if r.err == nil {
			s.Add(r.row)
		}
	}
	columns, _ := c.options.Design.Missing(t.table, s)
	if len(columns) == 0 {
		return
	}
	text := statement.AddColumns(t.name, columns)
	step := Step{Name: table, Table: t.shown, Status: OK, Detail: fmt.Sprintf("autoEvolve would add %d columns", len(columns)), SQL: []string{text}}
	if c.options.Design.Evolve == design.DryRun {
		step.Status, step.Remedy = Warning, "autoEvolve is dryRun, which adds nothing"
		c.told(step)
		return
	}
	c.told(step)
	grown := withColumns(t.name, t.table.Columns, columns)
	grown.PrimaryKey, grown.Engine, grown.Atomic, grown.Unique = t.table.PrimaryKey, t.table.Engine, t.table.Atomic, t.table.Unique
	t.table, t.made, t.ddl = grown, true, []string{text}
}

// What may be said of a field.
const (
	noteDropped   = "no column: dropped"
	noteGenerated = "the server computes that column: left out"
	noteDefault   = "the column's default"
	noteUnplaced  = "no column"
)

// fields tells of each field what it becomes.
func (c *checking) fields(p *delivery.Preview) []Field {
	all := []Field{}
	for _, cell := range p.Cells {
		f := Field{Field: cut(cell.Field), Source: cell.Source}
		switch {
		case cell.Column == nil && c.config.IgnoreExtraFields:
			f.Note = noteDropped
		case cell.Column == nil:
			f.Note = noteUnplaced
		case cell.Column.Generated:
			f.Column, f.Type, f.Note = cell.Column.Name, cell.Column.Type, noteGenerated
		case cell.Err != nil:
			f.Column, f.Type, f.Note = cell.Column.Name, cell.Column.Type, cut(cell.Err.Error())
		case cell.Value.Kind() == schema.Absent:
			f.Column, f.Type, f.Note = cell.Column.Name, cell.Column.Type, noteDefault
		default:
			f.Column, f.Type = cell.Column.Name, cell.Column.Type
			if v := cell.Value.Value(); v != nil {
				text := cut(fmt.Sprint(v))
				f.Value = &text
			}
		}
		all = append(all, f)
	}
	return all
}

// cut bounds a text.
func cut(s string) string {
	if len(s) > mostText {
		s = s[:mostText] + "..."
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
