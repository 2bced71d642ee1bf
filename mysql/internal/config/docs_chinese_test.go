package config

import (
	"regexp"
	"testing"
)

// chinese has the texts of the Chinese page that are not said in both
// languages by the properties themselves, since errors and logs are in
// English: what is allowed, and defaults that are words.
var chinese = map[string]string{
	"0 to 60s, as a number of milliseconds or e.g. 250ms":            "0 到 60s，写作毫秒数或 250ms 这样的文本",
	"0, or 1s to 10 years, as a number of milliseconds or e.g. 168h": "0，或 1s 到 10 年，写作毫秒数或 168h 这样的文本",
	"1 to 10000": "1 到 10000",
	"1 to 1017":  "1 到 1017",
	"1 to 65535": "1 到 65535",
	"1KiB to 1GiB, as a number of bytes or e.g. 4MiB":                "1KiB 到 1GiB，写作字节数或 4MiB 这样的文本",
	"1MiB to 1024TiB, as a number of bytes or e.g. 10GiB":            "1MiB 到 1024TiB，写作字节数或 10GiB 这样的文本",
	"64KiB to 1TiB, as a number of bytes or e.g. 64MiB":              "64KiB 到 1TiB，写作字节数或 64MiB 这样的文本",
	"UTC, a zone such as Asia/Shanghai, or an offset such as +08:00": "UTC、Asia/Shanghai 这样的时区，或 +08:00 这样的偏移量",
	"a column's name": "列名",
	"a column's name, several with commas, or a list of them": "列名，多个用逗号分隔，或为列表",
	"a field's name": "字段名",
	"a field's name, or a path such as meta.table":                                       "字段名，或 meta.table 这样的路径",
	"a host's name or address":                                                           "主机名或地址",
	"a table's name of 1 to 64 characters, without a database":                           "1 到 64 个字符的表名，不含库名",
	"a table's name of 1 to 64 characters, without a database, other than the rows' own": "1 到 64 个字符的表名，不含库名，且不是行所在的表",
	"a text": "文本",
	"a user's name, the same as in the url if that has one":                                                                                          "用户名；url 中已有用户时须相同",
	"always, or 1ms to 1h, as a number of milliseconds or e.g. 200ms":                                                                                "always，或 1ms 到 1h，写作毫秒数或 200ms 这样的文本",
	"an object such as {\"1452\": \"retry\", \"23000\": \"row\"}":                                                                                    "对象，例如 {\"1452\": \"retry\", \"23000\": \"row\"}",
	"the path of a PEM file, or PEM text":                                                                                                            "PEM 文件路径，或 PEM 文本",
	"the path of a PEM file, or PEM text; tlsCert beside it":                                                                                         "PEM 文件路径，或 PEM 文本；须同时设置 tlsCert",
	"the path of a PEM file, or PEM text; tlsKey beside it":                                                                                          "PEM 文件路径，或 PEM 文本；须同时设置 tlsKey",
	"user:password@tcp(host:port)/database or mysql://user:password@host:port/database":                                                              "user:password@tcp(host:port)/database 或 mysql://user:password@host:port/database",
	"names of tables, with * and ? for letters, digits, _, $ and -, or regular expressions between slashes; as a list, or as text with commas":       "表名，其中 * 和 ? 代表字母、数字、_、$ 和 -；或写在斜杠之间的正则表达式；可为列表，或用逗号分隔的文本",
	"one statement, or a list of up to 16: SET of session variables, SET ROLE, SELECT, DO, INSERT, UPDATE, DELETE, REPLACE":                          "一条语句，或最多 16 条的列表：SET 会话变量、SET ROLE、SELECT、DO、INSERT、UPDATE、DELETE、REPLACE",
	"table or database.table, each part of 1 to 64 characters, in backquotes where it holds a dot; the table may hold fields as in metrics_{device}": "table 或 database.table，各部分为 1 到 64 个字符，含有点时用反引号括起；表名中可含字段，例如 metrics_{device}",
	"the name of a file in the operator's folder, /run/secrets or the one that EKUIPER_MYSQL_SECRETS names":                                          "运维人员指定的目录中的文件名：/run/secrets，或 EKUIPER_MYSQL_SECRETS 所指的目录",
	"the name of an environment variable that is set and that the operator allows: MYSQL_*, or what EKUIPER_MYSQL_ALLOWED_ENV lists":                 "已设置且运维人员允许的环境变量名：MYSQL_*，或 EKUIPER_MYSQL_ALLOWED_ENV 所列的名称",
	`an object of types by column, e.g. {"id": "BIGINT UNSIGNED", "temp": "DOUBLE", "note": "VARCHAR(200)"}`:                                         `以列名为键、类型为值的对象，例如 {"id": "BIGINT UNSIGNED", "temp": "DOUBLE", "note": "VARCHAR(200)"}`,
	`an object such as {"temp": "payload.sensors[0].t", "site": {"value": "north"}, "at": {"meta": "received"}}`:                                     `对象，例如 {"temp": "payload.sensors[0].t", "site": {"value": "north"}, "at": {"meta": "received"}}`,
	`column names, as a list or with commas, or an object such as {"counter": "add", "*": "set"} of set, add, max, min, coalesce, keep`:              `列名的列表，或用逗号分隔的列名；或对象，例如 {"counter": "add", "*": "set"}，值为 set、add、max、min、coalesce、keep`,

	"the server's": "服务器的设置",

	"rows": "行", "bytes": "字节", "tables": "张表", "columns": "列",
}

// plain are texts that are the same in every language: words that the
// properties take, numbers, units.
var plain = regexp.MustCompile(`^[\w.]*(, [\w.]+)*$`)

// inChinese is a text of the page in Chinese.
func inChinese(t *testing.T, text string) string {
	t.Helper()
	if said, ok := chinese[text]; ok {
		return said
	}
	if !plain.MatchString(text) {
		t.Errorf("no Chinese for %q: add it to docs_chinese_test.go", text)
	}
	return text
}

// A text that the page no longer has would stay behind.
func TestChineseIsNeeded(t *testing.T) {
	needed := map[string]bool{}
	for _, p := range Properties() {
		needed[p.Allowed], needed[p.Unit] = true, true
	}
	for _, p := range Parameters() {
		needed[p.Default] = true
	}
	for text := range chinese {
		if !needed[text] {
			t.Errorf("the page does not say %q: remove it from docs_chinese_test.go", text)
		}
	}
}
