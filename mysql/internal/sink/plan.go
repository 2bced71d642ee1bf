package sink

import (
	"fmt"
	"time"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/design"
)

// sampleFor is how long rows are waited for to draw up a table or columns from.
const sampleFor = time.Second

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
	columns, err := design.ParseDeclaration(c.Schema, c.PrimaryKey)
	if err != nil {
		return design.Plan{}, err
	}
	p := design.Plan{
		Create: create, Evolve: evolve, Declared: columns, Key: c.PrimaryKey,
		MaxColumns: c.MaxColumns, UTC: c.Location == time.UTC,
	}
	return p, p.Check()
}
