package config

// rowProperties say what becomes of a row's fields.
var rowProperties = []Property{
	{
		Name: "nullAs", Type: "string", Default: "null", Allowed: "null, default", Values: []string{"null", "default"},
		Label: Text{"Null is written as", "空值写为"},
		Hint: Text{
			"What a null field becomes: null writes NULL, default leaves the column to its default.",
			"值为 null 的字段如何写入：null 写入 NULL，default 使用列的默认值。",
		},
		read: choice(func(r *reader, s string) { r.config.NullAsDefault = s == "default" }),
	},
	{
		Name: "extraFields", Type: "string", Default: "error", Allowed: "error, ignore", Values: []string{"error", "ignore"},
		Label: Text{"Fields without a column", "没有对应列的字段"},
		Hint: Text{
			"What happens to a row with a field that the table has no column for: error sets the row aside, ignore drops the field.",
			"行中有表里不存在的字段时：error 将该行搁置，ignore 丢弃该字段。",
		},
		read: choice(func(r *reader, s string) { r.config.IgnoreExtraFields = s == "ignore" }),
	},
	{
		Name: "timezone", Type: "string", Default: "UTC", Allowed: "UTC, a zone such as Asia/Shanghai, or an offset such as +08:00",
		Label: Text{"Time zone", "时区"},
		Hint: Text{
			"The zone of times that name none, and of what is written into DATETIME, DATE, TIME and YEAR columns, whatever the server's.",
			"不带时区的时间所属的时区，也是写入 DATETIME、DATE、TIME、YEAR 列的时区，与服务器时区无关。",
		},
		read: readTimezone,
	},
	{
		Name: "epochUnit", Type: "string", Default: "auto", Allowed: "auto, s, ms, us, ns", Values: []string{"auto", "s", "ms", "us", "ns"},
		Label: Text{"Unit of epoch times", "时间戳单位"},
		Hint: Text{
			"The unit of numbers that go into columns of date and time; auto tells it by their size.",
			"写入日期时间列的数字的单位；auto 按数值大小判断。",
		},
		read: choice(func(r *reader, s string) { r.config.EpochUnit = s }),
	},
}

func readTimezone(r *reader, p Property, name string, v any) {
	l, ok := location(v)
	if !ok {
		r.refuse(p, name, v)
		return
	}
	r.config.Location = l
}
