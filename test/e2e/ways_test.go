package e2e

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// way is a rule that writes otherwise than by plain inserts.
type way struct {
	name   string
	action map[string]any
	ddl    []string
	locked []string               // tables that are there once the first half is
	row    func(n int) any        // the row number n, from 1
	aside  int                    // rows that are set aside
	want   map[string][]wantedRow // by query: what it gives at the end
}

// wantedRow is a row of a result, its values as text.
type wantedRow []string

// rowsOfWay is how many rows a way has. The second half is under way when the
// worker is killed.
const rowsOfWay = 300

func ways() []way {
	// What the table of kinds holds, told row by row.
	kinds := map[int]int{}
	for n := 1; n <= rowsOfWay; n++ {
		switch id := n % 40; kindOf(n) {
		case "delete":
			delete(kinds, id)
		case "update":
			if _, there := kinds[id]; there {
				kinds[id] = n
			}
		default:
			kinds[id] = n
		}
	}
	var kept, counted, updated, left []wantedRow
	for id := range 40 {
		if n, there := kinds[id]; there {
			kept = append(kept, wantedRow{strconv.Itoa(id), fmt.Sprint("n", n)})
		}
	}
	for id := range 10 {
		counted = append(counted, wantedRow{strconv.Itoa(id), strconv.Itoa(rowsOfWay / 10)})
	}
	for id := 1; id <= rowsOfWay; id++ {
		updated = append(updated, wantedRow{strconv.Itoa(id), fmt.Sprint("n", id), "-" + strconv.Itoa(id)})
		if id%2 == 1 {
			left = append(left, wantedRow{strconv.Itoa(id)})
		}
	}
	return []way{
		{
			name: "kinds", ddl: []string{"CREATE TABLE kinds (id BIGINT PRIMARY KEY, name VARCHAR(20))"}, locked: []string{"kinds"},
			action: map[string]any{"table": "kinds", "mode": "upsert", "rowkindField": "kind"},
			row:    func(n int) any { return map[string]any{"id": n % 40, "name": fmt.Sprint("n", n), "kind": kindOf(n)} },
			want:   map[string][]wantedRow{"SELECT id, name FROM kinds ORDER BY id": kept},
		},
		{
			name: "sums", ddl: []string{"CREATE TABLE sums (id BIGINT PRIMARY KEY, n BIGINT)"}, locked: []string{"sums"},
			action: map[string]any{"table": "sums", "mode": "upsert", "updateFields": map[string]any{"n": "add"}, "delivery": "exactlyOnce"},
			row:    func(n int) any { return map[string]any{"id": n % 10, "n": 1} },
			want:   map[string][]wantedRow{"SELECT id, n FROM sums ORDER BY id": counted},
		},
		{
			name: "updates", ddl: []string{"CREATE TABLE updates (id BIGINT PRIMARY KEY, name VARCHAR(20), x BIGINT)", "INSERT INTO updates SELECT seq, 'old', -seq FROM seq_1_to_" + strconv.Itoa(rowsOfWay)},
			locked: []string{"updates"}, action: map[string]any{"table": "updates", "mode": "update", "keyField": "id"},
			row:  func(n int) any { return map[string]any{"id": n, "name": fmt.Sprint("n", n)} },
			want: map[string][]wantedRow{"SELECT id, name, x FROM updates ORDER BY id": updated},
		},
		{
			name: "deletions", ddl: []string{"CREATE TABLE deletions (id BIGINT PRIMARY KEY)", "INSERT INTO deletions SELECT seq FROM seq_1_to_" + strconv.Itoa(rowsOfWay)},
			locked: []string{"deletions"}, action: map[string]any{"table": "deletions", "mode": "delete"},
			row:  func(n int) any { return map[string]any{"id": n - n%2, "reason": "even"} },
			want: map[string][]wantedRow{"SELECT id FROM deletions ORDER BY id": left},
		},
		{
			name: "many", ddl: []string{"CREATE TABLE many_0 (id BIGINT PRIMARY KEY)", "CREATE TABLE many_1 (id BIGINT PRIMARY KEY)", "CREATE TABLE many_2 (id BIGINT PRIMARY KEY)", "CREATE TABLE other (id BIGINT PRIMARY KEY)"},
			locked: []string{"many_0", "many_1", "many_2"}, action: map[string]any{"table": "many_{device}", "allowedTables": []any{"many_*"}},
			row:   manyRow,
			aside: 3 * rowsOfWay / 30,
			want: map[string][]wantedRow{
				"SELECT COUNT(*), SUM(id % 3 = 0), SUM(id % 10 = 0) FROM many_0": {{"90", "90", "0"}},
				"SELECT COUNT(*), SUM(id % 3 = 1), SUM(id % 10 = 0) FROM many_1": {{"90", "90", "0"}},
				"SELECT COUNT(*), SUM(id % 3 = 2), SUM(id % 10 = 0) FROM many_2": {{"90", "90", "0"}},
				"SELECT COUNT(*) FROM other":                                     {{"0"}},
			},
		},
		{ // eKuiper evaluates the template as well, by a row where it sends them singly
			name: "singly", ddl: []string{"CREATE TABLE singly_0 (id BIGINT PRIMARY KEY)", "CREATE TABLE singly_1 (id BIGINT PRIMARY KEY)", "CREATE TABLE singly_2 (id BIGINT PRIMARY KEY)"},
			locked: []string{"singly_0", "singly_1", "singly_2"}, action: map[string]any{"table": "singly_{{.device}}", "sendSingle": true, "allowedTables": []any{"singly_*"}},
			row:   manyRow,
			aside: 3 * rowsOfWay / 30,
			want:  map[string][]wantedRow{"SELECT (SELECT COUNT(*) FROM singly_0), (SELECT COUNT(*) FROM singly_1), (SELECT COUNT(*) FROM singly_2)": {{"90", "90", "90"}}},
		},
		{
			name: "made", locked: []string{"made"},
			action: map[string]any{"table": "made", "autoCreate": true, "autoEvolve": true, "primaryKey": "id", "schema": map[string]any{"at": "DATETIME(3)"}},
			row: func(n int) any {
				row := map[string]any{"id": n, "temp": float64(n) + 0.5, "at": "2026-01-02T03:04:05.678Z"}
				if n > rowsOfWay/2 {
					row["later"] = "é" + strconv.Itoa(n)
				}
				return row
			},
			want: map[string][]wantedRow{
				"SELECT COUNT(*), SUM(temp = id + 0.5), SUM(at = '2026-01-02 03:04:05.678'), SUM(later = CONCAT('é', id)), SUM(later IS NULL) FROM made": {{"300", "300", "300", "150", "150"}},
			},
		},
		{
			name: "mapped", ddl: []string{"CREATE TABLE mapped (id BIGINT PRIMARY KEY, device_name VARCHAR(20), temp DOUBLE, site VARCHAR(10), rule VARCHAR(20), number BIGINT UNIQUE, rest TEXT)"},
			locked: []string{"mapped"}, action: map[string]any{
				"table": "mapped", "fieldCase": "snake", "restField": "rest",
				"columns": map[string]any{"temp": "payload.sensors[0].t", "site": map[string]any{"value": "north"}, "rule": map[string]any{"meta": "rule"}, "number": map[string]any{"meta": "number"}},
			},
			row: func(n int) any {
				return map[string]any{"id": n, "deviceName": fmt.Sprint("d", n), "rssi": -n, "payload": map[string]any{"sensors": []any{map[string]any{"t": float64(n) / 2}}}}
			},
			want: map[string][]wantedRow{
				`SELECT COUNT(*), SUM(temp = id / 2), SUM(device_name = CONCAT('d', id)), SUM(site = 'north' AND rule = 'mapped'), SUM(JSON_VALUE(rest, '$.rssi') = -id AND JSON_VALUE(rest, '$.payload.sensors[0].t') = temp AND JSON_LENGTH(rest) = 2) FROM mapped`: {{"300", "300", "300", "300", "300"}},
			},
		},
	}
}

