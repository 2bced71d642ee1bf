package config

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// modeProperties say what a row does to those that are in the table.
var modeProperties = []Property{
	{
		Name: "mode", Type: "string", Default: "insert", Allowed: "insert, insertIgnore, replace, upsert, update, delete",
		Values: []string{"insert", "insertIgnore", "replace", "upsert", "update", "delete"},
		Label:  Text{"Mode", "写入模式"},
		Hint: Text{
			"What a row does: insert; insertIgnore leaves a row that is there as it is; replace takes its place, deleting it; upsert inserts, or updates the row of its key; " +
				"update and delete change the rows of its key, and are done where there is none.",
			"行的作用：insert 插入；insertIgnore 已有该行时保持不变；replace 先删除再插入；upsert 插入或更新键相同的行；update、delete 更新或删除键相同的行，没有该行时视为完成。",
		},
		read: choice(func(r *reader, s string) { r.config.Mode = s }),
	},
	{
		Name: "keyField", Type: "list", Default: "", Allowed: "a column's name, several with commas, or a list of them",
		Label: Text{"Key", "键"},
		Hint: Text{
			"The columns by which upsert, update and delete find their row. Default: the primary key, or a unique key that is NOT NULL and that the row has all fields of. " +
				"An upsert needs a unique key; update and delete change all rows that have the values.",
			"upsert、update、delete 用来查找行的列。默认为主键，或行中字段齐全且 NOT NULL 的唯一键。upsert 需要唯一键；update、delete 作用于所有值相同的行。",
		},
		read: names(func(r *reader, list []string) { r.config.KeyField = list }),
	},
	{
		Name: "rowkindField", Type: "string", Default: "", Allowed: "a field's name",
		Label: Text{"Field of the row's kind", "行类型字段"},
		Hint: Text{
			"A field whose text says what its row does: insert, update, upsert or delete. Without it, or with null, the row does as mode says. It is stored only if the table has a column of its name.",
			"其文本说明该行作用的字段：insert、update、upsert 或 delete。没有该字段或为 null 时按 mode 处理。仅当表中有同名列时才写入该字段。",
		},
		read: readFieldName(func(r *reader, s string) { r.config.RowKindField = s }),
	},
	{
		Name: "updateFields", Type: "object", Default: "", Allowed: `column names, as a list or with commas, or an object such as {"counter": "add", "*": "set"} of set, add, max, min, coalesce, keep`,
		Label: Text{"Updated columns", "更新的列"},
		Hint: Text{
			"The columns that upsert and update change; without it all that the row has. An object says how: set; add to what is there; max, min; coalesce keeps what is there where the new value is null; keep. " +
				"\"*\" stands for all other columns: set, coalesce or keep, by default keep.",
			"upsert、update 更改的列，默认为行中所有的列。对象指定更改方式：set 覆盖；add 累加；max、min 取大、取小；coalesce 新值为 null 时保留旧值；keep 保留。\"*\" 代表其他列：set、coalesce 或 keep，默认 keep。",
		},
		read: readUpdateFields,
	},
	{
		Name: "keepFields", Type: "list", Default: "", Allowed: "a column's name, several with commas, or a list of them",
		Label: Text{"Kept columns", "保留的列"},
		Hint: Text{
			"Columns that upsert and update leave as they are where the row is there already.",
			"行已存在时 upsert、update 不更改的列。",
		},
		read: names(func(r *reader, list []string) { r.config.KeepFields = list }),
	},
	{
		Name: "versionField", Type: "string", Default: "", Allowed: "a column's name",
		Label: Text{"Version", "版本列"},
		Hint: Text{
			"A column, such as a time, whose greater value wins: an upsert, update or delete changes nothing where the row that is there is newer, or as new. Each row must have it. Give it enough digits: a DATETIME has whole seconds.",
			"其值较大者有效的列，例如时间：已有的行较新或同样新时，upsert、update、delete 不作更改。每行都必须有此字段。精度要足够：DATETIME 只到秒。",
		},
		read: readFieldName(func(r *reader, s string) { r.config.VersionField = s }),
	},
}

// maxNames is how many columns a list may name: no table has more.
const maxNames = 4096

// nameList returns the names in v, a list or text with commas.
func nameList(v any) (list []string, err error) {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(strings.TrimSpace(v), "[") {
			if json.Unmarshal([]byte(v), &list) != nil {
				return nil, errors.New("a list that is none")
			}
			break
		}
		for name := range strings.SplitSeq(v, ",") {
			list = append(list, strings.TrimSpace(name))
		}
	case []string:
		list = slices.Clone(v)
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, errors.New("a list with what is no name")
			}
			list = append(list, s)
		}
	default:
		return nil, errors.New("no names")
	}
	if len(list) == 0 || len(list) > maxNames {
		return nil, errors.New("no names, or too many")
	}
	seen := map[string]bool{}
	for _, name := range list {
		if err := checkName(name); err != nil {
			return nil, err
		}
		if low := strings.ToLower(name); seen[low] {
			return nil, errors.New("a name twice")
		}
		seen[strings.ToLower(name)] = true
	}
	return list, nil
}

