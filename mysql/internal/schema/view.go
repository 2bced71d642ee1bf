package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// A view has no engine of its own: what a failed statement leaves behind is a
// matter of the tables that it shows.

// mostViews bounds the views of views that are looked into.
const mostViews = 16

// shown finds the tables in a view's definition, whose names the servers write
// in full and in backquotes. What a text in it looks like is asked for as well,
// and most likely not there.
var shown = regexp.MustCompile("(?i)(?:from|join)[\\s(]+`((?:[^`]|``)+)`\\.`((?:[^`]|``)+)`")

// loadBase finds a table without transactions that the view shows, itself or by
// way of other views. A user without the right SHOW VIEW, or without any on the
// table, gets to know of none.
func (t *Table) loadBase(ctx context.Context, q sqlx.QueryerContext, database, view string) error {
	views := []Name{{database, view}}
	for i := 0; i < len(views) && i < mostViews; i++ {
		tables, err := tablesOf(ctx, q, views[i])
		if err != nil {
			return err
		}
		for _, name := range tables {
			engine, err := loadEngine(ctx, q, name.Database, name.Table)
			if err != nil {
				return err
			}
			if !isAtomic(engine) {
				t.base, t.baseEngine = name, engine
				return nil
			}
			if engine == "" && !slices.Contains(views, name) {
				views = append(views, name)
			}
		}
	}
	return nil
}

// tablesOf lists what a view shows; nothing of what is no view, or is hidden.
func tablesOf(ctx context.Context, q sqlx.QueryerContext, view Name) (tables []Name, err error) {
	var definition sql.NullString
	err = sqlx.GetContext(ctx, q, &definition, "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? LIMIT 1", view.Database, view.Table)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read the definition of the view %s: %w", view, err)
	}
	for _, found := range shown.FindAllStringSubmatch(definition.String, -1) {
		name := Name{strings.ReplaceAll(found[1], "``", "`"), strings.ReplaceAll(found[2], "``", "`")}
		if !slices.Contains(tables, name) {
			tables = append(tables, name)
		}
	}
	return tables, nil
}

// Unsafe names what makes t not Atomic, and its engine: t, or a table of a view.
func (t *Table) Unsafe() (name Name, engine string) {
	if t.baseEngine != "" {
		return t.base, t.baseEngine
	}
	return t.Name, t.Engine
}
