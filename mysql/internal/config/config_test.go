package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goodURL = "user:test@tcp(localhost:3306)/database"

// with returns the tutorial's properties and more: name, value, name, value, ...
func with(more ...any) map[string]any {
	props := map[string]any{"url": goodURL, "table": "test"}
	for i := 0; i < len(more); i += 2 {
		props[more[i].(string)] = more[i+1]
	}
	return props
}

// lines splits a joined error into its problems.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func TestDefaults(t *testing.T) {
	c, warnings, err := Parse(with())
	if err != nil || warnings != nil {
		t.Fatal(err, warnings)
	}
	want := "target localhost:3306/database, table test, mode insert, keyField [], rowkindField , updateFields map[], keepFields [], versionField , tableField , allowedTables [], maxTables 100, nullAs null, extraFields error, columns map[], otherFields byName, fieldCase asIs, restField , restContent extra, timezone UTC, epochUnit auto, " +
		"autoCreate false, autoEvolve false, schema map[], primaryKey [], maxColumns 200, maxBatchRows 8000, maxBatchBytes 1048576, maxBatchDelay 0s, road auto, maxQueueBytes 16777216, journal on, maxJournalBytes 1073741824, maxJournalAge 0s, whenFull block, fsync 1s, delivery atLeastOnce, ledgerTable ekuiper_mysql_ledger, deadLetterTable , errors map[], requireAck false, sendSingle false"
	if c.String() != want {
		t.Errorf("got  %s\nwant %s", c, want)
	}
	d := c.Driver
	if d.User != "user" || d.Passwd != "test" || d.Net != "tcp" || d.Addr != "localhost:3306" || d.DBName != "database" {
		t.Errorf("connection: %s:%s@%s(%s)/%s", d.User, d.Passwd, d.Net, d.Addr, d.DBName)
	}
}

func TestValuesAccepted(t *testing.T) {
	cases := []struct {
		name  string
		value any
		want  string // as String tells it
	}{
		{"nullAs", "DEFAULT", "nullAs default"},
		{"extraFields", "ignore", "extraFields ignore"},
		{"timezone", "utc", "timezone UTC"},
		{"timezone", "Asia/Shanghai", "timezone Asia/Shanghai"},
		{"timezone", "+08:00", "timezone +08:00"},
		{"timezone", " -03:30 ", "timezone -03:30"},
		{"epochUnit", "US", "epochUnit us"},
		{"maxBatchRows", 65535, "maxBatchRows 65535"},
		{"maxBatchRows", 7.0, "maxBatchRows 7"},
		{"maxBatchRows", float32(7), "maxBatchRows 7"},
		{"maxBatchRows", json.Number("7"), "maxBatchRows 7"},
		{"maxBatchRows", json.Number("7e2"), "maxBatchRows 700"},
		{"maxBatchRows", " 7 ", "maxBatchRows 7"},
		{"maxBatchRows", uint8(7), "maxBatchRows 7"},
		{"maxBatchRows", nil, "maxBatchRows 8000"},
		{"maxBatchRows", "", "maxBatchRows 8000"},
		{"maxBatchBytes", 1024, "maxBatchBytes 1024"},
		{"maxBatchBytes", "4MiB", "maxBatchBytes 4194304"},
		{"maxBatchBytes", "2 kib", "maxBatchBytes 2048"},
		{"maxBatchBytes", "1GiB", "maxBatchBytes 1073741824"},
		{"maxJournalBytes", "1024TiB", "maxJournalBytes 1125899906842624"},
		{"maxBatchBytes", "2MB", "maxBatchBytes 2000000"},
		{"maxBatchBytes", "4096B", "maxBatchBytes 4096"},
		{"maxBatchBytes", "4096", "maxBatchBytes 4096"},
		{"maxBatchDelay", 60000, "maxBatchDelay 1m0s"},
		{"maxBatchDelay", "20", "maxBatchDelay 20ms"},
		{"maxBatchDelay", "1.5s", "maxBatchDelay 1.5s"},
		{"maxQueueBytes", "64KiB", "maxQueueBytes 65536"},
		{"maxQueueBytes", float64(1 << 40), "maxQueueBytes 1099511627776"},
		{"requireAck", true, "requireAck true"},
		{"sendSingle", true, "sendSingle true"},
		{"delivery", "ExactlyOnce", "delivery exactlyOnce"},
		{"ledgerTable", "`my ledger`", "ledgerTable `my ledger`"},
		{"deadLetterTable", "`dead.letters`", "deadLetterTable `dead.letters`"},
		{"errors", map[string]any{"1452": "retry"}, "errors map[1452:retry]"},
		{"errors", `{"1452":"retry"}`, "errors map[1452:retry]"},
		{"columns", map[string]any{"a": "b.c"}, "columns map[a:b.c]"},
		{"columns", `{"a": {"value": 12345678901234567890}}`, "columns map[a:map[value:12345678901234567890]]"},
		{"columns", "", "columns map[]"},
		{"otherFields", "IGNORE", "otherFields ignore"},
		{"fieldCase", "snake", "fieldCase snake"},
		{"restField", "Rest", "restField Rest"},
		{"restContent", "row", "restContent row"},
		{"MAXBATCHROWS", 7, "maxBatchRows 7"},
		{"dburl", goodURL, "target localhost:3306/database"},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s=%v", c.name, c.value), func(t *testing.T) {
			config, warnings, err := Parse(with(c.name, c.value))
			if err != nil || warnings != nil {
				t.Fatal(err, warnings)
			}
			if !strings.Contains(config.String()+",", c.want+",") {
				t.Errorf("%s does not hold %q", config, c.want)
			}
		})
	}
}

