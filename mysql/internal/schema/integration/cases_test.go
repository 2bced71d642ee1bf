package integration_test

import (
	"strings"

	"ekuiper-mysql/mysql/internal/schema"
)

// groups cover every column type of the server.
var groups = concat(integerCases, exactCases, textCases, binaryCases, memberCases, jsonCases, spatialCases, otherCases, temporalCases)

func concat(all ...[]group) (joined []group) {
	for _, g := range all {
		joined = append(joined, g...)
	}
	return joined
}

var integerCases = []group{
	{columnType: "TINYINT", cases: []c{
		{in: `-128`, want: "-128"}, {in: `127`, want: "127"}, {in: `0`, want: "0"}, {in: `-0`, want: "0"},
		{in: `true`, want: "1"}, {in: `false`, want: "0"}, {in: `1.0`, want: "1"}, {in: `1e2`, want: "100"},
		{in: `12.70e1`, want: "127"}, {in: `1270E-1`, want: "127"}, {in: `"-5"`, want: "-5"}, {in: `"+5.00"`, want: "5"},
		{in: `128`, wrong: "out of range -128..127"}, {in: `-129`, wrong: "out of range -128..127"},
		{in: `1e1000000000000`, wrong: "out of range"}, {in: `1e-9999999999999`, wrong: "not an integer"},
		{in: `0e99999999999999`, want: "0"}, {in: `1.5`, wrong: "not an integer"}, {in: `""`, wrong: "not a number"},
		{in: `"x"`, wrong: "not a number"}, {in: `"0x1f"`, wrong: "not a number"}, {in: `[1]`, wrong: "nested"}, {in: `{}`, wrong: "nested"},
	}},
	{columnType: "TINYINT UNSIGNED", cases: []c{
		{in: `255`, want: "255"}, {in: `-0.0`, want: "0"}, {in: `256`, wrong: "out of range 0..255"}, {in: `-1`, wrong: "out of range 0..255"},
	}},
	{columnType: "SMALLINT", cases: []c{
		{in: `-32768`, want: "-32768"}, {in: `32767`, want: "32767"}, {in: `32768`, wrong: "out of range -32768..32767"}, {in: `-32769`, wrong: "out of range"},
	}},
	{columnType: "SMALLINT UNSIGNED", cases: []c{{in: `65535`, want: "65535"}, {in: `65536`, wrong: "out of range 0..65535"}}},
	{columnType: "MEDIUMINT", cases: []c{
		{in: `-8388608`, want: "-8388608"}, {in: `8388607`, want: "8388607"}, {in: `8388608`, wrong: "out of range -8388608..8388607"},
		{in: `-8388609`, wrong: "out of range"},
	}},
	{columnType: "MEDIUMINT UNSIGNED ZEROFILL", read: "v+0", cases: []c{{in: `16777215`, want: "16777215"}, {in: `16777216`, wrong: "out of range 0..16777215"}}},
	{columnType: "INT", cases: []c{
		{in: `-2147483648`, want: "-2147483648"}, {in: `2147483647`, want: "2147483647"}, {in: `2147483648`, wrong: "out of range"},
		{in: `-2147483649`, wrong: "out of range"},
	}},
	{columnType: "INT UNSIGNED", cases: []c{{in: `4294967295`, want: "4294967295"}, {in: `4294967296`, wrong: "out of range"}, {in: `-1`, wrong: "out of range"}}},
	{columnType: "BIGINT", cases: []c{
		{in: `-9223372036854775808`, want: "-9223372036854775808"}, {in: `9223372036854775807`, want: "9223372036854775807"},
		{in: `9007199254740993`, want: "9007199254740993"}, {in: `9223372036854775808`, wrong: "out of range"},
		{in: `-9223372036854775809`, wrong: "out of range"}, {in: `1e+18`, want: "1000000000000000000"}, {in: `1e+19`, wrong: "out of range"},
		{in: `"9223372036854775807"`, want: "9223372036854775807"}, {in: `9223372036854775807.0`, want: "9223372036854775807"},
		{in: `922337203685477580700000e-5`, want: "9223372036854775807"}, {in: `99999999999999999999999999`, wrong: "out of range"},
	}},
	{columnType: "BIGINT UNSIGNED", cases: []c{
		{in: `18446744073709551615`, want: "18446744073709551615"}, {in: `18446744073709551616`, wrong: "out of range 0..18446744073709551615"},
		{in: `1.8446744073709551615e19`, want: "18446744073709551615"}, {in: `9223372036854775808`, want: "9223372036854775808"}, {in: `-1`, wrong: "out of range"},
	}},
	{columnType: "BOOLEAN", cases: []c{{in: `true`, want: "1"}, {in: `false`, want: "0"}, {in: `7`, want: "7"}, {in: `"true"`, wrong: "not a number"}}},
	{columnType: "BIT(1)", read: "v+0", cases: []c{{in: `true`, want: "1"}, {in: `0`, want: "0"}, {in: `2`, wrong: "out of range 0..1"}}},
	{columnType: "BIT(12)", read: "v+0", cases: []c{{in: `4095`, want: "4095"}, {in: `"49"`, want: "49"}, {in: `4096`, wrong: "out of range 0..4095"}, {in: `-1`, wrong: "out of range"}}},
	{columnType: "BIT(64)", read: "HEX(v)", cases: []c{{in: `18446744073709551615`, want: "FFFFFFFFFFFFFFFF"}, {in: `18446744073709551616`, wrong: "out of range"}}},
}

