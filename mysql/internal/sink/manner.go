package sink

import (
	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/plan"
	"ekuiper-mysql/mysql/internal/statement"
)

var expressions = map[string]statement.Expression{
	"set": statement.Set, "add": statement.Add, "max": statement.Max, "min": statement.Min, "coalesce": statement.Coalesce, "keep": statement.Keep,
}

// mannerOf is how c wants rows written; nil where they are inserted.
func mannerOf(c *config.Config) *delivery.Manner {
	if c.Mode == "insert" && c.RowKindField == "" {
		return nil
	}
	mode, _ := plan.Parse(c.Mode) // config has seen to it
	m := &delivery.Manner{Mode: mode, Key: c.KeyField, KindField: c.RowKindField, Version: c.VersionField}
	if len(c.UpdateFields)+len(c.KeepFields) > 0 {
		m.Assign = map[string]statement.Expression{}
	}
	if len(c.UpdateFields) > 0 {
		m.Others = statement.Keep
	}
	for name, as := range c.UpdateFields {
		if name == config.OtherFields {
			m.Others = expressions[as]
			continue
		}
		m.Assign[name] = expressions[as]
	}
	for _, name := range c.KeepFields {
		m.Assign[name] = statement.Keep
	}
	return m
}
