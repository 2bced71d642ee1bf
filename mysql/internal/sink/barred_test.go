package sink

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// altered is how often the server was asked to alter a table.
func (b *bundle) altered() int {
	b.t.Helper()
	_, count, _ := strings.Cut(b.query("SHOW GLOBAL STATUS LIKE 'Com_alter_table'")[0], ",")
	n, err := strconv.Atoi(count)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// TestFieldsThatGetNoColumn are fields without a column, as extraFields has it:
// they hold nobody up, others get their columns, and the server is not asked
// again for each row.
func TestFieldsThatGetNoColumn(t *testing.T) {
	for _, c := range []struct {
		name, field string
		ddl         []string
		asked       int
		columns     string
		reason      string
	}{
		{"a name", "DB_TRX_ID", []string{"CREATE TABLE t (id INT)"}, 3, "id int, new bigint", "Incorrect column name 'DB_TRX_ID'; give the field another name in the rule, leave it out"},
		{"a full row", "text", []string{"CREATE TABLE t (id INT, wide VARBINARY(65519))"}, 4, "id int, wide varbinary(65519), new bigint", "make room for it in the table"},
		{"a view", "x", []string{"CREATE TABLE m (id INT, new INT)", "CREATE VIEW t AS SELECT * FROM m"}, 1, "id int, new int", "add it to the view and to its table"},
	} {
		for _, extra := range []string{"error", "ignore"} {
			t.Run(c.name+"/"+extra, func(t *testing.T) {
				b := newBundle(t, c.ddl...)
				before := b.altered()
				s := b.open(b.props("", "t", "autoEvolve", true, "extraFields", extra))
				b.collect(s, fmt.Sprintf(`[{"id":1},{"id":2,%q:"x","new":2},{"id":3},{"id":4,%q:"x"},{"id":5,%q:null},{"id":6,"new":6}]`, c.field, c.field, strings.ToLower(c.field)))
				b.settle(s)
				b.collect(s, fmt.Sprintf(`{"id":7,%q:"y"}`, c.field), `{"id":8,"new":8}`)
				b.settle(s)
				if n := b.altered() - before; n != c.asked {
					t.Errorf("asked %d times, want %d", n, c.asked)
				}
				if got := plain(b.columns("t")); got != c.columns {
					t.Error(got)
				}
				if extra == "ignore" {
					b.wantFate(s, 8, 0)
					b.wantRows("SELECT id, new FROM t ORDER BY id", "1,NULL", "2,2", "3,NULL", "4,NULL", "5,NULL", "6,6", "7,NULL", "8,8")
					return
				}
				b.wantFate(s, 5, 3)
				b.wantRows("SELECT id, new FROM t ORDER BY id", "1,NULL", "3,NULL", "5,NULL", "6,6", "8,8")
				for _, reason := range b.reasons() {
					if !strings.Contains(reason, strconv.Quote(c.field)) || !strings.Contains(reason, c.reason) {
						t.Errorf("reason %q, want %q", reason, c.reason)
					}
				}
				if n := b.log.count("gets no column for"); n != 1 {
					t.Errorf("told %d times", n)
				}
			})
		}
	}
}

// TestFieldGetsItsColumnOnceThereIsRoom: what was refused for the table as it
// was is asked for again.
func TestFieldGetsItsColumnOnceThereIsRoom(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT, wide VARBINARY(65519))")
	s := b.open(b.props("", "t", "autoEvolve", true))
	b.collect(s, `{"id":1,"text":"x"}`)
	b.settle(s)
	b.exec("ALTER TABLE t DROP COLUMN wide")
	b.collect(s, `{"id":2,"wide":"x"}`) // which makes the rule look
	b.settle(s)
	b.collect(s, `{"id":3,"text":"x"}`)
	b.settle(s)
	b.wantFate(s, 2, 1)
	b.wantRows("SELECT id, text FROM t ORDER BY id", "2,NULL", "3,x")
}