// isNothing tells whether v stands for leaving a property out.
func isNothing(v any) bool {
	switch v := v.(type) {
	case string:
		return v == "" || v == "{}" || v == "[]" // as a form has it
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return v == nil
}

// names reads the names of columns; none leaves the property out.
func names(set func(r *reader, list []string)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		if isNothing(v) {
			return
		}
		list, err := nameList(v)
		if err != nil {
			r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
			return
		}
		set(r, list)
	}
}

func readFieldName(set func(r *reader, s string)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		s, ok := v.(string)
		if ok && s == "" {
			return
		}
		if !ok {
			r.refuse(p, name, v)
			return
		}
		if err := checkName(s); err != nil {
			r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
			return
		}
		set(r, s)
	}
}

// The expressions of updateFields, and those that may stand for other columns.
var (
	expressions      = []string{"set", "add", "max", "min", "coalesce", "keep"}
	otherExpressions = []string{"set", "coalesce", "keep"}
)

// OtherFields is the name in UpdateFields that stands for all columns that it does not name.
const OtherFields = "*"

func readUpdateFields(r *reader, p Property, name string, v any) {
	if isNothing(v) {
		return
	}
	if text, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "{") {
		object := r.object(p, name, text)
		if object == nil {
			return
		}
		v = object
	}
	object, ok := v.(map[string]any)
	if !ok {
		list, err := nameList(v)
		if err != nil {
			r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
			return
		}
		object = map[string]any{}
		for _, n := range list {
			object[n] = "set"
		}
	}
	if _, err := nameList(slices.Collect(maps.Keys(object))); err != nil {
		r.fail("property %s: %w; allowed: %s", name, err, p.Allowed)
		return
	}
	r.config.UpdateFields = map[string]string{}
	for _, field := range slices.Sorted(maps.Keys(object)) {
		allowed := expressions
		if field == OtherFields {
			allowed = otherExpressions
		}
		text, _ := object[field].(string)
		i := slices.IndexFunc(allowed, func(e string) bool { return strings.EqualFold(e, text) })
		if i < 0 {
			r.fail("property %s: column %s: %s; allowed: %s", name, describe(field), describe(object[field]), strings.Join(allowed, ", "))
			continue
		}
		r.config.UpdateFields[field] = allowed[i]
	}
}

// combineMode refuses properties of the mode that do not go together.
func (r *reader) combineMode() {
	c := r.config
	changes := c.RowKindField != "" || c.Mode == "upsert" || c.Mode == "update"
	refuse := func(name, text string) {
		r.fail("property %s: it has no effect with mode %q; allowed: %s, or leave it out", name, c.Mode, text)
	}
	if len(c.UpdateFields) > 0 && !changes {
		refuse("updateFields", "mode upsert or update, or rowkindField beside it")
	}
	if len(c.KeepFields) > 0 && !changes {
		refuse("keepFields", "mode upsert or update, or rowkindField beside it")
	}
	if c.VersionField != "" && !changes && c.Mode != "delete" {
		refuse("versionField", "mode upsert, update or delete, or rowkindField beside it")
	}
	if len(c.KeyField) > 0 && !changes && c.Mode != "delete" {
		r.warn("property keyField: it has no effect with mode %q, where the table's own keys decide", c.Mode)
	}
	if c.Road == "load" && (c.Mode != "insert" || c.RowKindField != "") {
		r.fail("property road: \"load\" takes plain inserts alone; allowed: auto, insert")
	}
	keys := map[string]string{}
	for _, n := range c.KeyField {
		keys[strings.ToLower(n)] = "keyField"
	}
	taken := func(name, as string) {
		if other, ok := keys[strings.ToLower(name)]; ok {
			r.fail("property %s: column %s is in %s as well; allowed: one of them", as, describe(name), other)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(c.UpdateFields)) {
		taken(n, "updateFields")
	}
	for _, n := range c.KeepFields {
		taken(n, "keepFields")
	}
	for n := range c.UpdateFields {
		keys[strings.ToLower(n)] = "updateFields"
	}
	for _, n := range c.KeepFields {
		if keys[strings.ToLower(n)] == "updateFields" {
			taken(n, "keepFields")
		}
		keys[strings.ToLower(n)] = "keepFields"
	}
	if c.VersionField != "" {
		taken(c.VersionField, "versionField")
	}
	if !c.ExactlyOnce && c.VersionField == "" && slices.Contains(slices.Collect(maps.Values(c.UpdateFields)), "add") {
		r.warn("property updateFields: with delivery \"atLeastOnce\" a row that is written again, after a crash or an answer that was lost, is added again; set delivery to \"exactlyOnce\", or a versionField")
	}
}