var digits65 = strings.Repeat("1234567890", 7)[:65]

var exactCases = []group{
	{columnType: "DECIMAL(10,2)", cases: []c{
		{in: `1.25`, want: "1.25"}, {in: `-12345678.9`, want: "-12345678.90"}, {in: `1.2500`, want: "1.25"}, {in: `1e3`, want: "1000.00"},
		{in: `1.5E-1`, want: "0.15"}, {in: `99999999.99`, want: "99999999.99"}, {in: `0.00000`, want: "0.00"}, {in: `-0`, want: "0.00"}, {in: `true`, want: "1.00"},
		{in: `"+007.50"`, want: "7.50"}, {in: `".5"`, want: "0.50"}, {in: `123456789`, wrong: "more than 8 digits before the point"},
		{in: `1e8`, wrong: "before the point"}, {in: `1.255`, wrong: "more than 2 digits after the point"}, {in: `1e-3`, wrong: "after the point"},
		{in: `1e-999999999999`, wrong: "after the point"}, {in: `1e999999999999`, wrong: "before the point"}, {in: `"1,5"`, wrong: "not a number"}, {in: `"NaN"`, wrong: "not a number"},
	}},
	{columnType: "DECIMAL(5,2) UNSIGNED", cases: []c{{in: `999.99`, want: "999.99"}, {in: `-0.01`, wrong: "negative"}, {in: `-0.0`, want: "0.00"}}},
	{columnType: "DECIMAL(65,0)", cases: []c{
		{in: digits65, want: digits65}, {in: `-` + digits65, want: "-" + digits65}, {in: digits65 + `0`, wrong: "more than 65 digits"}, {in: digits65 + `.000`, want: digits65},
		{in: `1e64`, want: "1" + strings.Repeat("0", 64)}, {in: `"` + strings.Repeat("0", 500) + `1"`, want: "1"},
	}},
	{columnType: "DECIMAL(38,38)", cases: []c{
		{in: `0.12345678901234567890123456789012345678`, want: "0.12345678901234567890123456789012345678"}, {in: `1`, wrong: "more than 0 digits before"},
		{in: `1e-38`, want: "0." + strings.Repeat("0", 37) + "1"}, {in: `1e-39`, wrong: "after the point"},
	}},
	{columnType: "NUMERIC", cases: []c{{in: `1234567890`, want: "1234567890"}, {in: `0.5`, wrong: "after the point"}}},
	{columnType: "DOUBLE", read: "CONCAT(v)", cases: []c{
		{in: `1.5`, want: "1.5"}, {in: `-0.1`, want: "-0.1"}, {in: `1e300`, want: "1e300"}, {in: `9007199254740993`, want: "9.007199254740992e15"},
		{in: `"2.25"`, want: "2.25"}, {in: `true`, want: "1"}, {in: `1e400`, wrong: "range"}, {in: `-1e309`, wrong: "range"}, {in: `1e-400`, want: "0"},
		{in: `"inf"`, wrong: "not a number"}, {in: `"0x1p-2"`, wrong: "not a number"}, {in: `"1_000"`, wrong: "not a number"}, {in: `[]`, wrong: "nested"},
	}},
	{columnType: "DOUBLE UNSIGNED", cases: []c{{in: `0.5`, want: "0.5"}, {in: `-0.5`, wrong: "negative"}}},
	{columnType: "FLOAT", read: "CONCAT(v)", cases: []c{{in: `0.1`, want: "0.1"}, {in: `16777217`, want: "16777200"}, {in: `3.4e38`, want: "3.4e38"}, {in: `3.5e38`, wrong: "range"}}},
	{columnType: "FLOAT(5,2) UNSIGNED", cases: []c{{in: `999.99`, want: "999.99"}, {in: `1000`, serverSays: 1264}, {in: `-1`, wrong: "negative"}}},
}

