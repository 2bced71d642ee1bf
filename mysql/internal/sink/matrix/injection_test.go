package matrix_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/sink"
)

// mark is in every piece of a hostile text: where it stands outside of quotes
// in a statement, somebody has broken out.
const mark = "zq7"

// pieces break quoting where it can be broken, and are what would follow.
var pieces = []string{
	"'", "''", `\'`, `\\'`, `"`, `\"`, `""`, "`", "``", "\\`", `\`, `\\`, ";", "--", "-- ", "#", "/*", "*/", "/*!50000", "*/ ", "\x00", "\x1a", "\n", "\r", "\t", "\b",
	"(", ")", "),(", "') ON DUPLICATE KEY UPDATE a=1-- ", "?", "%s", "@", "@@", ":", "$", "{{.x}}", "0x27", "x'27'", "_gbk 0xbf27", "N'", "b'1'", "null", "NULL", "\\N",
	"'; DROP TABLE canary; -- ", "`; DROP TABLE canary; -- ", "' OR '1'='1", "' OR SLEEP(9)='", "1 UNION SELECT * FROM canary", "); DELETE FROM canary; --",
	"' INTO OUTFILE '/tmp/zq7", "1' AND EXTRACTVALUE(1,CONCAT(0x7e,VERSION()))-- ", "'; GRANT ALL ON *.* TO pwned@'%'; -- ", "'||(SELECT a FROM canary)||'", "canary", "sleep(9)",
	"縗", "縗'", "表", "ソ", "ソ'", "＇", "ʼ", "‘", "´", "＂", "｀", "；", "－－", "\u00a5", "\u20a9", "\u2028", "\ufeff", "é", "😀", ".", "..", "mysql.user",
}

// hostile makes a text of at most limit characters.
func hostile(random *rand.Rand, limit int) string {
	text := mark
	for range 1 + random.IntN(6) {
		next := text + pieces[random.IntN(len(pieces))] + mark
		if utf8.RuneCountInString(next) > limit {
			break
		}
		text = next
	}
	return text
}

// sqlModes change what quotes and escapes mean.
var sqlModes = []string{"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE"}

// injections tries every text that reaches a statement: values and keys in
// every mode, fields, and the properties that name things or hold SQL.
func injections(t *trial) {
	t.needsKeys()
	random := rand.New(rand.NewPCG(*seed, 2))
	t.exec("CREATE TABLE canary (a INT PRIMARY KEY, b VARCHAR(20))")
	t.exec("INSERT INTO canary VALUES (1, 'alive'), (2, 'well')")
	log := t.listen()
	users := t.query("SELECT COUNT(*) FROM mysql.user")
	tries := 0
	defer func() { t.Logf("%d tries, %d statements in the server's log", tries, log.check(t)) }()
	opened := map[string]int{}
	for i, mode := range sqlModes {
		if _, err := t.server.DB().Exec("SET GLOBAL sql_mode = '" + mode + "'"); err != nil {
			t.Fatal(err)
		}
		t.exec("CREATE TABLE " + valueTable(i) + " (id INT, k VARCHAR(200) COLLATE utf8mb4_bin NOT NULL, v TEXT, PRIMARY KEY (k))")
		tries += t.hostileValues(random, i)
		tries += t.hostileFields(random, i)
		tries += t.hostileProperties(random, opened)
		tries += t.hostileTables(random, i)
	}
	if _, err := t.server.DB().Exec("SET GLOBAL sql_mode = ''"); err != nil {
		t.Fatal(err)
	}
	t.wantRows("SELECT a, b FROM canary ORDER BY a", "1,alive", "2,well")
	t.wantRows("SELECT COUNT(*) FROM mysql.user", users...)
	allowed := []string{"canary", "fields 0", "fields 1", "fields 2", "fields 3", "values 0", "values 1", "values 2", "values 3", "ekuiper_mysql_ledger"}
	for _, table := range t.query("SHOW TABLES") {
		if !slices.Contains(allowed, table) && !strings.HasPrefix(table, mark) {
			t.Errorf("there is a table %q", table)
		}
	}
}

func valueTable(i int) string { return quote(fmt.Sprint("values ", i)) }

