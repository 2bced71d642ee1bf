package sink

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/stream"
)

const password = "p@ss:w/o?r#d%41"

var server *mariadb.Server

func TestMain(m *testing.M) {
	os.Exit(mariadb.RunTests(m, 1, func(_ int, s *mariadb.Server) error {
		server = s
		return s.CreateUser("user", password, "ALL PRIVILEGES ON *.*")
	}))
}

// bundle is one test's database, log and sinks.
type bundle struct {
	t        testing.TB
	db       *sql.DB
	database string
	outboxes *Outboxes
	log      *logLines
	journal  string // on or off
	folder   string // that outlives the plugin
}

func newBundle(t testing.TB, ddl ...string) *bundle {
	t.Helper()
	b := &bundle{t: t, journal: "on", log: &logLines{}, folder: t.TempDir()}
	b.outboxes = b.newOutboxes()
	b.database = strings.ToLower(strings.NewReplacer("/", "_", "-", "_", " ", "_").Replace(t.Name()))
	if len(b.database) > 60 {
		b.database = b.database[:60]
	}
	if err := server.CreateDatabase(b.database); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.db, err = sql.Open("mysql", server.DSN(b.database)); err != nil {
		t.Fatal(err)
	}
	for _, statement := range ddl {
		b.exec(statement)
	}
	t.Cleanup(func() {
		b.outboxes.Close()
		_ = b.db.Close()
		if text := b.log.String(); strings.Contains(text, password) {
			t.Errorf("the password is in the log:\n%s", text)
		}
		if t.Failed() {
			t.Logf("log:\n%s", b.log)
		}
	})
	return b
}

func (b *bundle) newOutboxes() *Outboxes {
	return NewOutboxes(func() (string, error) { return b.folder, nil })
}

func (b *bundle) exec(statement string) {
	b.t.Helper()
	if _, err := b.db.Exec(statement); err != nil {
		b.t.Fatalf("%s: %v", statement, err)
	}
}

// alone returns what executes statements over one connection, as LOCK TABLES needs it.
func (b *bundle) alone() func(statement string) {
	b.t.Helper()
	conn, err := b.db.Conn(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	return func(statement string) {
		b.t.Helper()
		if _, err := conn.ExecContext(b.t.Context(), statement); err != nil {
			b.t.Fatal(err)
		}
	}
}

// insertWaits has a row while an INSERT of the rule's is under way.
const insertWaits = "SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = 'user' AND DB = DATABASE() AND INFO LIKE 'INSERT INTO%'"

// props are an action's properties, aimed at address or the server itself.
func (b *bundle) props(address, table string, more ...any) map[string]any {
	if address == "" {
		address = server.Addr()
	}
	p := map[string]any{"journal": b.journal, "url": fmt.Sprintf("user:%s@tcp(%s)/%s", password, address, b.database), "table": table}
	for i := 0; i < len(more); i += 2 {
		p[more[i].(string)] = more[i+1]
	}
	return p
}

// open starts a sink for a rule named after the test.
func (b *bundle) open(props map[string]any) *Sink { return b.openRule("rule", props) }

func (b *bundle) openRule(rule string, props map[string]any) *Sink {
	b.t.Helper()
	s := New(b.outboxes)
	if err := s.Configure(props); err != nil {
		b.t.Fatal(err)
	}
	if err := s.Open(b.context(rule)); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close(b.context(rule)) })
	return s
}

func (b *bundle) context(rule string) *stream.Context {
	return &stream.Context{Context: context.Background(), Rule: rule, Log: b.log}
}

func (b *bundle) collect(s *Sink, messages ...string) {
	b.t.Helper()
	for _, m := range messages {
		if err := s.Collect(b.context("rule"), []byte(m)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// settle waits until the sink's queue is empty.
func (b *bundle) settle(s *Sink) {
	b.t.Helper()
	await(b.t, s.outbox.Load().queue.Empty(), "the queue to be empty")
}

// query returns the rows of a query, columns joined by commas.
func (b *bundle) query(query string) []string {
	b.t.Helper()
	rows, err := b.db.Query(query)
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		pointers := make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			b.t.Fatal(err)
		}
		var texts []string
		for _, c := range cells {
			if !c.Valid {
				c.String = "NULL"
			}
			texts = append(texts, c.String)
		}
		lines = append(lines, strings.Join(texts, ","))
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return lines
}

func (b *bundle) wantRows(query string, want ...string) {
	b.t.Helper()
	if got := b.query(query); strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("%s\n got %q\nwant %q", query, got, want)
	}
}

// wantFate checks the sums of the sink's rows, all of which are settled.
func (b *bundle) wantFate(s *Sink, stored, setAside uint64) {
	b.t.Helper()
	m := s.outbox.Load().meter.Snapshot()
	if m.Stored != stored || m.SetAside != setAside || m.Received != stored+setAside || m.Pending != 0 {
		b.t.Errorf("fate %v; want stored %d, set aside %d", m, stored, setAside)
	}
}

// await waits for c; the bound only ends a test that hangs.
func await(t testing.TB, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatalf("waited a minute for %s", what)
	}
}

// logLines keeps what is logged, and lets a test wait for a line.
type logLines struct {
	mu      sync.Mutex
	lines   []string
	waiting map[string]chan struct{}
}

func (l *logLines) add(level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := level + " " + text
	l.lines = append(l.lines, line)
	for part, c := range l.waiting {
		if strings.Contains(line, part) {
			close(c)
			delete(l.waiting, part)
		}
	}
}

// saying returns a channel that is closed once a line holds part.
func (l *logLines) saying(part string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan struct{})
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			close(c)
			return c
		}
	}
	if l.waiting == nil {
		l.waiting = map[string]chan struct{}{}
	}
	if w, ok := l.waiting[part]; ok {
		return w
	}
	l.waiting[part] = c
	return c
}

func (l *logLines) count(part string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *logLines) Debug(a ...any)            { l.add("debug", fmt.Sprint(a...)) }
func (l *logLines) Info(a ...any)             { l.add("info", fmt.Sprint(a...)) }
func (l *logLines) Warn(a ...any)             { l.add("warn", fmt.Sprint(a...)) }
func (l *logLines) Error(a ...any)            { l.add("error", fmt.Sprint(a...)) }
func (l *logLines) Debugln(a ...any)          { l.Debug(a...) }
func (l *logLines) Infoln(a ...any)           { l.Info(a...) }
func (l *logLines) Warnln(a ...any)           { l.Warn(a...) }
func (l *logLines) Errorln(a ...any)          { l.Error(a...) }
func (l *logLines) Debugf(f string, a ...any) { l.add("debug", fmt.Sprintf(f, a...)) }
func (l *logLines) Infof(f string, a ...any)  { l.add("info", fmt.Sprintf(f, a...)) }
func (l *logLines) Warnf(f string, a ...any)  { l.add("warn", fmt.Sprintf(f, a...)) }
func (l *logLines) Errorf(f string, a ...any) { l.add("error", fmt.Sprintf(f, a...)) }
