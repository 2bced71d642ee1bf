package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// need is a privilege, and what it is for.
type need struct {
	privilege string
	on        schema.Name
	for_      string // what does not work without
	optional  bool   // rows go all the same
}

// privileges compares what the account has with what the action asks for.
func (c *checking) privileges(ctx context.Context) {
	if c.lacks(privileges, server, database) {
		return
	}
	bounded, cancel := c.bound(ctx)
	defer cancel()
	lines, err := c.grantLines(bounded)
	if err != nil {
		s := c.failed(privileges, err)
		s.Status, s.Remedy = Warning, "the server does not tell what the account may do; the step statements has tried what rows need"
		c.told(s)
		return
	}
	given := parseGrants(lines)
	targets := c.targets
	if len(targets) == 0 && c.options.Route == nil {
		targets = []*target{{name: c.options.Table}}
	}
	for _, t := range targets {
		c.told(c.compare(bounded, given, t))
	}
	if len(targets) == 0 {
		c.told(Step{Name: privileges, Status: Skipped, Detail: "rows choose their table", Remedy: "give sample rows with --row"})
	}
}

// grantLines asks for the account's grants, those of its active roles too.
func (c *checking) grantLines(ctx context.Context) (lines []string, err error) {
	query := "SHOW GRANTS FOR CURRENT_USER()"
	if c.is.Flavour != fault.MariaDB {
		var roles string
		if err := c.db.QueryRowContext(ctx, "SELECT CURRENT_ROLE()").Scan(&roles); err == nil && roles != "" && roles != "NONE" {
			var using []string
			if e := sqlx.SelectContext(ctx, c.db, &using, query+" USING "+roles); e == nil {
				return using, nil
			}
		}
	} else {
		query = "SHOW GRANTS" // of MariaDB, with those of the role
	}
	err = sqlx.SelectContext(ctx, c.db, &lines, query)
	return lines, err
}

// compare judges the privileges for one table.
func (c *checking) compare(ctx context.Context, given grants, t *target) Step {
	s := Step{Name: privileges, Table: t.shown, Status: OK}
	var has, lack, remedies []string
	for _, n := range c.needs(ctx, t) {
		name := n.privilege + " on " + n.on.String()
		if c.may(ctx, given, n) {
			if !slices.Contains(has, name) {
				has = append(has, name)
			}
			continue
		}
		lack = append(lack, name+", without which "+n.for_)
		remedies = append(remedies, fmt.Sprintf("GRANT %s ON %s TO %s", n.privilege, c.qualified(n.on), c.account()))
		switch {
		case !n.optional:
			s.Status = Failed
		case s.Status == OK:
			s.Status = Warning
		}
	}
	s.Detail = "there: " + strings.Join(has, ", ")
	if len(has) == 0 {
		s.Detail = "there: none that is needed"
	}
	if len(lack) > 0 {
		s.Detail += "; missing: " + strings.Join(lack, "; ")
		s.Remedy = "let an administrator run: " + strings.Join(remedies, "; ")
	}
	return s
}

// needs are the privileges that the action asks for, as docs/connections.md tells them.
func (c *checking) needs(ctx context.Context, t *target) (all []need) {
	add := func(optional bool, on schema.Name, for_ string, privileges ...string) {
		for _, p := range privileges {
			all = append(all, need{p, on, for_, optional})
		}
	}
	kind, _ := plan.Parse(c.config.Mode) // config has seen to it
	add(false, t.name, "no row is written", wanted[kind]...)
	if c.config.RowKindField != "" {
		add(true, t.name, "rows of "+c.config.RowKindField+" that ask for it fail", "INSERT", "UPDATE", "DELETE", "SELECT")
	}
	if kind == plan.Insert && t.table != nil && len(t.table.PrimaryKey)+len(t.table.Unique.Keys) > 0 {
		add(true, t.name, "a row that may have been stored before, after a lost answer, counts as a duplicate", "SELECT")
	}
	if c.options.Design.Create == design.On {
		add(t.table != nil && !t.made, t.name, "autoCreate makes no table", "CREATE")
	}
	if c.options.Design.Evolve == design.On {
		add(true, t.name, "autoEvolve adds no columns", "ALTER")
	}
	beside := func(given string) schema.Name {
		name, err := schema.ParseName(given)
		if err != nil {
			name.Table = given
		}
		return schema.Name{Database: t.name.Database, Table: name.Table}
	}
	there := func(name schema.Name) bool {
		_, err := schema.Load(ctx, c.db, name)
		return err == nil
	}
	if c.config.ExactlyOnce {
		ledger := beside(c.config.LedgerTable)
		add(false, ledger, "delivery exactlyOnce writes nothing", "SELECT", "INSERT", "UPDATE")
		if !there(ledger) {
			add(false, ledger, "the ledger is not made, and exactlyOnce writes nothing", "CREATE")
		}
	}
	if c.config.DeadLetterTable != "" {
		letters := beside(c.config.DeadLetterTable)
		add(true, letters, "dead letters are on disk alone", "INSERT")
		if !there(letters) {
			add(true, letters, "the table of dead letters is not made", "CREATE")
		}
	}
	return all
}

// may tells whether the account has what is needed. Where the grants do not
// say so, as with some ways of giving roles, the server is asked to prepare
// what takes it.
func (c *checking) may(ctx context.Context, given grants, n need) bool {
	database := n.on.Database
	if database == "" {
		database = c.config.Driver.DBName
	}
	if given.has(n.privilege, database, n.on.Table) || given.some(n.privilege, database, n.on.Table) {
		return true
	}
	if c.is.Flavour == fault.TiDB { // which prepares what it does not allow
		return false
	}
	name := statement.Table(n.on)
	text := map[string]string{
		"SELECT": "SELECT * FROM " + name,
		"DELETE": "DELETE FROM " + name,
	}[n.privilege]
	if text == "" {
		return false
	}
	prepared, err := c.db.PrepareContext(ctx, text)
	if err != nil {
		return false
	}
	_ = prepared.Close()
	return true
}

// qualified names a table for a GRANT.
func (c *checking) qualified(n schema.Name) string {
	if n.Database == "" {
		n.Database = c.config.Driver.DBName
	}
	return statement.Table(n)
}

// denied tells whether the server lacked a privilege.
func denied(err error) bool {
	number, _ := fault.Number(err)
	return number == 1142 || number == 1143 || number == 1044 || number == 1227
}

// wanted are the privileges that rows of each kind take.
var wanted = [plan.Kinds][]string{
	plan.Insert:       {"INSERT"},
	plan.InsertIgnore: {"INSERT", "UPDATE", "SELECT"}, // it leaves what is there by an update of nothing
	plan.Replace:      {"INSERT", "DELETE"},
	plan.Upsert:       {"INSERT", "UPDATE", "SELECT"},
	plan.Update:       {"UPDATE", "SELECT"},
	plan.Delete:       {"DELETE", "SELECT"},
}

// grantFor is the statement that lets rows be written to a table.
func (c *checking) grantFor(name schema.Name) string {
	kind, _ := plan.Parse(c.config.Mode) // config has seen to it
	return fmt.Sprintf("let an administrator run: GRANT %s ON %s TO %s", strings.Join(wanted[kind], ", "), c.qualified(name), c.account())
}
