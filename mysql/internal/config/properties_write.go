package config

import (
	"encoding/json"
	"strings"
)

// writeProperties say which table is written, and how.
var writeProperties = []Property{
	{
		Name: "table", Type: "string", Required: true,
		Allowed: "table or database.table, each part of 1 to 64 characters, in backquotes where it holds a dot; the table may hold fields as in metrics_{device}",
		Label:   Text{"Table", "表"},
		Hint: Text{
			"The table to write to: table or database.table; either part may stand in backquotes. It must exist, unless autoCreate makes it. " +
				"With fields of the row in it, such as metrics_{device} or {meta.site}, each row goes to the table that it names, if allowedTables allows it; " +
				"a row that names none, or another, is set aside.",
			"写入的表：table 或 database.table，各部分可用反引号括起。该表必须已存在，除非由 autoCreate 创建。" +
				"名称中可含行的字段，例如 metrics_{device} 或 {meta.site}：每行写入其所指的表，该表须在 allowedTables 允许范围内；未指明或不被允许的行将被搁置。",
		},
		read: readTable,
	},
	{
		Name: "tableField", Type: "string", Default: "", Allowed: "a field's name, or a path such as meta.table",
		Label: Text{"Field with the table", "表名字段"},
		Hint: Text{
			"The field of a row that names its table, among allowedTables. Rows without it, or with null in it, go to the property table.",
			"行中给出表名的字段，须在 allowedTables 允许范围内。没有该字段或其值为 null 的行写入属性 table 所指的表。",
		},
		read: readTableField,
	},
	{
		Name: "allowedTables", Type: "list", Default: "", Allowed: "names of tables, with * and ? for letters, digits, _, $ and -, or regular expressions between slashes; as a list, or as text with commas",
		Label: Text{"Tables that rows may choose", "允许的表"},
		Hint: Text{
			"The tables that rows may choose, without their database, e.g. metrics_*, alarms, /log_[0-9]{4}/. Required where rows choose. Letter case counts. " +
				"The sink's own, ledgerTable and deadLetterTable, are never among them.",
			"行可以选择的表，不含库名，例如 metrics_*、alarms、/log_[0-9]{4}/。由行选择表时必填。区分大小写。本 sink 自己的表 ledgerTable 与 deadLetterTable 始终除外。",
		},
		read: readAllowedTables,
	},
	{
		Name: "maxTables", Type: "integer", Default: 100, Unit: "tables", Allowed: "1 to 10000",
		Label: Text{"Tables at most", "最多表数"},
		Hint: Text{
			"How many tables the rows may choose since the plugin started; one that was not used for a day, or does not exist, no longer counts. A row for one more is set aside.",
			"自插件启动以来行最多可选择的表数；一天未用或不存在的表不再计入。超出时该行被搁置。",
		},
		read: number(1, 10000, func(r *reader, n int64) { r.config.MaxTables = int(n) }),
	},
}

func readTableField(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if !ok || holdsAddress(s) {
		r.refuse(p, name, v)
		return
	}
	r.config.TableField = s
}

// readAllowedTables reads a list, or text with commas; a regular expression
// that holds a comma needs the list.
func readAllowedTables(r *reader, p Property, name string, v any) {
	if isNothing(v) {
		return
	}
	if r.misplaced(p, name, v) {
		return
	}
	if s, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(s), "[") { // as a form has it
		var list []any
		if json.Unmarshal([]byte(s), &list) != nil {
			r.refuse(p, name, v)
			return
		}
		v = list
	}
	if s, ok := v.(string); ok {
		for part := range strings.SplitSeq(s, ",") {
			r.config.AllowedTables = append(r.config.AllowedTables, strings.TrimSpace(part))
		}
		return
	}
	list, ok := v.([]any)
	for _, e := range list {
		s, isText := e.(string)
		ok = ok && isText
		r.config.AllowedTables = append(r.config.AllowedTables, s)
	}
	if !ok {
		r.refuse(p, name, v)
	}
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
