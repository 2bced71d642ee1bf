package matrix_test

import (
	"fmt"
	"slices"
	"strings"
)

// column is a column of one type: what two rows send, and what is read.
type column struct {
	name, ddl  string
	read       string // the expression that shows it; "" stands for the column itself
	send, want [2]string
	only       []string          // the kinds of servers that have the type; nil: all
	without    map[string]string // those that have it not, and what they lack
}

var noSpatial = map[string]string{"tidb": "spatial types"}

var columns = []column{
	{name: "a1", ddl: "TINYINT", send: [2]string{`-128`, `127`}, want: [2]string{"-128", "127"}},
	{name: "a2", ddl: "SMALLINT UNSIGNED", send: [2]string{`0`, `65535`}, want: [2]string{"0", "65535"}},
	{name: "a3", ddl: "MEDIUMINT", send: [2]string{`-8388608`, `"8388607"`}, want: [2]string{"-8388608", "8388607"}},
	{name: "a4", ddl: "INT", send: [2]string{`-2147483648`, `2147483647.0`}, want: [2]string{"-2147483648", "2147483647"}},
	{name: "a5", ddl: "BIGINT", send: [2]string{`-9223372036854775808`, `9223372036854775807`}, want: [2]string{"-9223372036854775808", "9223372036854775807"}},
	{name: "a6", ddl: "BIGINT UNSIGNED", send: [2]string{`9007199254740993`, `18446744073709551615`}, want: [2]string{"9007199254740993", "18446744073709551615"}},
	{name: "a7", ddl: "BOOLEAN", send: [2]string{`true`, `false`}, want: [2]string{"1", "0"}},
	{name: "a8", ddl: "BIT(12)", read: "a8 + 0", send: [2]string{`4095`, `0`}, want: [2]string{"4095", "0"}},
	{name: "a9", ddl: "YEAR", send: [2]string{`2026`, `1901`}, want: [2]string{"2026", "1901"}},
	{name: "b1", ddl: "DECIMAL(10,2)", send: [2]string{`-12345678.9`, `"99999999.99"`}, want: [2]string{"-12345678.90", "99999999.99"}},
	{name: "b2", ddl: "DECIMAL(65,0)", send: [2]string{digits65, `-` + digits65}, want: [2]string{digits65, "-" + digits65}},
	{name: "b3", ddl: "DOUBLE", read: "CONCAT(b3)", send: [2]string{`-0.1`, `1.5`}, want: [2]string{"-0.1", "1.5"}},
	{name: "b4", ddl: "FLOAT", read: "CONCAT(b4)", send: [2]string{`0.25`, `-3`}, want: [2]string{"0.25", "-3"}},
	{name: "c1", ddl: "VARCHAR(9)", send: [2]string{`"äöü😀ß'\\"`, `" a "`}, want: [2]string{`äöü😀ß'\`, " a "}},
	{name: "c2", ddl: "CHAR(3)", send: [2]string{`"äöü"`, `"a"`}, want: [2]string{"äöü", "a"}},
	{name: "c3", ddl: "VARCHAR(9) CHARACTER SET latin1", send: [2]string{`"äöü€"`, `"x"`}, want: [2]string{"äöü€", "x"}},
	{name: "c4", ddl: "TINYTEXT", send: [2]string{`"a\u0000b"`, `""`}, want: [2]string{"a\x00b", ""}},
	{name: "c5", ddl: "TEXT", send: [2]string{`"two\nlines\ttab"`, `12.50`}, want: [2]string{"two\nlines\ttab", "12.50"}},
	{name: "c6", ddl: "MEDIUMTEXT", send: [2]string{`"m"`, `true`}, want: [2]string{"m", "true"}},
	{name: "c7", ddl: "LONGTEXT", send: [2]string{`"l"`, `{"a":[1,2.50]}`}, want: [2]string{"l", `{"a":[1,2.50]}`}},
	{name: "d1", ddl: "VARBINARY(3)", read: "HEX(d1)", send: [2]string{`"AP8Q"`, `""`}, want: [2]string{"00FF10", ""}},
	{name: "d2", ddl: "BINARY(3)", read: "HEX(d2)", send: [2]string{`"/w=="`, `"AAAA"`}, want: [2]string{"FF0000", "000000"}},
	{name: "d3", ddl: "BLOB", read: "HEX(d3)", send: [2]string{`"wyg="`, `"Jw=="`}, want: [2]string{"C328", "27"}},
	{name: "d4", ddl: "LONGBLOB", read: "HEX(d4)", send: [2]string{`"XA=="`, `"AA=="`}, want: [2]string{"5C", "00"}},
	{name: "e1", ddl: `ENUM('red','it''s','2')`, send: [2]string{`"it's"`, `"2"`}, want: [2]string{"it's", "2"}, without: map[string]string{"demo": "an ENUM whose members have quotes (it describes them wrongly)"}},
	{name: "e3", ddl: `ENUM('red','blue')`, send: [2]string{`"red"`, `"blue"`}, want: [2]string{"red", "blue"}},
	{name: "e2", ddl: `SET('a','b','c d')`, send: [2]string{`["c d","a"]`, `"b"`}, want: [2]string{"a,c d", "b"}},
	{name: "f1", ddl: "DATE", send: [2]string{`"2024-02-29"`, `"1000-01-01"`}, want: [2]string{"2024-02-29", "1000-01-01"}},
	{name: "f2", ddl: "TIME(3)", send: [2]string{`"23:59:59.999"`, `"00:00:01"`}, want: [2]string{"23:59:59.999", "00:00:01.000"}, without: map[string]string{"demo": "TIME with a fraction"}},
	{name: "f3", ddl: "DATETIME(6)", read: "DATE_FORMAT(f3, '%Y-%m-%d %T.%f')", send: [2]string{`"2026-11-20T10:30:17.123456Z"`, `1795170617001`}, want: [2]string{"2026-11-20 10:30:17.123456", "2026-11-20 10:30:17.001000"}},
	{name: "f4", ddl: "TIMESTAMP(3) NULL", read: "DATE_FORMAT(f4, '%Y-%m-%d %T.%f')", send: [2]string{`"2026-11-20T10:30:17+08:00"`, `2147483647`}, want: [2]string{"2026-11-20 02:30:17.000000", "2038-01-19 03:14:07.000000"}},
	{name: "g1", ddl: "JSON", read: "JSON_UNQUOTE(JSON_EXTRACT(g1, '$.b[1]'))", send: [2]string{`{"b":[1,"x"]}`, `{"b":[0,"ü\"'"]}`}, want: [2]string{"x", `ü"'`}},
	{name: "h1", ddl: "POINT", read: "ST_AsText(h1)", send: [2]string{`"POINT(13.4 52.5)"`, `{"type":"Point","coordinates":[-1,2]}`}, want: [2]string{"POINT(13.4 52.5)", "POINT(-1 2)"}, without: noSpatial},
	{name: "h2", ddl: "GEOMETRY", read: "ST_AsText(h2)", send: [2]string{`"LINESTRING(0 0,1 1)"`, `"POLYGON((0 0,4 0,4 4,0 0))"`}, want: [2]string{"LINESTRING(0 0,1 1)", "POLYGON((0 0,4 0,4 4,0 0))"}, without: noSpatial},
	{name: "i1", ddl: "UUID", send: [2]string{`"123E4567-e89b-12d3-a456-426655440000"`, `"00000000-0000-0000-0000-000000000000"`}, want: [2]string{"123e4567-e89b-12d3-a456-426655440000", "00000000-0000-0000-0000-000000000000"}, only: []string{"mariadb", "galera"}},
	{name: "i2", ddl: "INET6", send: [2]string{`"2001:db8::1"`, `"::"`}, want: [2]string{"2001:db8::1", "::"}, only: []string{"mariadb", "galera"}},
	{name: "i3", ddl: "INET4", send: [2]string{`"192.0.2.1"`, `"0.0.0.0"`}, want: [2]string{"192.0.2.1", "0.0.0.0"}, only: []string{"mariadb", "galera"}},
}

var digits65 = strings.Repeat("1234567890", 7)[:65]

// columnTypes sends two rows of values at the edge, one of NULLs and one of
// nothing, into a table with a column of each type.
func columnTypes(t *trial) {
	var ddl, read, absent []string
	var rows [2][]string
	var used []column
	for _, c := range columns {
		if c.only != nil && !t.is(c.only...) {
			continue
		}
		if what, ok := c.without[t.server.Name]; ok {
			if !slices.Contains(absent, what) {
				absent = append(absent, what)
			}
			continue
		}
		used = append(used, c)
		ddl = append(ddl, c.name+" "+c.ddl)
		expression := c.read
		if expression == "" {
			expression = c.name
		}
		read = append(read, expression)
		for i := range rows {
			rows[i] = append(rows[i], `"`+c.name+`":`+c.send[i])
		}
	}
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, " + strings.Join(ddl, ", ") + ")")
	r := t.open(t.props("t"))
	var nulls []string
	for _, c := range used {
		nulls = append(nulls, `"`+c.name+`":null`)
	}
	r.collect(`[{"id":1,`+strings.Join(rows[0], ",")+`},{"id":2,`+strings.Join(rows[1], ",")+`}]`, `[{"id":3,`+strings.Join(nulls, ",")+`},{"id":4}]`)
	if r.wantFate(4, 0); t.Failed() {
		return
	}
	for i, expression := range read {
		c := used[i]
		t.wantRows("SELECT "+expression+" FROM t ORDER BY id", c.want[0], c.want[1], "NULL", "NULL")
	}
	if len(absent) > 0 {
		t.differs("has no " + strings.Join(absent, ", no "))
	}
}

// documents go into JSON columns as JSON, into text columns as they came.
func documents(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, j JSON, x TEXT)")
	r := t.open(t.props("t"))
	sent := []string{
		`{"b":[1,2.5,"x"],"a":null}`, `[]`, `"plain"`, `""`, `true`, `12345`, `"q\"\\\n\tü😀'"`, `{"h":"<b>","deep":{"er":[[[{}]]]}}`, `"{\"a\":1}"`,
	}
	for i, document := range sent {
		r.collect(fmt.Sprintf(`{"id":%d,"j":%s,"x":%s}`, i, document, document))
	}
	r.wantFate(len(sent), 0)
	for i, document := range sent {
		// The server compares as JSON what it has and what was sent.
		t.wantRows(fmt.Sprintf("SELECT JSON_TYPE(j) = JSON_TYPE(%[1]s), JSON_CONTAINS(j, %[1]s), JSON_CONTAINS(%[1]s, j), JSON_DEPTH(j) = JSON_DEPTH(%[1]s) FROM t WHERE id = %[2]d", literal(document), i), "1,1,1,1")
	}
	t.wantRows("SELECT x FROM t WHERE id IN (0, 2, 7) ORDER BY id", sent[0], "plain", sent[7])
}

