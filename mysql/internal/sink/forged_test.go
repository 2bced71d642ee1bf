package sink

import (
	"bytes"
	gocontext "context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/lf-edge/ekuiper/sdk/go/context"

	"ekuiper-mysql/test/stream"
)

// locked is a log that several goroutines write to.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// TestLogsAreNotForged: what rows, fields, tables and rules are called makes no
// line of its own in the plugin's log, and no terminal obey.
func TestLogsAreNotForged(t *testing.T) {
	const forged = "x\ntime=2026-01-01T00:00:00Z level=ERROR msg=FORGED\r\n\x1b[2J\x1b]0;FORGED\x07\u009b31m\u202e"
	b := newBundle(t, "CREATE TABLE t (id INT, k VARCHAR(200) PRIMARY KEY, e ENUM('a'))")
	log := &locked{}
	ctx := &stream.Context{Context: gocontext.Background(), Rule: "rule" + forged, Log: context.NewLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))}
	s := New(b.outboxes)
	if err := s.Configure(b.props("", "t")); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(ctx); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\x1b", "\\u001b", "\x07", "\\u0007").Replace(forged)
	for _, message := range []string{
		`[{"id":1,"k":"` + text + `"},{"id":2,"k":"` + text + `"}]`, // the server quotes the key
		`{"id":3,"k":"b","e":"` + text + `"}`,
		`{"id":"` + text + `","k":"c"}`,
		`{"` + text + `":1}`,
		"\x1b[2J" + forged,
	} {
		if err := s.Collect(ctx, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	b.settle(s)
	b.wantFate(s, 1, 5)
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	b.outboxes.Close()
	b.outboxes = b.newOutboxes() // the fixture closes them too
	log.mu.Lock()
	defer log.mu.Unlock()
	lines := strings.Split(strings.TrimSuffix(log.text.String(), "\n"), "\n")
	if !strings.Contains(log.text.String(), "FORGED") || len(lines) < 5 {
		t.Errorf("nothing was logged of what was sent:\n%s", &log.text)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "time=2026-01-01") || !strings.HasPrefix(line, "time=") {
			t.Errorf("a line of its own: %q", line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("not text: %q", line)
		}
	}
}