// hostileValues sends values that are keys as well, in all modes and on both roads.
func (t *trial) hostileValues(random *rand.Rand, number int) (tries int) {
	stored := map[string]string{}
	table := valueTable(number)
	for i, c := range [][]any{
		{"mode", "insert", "road", "load", "maxBatchRows", 300},
		{"mode", "insert", "road", "insert"},
		{"mode", "upsert"},
		{"mode", "update"},
		{"mode", "replace"},
		{"mode", "insertIgnore"},
		{"mode", "delete"},
		{"rowkindField", "kind", "delivery", "exactlyOnce"},
	} {
		r := t.openRule(fmt.Sprintf("values %d %d", number, i), t.props(table, c...))
		var message []map[string]any
		for range rounds(300, 1500) {
			k, v := hostile(random, 150), hostile(random, 150)
			_, there := stored[k]
			mode, kind := fmt.Sprint(c[1]), ""
			if mode == "kind" {
				kind = randomKinds[random.IntN(len(randomKinds))]
				mode = kind
			} else if there && mode == "insert" {
				continue
			}
			row := map[string]any{"k": k, "v": v}
			if kind != "" {
				row["kind"] = kind
			}
			switch {
			case mode == "delete":
				delete(stored, k)
			case mode == "update" && !there, there && (mode == "insert" || mode == "insertIgnore"):
			default:
				stored[k] = v
			}
			message = append(message, row)
			tries += 2
		}
		text, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		r.collect(string(text))
		f := r.settle()
		if n := f["set_aside_total"]; n != 0 && c[0] != "rowkindField" { // where an insert may meet its key
			t.Errorf("%v: %d rows were set aside", c, n)
		}
		r.close()
	}
	rows, err := t.db.Query("SELECT k, v FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var k, v string
		if err := rows.Scan(&k, &v); err != nil {
			t.Fatal(err)
		}
		if want, ok := stored[k]; !ok || want != v {
			t.Errorf("key %q has %q, want %q (%v)", k, v, want, ok)
		}
		delete(stored, k)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for k := range stored {
		t.Errorf("key %q is gone", k)
	}
	return tries
}

// hostileFields sends fields that the table has no column for, and lets columns be made of others.
func (t *trial) hostileFields(random *rand.Rand, number int) (tries int) {
	table := quote(fmt.Sprint("fields ", number))
	t.exec("CREATE TABLE " + table + " (own BIGINT AUTO_INCREMENT PRIMARY KEY, id INT)")
	for i, c := range [][]any{{"extraFields", "error"}, {"extraFields", "ignore"}, {"autoEvolve", true, "maxColumns", 40}} {
		r := t.openRule(fmt.Sprintf("fields %d %d", number, i), t.props(table, c...))
		for range rounds(30, 200) {
			text, err := json.Marshal(map[string]any{"id": 1, hostile(random, 80): 2})
			if err != nil {
				t.Fatal(err)
			}
			r.collect(string(text))
			tries++
		}
		r.settle()
		r.close()
	}
	for _, column := range t.query("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'fields%'") {
		if column != "id" && column != "own" && !strings.HasPrefix(column, mark) {
			t.Errorf("there is a column %q", column)
		}
	}
	return tries
}

// hostileProperties tries what the author of a rule may write. Most of it is
// refused; what is not must stay a name.
func (t *trial) hostileProperties(random *rand.Rand, opened map[string]int) (tries int) {
	for range rounds(40, 400) {
		text, name := hostile(random, 60), quote(hostile(random, 60))
		for property, value := range map[string]any{
			"table": name, "deadLetterTable": text, "ledgerTable": text, "keyField": text, "rowkindField": text, "versionField": text, "keepFields": text,
			"updateFields": map[string]any{text: "add", "id": text}, "schema": map[string]any{text: "INT", "id": "INT " + text}, "primaryKey": text, "initSql": text,
			"timezone": text, "errors": map[string]any{text: "row"}, "road": text, "url": "writer:" + password + "@tcp(" + t.server.Hosts[0] + ")/" + text,
			"columns": map[string]any{text: text}, "restField": text, "tableField": text, "allowedTables": text, "user": text,
		} {
			tries++
			props := t.props("canary", "mode", "upsert", "delivery", "exactlyOnce", "autoCreate", property == "table" || property == "schema", "extraFields", "ignore")
			props[property] = value
			s := sink.New(t.outboxes)
			if s.Configure(props) != nil {
				continue
			}
			if opened[property]++; property == "url" || opened[property] > rounds(1, 4) {
				continue // few are enough to see what becomes of those that pass
			}
			r := &rule{t, fmt.Sprintf("%s %d", property, random.Uint32()), s}
			if err := s.Open(r.context()); err != nil {
				continue
			}
			r.collect(`{"a":1,"b":"alive","` + mark + `":1}`)
			t.eventuallyFated(r)
			r.close()
		}
	}
	return tries
}

// eventuallyFated waits until a rule's row has its fate, or has been tried in
// vain: what the rule names may not be there.
func (t *trial) eventuallyFated(r *rule) {
	t.Helper()
	address := t.metricsAddress()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		f, err := scrape(address, r.name)
		if err != nil {
			t.Fatal(err)
		}
		if f["pending"] == 0 || f["retries_total"] > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: %v", r.name, f)
		}
	}
}