// What is made in the database is made for fields by their names.
func TestMappingBesideWhatIsMade(t *testing.T) {
	for _, c := range []struct {
		more []any
		want string // empty: accepted
	}{
		{[]any{"columns", map[string]any{"a": "b"}, "autoCreate", true, "schema", map[string]any{"a": "INT"}}, ""},
		{[]any{"columns", map[string]any{}, "fieldCase", "asIs", "autoCreate", true, "autoEvolve", true}, ""},
		{[]any{"columns", map[string]any{"a": "b"}, "autoCreate", true, "autoEvolve", true}, ""},
		{[]any{"columns", map[string]any{"a": "b"}, "restField", "r", "autoCreate", true}, `property autoCreate: "true" beside restField: rows alone do not say what columns the table needs; allowed: schema beside it, which names them all, or leave it out`},
		{[]any{"restField", "r", "autoEvolve", "dryRun"}, `property autoEvolve: "dryRun" beside restField: columns are only added for fields that go to them by name; allowed: false, or leave restField out`},
		{[]any{"fieldCase", "snake", "autoEvolve", true}, `property autoEvolve: "true" beside fieldCase`},
		{[]any{"fieldCase", "snake", "autoEvolve", "maybe"}, `property autoEvolve: "maybe"; allowed`},
	} {
		_, _, err := Parse(with(c.more...))
		if got := lines(err); len(got) > 1 || (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%v: %v", c.more, err)
		}
	}
}

func TestLedgerTableIsNotTheRowsOwn(t *testing.T) {
	props := with("delivery", "exactlyOnce")
	props["ledgerTable"] = "`TEST`"
	_, _, err := Parse(props)
	if err == nil || !strings.Contains(err.Error(), "property ledgerTable: \"`TEST`\" is the table of the rows; allowed: another one") {
		t.Errorf("%v", err)
	}
}