func kindOf(n int) any {
	return []any{nil, "update", "upsert", "delete", "upsert", "update", "upsert"}[n%7]
}

// manyRow names a table that is there, or one that is not, or none, or one
// that the rule does not allow.
func manyRow(n int) any {
	row := map[string]any{"id": n, "device": n % 3}
	switch n % 30 {
	case 0:
		row["device"] = "nowhere"
	case 10:
		row["device"] = nil
	case 20:
		row["device"] = "0`, `other"
	}
	return row
}

// TestWaysOfWriting: all that is not a plain insert, through the real eKuiper,
// with the worker killed while a statement of each rule is at the server.
func TestWaysOfWriting(t *testing.T) {
	t.Parallel()
	b := &bundle{T: t, name: "ways"}
	b.must(server.CreateDatabase(b.name))
	b.open()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	b.must(listener.Close())
	b.host = ekuiper.Start(t, ekuiper.Options{Env: []string{"KUIPER__SOURCE__HTTPSERVERPORT=" + port}})
	b.must(b.host.InstallPlugin("mysql", zip))
	b.must(b.host.PutSourceConfig("httppush", "post", map[string]any{"method": "POST"}))
	all := ways()
	var locks []string
	for _, w := range all {
		for _, statement := range w.ddl {
			_, err := b.db.Exec(statement)
			b.must(err)
		}
		for _, table := range w.locked {
			locks = append(locks, table+" WRITE")
		}
		b.must(b.host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="httppush", DATASOURCE="/%s", FORMAT="json", CONF_KEY="post")`, w.name, w.name)))
		w.action["url"], w.action["requireAck"], w.action["resendInterval"] = b.url(""), true, 50
		b.must(b.host.CreateRule(map[string]any{
			"id": w.name, "sql": "SELECT * FROM " + w.name, "actions": []any{map[string]any{"mysql": w.action}},
			"options": map[string]any{"disableBufferFullDiscard": true, "bufferLength": 2 * rowsOfWay},
		}))
	}
	post := func(from, to int) {
		for _, w := range all {
			var rows []any
			for n := from; n <= to; n++ {
				rows = append(rows, w.row(n))
			}
			b.post("http://127.0.0.1:"+port+"/"+w.name, rows)
		}
	}
	post(1, rowsOfWay/2)
	for _, w := range all {
		b.waitSettled(w.name, rowsOfWay/2)
	}

	// A connection that has all tables for itself: what is written now waits at the server.
	locker, err := b.db.Conn(t.Context())
	b.must(err)
	defer locker.Close()
	_, err = locker.ExecContext(t.Context(), "LOCK TABLES "+strings.Join(locks, ", "))
	b.must(err)
	post(rowsOfWay/2+1, rowsOfWay)
	for _, w := range all {
		for _, table := range w.locked {
			b.waitWaiting(table)
		}
	}
	b.must(b.host.KillWorker("mysql"))
	_, err = locker.ExecContext(t.Context(), "UNLOCK TABLES")
	b.must(err)
	for _, w := range all {
		b.waitSettled(w.name, rowsOfWay)
		if aside := b.journal(w.name).SetAside; aside != int64(w.aside) {
			t.Errorf("%s: %d rows set aside, want %d:\n%s", w.name, aside, w.aside, b.command("deadletters", "list", "--rule", w.name))
		}
		for query, want := range w.want {
			if got := b.query(query); !slices.EqualFunc(got, want, slices.Equal[wantedRow]) {
				t.Errorf("%s: %s gives\n%v, want\n%v", w.name, query, got, want)
			}
		}
	}
}

// post hands rows to eKuiper, in one body. It takes each for a message.
func (b *bundle) post(url string, rows []any) {
	b.Helper()
	b.must(ekuiper.Post(url, limit, rows...))
}

// waitSettled waits until a rule has received rows and none of them waits.
func (b *bundle) waitSettled(rule string, rows int64) {
	b.Helper()
	var j journalLine
	err := ekuiper.Wait(limit, func() (bool, error) {
		j = b.journal(rule)
		return j.Received >= rows && j.Pending == 0, nil
	})
	if err != nil {
		b.Fatalf("%s: %v; %d rows wanted, %+v", rule, err, rows, j)
	}
}

// waitWaiting waits for a statement about a table to wait for a lock.
func (b *bundle) waitWaiting(table string) {
	b.Helper()
	err := ekuiper.Wait(limit, func() (bool, error) {
		var n int
		err := b.db.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = ? AND STATE LIKE 'Waiting for table%' AND INFO LIKE ?", b.name, "%`"+strings.ReplaceAll(table, "_", `\_`)+"`%").Scan(&n)
		return n > 0, err
	})
	if err != nil {
		b.Fatalf("no statement about %s waits: %v\n%v", table, err, b.query("SELECT COALESCE(STATE, ''), COALESCE(INFO, '') FROM information_schema.PROCESSLIST"))
	}
}

// query is a result, its values as text.
func (b *bundle) query(text string) (all []wantedRow) {
	b.Helper()
	rows, err := b.db.Query(text)
	b.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	b.must(err)
	for rows.Next() {
		row := make(wantedRow, len(columns))
		to := make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		b.must(rows.Scan(to...))
		all = append(all, row)
	}
	b.must(rows.Err())
	return all
}
