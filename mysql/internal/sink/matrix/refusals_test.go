package matrix_test

import (
	"fmt"
	"strings"
)

// checks tells whether the server keeps a CHECK.
func (t *trial) checks() bool {
	t.exec("CREATE TABLE probe (id INT PRIMARY KEY, x INT CHECK (x < 5))")
	_, err := t.db.Exec("INSERT INTO probe VALUES (1, 6)")
	return err != nil
}

func badRows(t *trial) {
	checks := t.checks()
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, x INT CHECK (x < 1000), y VARCHAR(5), u INT UNIQUE)")
	r := t.open(t.props("t"))
	var rows []string
	for i := range 300 {
		x := i
		if checks && (i == 77 || i == 200) {
			x = 5000 // only the server's check knows
		}
		rows = append(rows, fmt.Sprintf(`{"id":%d,"x":%d,"y":"ok","u":%d}`, i, x, i))
	}
	rows[100] = `{"id":100,"x":"abc"}`             // the conversion knows these
	rows[101] = `{"id":101,"x":1e300}`             //
	rows[102] = `{"id":102,"y":"too long for it"}` //
	rows[103] = `{"id":103,"nosuch":1}`            //
	rows[104] = `{"id":104,"u":3}`                 // the server knows this: a duplicate of another key
	bad := 5
	if checks {
		bad = 7
	} else {
		t.differs("does not keep CHECK unless it is told to: what breaks one is stored")
	}
	r.collect("["+strings.Join(rows, ",")+"]", `no row at all`)
	r.wantFate(300-bad, bad+1)
	t.wantRows("SELECT COUNT(*), COUNT(DISTINCT u) FROM t", fmt.Sprintf("%[1]d,%[1]d", 300-bad))
	reasons := strings.Join(t.letters(), "\n")
	for _, part := range []string{"abc", "1e300", "5", "nosuch", "uplicate"} {
		if !strings.Contains(reasons, part) {
			t.Errorf("no dead letter's reason has %q:\n%s", part, reasons)
		}
	}
}

func duplicates(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), x DOUBLE)")
	t.exec("INSERT INTO t VALUES (3, 'other', 0)")
	r := t.open(t.props("t"))
	r.collect(numbered(0, 10), numbered(0, 2))
	r.wantFate(9, 3)
	t.wantRows("SELECT name FROM t WHERE id IN (3, 4) ORDER BY id", "other", "row 4")
	if n := strings.Count(strings.Join(t.letters(), "\n"), "uplicate"); n != 3 {
		t.Errorf("%d of the dead letters speak of duplicates, want 3", n)
	}
}

func letterTable(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))")
	r := t.open(t.props("t", "deadLetterTable", "dead letters"))
	r.collect(`[{"id":1},{"id":"it's ` + "`wrong`" + `; DROP TABLE t"},{"id":2}]`)
	r.wantFate(2, 1)
	t.eventually("SHOW TABLES", "dead letters", "t") // the copy may come later than the row's fate
	t.eventually("SELECT table_name, column_name, HEX(raw) LIKE '%44524F50205441424C45%' FROM `dead letters`", "t,id,1")
	t.wantRows("SELECT id FROM t ORDER BY id", "1", "2")
}

func loadRoad(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(40), x DOUBLE, d DATETIME(3))")
	r := t.open(t.props("t", "road", "load", "maxBatchRows", 400))
	const count = 4000
	for i := 0; i < count; i += 500 {
		var rows []string
		for n := i; n < i+500; n++ {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"tab\there\\N \"'%d\n","x":%d.5,"d":"2026-11-20T10:30:17.%03d"}`, n, n, n, n%1000))
		}
		r.collect("[" + strings.Join(rows, ",") + "]")
	}
	r.collect(`{"id":7,"name":"a duplicate"}`, `{"id":9999,"name":null}`)
	f := r.wantFate(count+1, 1)
	t.wantRows("SELECT COUNT(*), CAST(SUM(id) AS SIGNED), CAST(SUM(x) AS SIGNED), SUM(name LIKE 'tab\there%') FROM t WHERE id < 9999",
		fmt.Sprintf("%d,%d,%d,%[1]d", count, count*(count-1)/2, count*count/2))
	t.wantRows("SELECT name, d FROM t WHERE id = 1234", "tab\there\\N \"'1234\n,2026-11-20 10:30:17.234")
	if f["batches_loaded_total"] == 0 {
		t.differs("takes no LOAD DATA LOCAL as the sink asks for it: rows go by INSERT")
	}
}

func insertOnly(t *trial) {
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20) DEFAULT 'none')")
	t.exec("DROP USER IF EXISTS few@'%'")
	t.exec("CREATE USER few@'%' IDENTIFIED BY '" + password + "'")
	t.exec("GRANT INSERT ON " + quote(t.database) + ".t TO few@'%'")
	props := t.props("t")
	props["url"] = strings.Replace(props["url"].(string), "writer:", "few:", 1)
	r := t.open(props)
	r.collect(`[{"id":1,"name":"a"},{"id":2}]`, `{"id":1}`, `[{"id":"x"},{"id":3}]`)
	r.wantFate(3, 2)
	t.wantRows("SELECT id, name FROM t ORDER BY id", "1,a", "2,none", "3,none")
}