// literal is text as a string of SQL in a session without ANSI_QUOTES and NO_BACKSLASH_ESCAPES.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}

func zones(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, d DATETIME(3), ts TIMESTAMP(3) NULL)")
	r := t.open(t.props("t", "timezone", "Asia/Shanghai"))
	for i, text := range []string{`"2026-11-20 10:30:17"`, `"2026-11-20T10:30:17Z"`, `"2026-11-20T10:30:17.5-03:30"`, `1795170617999`} {
		r.collect(fmt.Sprintf(`{"id":%d,"d":%s,"ts":%s}`, i, text, text))
	}
	r.wantFate(4, 0)
	t.wantRows("SELECT DATE_FORMAT(d, '%T.%f'), DATE_FORMAT(ts, '%T.%f') FROM t ORDER BY id", // the session that reads is in UTC
		"10:30:17.000000,02:30:17.000000", "18:30:17.000000,10:30:17.000000", "22:00:17.500000,14:00:17.500000", "18:30:17.999000,10:30:17.999000")
}

func mixedColumns(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9) DEFAULT 'none', b INT, c INT DEFAULT 7, g INT AS (b + 1))")
	r := t.open(t.props("t"))
	r.collect(`[{"id":1,"a":"x","b":1},{"id":2},{"c":3,"id":3},{"A":null,"Id":4},{"id":5,"c":null,"b":5,"a":"y","g":99}]`)
	r.wantFate(5, 0)
	t.wantRows("SELECT id, a, b, c, g FROM t ORDER BY id", "1,x,1,7,2", "2,none,NULL,7,NULL", "3,none,NULL,3,NULL", "4,NULL,NULL,7,NULL", "5,y,5,NULL,6")
}

