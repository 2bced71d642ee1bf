package journal

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBytesOnDisk holds docs/operations.md to what a message that waits takes:
// its own bytes and at most 64 more, segments' heads and summaries included,
// besides half a megabyte that a journal takes anyhow.
func TestBytesOnDisk(t *testing.T) {
	const own = 512 << 10
	const row = `{"id":1234567,"name":"sensor-0042","temperature":21.5,"humidity":40.25,"ts":"2026-01-02T03:04:05.678Z"}`
	for name, c := range map[string]struct {
		message        string
		rows, messages int
	}{
		"a row":    {row, 1, 200_000},
		"100 rows": {"[" + strings.TrimSuffix(strings.Repeat(row+",", 100), ",") + "]", 100, 2_000},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			d := open(t, Options{Dir: dir, MaxBytes: 1 << 30, SyncEvery: time.Minute})
			for range c.messages {
				if err := d.Append(context.Background(), []byte(c.message), c.rows); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var bytes int64
			for _, entry := range entries {
				info, err := entry.Info()
				if err != nil {
					t.Fatal(err)
				}
				bytes += info.Size()
			}
			more := float64(bytes)/float64(c.messages) - float64(len(c.message))
			t.Logf("%d bytes a message, %.1f more on disk; %.1f for a row", len(c.message), more, float64(bytes)/float64(c.messages*c.rows))
			if most := 64 + own/float64(c.messages); more > most {
				t.Errorf("%.1f bytes more for each message, docs/operations.md says %.1f", more, most)
			}
		})
	}
}
