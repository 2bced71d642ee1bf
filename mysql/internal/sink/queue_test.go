package sink

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/journal"
)

// A journal that another process still has is waited for, and not for long:
// the host's commands are serial.
func TestJournalInUseIsWaitedForBounded(t *testing.T) {
	for _, c := range []struct {
		name string
		held time.Duration // by the other; 0 is for ever
		want time.Duration
		err  error
	}{
		{"let go at once", time.Millisecond, 50 * time.Millisecond, nil},
		{"let go in time", time.Second + time.Millisecond, 1050 * time.Millisecond, nil},
		{"not let go", 0, lockWait, journal.ErrLocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				o := NewOutboxes(func() (string, error) { return folder, nil })
				defer o.Close()
				conf := &config.Config{Journal: true, MaxJournalBytes: 1 << 20, Fsync: time.Second, WhenFull: "block"}
				id := identity{rule: "r", op: "o", target: "server/db", table: "t"}
				other, err := o.openQueue(id, conf, nil)
				if err != nil {
					t.Fatal(err)
				}
				if c.held > 0 {
					time.AfterFunc(c.held, func() { _ = other.Close() })
				} else {
					defer other.Close()
				}
				start := time.Now()
				queue, err := o.openQueue(id, conf, nil)
				if !errors.Is(err, c.err) || time.Since(start) != c.want {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.err, c.want)
				}
				if err == nil {
					_ = queue.Close()
				} else if dir := filepath.Join(folder, journals); !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "by process ") {
					t.Errorf("it does not say where, and who has it: %v", err)
				}
			})
		})
	}
}

// Who is refused a message is told of the table only where that is the reason.
func TestRefusal(t *testing.T) {
	s := &Sink{config: &config.Config{Journal: true, MaxJournalBytes: 7}}
	for _, c := range []struct {
		err   error
		table bool
	}{
		{journal.ErrFull, true},
		{fmt.Errorf("%w: %w: no such file", journal.ErrFull, journal.ErrDisk), false},
		{fmt.Errorf("%w: %w: no such file", journal.ErrClosed, journal.ErrDisk), false},
		{journal.ErrClosed, false},
	} {
		got := s.refusal(c.err)
		if !errors.Is(got, c.err) || strings.Contains(got.Error(), "maxJournalBytes 7") != c.table || strings.Contains(got.Error(), "slower") != c.table {
			t.Errorf("%v: refused by %v", c.err, got)
		}
	}
}
