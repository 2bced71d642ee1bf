package matrix_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/sink"
	"ekuiper-mysql/test/matrix"
	"ekuiper-mysql/test/stream"
)

// password has every sign that a URL or a DSN could stumble over.
const password = `p@ss:w/o?r#d%41`

// limit ends what hangs; an election takes some seconds, nothing longer.
const limit = 2 * time.Minute

// trial is one test on one server: a database, a folder for journals, a log.
type trial struct {
	*testing.T
	server   *matrix.Server
	database string
	db       *sql.DB
	folder   string
	outboxes *sink.Outboxes
	log      *logLines
	cell     *matrix.Cell // what came of it
}

func newTrial(t *testing.T, server *matrix.Server, cell *matrix.Cell) *trial {
	t.Helper()
	tr := &trial{T: t, server: server, folder: t.TempDir(), log: &logLines{}, cell: cell}
	_, name, _ := strings.Cut(t.Name(), "/")
	tr.database = brief(name)
	tr.db = server.Open(tr.database)
	quoted := "`" + tr.database + "`"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + quoted, "CREATE DATABASE " + quoted} {
		if _, err := server.DB().Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	tr.startPlugin()
	t.Cleanup(func() {
		tr.outboxes.Close()
		_ = tr.db.Close()
		if text := tr.log.String(); strings.Contains(text, password) {
			t.Errorf("the password is in the log:\n%s", text)
		}
		if t.Failed() {
			t.Logf("the end of the log:\n%s", tr.log.end(60))
		}
	})
	return tr
}

// brief makes a name of a database of a test's.
func brief(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	return name[:min(len(name), 50)]
}

// startPlugin stands for a new process of the plugin, which finds the journals of the one before.
func (t *trial) startPlugin() {
	t.outboxes = sink.NewOutboxes(func() (string, error) { return t.folder, nil })
	t.outboxes.ServeMetrics("127.0.0.1:0")
	t.log.forget("metrics are at")
}

// differs says in what this server has its own way, which the test has checked.
func (t *trial) differs(how string) { *t.cell = matrix.Cell{Outcome: matrix.Differs, Reason: how} }

// notThere ends a test of what this server has not.
func (t *trial) notThere(why string) {
	t.Helper()
	*t.cell = matrix.Cell{Outcome: matrix.NotThere, Reason: why}
	t.Skip("not there:", why)
}

// needsKeys skips a test where the sink cannot learn a table's primary key.
func (t *trial) needsKeys() {
	t.Helper()
	if t.is("demo") {
		t.notThere("does not tell of primary keys in information_schema.STATISTICS, so rows cannot be found by them")
	}
}

// is tells whether the server is one of these kinds.
func (t *trial) is(kinds ...string) bool { return slices.Contains(kinds, t.server.Name) }

func (t *trial) exec(statement string, args ...any) {
	t.Helper()
	if _, err := t.db.Exec(statement, args...); err != nil {
		t.Fatalf("%.300s: %v", statement, err)
	}
}

// props are an action's properties, aimed at all nodes.
func (t *trial) props(table string, more ...any) map[string]any {
	p := map[string]any{"url": fmt.Sprintf("writer:%s@tcp(%s)/%s", password, strings.Join(t.server.Hosts, ","), t.database), "table": table}
	for i := 0; i < len(more); i += 2 {
		p[more[i].(string)] = more[i+1]
	}
	return p
}

// open starts the sink of a rule.
func (t *trial) open(props map[string]any) *rule { return t.openRule("rule", props) }

func (t *trial) openRule(name string, props map[string]any) *rule {
	t.Helper()
	r := &rule{t, name, sink.New(t.outboxes)}
	if err := r.sink.Configure(props); err != nil {
		t.Fatal(err)
	}
	if err := r.sink.Open(r.context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close() })
	return r
}

// rule is one running sink.
type rule struct {
	t    *trial
	name string
	sink *sink.Sink
}

func (r *rule) context() *stream.Context {
	return &stream.Context{Context: context.Background(), Rule: r.name, Log: r.t.log}
}

func (r *rule) close() { _ = r.sink.Close(r.context()) }

func (r *rule) collect(messages ...string) {
	r.t.Helper()
	for _, m := range messages {
		if err := r.sink.Collect(r.context(), []byte(m)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// settle waits until each row has its fate.
func (r *rule) settle() figures {
	r.t.Helper()
	return r.t.settled(r.t.metricsAddress(), r.name)
}

// wantFate settles, and checks the sums.
func (r *rule) wantFate(stored, setAside int) figures {
	r.t.Helper()
	f := r.settle()
	if f["stored_total"] != stored || f["set_aside_total"] != setAside || f["received_total"] != stored+setAside {
		r.t.Errorf("fate %v; want stored %d, set aside %d", f, stored, setAside)
	}
	return f
}

// letters are the reasons of the dead letters, oldest first.
func (t *trial) letters() (reasons []string) {
	t.Helper()
	for l, err := range deadletter.NewReader(t.folder+"/deadletters", nil).Letters(deadletter.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, l.Text)
	}
	return reasons
}

// query returns the rows of a query, columns joined by commas.
func (t *trial) query(query string, args ...any) (lines []string) {
	t.Helper()
	rows, err := t.db.Query(query, args...)
	if err != nil {
		t.Fatalf("%.300s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		pointers := make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(cells))
		for i, c := range cells {
			if texts[i] = c.String; !c.Valid {
				texts[i] = "NULL"
			}
		}
		lines = append(lines, strings.Join(texts, ","))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func (t *trial) wantRows(query string, want ...string) {
	t.Helper()
	if got := t.query(query); !slices.Equal(got, want) {
		t.Errorf("%.300s\n got %.2000q\nwant %.2000q", query, got, want)
	}
}

// keyless is a table t in which no key can tell a row that is written twice.
func (t *trial) keyless() string {
	if t.is("group") { // which takes no table without a primary key
		return "CREATE TABLE t (own BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT, name VARCHAR(40), x DOUBLE)"
	}
	return "CREATE TABLE t (id BIGINT, name VARCHAR(40), x DOUBLE)"
}

// numbered is a message with rows of the keyless table.
func numbered(from, to int) string {
	var rows []string
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"row %d","x":%d.5}`, i, i, i))
	}
	return "[" + strings.Join(rows, ",") + "]"
}