func TestValuesRefused(t *testing.T) {
	cases := []struct {
		name  string
		value any
		want  string
	}{
		{"nullAs", "zero", `property nullAs: "zero"; allowed: null, default`},
		{"nullAs", true, "property nullAs: true; allowed: null, default"},
		{"extraFields", "drop", `property extraFields: "drop"; allowed: error, ignore`},
		{"timezone", "Mars/Olympus", `property timezone: "Mars/Olympus"; allowed: UTC, a zone such as Asia/Shanghai, or an offset such as +08:00`},
		{"timezone", "Local", `property timezone: "Local"`},
		{"timezone", "+8", `property timezone: "+8"`},
		{"timezone", "+14:01", `property timezone: "+14:01"`},
		{"timezone", "../../etc/passwd", `property timezone: "../../etc/passwd"`},
		{"timezone", 8, "property timezone: 8"},
		{"epochUnit", "m", `property epochUnit: "m"; allowed: auto, s, ms, us, ns`},
		{"maxBatchRows", 0, "property maxBatchRows: 0; allowed: 1 to 65535"},
		{"maxBatchRows", 65536, "property maxBatchRows: 65536"},
		{"maxBatchRows", 1.5, "property maxBatchRows: 1.5"},
		{"maxBatchRows", "many", `property maxBatchRows: "many"`},
		{"maxBatchRows", uint64(1) << 63, "property maxBatchRows: 9223372036854775808"},
		{"maxBatchRows", []any{1}, "property maxBatchRows: a value of type list; allowed: 1 to 65535"},
		{"maxBatchRows", "{{.rows}}", `property maxBatchRows: "{{.rows}}"`},
		{"maxBatchBytes", "1023", `property maxBatchBytes: "1023"; allowed: 1KiB to 1GiB, as a number of bytes or e.g. 4MiB`},
		{"maxBatchBytes", "4TiB", `property maxBatchBytes: "4TiB"`},
		{"maxBatchBytes", "9999999999999GiB", `property maxBatchBytes: "9999999999999GiB"`},
		{"maxBatchBytes", "-4MiB", `property maxBatchBytes: "-4MiB"`},
		{"maxBatchDelay", -1, "property maxBatchDelay: -1; allowed: 0 to 60s"},
		{"maxBatchDelay", "61s", `property maxBatchDelay: "61s"`},
		{"maxBatchDelay", 1e15, "property maxBatchDelay: 1e+15"},
		{"maxQueueBytes", 65535, "property maxQueueBytes: 65535; allowed: 64KiB to 1TiB"},
		{"delivery", "atMostOnce", `property delivery: "atMostOnce"; allowed: atLeastOnce, exactlyOnce`},
		{"deadLetterTable", "other.letters", `property deadLetterTable: "other.letters"; allowed: a table's name`},
		{"deadLetterTable", 7, `property deadLetterTable: 7; allowed: a table's name`},
		{"deadLetterTable", "a`b", "property deadLetterTable: \"a`b\": a backquote inside a name"},
		{"deadLetterTable", "`Test`", "property deadLetterTable: \"`Test`\" is the table of the rows"},
		{"deadLetterTable", "ekuiper_mysql_ledger", `property deadLetterTable: "ekuiper_mysql_ledger" is the ledger's table`},
		{"ledgerTable", "other.ledger", `property ledgerTable: "other.ledger"; allowed: a table's name`},
		{"ledgerTable", "a`b", "property ledgerTable: \"a`b\": a backquote inside a name"},
		{"errors", []any{"1452"}, "property errors: a value of type list; allowed: an object such as"},
		{"errors", "1452", `property errors: "1452": not the text of a JSON object; allowed: an object such as`},
		{"errors", `{"1452":"retry","1452":"row"}`, `property errors: "{\"1452\":\"retry\",\"1452\":\"row\"}": it has "1452" twice; allowed: an object such as`},
		{"schema", `{"a":"INT","a":"TEXT"}`, `property schema: "{\"a\":\"INT\",\"a\":\"TEXT\"}": it has "a" twice; allowed: an object of types`},
		{"url", "mysql://us%00er:p@h/d", "property url: a NUL character in the user or the password"},
		{"url", "user:p\x00@tcp(h)/d", "property url: a NUL character in the user or the password"},
		{"columns", []any{"a"}, `property columns: a value of type list; allowed: an object such as {"temp": "payload.sensors[0].t", `},
		{"columns", "a=b", `property columns: "a=b": not the text of a JSON object; allowed: an object such as`},
		{"columns", `{"a":"b"} x`, `property columns: "{\"a\":\"b\"} x": not the text of a JSON object`},
		{"columns", `{"a":"b","a":"c"}`, `property columns: "{\"a\":\"b\",\"a\":\"c\"}": it has "a" twice; allowed`},
		{"otherFields", "drop", `property otherFields: "drop"; allowed: byName, ignore`},
		{"fieldCase", "camel", `property fieldCase: "camel"; allowed: asIs, snake`},
		{"restField", 7, "property restField: 7; allowed: a column's name"},
		{"restField", goodURL, "property restField: what looks like an address; allowed: a column's name"},
		{"restContent", "all", `property restContent: "all"; allowed: extra, row`},
		{"url", 5, "property url: a value of type int; allowed: user:password@tcp(host:port)/database"},
		{"dburl", "user:test@tcp(localhost:3307)/database", "properties url and dburl: both are given and differ; allowed: one of them"},
		{"Table", "other", "properties Table and table: both are table; allowed: one spelling"},
		{"table", "a.b.c", `property table: "a.b.c": more than two parts; a dot inside a name needs backquotes; allowed: table or`},
		{"table", "a`b", "property table: \"a`b\": a backquote inside a name"},
		{"table", "`a", "property table: \"`a\": a backquote is not closed"},
		{"table", "`a`b", "property table: \"`a`b\": something follows a closing backquote"},
		{"table", "a.", `property table: "a.": an empty name`},
		{"table", "a\x00", `property table: "a\x00": a control character in a name`},
		{"table", "t😀", `property table: "t😀": a character beyond U+FFFF in a name, such as an emoji, which MySQL and MariaDB do not take`},
		{"table", strings.Repeat("ä", 65), `property table: "` + strings.Repeat("ä", 64) + `...": a name of more than 64 characters`},
		{"table", 5, "property table: 5; allowed: table or"},
		{"table", "root:pw@tcp(h)/db", "property table: what looks like an address: no table's name"},
		{"format", "delimited", `property format: "delimited": the sink reads JSON alone; allowed: json`},
		{"compression", "gzip", `property compression: "gzip": the sink needs plain JSON; allowed: leave it out`},
		{"encryption", "aes", `property encryption: "aes": the sink needs plain JSON; allowed: leave it out`},
		{"requireAck", "yes", `property requireAck: "yes"; allowed: true, false`},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s=%v", c.name, c.value), func(t *testing.T) {
			config, _, err := Parse(with(c.name, c.value))
			got := lines(err)
			if config != nil || len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, warnings, err := Parse(map[string]any{
		"URL": "user:test@tcp(localhost:0)/database", "maxBatchRows": 0, "nullAs": "x", "format": "protobuf", "tabel": "test",
	})
	want := []string{
		"property URL: the port is not one; allowed: 1 to 65535",
		"property table: missing; allowed: table or database.table, each part of 1 to 64 characters, in backquotes where it holds a dot; the table may hold fields as in metrics_{device}",
		`property nullAs: "x"; allowed: null, default`,
		"property maxBatchRows: 0; allowed: 1 to 65535",
		`property format: "protobuf": the sink reads JSON alone; allowed: json`,
	}
	if diff := cmp.Diff(want, lines(err)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"property tabel is not known and has no effect; did you mean table?"}, warnings); diff != "" {
		t.Error(diff)
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != len(want) {
		t.Error("the problems are not joined errors")
	}
}

func TestDatabaseOfEither(t *testing.T) {
	cases := []struct{ url, table, target, problem string }{
		{"tcp(h)/", "t", "", "property url: names no database; allowed: one in the url, or one before the table's name as in database.table"},
		{"tcp(h)/", "d.t", "h:3306/d", ""},
		{"tcp(h)/", "`d.x` . `t`", "h:3306/d.x", ""},
		{"tcp(h)/", "`a``b`.t", "h:3306/a`b", ""},
		{"tcp(h)/c", "d.t", "h:3306/c", ""},
		{"unix(/run/s.sock)/c", "t", "unix(/run/s.sock)/c", ""},
		{"mysql://h", "d.t", "h:3306/d", ""},
	}
	for _, c := range cases {
		config, _, err := Parse(map[string]any{"url": c.url, "table": c.table})
		if c.problem != "" {
			if err == nil || err.Error() != c.problem {
				t.Errorf("%s, %s: %v", c.url, c.table, err)
			}
		} else if err != nil || config.Target != c.target {
			t.Errorf("%s, %s: %v, %v", c.url, c.table, config, err)
		}
	}
}

func TestHostProperties(t *testing.T) {
	props := with("format", "JSON", "compression", "")
	for _, name := range hostNames {
		switch name {
		case "format", "compression", "encryption", "requireAck", "sendSingle", "batchSize":
		default:
			props[name] = "anything"
		}
	}
	if _, warnings, err := Parse(props); err != nil || warnings != nil {
		t.Error(err, warnings)
	}
	theirs := map[string]bool{}
	for _, name := range hostNames {
		theirs[strings.ToLower(name)] = true
	}
	for _, p := range Properties() {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if theirs[strings.ToLower(name)] {
				t.Errorf("%s is eKuiper's own", name)
			}
		}
	}
}