func hardNames(t *trial) {
	tables := []string{"select", "a`b", "q'uo\"te", "sp ace", "Ключ 漢字", "semi;colon -- /*", "per%cent?", strings.Repeat("x", 64)}
	columns := []string{"order", "a`b", "c'd\"e", "sp ace", "ключ", "?", "-- x", "/*", strings.Repeat("y", 64)}
	for i, table := range tables {
		var ddl, fields []string
		for n, c := range columns {
			ddl = append(ddl, quote(c)+" INT")
			fields = append(fields, fmt.Sprintf("%q:%d", c, n))
		}
		t.exec("CREATE TABLE " + quote(table) + " (id INT PRIMARY KEY, " + strings.Join(ddl, ", ") + ")")
		r := t.openRule(fmt.Sprint("rule", i), t.props(quote(table)))
		r.collect(`{"id":1,` + strings.Join(fields, ",") + "}")
		r.wantFate(1, 0)
		t.wantRows("SELECT * FROM "+quote(table), "1,0,1,2,3,4,5,6,7,8")
		r.close()
	}
	if n := len(t.query("SHOW TABLES")); n != len(tables) {
		t.Errorf("%d tables, want %d", n, len(tables))
	}
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func bigMessage(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, x LONGTEXT)")
	r := t.open(t.props("t"))
	text := strings.Repeat("5 MB of text, ", 5<<20/14)
	r.collect(`[{"id":1,"x":"small"},{"id":2,"x":"`+text+`"},{"id":3,"x":"small"}]`, `{"id":4}`)
	r.wantFate(4, 0)
	got := t.query("SELECT LENGTH(x) FROM t WHERE x <> 'small' OR x IS NULL ORDER BY id")
	if !slices.Equal(got, []string{fmt.Sprint(len(text)), "NULL"}) {
		t.Errorf("lengths %q, want %d and NULL", got, len(text))
	}
}