var textCases = []group{
	{columnType: "VARCHAR(5)", cases: []c{
		{in: `"abc"`, want: "abc"}, {in: `"äöü😀ß"`, want: "äöü😀ß"}, {in: `""`, want: ""}, {in: `"a\u0000b"`, want: "a\x00b"}, {in: `" a "`, want: " a "},
		{in: `12.50`, want: "12.50"}, {in: `1e2`, want: "1e2"}, {in: `true`, want: "true"}, {in: `false`, want: "false"}, {in: `[1]`, want: "[1]"},
		{in: `"'; --"`, want: "'; --"}, {in: `"\\"`, want: `\`}, {in: `"abcdef"`, wrong: "6 characters, the column holds 5"},
		{in: `"     x"`, wrong: "6 characters"}, {in: `{"a":1}`, wrong: "7 characters"},
	}},
	{columnType: "CHAR(3)", cases: []c{{in: `"ab"`, want: "ab"}, {in: `"äöü"`, want: "äöü"}, {in: `"abcd"`, wrong: "4 characters, the column holds 3"}}},
	{columnType: "VARCHAR(9) CHARACTER SET latin1", cases: []c{{in: `"äöü€"`, want: "äöü€"}, {in: `"😀"`, serverSays: 1366}}},
	{columnType: "TINYTEXT CHARACTER SET latin1", cases: []c{
		{in: `"` + strings.Repeat("ä", 255) + `"`, want: strings.Repeat("ä", 255)}, {in: `"` + strings.Repeat("ä", 256) + `"`, wrong: "256 characters, the column holds 255"},
	}},
	{columnType: "TINYTEXT", cases: []c{
		{in: `"` + strings.Repeat("x", 255) + `"`, want: strings.Repeat("x", 255)}, {in: `"` + strings.Repeat("ä", 128) + `"`, wrong: "256 bytes, the column holds 255"},
	}},
	{columnType: "TEXT", cases: []c{
		{in: `{"a":"\u003cb\u003e \u0026 \\u003c","n":[1,2.50,null]}`, want: `{"a":"<b> & \\u003c","n":[1,2.50,null]}`},
		{in: `"\u003cb\u003e"`, want: "<b>"}, {in: `"` + strings.Repeat("y", 65535) + `"`, want: strings.Repeat("y", 65535)},
		{in: `"` + strings.Repeat("y", 65536) + `"`, wrong: "65536 bytes"},
	}},
	{columnType: "MEDIUMTEXT", cases: []c{{in: `"m"`, want: "m"}}},
	{columnType: "LONGTEXT", cases: []c{{in: `"l"`, want: "l"}, {in: `{"a":1}`, want: `{"a":1}`}, {in: `"{\"a\":1}"`, want: `{"a":1}`}}},
	{columnType: "NVARCHAR(4)", cases: []c{{in: `"čšžđ"`, want: "čšžđ"}}},
	{columnType: "VARCHAR(20) COMPRESSED", cases: []c{{in: `"squeezed"`, want: "squeezed"}}},
}

var binaryCases = []group{
	{columnType: "VARBINARY(3)", read: "HEX(v)", cases: []c{
		{in: `"AP8Q"`, want: "00FF10"}, {in: `""`, want: ""}, {in: `"/w=="`, want: "FF"}, {in: `"AAAAAA=="`, wrong: "4 bytes, the column holds 3"},
		{in: `"plain text"`, wrong: "not base64"}, {in: `"_w=="`, wrong: "not base64"}, {in: `"/w"`, wrong: "not base64"}, {in: `"/x=="`, wrong: "not base64"},
		{in: `7`, wrong: "base64"}, {in: `[1]`, wrong: "base64"},
	}},
	{columnType: "BINARY(3)", read: "HEX(v)", cases: []c{{in: `"/w=="`, want: "FF0000"}, {in: `"AAAAAA=="`, wrong: "4 bytes"}}},
	{columnType: "TINYBLOB", read: "HEX(v)", cases: []c{{in: `"wyg="`, want: "C328"}}}, // not UTF-8
	{columnType: "BLOB", read: "HEX(v)", cases: []c{{in: `"Jw=="`, want: "27"}}},
	{columnType: "MEDIUMBLOB", read: "HEX(v)", cases: []c{{in: `"XA=="`, want: "5C"}}},
	{columnType: "LONGBLOB", read: "HEX(v)", cases: []c{{in: `"AA=="`, want: "00"}}},
}

var memberCases = []group{
	{columnType: `ENUM('red','it''s','back\\slash','2','','k,l','d"q',')')`, cases: []c{
		{in: `"red"`, want: "red"}, {in: `"RED"`, want: "red"}, {in: `"it's"`, want: "it's"}, {in: `"back\\slash"`, want: `back\slash`}, {in: `"2"`, want: "2"},
		{in: `2`, want: "2"}, {in: `""`, want: ""}, {in: `"k,l"`, want: "k,l"}, {in: `")"`, want: ")"}, {in: `"1"`, wrong: "not among 'red'"}, {in: `1`, wrong: "not among"},
		{in: `"blue"`, wrong: "not among"}, {in: `true`, wrong: "not among"}, {in: `["red"]`, wrong: "wants the text of one member"},
	}},
	{columnType: "ENUM('true','false')", cases: []c{{in: `true`, want: "true"}, {in: `false`, want: "false"}}},
	{columnType: "ENUM('😀','é','ok')", cases: []c{{in: `"😀"`, want: "😀"}, {in: `"É"`, want: "é"}, {in: `"ok"`, want: "ok"}, {in: `"1"`, wrong: "not among"}, {in: `"no"`, serverSays: 1265}}},
	{columnType: "SET('a','b','c d')", cases: []c{
		{in: `"a"`, want: "a"}, {in: `"b,a"`, want: "a,b"}, {in: `["c d","a"]`, want: "a,c d"}, {in: `""`, want: ""}, {in: `[]`, want: ""}, {in: `"A"`, want: "a"},
		{in: `"a,x"`, wrong: "not among"}, {in: `["a,b"]`, wrong: "comma"}, {in: `3`, wrong: "not among"}, {in: `[1]`, wrong: "strings only"}, {in: `["a",null]`, wrong: "strings only"}, {in: `{"a":1}`, wrong: "wants members"},
	}},
}

var jsonCases = []group{
	{columnType: "JSON", cases: []c{
		{in: `{"b":[1,2.50,"x"],"a":null}`, want: `{"b":[1,2.50,"x"],"a":null}`}, {in: `[]`, want: "[]"}, {in: `"plain"`, want: `"plain"`},
		{in: `"{\"a\":1}"`, want: `"{\"a\":1}"`}, {in: `"q\"\\\n\t\r\u0001ü"`, want: `"q\"\\\n\t\r\u0001ü"`}, {in: `""`, want: `""`}, {in: `1.5e3`, want: "1.5e3"},
		{in: `true`, want: "true"}, {in: `12345678901234567890123`, want: "12345678901234567890123"}, {in: `{"h":"\u003cb\u003e"}`, want: `{"h":"<b>"}`},
	}},
	{columnType: "LONGTEXT CHECK (JSON_VALID(v) AND 1)", cases: []c{{in: `{"a":1}`, want: `{"a":1}`}, {in: `"[1]"`, want: "[1]"}, {in: `"x"`, serverSays: 4025}}},
}

var spatialCases = []group{
	{columnType: "GEOMETRY", read: "ST_AsText(v)", cases: []c{
		{in: `"POINT(13.4 52.5)"`, want: "POINT(13.4 52.5)"}, {in: `" point ( +.5 -2. ) "`, want: "POINT(0.5 -2)"},
		{in: `{"type":"Point","coordinates":[13.4,-52.5e0]}`, want: "POINT(13.4 -52.5)"}, {in: `"LINESTRING(0 0,1 1,2 0)"`, want: "LINESTRING(0 0,1 1,2 0)"},
		{in: `{"type":"LineString","coordinates":[[0,0],[1,1]]}`, want: "LINESTRING(0 0,1 1)"},
		{in: `"POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))"`, want: "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))"},
		{in: `{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,0]]]}`, want: "POLYGON((0 0,4 0,4 4,0 0))"},
		{in: `"MULTIPOINT(1 2, 3 4)"`, want: "MULTIPOINT(1 2,3 4)"}, {in: `"MULTIPOINT((1 2), (3 4))"`, want: "MULTIPOINT(1 2,3 4)"},
		{in: `{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}`, want: "MULTIPOINT(1 2,3 4)"},
		{in: `"MULTILINESTRING((0 0,1 1),(2 2,3 3))"`, want: "MULTILINESTRING((0 0,1 1),(2 2,3 3))"},
		{in: `{"type":"MultiLineString","coordinates":[[[0,0],[1,1]]]}`, want: "MULTILINESTRING((0 0,1 1))"},
		{in: `"MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))"`, want: "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))"},
		{in: `{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}`, want: "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))"},
		{in: `"GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))"`, want: "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))"},
		{in: `"GeomCollection EMPTY"`, want: "GEOMETRYCOLLECTION EMPTY"}, {in: `"GEOMETRYCOLLECTION()"`, want: "GEOMETRYCOLLECTION EMPTY"},
		{
			in:   `{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"MultiPoint","coordinates":[[3,4]]}]}`,
			want: "GEOMETRYCOLLECTION(POINT(1 2),MULTIPOINT(3 4))",
		},
		{in: `{"type":"GeometryCollection","geometries":[{"type":"GeometryCollection","geometries":[]}]}`, wrong: "inside a collection"},
		{in: `"GEOMETRYCOLLECTION(GEOMETRYCOLLECTION EMPTY)"`, wrong: "inside a collection"}, {in: `{"type":"GeometryCollection"}`, wrong: "without geometries"},
		{in: `"POINT(1e21 -1.7976931348623157e308)"`, want: "POINT(1e21 -1.7976931348623157e308)"}, {in: `"POINT(5e-324 0)"`, want: "POINT(5e-324 0)"},
		{in: `"garbage"`, wrong: "not WKT"}, {in: `"POINT(1 2) x"`, wrong: "after the end"}, {in: `"POINT(1 2 3)"`, wrong: "not two numbers"}, {in: `"POINT(1)"`, wrong: "not a number"},
		{in: `"POINT Z (1 2 3)"`, wrong: "parenthesis"}, {in: `"POINT(1e400 1)"`, wrong: "not a number"}, {in: `"POINT EMPTY"`, wrong: "parenthesis"},
		{in: `"LINESTRING(1 2)"`, wrong: "two points"}, {in: `"POLYGON((0 0,1 1,1 0))"`, wrong: "ring"}, {in: `"POLYGON((0 0,1 1,0 0))"`, wrong: "ring"}, {in: `"MULTIPOINT()"`, wrong: "not a number"},
		{in: `"SRID=4326;POINT(1 2)"`, wrong: "not WKT"}, {in: `{"type":"Feature"}`, wrong: "no type of a GeoJSON geometry"},
		{in: `{"type":"Point","coordinates":[1,2,3]}`, wrong: "dimensions"}, {in: `{"type":"Point"}`, wrong: "position"}, {in: `{"type":"Point","coordinates":[1,null]}`, wrong: "position"}, {in: `{"type":"LineString","coordinates":[1,2]}`, wrong: "position"},
		{in: `{"type":"LineString","coordinates":{}}`, wrong: "nested otherwise"}, {in: `{"type":"MultiPoint","coordinates":[]}`, wrong: "empty"}, {in: `[1,2]`, wrong: "WKT text or a GeoJSON"}, {in: `1`, wrong: "WKT text"},
	}},
	{columnType: "POINT", read: "ST_AsText(v)", cases: []c{{in: `"POINT(1 2)"`, want: "POINT(1 2)"}, {in: `"LINESTRING(1 2,3 4)"`, serverSays: 1366}}},
	{columnType: "POINT REF_SYSTEM_ID=4326", read: "CONCAT(ST_SRID(v), ST_AsText(v))", cases: []c{{in: `{"type":"Point","coordinates":[13.4,52.5]}`, want: "4326POINT(13.4 52.5)"}}},
	{columnType: "LINESTRING", read: "ST_AsText(v)", cases: []c{{in: `"LINESTRING(1 2,3 4)"`, want: "LINESTRING(1 2,3 4)"}}},
	{columnType: "POLYGON", read: "ST_AsText(v)", cases: []c{{in: `"POLYGON((0 0,1 0,1 1,0 0))"`, want: "POLYGON((0 0,1 0,1 1,0 0))"}}},
	{columnType: "MULTIPOINT", read: "ST_AsText(v)", cases: []c{{in: `"MULTIPOINT(1 2)"`, want: "MULTIPOINT(1 2)"}}},
	{columnType: "MULTILINESTRING", read: "ST_AsText(v)", cases: []c{{in: `"MULTILINESTRING((1 2,3 4))"`, want: "MULTILINESTRING((1 2,3 4))"}}},
	{columnType: "MULTIPOLYGON", read: "ST_AsText(v)", cases: []c{{in: `"MULTIPOLYGON(((0 0,1 0,1 1,0 0)))"`, want: "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))"}}},
	{columnType: "GEOMETRYCOLLECTION", read: "ST_AsText(v)", cases: []c{{in: `"GEOMETRYCOLLECTION(POINT(1 2))"`, want: "GEOMETRYCOLLECTION(POINT(1 2))"}}},
}

var otherCases = []group{
	{columnType: "UUID", cases: []c{{in: `"123E4567-e89b-12d3-a456-426655440000"`, want: "123e4567-e89b-12d3-a456-426655440000"}, {in: `"x"`, serverSays: 1292}}},
	{columnType: "INET6", cases: []c{{in: `"2001:db8::1"`, want: "2001:db8::1"}, {in: `"::ffff:192.0.2.1"`, want: "::ffff:192.0.2.1"}}},
	{columnType: "INET4", cases: []c{{in: `"192.0.2.1"`, want: "192.0.2.1"}, {in: `"192.0.2.256"`, serverSays: 1292}}},
}

const (
	plus8   = "Asia/Shanghai"
	berlin  = "Europe/Berlin"
	newYork = "America/New_York"
)

var temporalCases = []group{
	{columnType: "DATETIME", cases: []c{
		{in: `"2026-11-20T10:30:17Z"`, want: "2026-11-20 10:30:17"}, {in: `"2026-11-20 10:30:17"`, want: "2026-11-20 10:30:17"}, {in: `"2026-11-20T10:30"`, want: "2026-11-20 10:30:00"},
		{in: `"2026-11-20T10:30:17.999999999+08:00"`, want: "2026-11-20 02:30:17"}, {in: `"2026-11-20T10:30:17,5 -0330"`, want: "2026-11-20 14:00:17"}, {in: `"2026-11-20t10:30:17+08"`, want: "2026-11-20 02:30:17"},
		{in: `"2026-11-20"`, want: "2026-11-20 00:00:00"}, {in: `"20261120"`, want: "2026-11-20 00:00:00"}, {in: `"20261120103017"`, want: "2026-11-20 10:30:17"},
		{in: `1795170617`, want: "2026-11-20 10:30:17"}, {in: `1795170617999`, want: "2026-11-20 10:30:17"}, {in: `1795170617999999`, want: "2026-11-20 10:30:17"},
		{in: `1795170617999999999`, want: "2026-11-20 10:30:17"}, {in: `"1795170617999"`, want: "2026-11-20 10:30:17"}, {in: `1795170617.999`, want: "2026-11-20 10:30:17"},
		{in: `1.795170617e9`, want: "2026-11-20 10:30:17"}, {in: `1.795170617e+12`, want: "2026-11-20 10:30:17"}, {in: `0`, want: "1970-01-01 00:00:00"}, {in: `-0.001`, want: "1969-12-31 23:59:59"},
		{in: `-86400`, want: "1969-12-31 00:00:00"}, {in: `"9999-12-31T23:59:59.999"`, want: "9999-12-31 23:59:59"}, {in: `"1000-01-01"`, want: "1000-01-01 00:00:00"},
		{in: `"0000-00-00 00:00:00"`, want: "0000-00-00 00:00:00"}, {in: `"0000-00-00"`, want: "0000-00-00 00:00:00"}, {in: `"2024-02-29"`, want: "2024-02-29 00:00:00"},
		{in: `"2026-02-29"`, wrong: "no such date"}, {in: `"2026-13-01"`, wrong: "no such date"}, {in: `"2026-11-20T24:00"`, wrong: "no such hour"}, {in: `"2026-11-20T10:60"`, wrong: "no such minute"},
		{in: `"2026-11-20T10:30:60"`, wrong: "no such second"}, {in: `"2026-11-20T10"`, wrong: "not a time"}, {in: `"20.11.2026"`, wrong: "not a time"}, {in: `"2026/11/20"`, wrong: "not a time"},
		{in: `"26-11-20"`, wrong: "not a time"}, {in: `"2026-11-20T10:30:17 CET"`, wrong: "not a time"}, {in: `"2026-11-20T10:30:17."`, wrong: "not a time"}, {in: `""`, wrong: "not a time"},
		{in: `"2026"`, wrong: "so few digits"}, {in: `"20261345"`, wrong: "no such date"}, {in: `99999999999999999999999`, wrong: "is the unit"}, {in: `true`, wrong: "neither"}, {in: `[1]`, wrong: "neither"},
	}},
	{columnType: "DATETIME(3)", zone: plus8, cases: []c{
		{in: `1795170617999`, want: "2026-11-20 18:30:17.999"}, {in: `1795170617.9999`, want: "2026-11-20 18:30:17.999"}, {in: `-0.0001`, want: "1970-01-01 07:59:59.999"},
		{in: `"2026-11-20 10:30:17"`, want: "2026-11-20 10:30:17.000"}, {in: `"2026-11-20T10:30:17.5Z"`, want: "2026-11-20 18:30:17.500"}, {in: `"9999-12-31T20:00:00Z"`, wrong: "outside the years"},
	}},
	{columnType: "DATETIME(6)", zone: berlin, cases: []c{
		{in: `"2026-03-29T02:30:00"`, want: "2026-03-29 02:30:00.000000"}, {in: `"2026-03-29T01:30:00Z"`, want: "2026-03-29 03:30:00.000000"}, {in: `1795170617123456`, want: "2026-11-20 11:30:17.123456"},
	}},
	{columnType: "DATETIME", zone: plus8, unit: schema.Seconds, cases: []c{{in: `1795170617`, want: "2026-11-20 18:30:17"}, {in: `1795170617000`, wrong: "is the unit"}, {in: `"2026"`, want: "1970-01-01 08:33:46"}}},
	{columnType: "DATETIME(3)", unit: schema.Milliseconds, cases: []c{{in: `1795170617001`, want: "2026-11-20 10:30:17.001"}, {in: `1`, want: "1970-01-01 00:00:00.001"}, {in: `0.5`, want: "1970-01-01 00:00:00.000"}}},
	{columnType: "DATETIME(6)", unit: schema.Microseconds, cases: []c{{in: `1795170617000001`, want: "2026-11-20 10:30:17.000001"}, {in: `-1`, want: "1969-12-31 23:59:59.999999"}}},
	{columnType: "DATETIME(6)", unit: schema.Nanoseconds, cases: []c{{in: `1795170617000001999`, want: "2026-11-20 10:30:17.000001"}, {in: `-1`, want: "1969-12-31 23:59:59.999999"}, {in: `253402300799000000000`, want: "9999-12-31 23:59:59.000000"}}},
	{columnType: "TIMESTAMP NULL", zone: plus8, cases: []c{
		{in: `"2026-11-20 10:30:17"`, want: "2026-11-20 02:30:17"}, {in: `"2026-11-20T10:30:17Z"`, want: "2026-11-20 10:30:17"}, {in: `1795170617`, want: "2026-11-20 10:30:17"},
		{in: `1`, want: "1970-01-01 00:00:01"}, {in: `2147483647`, want: "2038-01-19 03:14:07"}, {in: `2147483648`, serverSays: 1292}, {in: `4294967296`, wrong: "is the unit"}, {in: `0`, wrong: "outside 1970"},
		{in: `0.9`, wrong: "outside 1970"}, {in: `-1`, wrong: "outside 1970"}, {in: `"1970-01-01 08:00:00"`, wrong: "outside 1970"}, {in: `"0000-00-00"`, want: "0000-00-00 00:00:00"},
	}},
	{columnType: "TIMESTAMP(6) NULL", zone: berlin, cases: []c{
		{in: `"2026-07-01T00:00:00.123456789"`, want: "2026-06-30 22:00:00.123456"}, {in: `"2026-03-29T02:30:00"`, want: "2026-03-29 01:30:00.000000"}, {in: `"2026-10-25T02:30:00"`, want: "2026-10-25 00:30:00.000000"}, {in: `"2026-10-25T01:59:59"`, want: "2026-10-24 23:59:59.000000"},
		{in: `"2026-10-25T03:00:00"`, want: "2026-10-25 02:00:00.000000"},
	}},
	{columnType: "TIMESTAMP NULL", zone: newYork, cases: []c{
		{in: `"2026-03-08T02:30:00"`, want: "2026-03-08 07:30:00"}, {in: `"2026-11-01T01:30:00"`, want: "2026-11-01 05:30:00"}, {in: `"2026-11-01T02:00:00"`, want: "2026-11-01 07:00:00"},
		{in: `"2026-03-08T01:59:59"`, want: "2026-03-08 06:59:59"}, {in: `"2026-03-08T03:00:00"`, want: "2026-03-08 07:00:00"},
	}},
	{columnType: "DATE", zone: plus8, cases: []c{
		{in: `"2026-11-20"`, want: "2026-11-20"}, {in: `"2026-11-20T23:59:59.999"`, want: "2026-11-20"}, {in: `"2026-11-20T20:00:00Z"`, want: "2026-11-21"}, {in: `1795132800`, want: "2026-11-20"},
		{in: `1795190400`, want: "2026-11-21"}, {in: `"0000-00-00"`, want: "0000-00-00"}, {in: `"20261120"`, want: "2026-11-20"},
	}},
	{columnType: "TIME", zone: plus8, cases: []c{
		{in: `"10:30:17"`, want: "10:30:17"}, {in: `"10:30"`, want: "10:30:00"}, {in: `"-838:59:59"`, want: "-838:59:59"}, {in: `"838:59:59"`, want: "838:59:59"}, {in: `"0:00:01.9"`, want: "00:00:01"},
		{in: `"839:00:00"`, wrong: "outside -838"}, {in: `"1000:00:00"`, wrong: "outside -838"}, {in: `"2026-11-20T10:30:17Z"`, want: "18:30:17"}, {in: `"2026-11-20 10:30:17"`, want: "10:30:17"},
		{in: `103017`, wrong: "a number may be"}, {in: `"103017"`, wrong: "a number may be"}, {in: `"10:30:17Z"`, wrong: "not a time"}, {in: `"x"`, wrong: "not a time"}, {in: `true`, wrong: "wants text"},
	}},
	{columnType: "TIME(3)", cases: []c{{in: `"-10:30:17.1239"`, want: "-10:30:17.123"}, {in: `"838:59:59"`, want: "838:59:59.000"}, {in: `"838:59:59.001"`, wrong: "outside -838"}}},
	{columnType: "YEAR", read: "CONCAT(v)", zone: plus8, cases: []c{
		{in: `2026`, want: "2026"}, {in: `"2155"`, want: "2155"}, {in: `1901`, want: "1901"}, {in: `0`, want: "0000"}, {in: `"0000"`, want: "0000"}, {in: `"2026-12-31T20:00:00Z"`, want: "2027"},
		{in: `1900`, wrong: "outside 1901"}, {in: `2156`, wrong: "outside 1901"}, {in: `26`, wrong: "outside 1901"}, {in: `1795170617`, wrong: "outside 1901"}, {in: `2026.5`, wrong: "not an integer"}, {in: `true`, wrong: "neither"},
	}},
}
