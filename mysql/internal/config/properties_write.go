package config

// writeProperties say which table is written, and how.
var writeProperties = []Property{
	{
		Name: "table", Type: "string", Required: true,
		Allowed: "table or database.table, each part of 1 to 64 characters, in backquotes where it holds a dot",
		Label:   Text{"Table", "表"},
		Hint: Text{
			"The table to write to: table or database.table; either part may stand in backquotes. It must exist, unless autoCreate makes it.",
			"写入的表：table 或 database.table，各部分可用反引号括起。该表必须已存在，除非由 autoCreate 创建。",
		},
		read: readTable,
	},
}

func readTable(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if !ok {
		r.refuse(p, name, v)
		return
	}
	if err := checkTable(s); err != nil {
		r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
		return
	}
	r.config.Table = s
}
