package check

import "context"

// statements has the server look at the statements that rows would go by, and
// run none.
func (c *checking) statements(ctx context.Context, t *target) {
	s := Step{Name: statements, Table: t.shown, Status: OK, SQL: t.preview.Statements}
	switch {
	case !t.looked:
		s.Status, s.Detail = Skipped, "no row is taken"
		c.told(s)
		return
	case t.made:
		s.Detail = "not tried: the table is not made yet"
		c.told(s)
		return
	case len(s.SQL) == 0:
		s.Detail = "a row like that changes nothing"
		c.told(s)
		return
	}
	bounded, cancel := c.bound(ctx)
	defer cancel()
	for _, text := range s.SQL {
		prepared, err := c.db.PrepareContext(bounded, text)
		if err != nil {
			f := c.failed(statements, err)
			f.Table, f.SQL = t.shown, s.SQL
			if denied(err) {
				f.Remedy = c.grantFor(t.name)
			}
			c.told(f)
			return
		}
		_ = prepared.Close()
	}
	s.Detail = "the server takes it, and was not asked to run it; batches have many rows in one"
	c.told(s)
}
