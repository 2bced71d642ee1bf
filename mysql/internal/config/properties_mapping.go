package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// mappingProperties say which value goes to which column.
var mappingProperties = []Property{
	{
		Name: "columns", Type: "object", Default: "{}",
		Allowed: `an object such as {"temp": "payload.sensors[0].t", "site": {"value": "north"}, "at": {"meta": "received"}}`,
		Label:   Text{"Columns", "列映射"},
		Hint: Text{
			"Where columns get their values from, other than from the field of their name. A text is a path: a field's name, or one with steps into its value such as payload.sensors[0].t; " +
				"parts that hold dots or brackets stand in backquotes. Letter case counts in it. A number, a bool or null is a constant, as is {\"value\": any JSON}; {\"meta\": name} is rule, op, instance, host, journal, " +
				"number (the row's in its journal) or received (when the plugin took it). Where a path leads to nothing, the column gets its default. All other fields go by name, see otherFields.",
			"列的值来自何处（而非同名字段）。文本表示路径：字段名，或带有下级步骤的路径，如 payload.sensors[0].t；含点或方括号的部分用反引号括起，区分大小写。" +
				"数字、布尔值或 null 为常量，{\"value\": 任意 JSON} 亦为常量；{\"meta\": 名称} 可为 rule、op、instance、host、journal、number（行在落盘日志中的编号）或 received（插件收到的时间）。" +
				"路径不存在时使用列的默认值。其余字段仍按名称对应，见 otherFields。",
		},
		read: func(r *reader, p Property, name string, v any) {
			r.config.Columns = r.object(p, name, v)
			if r.misplaced(p, name, r.config.Columns) {
				r.config.Columns = nil
			}
		},
	},
	{
		Name: "otherFields", Type: "string", Default: "byName", Allowed: "byName, ignore", Values: []string{"byName", "ignore"},
		Label: Text{"Fields not in columns", "未映射的字段"},
		Hint: Text{
			"What happens to fields that columns does not use: byName writes them to the columns of their names, ignore to none.",
			"columns 未使用的字段如何处理：byName 写入同名列，ignore 不写入。",
		},
		read: choice(func(r *reader, s string) { r.config.IgnoreOtherFields = s == "ignore" }),
	},
	{
		Name: "fieldCase", Type: "string", Default: "asIs", Allowed: "asIs, snake", Values: []string{"asIs", "snake"},
		Label: Text{"Case of field names", "字段名大小写"},
		Hint: Text{
			"How fields find columns by name, where letter case never counts: asIs by their very name, snake also by its form in snake_case, so that deviceId goes to device_id.",
			"字段按名称对应列的方式（不区分大小写）：asIs 按原名，snake 还按其下划线形式，例如 deviceId 对应 device_id。",
		},
		read: choice(func(r *reader, s string) { r.config.SnakeCase = s == "snake" }),
	},
	{
		Name: "restField", Type: "string", Default: "", Allowed: "a column's name",
		Label: Text{"Column for the rest", "其余字段的列"},
		Hint: Text{
			"A column of type JSON or text that takes all fields without a column, as one JSON object with their very text; {} where there are none. No field is then without a column.",
			"JSON 或文本类型的列，以一个 JSON 对象保存所有没有对应列的字段（保留原文）；没有此类字段时为 {}。设置后不再有多余字段。",
		},
		read: func(r *reader, p Property, name string, v any) {
			s, ok := v.(string)
			if !ok || holdsAddress(s) || s != "" && checkName(s) != nil {
				r.refuse(p, name, v)
				return
			}
			r.config.RestField = s
		},
	},
	{
		Name: "restContent", Type: "string", Default: "extra", Allowed: "extra, row", Values: []string{"extra", "row"},
		Label: Text{"What the rest is", "其余字段的内容"},
		Hint: Text{
			"What restField takes: extra the fields without a column, row the whole row as it came.",
			"restField 保存的内容：extra 为没有对应列的字段，row 为原样的整行。",
		},
		read: choice(func(r *reader, s string) { r.config.RestWholeRow = s == "row" }),
	},
}

// object returns an object, or the one whose JSON text v is, as a form in the
// manager gives it: numbers in that are json.Number. With an error it is nil.
func (r *reader) object(p Property, name string, v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case string:
		object, err := readObject(v)
		if err != nil {
			r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
		}
		return object
	}
	r.refuse(p, name, v)
	return nil
}

var errNoObject = errors.New("not the text of a JSON object")

// readObject reads the text of one object, in which no name may come twice.
func readObject(text string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	object := map[string]any{}
	for d.More() {
		var v any
		key, err := d.Token()
		if err == nil {
			err = d.Decode(&v)
		}
		name, _ := key.(string)
		if err != nil {
			return nil, errNoObject
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("it has %s twice", describe(name))
		}
		object[name] = v
	}
	_, err := d.Token()
	if _, end := d.Token(); err != nil || end != io.EOF {
		return nil, errNoObject
	}
	return object, nil
}
