package sink

import (
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/route"
	"ekuiper-mysql/mysql/internal/schema"
)

// sampleFor is how long rows are waited for to draw up a table or columns from.
const sampleFor = time.Second

// carrier takes a queue's rows to their table, or their tables.
type carrier interface {
	Start()
	Stop() error
	Reconfigure(delivery.Options, *sqlx.DB)
	Stuck() bool
	Condition() delivery.Condition
}

// newCarrier returns what o asks for.
func newCarrier(o delivery.Options, db *sqlx.DB, q delivery.Queue, l delivery.DeadLetters, m delivery.Meter, log delivery.Logger, h *delivery.Health) carrier {
	if o.Route != nil {
		return delivery.NewRouter(o, db, q, l, m, log, h)
	}
	return delivery.New(o, db, q, l, m, log, h)
}

// RouteOf is how rows find their table. Its error tells all that is wrong.
func RouteOf(c *config.Config) (*route.Route, error) {
	own := []string{tableName(c.LedgerTable)} // where other rules of the database have their places
	if c.DeadLetterTable != "" {
		own = append(own, tableName(c.DeadLetterTable))
	}
	return route.Parse(route.Options{Table: c.Table, Field: c.TableField, Allowed: c.AllowedTables, Forbidden: own, RowByRow: c.SendSingle})
}

// aim is where c's rows go: one table, or those that the route allows.
func aim(c *config.Config) (schema.Name, *route.Route, error) {
	r, err := RouteOf(c)
	if err != nil {
		return schema.Name{}, nil, err
	}
	if r.Varies() {
		return schema.Name{Database: r.Database(), Table: r.String()}, r, nil
	}
	name, err := schema.ParseName(c.Table)
	if err != nil {
		return name, nil, fmt.Errorf("property table: %w", err)
	}
	return name, nil, nil
}

// PlanOf is what the rule lets be made in the database. Its error tells all
// that is wrong.
func PlanOf(c *config.Config) (design.Plan, error) {
	create, err := design.ParseMode(c.AutoCreate)
	if err != nil {
		return design.Plan{}, fmt.Errorf("property autoCreate: %w", err)
	}
	evolve, err := design.ParseMode(c.AutoEvolve)
	if err != nil {
		return design.Plan{}, fmt.Errorf("property autoEvolve: %w", err)
	}
	key := c.PrimaryKey
	if len(key) == 0 && create != design.Off {
		key = c.KeyField
	}
	columns, err := design.ParseDeclaration(c.Schema, key)
	if err != nil {
		return design.Plan{}, err
	}
	p := design.Plan{
		Create: create, Evolve: evolve, Declared: columns, Key: key,
		MaxColumns: c.MaxColumns, UTC: c.Location == time.UTC,
	}
	return p, p.Check()
}
