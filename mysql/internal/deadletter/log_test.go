package deadletter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

type lines []string

func (l *lines) Errorf(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }
func (l *lines) Warnf(format string, args ...any)  { l.Errorf(format, args...) }

func TestFloodIsThinnedAndCounted(t *testing.T) {
	var out lines
	l := NewLog(&out)
	now := time.Unix(0, 0)
	l.now = func() time.Time { return now }
	l.filled = now
	for range burst + 50 {
		l.SetAside([]byte(`{"a":1}`), errors.New("no"))
	}
	if len(out) != burst {
		t.Fatalf("%d lines, want %d", len(out), burst)
	}
	now = now.Add(time.Second)
	for range perTick + 5 {
		l.SetAside([]byte(`{"a":1}`), errors.New("no"))
	}
	if len(out) != burst+perTick+1 || !strings.Contains(out[burst], "50 more rows") {
		t.Fatalf("after a second: %d lines, %q", len(out), out[burst:])
	}
	l.Flush()
	if last := out[len(out)-1]; !strings.Contains(last, "5 more rows") {
		t.Errorf("flush said %q", last)
	}
}

// TestKeptRowsLeaveTheLogToOthers: a rule whose every row is refused, and kept,
// takes two lines in ten seconds.
func TestKeptRowsLeaveTheLogToOthers(t *testing.T) {
	var out lines
	l := NewLog(&out)
	now := time.Unix(0, 0)
	l.now = func() time.Time { return now }
	l.filled = now
	for range 3600 {
		for range 100 {
			l.Kept([]byte(`{"a":1}`), errors.New("no"))
		}
		now = now.Add(time.Second)
	}
	if n := len(out) - burst; n < 2*350 || n > 2*360 {
		t.Errorf("%d lines in an hour beyond the first %d, want some %d", n, burst, 2*360)
	}
	if last := out[len(out)-2]; !strings.HasPrefix(last, "9") || !strings.Contains(last, " more rows") {
		t.Errorf("it said %q", last)
	}
}

func TestLongRowIsCutBetweenCharacters(t *testing.T) {
	row := strings.Repeat("é", 2000)
	if got := shorten([]byte(row)); got != row[:1024]+"... (4000 bytes)" {
		t.Errorf("got %q", got[1000:])
	}
	if got := shorten([]byte("x" + row)); got != ("x" + row)[:1023]+"... (4001 bytes)" {
		t.Errorf("got %q", got[1000:])
	}
}
