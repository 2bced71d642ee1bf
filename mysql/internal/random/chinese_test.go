package random

import (
	"encoding/json"
	"regexp"
	"testing"
)

// chinese has the texts of docs/zh/random.md's generated parts; those of the
// properties themselves are in random.json.
var chinese = map[string]string{
	"Property": "属性", "Value": "值", "Default": "默认值", "Meaning": "含义", "Type": "类型", "Makes": "生成", "Options": "选项", "every type": "所有类型",

	"list, map or JSON text": "列表、映射或 JSON 文本", "map or JSON text": "映射或 JSON 文本", `number or "max"`: `数字或 "max"`, "integer": "整数",
	"milliseconds or duration": "毫秒数或时长", "a small sensor": "一个小型传感器", "none": "无",

	"A whole number, both ends included.": "整数，包括两端。",
	"A number.":                           "数字。",
	"A number that moves a little from row to row, like a sensor, and turns back at its limits.": "像传感器那样逐行小幅变化的数字，到达边界时折返。",
	"A counter.":                     "计数器。",
	"Random text, or one of values.": "随机文本，或 values 中的一个。",
	"One of some values.":            "若干值中的一个。",
	"true or false.":                 "true 或 false。",
	"A UUID version 4.":              "版本 4 的 UUID。",
	"The same value in every row.":   "每行都相同的值。",
	"An object.":                     "对象。",
	"A list of values of one type.":  "同一类型的值的列表。",
	"The time at which the row was made, in UTC; with start, a time that moves on by step with every row.": "生成该行的时间，UTC；设置 start 时，为每行前进 step 的时间。",

	"default 0": "默认 0", "default 1": "默认 1", "default 100": "默认 100",
	"digits after the point, 0 to 15; default as they come":    "小数位数，0 到 15；默认不作限制",
	"default halfway between min and max":                      "默认为 min 与 max 的中点",
	"the most it moves, default a hundredth of the range":      "最大变化量，默认为范围的百分之一",
	"may be negative, default 1":                               "可为负数，默认 1",
	"characters, 0 to 1000000; default 8":                      "字符数，0 到 1000000；默认 8",
	"alnum, alpha, lower, digits, hex, unicode; default alnum": "alnum、alpha、lower、digits、hex、unicode；默认 alnum",
	"as choice": "同 choice",
	"list of texts, numbers, booleans or nulls":                                       "文本、数字、布尔值或 null 的列表",
	"list of numbers, one for each value; default all equal":                          "数字的列表，每个值一个；默认全部相等",
	"of true, 0 to 1; default 0.5":                                                    "为 true 的概率，0 到 1；默认 0.5",
	"iso, datetime, date, s, ms, us; default iso":                                     "iso、datetime、date、s、ms、us；默认 iso",
	"RFC 3339 text, a date, or milliseconds since 1970":                               "RFC 3339 文本、日期，或自 1970 年起的毫秒数",
	"milliseconds or a duration such as 1s, may be negative; default 1s; needs start": "毫秒数或 1s 这样的时长，可为负数；默认 1s；需要 start",
	"anything":               "任意值",
	"as the property fields": "同属性 fields",
	"a field without a name, or the name of a type":                "不带名称的字段，或类型的名称",
	"number of values, 0 to 10000; default 3":                      "值的个数，0 到 10000；默认 3",
	"the field's name; needed in a list":                           "字段名；在列表中必填",
	"one of the types":                                             "类型之一",
	"share of rows, 0 to 1, in which the field is null; default 0": "该字段为 null 的行所占比例，0 到 1；默认 0",
}

// hints are the Chinese texts of the properties, by their English ones.
func hints(t *testing.T) map[string]string {
	t.Helper()
	var file struct {
		Properties struct {
			Default []struct {
				Hint texts `json:"hint"`
			} `json:"default"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(read(t, sourcesFolder+"random.json"), &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range file.Properties.Default {
		all[p.Hint.English] = p.Hint.Chinese
	}
	return all
}

// inChinese says the texts of the tables in Chinese, numbers as they are.
func inChinese(t *testing.T) (say func(string) string) {
	t.Helper()
	said := hints(t)
	return func(text string) string {
		if zh, ok := chinese[text]; ok {
			return zh
		}
		if zh, ok := said[text]; ok {
			return zh
		}
		if !regexp.MustCompile(`^\d*$`).MatchString(text) {
			t.Errorf("no Chinese for %q: add it to chinese_test.go", text)
		}
		return text
	}
}