func TestHostBatchesAreWarnedOf(t *testing.T) {
	for value, want := range map[any]int{1: 0, 0.0: 0, "1": 0, 2: 1, 100.0: 1, "50": 1} {
		if _, warnings, err := Parse(with("batchSize", value)); err != nil || len(warnings) != want {
			t.Errorf("batchSize %v: %q, %v", value, warnings, err)
		}
	}
}

func TestUnknownProperties(t *testing.T) {
	cases := []struct{ name, want string }{
		{"batchsize2", "property batchsize2 is not known and has no effect; did you mean batchSize?"},
		{"maxBatchRow", "property maxBatchRow is not known and has no effect; did you mean maxBatchRows?"},
		{"nulllAs", "property nulllAs is not known and has no effect; did you mean nullAs?"},
		{"tiemzone", "property tiemzone is not known and has no effect; did you mean timezone?"},
		{"somethingElse", "property somethingElse is not known and has no effect"},
		{"user:secret@tcp(h)/db", "a property whose name is not a word is not known and has no effect"},
	}
	for _, c := range cases {
		_, warnings, err := Parse(with(c.name, "never shown"))
		if err != nil || len(warnings) != 1 || warnings[0] != c.want {
			t.Errorf("%s: %q, %v", c.name, warnings, err)
		}
	}
}

func TestOffsetsApply(t *testing.T) {
	c, _, err := Parse(with("timezone", "-03:30"))
	if err != nil {
		t.Fatal(err)
	}
	if _, seconds := time.Now().In(c.Location).Zone(); seconds != -(3*3600 + 30*60) {
		t.Errorf("-03:30 is %d seconds", seconds)
	}
}