// TestTextThatIsTooWideForARow becomes TEXT, which stands beside the row.
func TestTextThatIsTooWideForARow(t *testing.T) {
	fields := func(from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(`"f%d":"x"`, i))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	b := newBundle(t, "CREATE TABLE t (wide VARBINARY(64000)) CHARACTER SET utf8mb4")
	s := b.open(b.props("", "t", "autoEvolve", true))
	b.collect(s, fields(0, 2))
	b.settle(s)
	b.wantFate(s, 1, 0)
	if got := b.columns("t"); got != "wide varbinary(64000), f0 text, f1 text" {
		t.Error(got)
	}
	// Each statement alone has room enough, all together have not.
	made := b.openRule("made", b.props("", "made", "autoCreate", true, "autoEvolve", true))
	for i := range 3 {
		b.collect(made, fields(40*i, 40*i+40))
		b.settle(made)
	}
	b.wantFate(made, 3, 0)
	b.wantRows("SELECT COUNT(*), SUM(COLUMN_TYPE = 'text') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'made'", "120,72")
}

// TestTablesAreMadeWithoutWhatNoneCanHave of the rows' fields.
func TestTablesAreMadeWithoutWhatNoneCanHave(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true, "schema", object{"id": "BIGINT", "wide": "VARBINARY(64000)"}, "autoEvolve", true))
	b.collect(s, `[{"id":1},{"id":2,"FTS_DOC_ID":1,"DB_ROW_ID":"x"},{"id":3,"text":"x"}]`)
	b.settle(s)
	b.wantFate(s, 2, 1)
	if got := plain(b.columns("made")); got != "id bigint, wide varbinary(64000), text text" {
		t.Error(got)
	}
	// Nothing is left of a table.
	s = b.openRule("none", b.props("", "none", "autoCreate", true))
	b.collect(s, `[{"DB_TRX_ID":1},{"DB_TRX_ID":2}]`)
	b.settle(s)
	b.wantFate(s, 0, 2)
	// So many that a page has no room for them.
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf(`"f%d":%q`, i, strings.Repeat("x", 100)))
	}
	s = b.openRule("many", b.props("", "many", "autoCreate", true, "maxColumns", 1000, "extraFields", "ignore"))
	b.collect(s, `[{"id":1,`+strings.Join(many, ",")+`},{"id":2}]`)
	b.settle(s)
	b.wantRows("SELECT id FROM many WHERE id = 2", "2") // not every server has one for the other row
	if n := b.log.count(`table "many"`); n > 4 {
		t.Errorf("the log tells %d times of many", n)
	}
	// What the rule declares is for its author to mend.
	said := b.log.saying("mend the rule's schema")
	s = b.openRule("declared", b.props("", "declared", "autoCreate", true, "schema", object{"DB_TRX_ID": "BIGINT"}))
	b.collect(s, `{"DB_TRX_ID":1}`)
	await(t, said, "the log to tell what to mend")
}

// TestNamesOfNoColumn cost other fields no column of theirs.
func TestNamesOfNoColumn(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT)")
	s := b.open(b.props("", "t", "autoEvolve", true))
	b.collect(s, `{"id":1,"":1}`)
	b.settle(s)
	b.collect(s, `{"id":2,"x":1}`)
	b.settle(s)
	b.wantFate(s, 1, 1)
	b.wantRows("SELECT id, x FROM t", "2,1")
}

// TestNullWaitsBesideANewField for something to make a column of.
func TestNullWaitsBesideANewField(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT)")
	s := b.open(b.props("", "t", "autoEvolve", true))
	b.collect(s, `{"id":1,"late":null,"x":1}`, `{"id":2,"x":2,"y":2,"late":null}`)
	b.settle(s)
	b.wantFate(s, 2, 0)
	if got := plain(b.columns("t")); got != "id int, x bigint, y bigint" {
		t.Error(got)
	}
}

// TestColumnsThatTheServerConfuses hold no others up: in a table of many columns
// MariaDB takes names that differ in accents alone for one.
func TestColumnsThatTheServerConfuses(t *testing.T) {
	var columns []string
	for i := range 32 {
		columns = append(columns, fmt.Sprintf("c%d INT", i))
	}
	b := newBundle(t, "CREATE TABLE t (id INT, "+strings.Join(columns, ", ")+")")
	s := b.open(b.props("", "t", "autoEvolve", true))
	b.collect(s, `[{"id":1},{"id":2,"é":1},{"id":3,"é":1,"è":2},{"id":4,"c1":7}]`, `{"id":5}`)
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t WHERE id IN (1, 2, 4, 5)", "4")
	if m := s.outbox.Load().meter.Snapshot(); m.Stored+m.SetAside != 5 || m.SetAside > 1 {
		t.Errorf("fate %v", m)
	}
}
