package config

// makingProperties say what the sink makes in the database. All of it is off
// by default.
var makingProperties = []Property{
	{
		Name: "autoCreate", Type: "string", Default: "false", Allowed: "true, false, dryRun", Values: []string{"false", "true", "dryRun"},
		Label: Text{"Make the table", "自动建表"},
		Hint: Text{
			"true makes the table if it does not exist, from schema or from the first rows: up to 1000 of those that wait or come within a second. What " +
				"all of them hold decides: BIGINT, DOUBLE, BOOLEAN, DATETIME(6), VARCHAR(255) or TEXT, JSON, and DECIMAL for numbers beyond. A field of whole numbers " +
				"that may get fractions later belongs into schema. dryRun only logs the statement, and rows wait for the table. The user needs CREATE.",
			"true 表示表不存在时自动创建，依据 schema 或最初的行：正在等待或一秒内到达的行，最多 1000 行。列类型由这些行的全部取值决定：BIGINT、DOUBLE、BOOLEAN、DATETIME(6)、" +
				"VARCHAR(255) 或 TEXT、JSON，超出范围的数用 DECIMAL。目前为整数而以后可能出现小数的字段应写入 schema。dryRun 只在运行日志中给出语句，行等待建表。用户需要 CREATE 权限。",
		},
		read: mode(func(r *reader, s string) { r.config.AutoCreate = s }),
	},
	{
		Name: "autoEvolve", Type: "string", Default: "false", Allowed: "true, false, dryRun", Values: []string{"false", "true", "dryRun"},
		Label: Text{"Add columns", "自动加列"},
		Hint: Text{
			"true adds a column, which takes NULL, for each new field; a column is never changed or dropped. Up to maxColumns; beyond, and for names that no " +
				"column can have or fields that the server takes no column for, as in a full row or a view, extraFields holds. dryRun only logs the statement. The user needs ALTER.",
			"true 表示为每个新字段添加一个可为 NULL 的列，从不修改或删除列。最多 maxColumns 列；超出部分、不能作列名的字段，以及服务器不接受其列的字段（如行已满，或目标是视图），按 extraFields 处理。dryRun 只在运行日志中给出语句。用户需要 ALTER 权限。",
		},
		read: mode(func(r *reader, s string) { r.config.AutoEvolve = s }),
	},
	{
		Name: "schema", Type: "object", Default: "", Allowed: `an object of types by column, e.g. {"id": "BIGINT UNSIGNED", "temp": "DOUBLE", "note": "VARCHAR(200)"}`,
		Label: Text{"Columns", "列定义"},
		Hint: Text{
			"The columns of the table that autoCreate makes, and their types, e.g. {\"id\": \"BIGINT UNSIGNED\", \"temp\": \"DOUBLE\", \"at\": \"DATETIME(3) NOT NULL\"}; " +
				"with autoEvolve too, fields that it does not name get columns beside. A column that autoEvolve adds is of the type given here, if there is one.",
			"autoCreate 所建表的列及其类型，例如 {\"id\": \"BIGINT UNSIGNED\", \"temp\": \"DOUBLE\", \"at\": \"DATETIME(3) NOT NULL\"}；同时启用 autoEvolve 时，未列出的字段也会得到列。" +
				"autoEvolve 添加的列若在此给出类型则用该类型。",
		},
		read: readSchema,
	},
	{
		Name: "primaryKey", Type: "list", Default: "", Allowed: "a column's name, several with commas, or a list of them",
		Label: Text{"Primary key", "主键"},
		Hint: Text{
			"The columns of the primary key of a table that autoCreate makes, in order; keyField's by default. Without one, rows that come again after a crash cannot be told from new ones.",
			"autoCreate 所建表的主键列，按顺序，默认为 keyField 的列。没有主键时，崩溃后重复到达的行无法与新行区分。",
		},
		read: names(func(r *reader, list []string) { r.config.PrimaryKey = list }),
	},
	{
		Name: "maxColumns", Type: "integer", Default: 200, Unit: "columns", Allowed: "1 to 1017",
		Label: Text{"Columns at most", "最多列数"},
		Hint: Text{
			"How many columns autoCreate and autoEvolve may give a table, so that a stream of random field names cannot make it as wide as the server allows.",
			"autoCreate 与 autoEvolve 最多可使表具有的列数，以免随机字段名的流把表扩到服务器的上限。",
		},
		read: number(1, 1017, func(r *reader, n int64) { r.config.MaxColumns = int(n) }),
	},
}

// mode reads one of p.Values; true and false need no quotes.
func mode(set func(r *reader, s string)) func(*reader, Property, string, any) {
	read := choice(set)
	return func(r *reader, p Property, name string, v any) {
		if b, ok := v.(bool); ok {
			v = choose(b, "true", "false")
		}
		read(r, p, name, v)
	}
}

// readSchema takes the object as it is, whose types the room that draws up
// tables judges. A form in the manager gives its JSON text.
func readSchema(r *reader, p Property, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		r.config.Schema = v
	case string:
		if v != "" {
			r.config.Schema = r.object(p, name, v)
		}
	default:
		r.refuse(p, name, v)
	}
	if r.misplaced(p, name, r.config.Schema) {
		r.config.Schema = nil
	}
}
