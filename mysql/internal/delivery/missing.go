package delivery

import (
	"strings"

	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/schema"
)

// told is the mapping and the table that were last compared, and what was said.
type told struct {
	plan    *mapping.Plan
	table   *schema.Table
	missing string
}

// tellMissing says once which columns the mapping names and the table lacks:
// that is no row's fault, though each row pays for it.
func (f *feeder) tellMissing(t *schema.Table) {
	if f.told.plan == f.options.Mapping && f.told.table == t {
		return
	}
	f.told.plan, f.told.table = f.options.Mapping, t
	missing := strings.Join(f.options.Mapping.Missing(t), ", ")
	if missing == f.told.missing {
		return
	}
	f.told.missing = missing
	switch {
	case missing == "":
		f.log.Infof("%s has all columns now that columns and restField name", f.target())
	case f.options.IgnoreExtraFields:
		f.log.Warnf("%s has no column %s: values for it are dropped, as extraFields \"ignore\" says; add it to the table, or correct the property", f.target(), missing)
	default:
		f.log.Warnf("%s has no column %s: rows with a value for it are set aside until it has; add it to the table, or correct the property, and replay the dead letters", f.target(), missing)
	}
}
