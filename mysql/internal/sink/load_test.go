package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// takingFiles makes the server take LOAD DATA LOCAL, or not.
func takingFiles(t *testing.T, on bool) {
	t.Helper()
	set := func(on bool) error { return server.Exec(fmt.Sprintf("SET GLOBAL local_infile = %v", on)) }
	if err := set(on); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set(true) })
}

func (b *bundle) wantLoaded(s *Sink, some bool) {
	b.t.Helper()
	if f := s.outbox.Load().meter.Snapshot(); (f.Loaded > 0) != some {
		b.t.Errorf("%d of %d batches went by LOAD DATA", f.Loaded, f.Batches)
	}
}

// awkward are texts that a file with tabs and backslashes could get wrong.
var awkward = []string{
	"", " ", "\t", "\n", "\r\n", "\\", "\\\\", `\N`, `\n`, `\t`, "NULL", "null", "\x00", "a\x00b", "\x1a", "'", `"`, "`", "';--", "a\tb\\", "\\\t", "é", "ß\\é", "日本\t語", "😀\n",
	"0x41", "-", "1e3", " trailing ", "\b\f", "%s", "a,b", "\u2028", "\\N\tx", strings.Repeat("\\", 50), "Reader::x",
}

func TestLoadedRowsAreAsInserted(t *testing.T) {
	takingFiles(t, true)
	const columns = ` (id INT PRIMARY KEY, s VARCHAR(60), t TEXT CHARACTER SET latin1, j JSON, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(30,10), f DOUBLE, r FLOAT,
		at DATETIME(6), ts TIMESTAMP(3) NULL, da DATE, ti TIME(3), y YEAR, b BOOL)`
	b := newBundle(t, "CREATE TABLE loaded"+columns, "CREATE TABLE inserted"+columns)
	numbers := []string{"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "42", "null"}
	floats := []string{"0", "-0.0", "1e300", "5e-324", "0.1", "3.4e38", "-1.7976931348623157e308", "123456789.123456789", "null"}
	var rows []string
	for i := range 500 {
		text, err := json.Marshal(awkward[i%len(awkward)])
		if err != nil {
			t.Fatal(err)
		}
		f := floats[i%len(floats)]
		r := f
		if strings.Contains(f, "e3") && f != "3.4e38" || strings.Contains(f, "e308") {
			r = "1.5"
		}
		latin := `"é\tß\\"`
		rows = append(rows, fmt.Sprintf(`{"id":%d,"s":%s,"t":%s,"j":{"k":%s,"n":[1,null,"\t"]},"i":%s,"u":18446744073709551615,"d":%d.0000000001,"f":%s,"r":%s,`+
			`"at":"2026-11-20T10:30:17.123456","ts":%d,"da":"2026-02-28","ti":"-838:59:59","y":2026,"b":%v}`,
			i, text, latin, text, numbers[i%len(numbers)], i, f, r, 1763634617123+int64(i), i%2 == 0))
	}
	message := "[" + strings.Join(rows, ",") + "]"
	for _, road := range []struct {
		name, table string
		loaded      bool
	}{{"load", "loaded", true}, {"insert", "inserted", false}} {
		s := b.open(b.props("", road.table, "road", road.name))
		b.collect(s, message)
		b.settle(s)
		b.wantFate(s, 500, 0)
		b.wantLoaded(s, road.loaded)
		b.end(s)
	}
	const all = "SELECT *, HEX(s), HEX(t), HEX(f), HEX(r) FROM "
	loaded, inserted := b.query(all+"loaded ORDER BY id"), b.query(all+"inserted ORDER BY id")
	for i := range inserted {
		if loaded[i] != inserted[i] {
			t.Errorf("loaded\n%q\ninserted\n%q", loaded[i], inserted[i])
		}
	}
}

// TestLoadChangesNoRowInSilence: what LOAD DATA would pass over or bend is
// undone and told of as INSERT would.
func TestLoadChangesNoRowInSilence(t *testing.T) {
	takingFiles(t, true)
	const parent = "CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB"
	for name, c := range map[string]struct {
		column, wrong string
		first         string // a row that is there before
	}{
		"duplicate":        {"INT", `{"id":7,"v":1}`, "(7, 1)"},
		"null":             {"INT NOT NULL", `{"id":900,"v":null}`, ""},
		"check":            {"INT CHECK (v < 100)", `{"id":900,"v":101}`, ""},
		"foreign key":      {"INT, FOREIGN KEY (v) REFERENCES parent (id)", `{"id":900,"v":5}`, ""},
		"time that is not": {"TIMESTAMP(3) NULL", `{"id":900,"v":"2038-01-19T03:14:08Z"}`, ""},
	} {
		for _, delivery := range []string{"atLeastOnce", "exactlyOnce"} {
			t.Run(name+"/"+delivery, func(t *testing.T) {
				b := newBundle(t, parent, "INSERT INTO parent VALUES (1)", "CREATE TABLE t (id INT PRIMARY KEY, v "+c.column+") ENGINE=InnoDB")
				value := "1"
				if strings.HasPrefix(c.column, "TIMESTAMP") {
					value = "1763634617123"
				}
				if c.first != "" {
					b.exec("INSERT INTO t VALUES " + c.first)
				}
				var rows []string
				for i := 100; i < 500; i++ {
					rows = append(rows, fmt.Sprintf(`{"id":%d,"v":%s}`, i, value))
				}
				good := "[" + strings.Join(rows, ",") + "]"
				rows[200] = c.wrong
				s := b.open(b.props("", "t", "road", "load", "delivery", delivery))
				b.collect(s, "["+strings.Join(rows, ",")+"]")
				b.settle(s)
				if name == "time that is not" && len(b.query("SELECT 1 FROM t WHERE id = 900")) == 1 {
					t.Skip("this server's TIMESTAMP holds it")
				}
				b.wantFate(s, 399, 1)
				b.wantLoaded(s, false)
				for _, more := range []string{"1", "2", "3"} {
					b.collect(s, strings.ReplaceAll(good, `"id":`, `"id":`+more))
					b.settle(s)
				}
				b.wantFate(s, 399+1200, 1)
				b.wantLoaded(s, true) // again, after a while
			})
		}
	}
}

func TestLoadIsLeftWhereItCannotServe(t *testing.T) {
	for name, c := range map[string]struct {
		ddl, row string
		infile   bool
		props    []any
	}{
		"server refuses":   {keyless, `{"id":%d,"name":"n","x":1}`, false, []any{"road", "load"}},
		"bytes":            {"CREATE TABLE t (id BIGINT, v BLOB)", `{"id":%d,"v":"AP8="}`, true, []any{"road", "load"}},
		"enum":             {"CREATE TABLE t (id BIGINT, v ENUM('2','1'))", `{"id":%d,"v":"1"}`, true, []any{"road", "load"}},
		"point":            {"CREATE TABLE t (id BIGINT, v POINT)", `{"id":%d,"v":"POINT(1 2)"}`, true, []any{"road", "load"}},
		"no transactions":  {"CREATE TABLE t (id BIGINT) ENGINE=MyISAM", `{"id":%d}`, true, []any{"road", "load"}},
		"view":             {"CREATE VIEW t AS SELECT * FROM base", `{"id":%d}`, true, []any{"road", "load"}},
		"not wanted":       {keyless, `{"id":%d,"name":"n","x":1}`, true, []any{"road", "insert"}},
		"missing a column": {keyless, `{"id":%[1]d,"x":1},{"id":-%[1]d,"name":"n"}`, true, []any{"road", "load"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE base (id BIGINT) ENGINE=InnoDB", c.ddl)
			takingFiles(t, c.infile)
			s := b.open(b.props("", "t", c.props...))
			var rows []string
			for i := range 300 {
				rows = append(rows, fmt.Sprintf(c.row, i+1))
			}
			message := "[" + strings.Join(rows, ",") + "]"
			b.collect(s, message)
			b.settle(s)
			b.wantFate(s, uint64(300+strings.Count(c.row, "},{")*300), 0)
			b.wantLoaded(s, false)
		})
	}
}

// TestLoadBendsNoRowWithoutAWarning: what LOAD DATA would store as another row
// than INSERT does, and not say so, goes by INSERT.
func TestLoadBendsNoRowWithoutAWarning(t *testing.T) {
	takingFiles(t, true)
	for name, c := range map[string]struct{ columns, row, odd, parameters string }{
		"empty text is null":         {"v VARCHAR(9)", `{"id":%d,"v":"x"}`, `{"id":900,"v":""}`, "?sql_mode='EMPTY_STRING_IS_NULL,'"},
		"year 0 is 2000 as text":     {"y YEAR", `{"id":%d,"y":2026}`, `{"id":900,"y":0}`, ""},
		"null in a timestamp is now": {"ts TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'", `{"id":%d,"ts":"2026-01-01T00:00:00Z"}`, `{"id":900,"ts":null}`, ""},
		"null is 0 for a trigger":    {"v INT NOT NULL", `{"id":%d,"v":1}`, `{"id":900,"v":null}`, ""},
		"a missing value is 0":       {"v INT NOT NULL", `{"id":%d}`, `{"id":900,"v":1}`, ""},
		"a missing text is empty":    {"v VARCHAR(9) NOT NULL", `{"id":%d}`, `{"id":900,"v":"x"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			const more = ", w INT NOT NULL DEFAULT 7, a INT NOT NULL AUTO_INCREMENT UNIQUE, g INT AS (id + 1) STORED)"
			b := newBundle(t, "CREATE TABLE loaded (id INT PRIMARY KEY, "+c.columns+more, "CREATE TABLE inserted (id INT PRIMARY KEY, "+c.columns+more)
			if strings.Contains(name, "trigger") {
				b.exec("CREATE TRIGGER before_loaded BEFORE INSERT ON loaded FOR EACH ROW SET @seen = NEW.id")
				b.exec("CREATE TRIGGER before_inserted BEFORE INSERT ON inserted FOR EACH ROW SET @seen = NEW.id")
			}
			if c.parameters != "" && !strings.Contains(b.query("SELECT VERSION()")[0], "MariaDB") {
				t.Skip("only MariaDB has this mode")
			}
			var rows []string
			for i := range 300 {
				rows = append(rows, fmt.Sprintf(c.row, i+1))
			}
			message := "[" + strings.Join(rows, ",") + "]"
			var fates [2]string
			for i, table := range []string{"loaded", "inserted"} {
				props := b.props("", table, "road", map[string]string{"loaded": "load", "inserted": "insert"}[table])
				props["url"] = props["url"].(string) + c.parameters
				s := b.open(props)
				b.collect(s, message[:len(message)-1]+","+c.odd+"]")
				b.settle(s)
				b.collect(s, strings.ReplaceAll(message, `"id":`, `"id":77`))
				b.settle(s)
				f := s.outbox.Load().meter.Snapshot()
				fates[i] = fmt.Sprintf("%d stored, %d set aside", f.Stored, f.SetAside)
				b.end(s)
			}
			if fates[0] != fates[1] {
				t.Errorf("loaded: %s; inserted: %s", fates[0], fates[1])
			}
			value := strings.Fields(c.columns)[0]
			if value == "ts" {
				value = "ts > '2026-02-01'" // now is not the same in both tables
			}
			const all = "SELECT id, w, g, %s FROM %s ORDER BY id"
			loaded, inserted := b.query(fmt.Sprintf(all, value, "loaded")), b.query(fmt.Sprintf(all, value, "inserted"))
			if strings.Join(loaded, "\n") != strings.Join(inserted, "\n") {
				t.Errorf("%d rows loaded, %d inserted; not alike:\n%.300q\n%.300q", len(loaded), len(inserted), loaded, inserted)
			}
		})
	}
}

// TestServerForbidsFilesWhileTheRuleRuns: the rows go by INSERT then.
func TestServerForbidsFilesWhileTheRuleRuns(t *testing.T) {
	b := newBundle(t, keyless)
	takingFiles(t, true)
	s := b.open(b.props("", "t", "road", "load"))
	b.collect(s, numbered(0, 300))
	b.settle(s)
	b.wantLoaded(s, true)
	takingFiles(t, false)
	b.collect(s, numbered(300, 600))
	b.settle(s)
	b.wantFate(s, 600, 0)
	if f := s.outbox.Load().meter.Snapshot(); f.Loaded != 1 || f.Retries > 0 {
		t.Errorf("%d batches went by LOAD DATA, %d retries", f.Loaded, f.Retries)
	}
}

func TestLoadWhereAnswersAreLost(t *testing.T) {
	takingFiles(t, true)
	for name, what := range map[string]func([]byte) bool{"commits": commits, "loads": loads, "begins": begins, "counts": counts} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, keyless)
			faults := &lossy{what: what, every: 4}
			faults.fromTheFirst()
			s := b.openLossy(faults, b.props("", "t", "delivery", "exactlyOnce", "road", "load", "maxBatchRows", 300))
			for i := 0; i < 6000; i += 300 {
				b.collect(s, numbered(i, i+300))
			}
			b.settle(s)
			b.wantRows("SELECT COUNT(*), COUNT(DISTINCT id) FROM t", "6000,6000")
			b.wantFate(s, 6000, 0)
			b.wantLoaded(s, true)
			faults.wantLosses(t, 1)
		})
	}
}

func loads(request []byte) bool {
	return request[0] == query && bytes.HasPrefix(request[1:], []byte("LOAD DATA"))
}

// counts finds the question for warnings.
func counts(request []byte) bool {
	return request[0] == query && bytes.Contains(request, []byte("@@warning_count"))
}

// asksForColumns finds the question for a table's columns.
func asksForColumns(request []byte) bool {
	return bytes.Contains(request, []byte("information_schema.COLUMNS"))
}

// TestLoadNoticesThatTheTableWasAltered after its columns were read: MySQL
// would make 0 of what has no default any more, and say nothing of it. That
// the table is as before costs no reading of its columns, unless the user may
// not see how it was made.
func TestLoadNoticesThatTheTableWasAltered(t *testing.T) {
	for _, delivery := range []string{"atLeastOnce", "exactlyOnce"} {
		for name, c := range map[string]struct {
			grant string
			reads int64
		}{
			"table":   {"INSERT, SELECT", 1}, // before the first batch
			"columns": {"INSERT (id, name, x, v), SELECT (id, name, x, v)", 4},
		} {
			t.Run(delivery+" "+name, func(t *testing.T) {
				takingFiles(t, true)
				b := newBundle(t, "CREATE TABLE t (n INT AUTO_INCREMENT PRIMARY KEY, id BIGINT, name VARCHAR(20), x DOUBLE, v INT NOT NULL DEFAULT 5) ENGINE=InnoDB")
				url := b.granted("loader", c.grant)
				faults := &lossy{what: asksForColumns, every: 1 << 40}
				s := b.openLossy(faults, b.props("", "t", "url", url, "road", "load", "delivery", delivery))
				for i := range 3 {
					b.collect(s, numbered(300*i, 300*i+300))
					b.settle(s)
				}
				if f := s.outbox.Load().meter.Snapshot(); f.Loaded != 3 {
					t.Fatalf("%d of 3 batches went by LOAD DATA", f.Loaded)
				}
				if delivery == "exactlyOnce" {
					c.reads++ // of the ledger
				}
				if n := faults.seen.Load(); n != c.reads {
					t.Errorf("columns were read %d times, want %d", n, c.reads)
				}
				b.exec("ALTER TABLE t ALTER v DROP DEFAULT")
				b.collect(s, numbered(900, 1200))
				b.settle(s)
				b.wantRows("SELECT COUNT(*), MIN(v), MAX(v) FROM t", "900,5,5")
				b.wantFate(s, 900, 300)
			})
		}
	}
}

// granted returns the url of a user who has but these rights on the table t,
// and all on the ledger.
func (b *bundle) granted(user, rights string) string {
	b.t.Helper()
	if err := server.CreateUser(user, password, rights+" ON "+b.database+".t", "CREATE, INSERT, SELECT, UPDATE ON "+b.database+".ekuiper_mysql_ledger"); err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", user, password, server.Addr(), b.database)
}
