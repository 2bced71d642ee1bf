package schema

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLookupComparesAsTheServerDoes(t *testing.T) {
	names := []string{"id", "É", "ı", "straße", "AB", "ab", "ΩΣ", "with space", "x "}
	cases := map[string]int{
		"id": 0, "ID": 0, "Id": 0, "id ": -1, " id": -1, "é": 1, "e": -1, "É": 1, "i": -1, "I": -1, "ı": 2,
		"STRASSE": -1, "strasse": -1, "STRAßE": 3, "AB": 4, "ab": 5, "aB": 4, "ωσ": 6, "ως": -1, "WITH SPACE": 7,
		"ıd": -1, "\xff": -1, "": -1, "x ": 8, "X ": 8, "x": -1,
	}
	wide := names
	for i := range linearColumns {
		wide = append(wide, strings.Repeat("filler", 2)+string(rune('a'+i)))
	}
	for _, names := range [][]string{names, wide} {
		var columns []Column
		for _, n := range names {
			columns = append(columns, NewColumn(n, "int"))
		}
		tab := NewTable(Name{Table: "t"}, columns...)
		for name, want := range cases {
			if got := tab.Lookup([]byte(name)); got != want {
				t.Errorf("of %d columns, %q is %d, want %d", len(columns), name, got, want)
			}
		}
	}
}

func TestParseName(t *testing.T) {
	cases := map[string]Name{
		"t":                {Table: "t"},
		" t ":              {Table: "t"},
		"db.t":             {Database: "db", Table: "t"},
		"db . t":           {Database: "db", Table: "t"},
		"my-table":         {Table: "my-table"},
		"`t`":              {Table: "t"},
		"`a.b`":            {Table: "a.b"},
		"`a``b`.`c d`":     {Database: "a`b", Table: "c d"},
		"db.`t`":           {Database: "db", Table: "t"},
		" `db` . `t` ":     {Database: "db", Table: "t"},
		"größe.表":          {Database: "größe", Table: "表"},
		"t;drop table x--": {Table: "t;drop table x--"},
		"` t`":             {Table: " t"},
	}
	for in, want := range cases {
		if got, err := ParseName(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestParseNameRefuses(t *testing.T) {
	cases := map[string]string{
		"": "empty", " ": "empty", ".": "empty", "a.": "empty", ".a": "empty", "``": "empty", "a.``": "empty",
		"a.b.c": "more than two parts", "`a`.`b`.`c`": "more than two parts", "`a": "not closed", "a`b": "backquote inside", "`a`b": "after a closing backquote",
		"a\x00b": "NUL", "`a\x00`": "NUL", "\xff": "UTF-8", strings.Repeat("é", 65): "longer than 64", "`a `": "ends in a space",
	}
	for in, want := range cases {
		if got, err := ParseName(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want an error with %q", in, got, err, want)
		}
	}
}

// What a Name prints, ParseName reads.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"t", "db.t", "`a``b`.`c d`", "a.b.c", "`", "``.``", "é.表", "a\x00", " `a` . b "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseName(s)
		if err != nil {
			return
		}
		for _, part := range []string{name.Database, name.Table} {
			if strings.Contains(part, "\x00") || utf8.RuneCountInString(part) > maxNameLength || !utf8.ValidString(part) {
				t.Errorf("%q: no server has a name %q", s, part)
			}
		}
		if again, err := ParseName(name.String()); err != nil || again != name || name.Table == "" {
			t.Errorf("%q: read as %+v, printed as %s, read again as %+v, %v", s, name, name, again, err)
		}
	})
}

func TestParseEpochUnit(t *testing.T) {
	for in, want := range map[string]EpochUnit{"": Auto, "auto": Auto, "s": Seconds, "MS": Milliseconds, "us": Microseconds, "ns": Nanoseconds} {
		if got, err := ParseEpochUnit(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := ParseEpochUnit("sec"); err == nil {
		t.Error("sec is accepted")
	}
}

// What the server calls a type, in the spellings of MariaDB, MySQL and TiDB.
func TestParseType(t *testing.T) {
	cases := map[string]spec{
		"int":                                 {family: familyInteger, bits: 32},
		"bigint(20) unsigned":                 {family: familyInteger, bits: 64, unsigned: true},
		"mediumint(8) unsigned zerofill":      {family: familyInteger, bits: 24, unsigned: true},
		"TINYINT(1)":                          {family: familyInteger, bits: 8},
		"decimal(10,2)":                       {family: familyDecimal, whole: 8, scale: 2},
		"decimal(65,30) unsigned":             {family: familyDecimal, whole: 35, scale: 30, unsigned: true},
		"decimal":                             {family: familyDecimal, whole: 10},
		"float(7,3) unsigned":                 {family: familyFloat, unsigned: true},
		"double":                              {family: familyDouble},
		"bit(64)":                             {family: familyBit, bits: 64},
		"bit":                                 {family: familyBit, bits: 1},
		"varchar(10) /*M!100301 COMPRESSED*/": {family: familyText, maxChars: 10},
		"char(1)":                             {family: familyText, maxChars: 1},
		"tinytext":                            {family: familyText, maxBytes: 255},
		"longblob":                            {family: familyBinary, maxBytes: 1<<32 - 1},
		"varbinary(16)":                       {family: familyBinary, maxBytes: 16},
		"datetime /* mariadb-5.3 */":          {family: familyDateTime},
		"datetime(6)":                         {family: familyDateTime, fraction: 6},
		"timestamp(3)":                        {family: familyTimestamp, fraction: 3},
		"time(1)":                             {family: familyTime, fraction: 1},
		"year(4)":                             {family: familyYear},
		"json":                                {family: familyJSON},
		"geomcollection":                      {family: familySpatial},
		"vector(3)":                           {family: familyVector},
		"uuid":                                {},
		"inet6":                               {},
		"no such(type":                        {},
		"":                                    {},
	}
	for in, want := range cases {
		got := parseType(in)
		if len(got.members) != 0 {
			t.Errorf("%q: members %q", in, got.members)
		}
		got.members, want.members = nil, nil
		if !sameSpec(got, want) {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

func sameSpec(a, b spec) bool {
	return a.family == b.family && a.unsigned == b.unsigned && a.bits == b.bits && a.scale == b.scale && a.whole == b.whole &&
		a.fraction == b.fraction && a.maxChars == b.maxChars && a.maxBytes == b.maxBytes && a.membersVague == b.membersVague
}

func TestParseMembers(t *testing.T) {
	cases := map[string]struct {
		members string // joined with |
		vague   bool
	}{
		`enum('a','b')`:           {"a|b", false},
		`set('a)','b''c','d,e')`:  {"a)|b'c|d,e", false},
		`enum('','x')`:            {"|x", false},
		`enum('d\\e','f\ng')`:     {"d\\e|d\\\\e|f\ng|f\\ng", false},
		`enum('?','x')`:           {"?|x", true},
		`enum('a'`:                {"", true},
		`enum(a,b)`:               {"", true},
		`enum('a' , 'b') unknown`: {"a|b", false},
	}
	for in, want := range cases {
		got := parseType(in)
		if strings.Join(got.members, "|") != want.members || got.membersVague != want.vague {
			t.Errorf("%s: %q, vague %v, want %q, %v", in, got.members, got.membersVague, want.members, want.vague)
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"int(11) unsigned", `enum('a','b''c','\\')`, "decimal(65,30)", "bit(999)", "decimal(1,99)", "varchar(99999999999999999999)", "set(", "set \n", "enum('a\nb')"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := NewColumn("c", s)
		for _, v := range sampleValues {
			convertAndCheck(t, &c, v)
		}
	})
}
