package journal

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnUnusedJournalTakesNoRoom: a rule that never had a row has no spare
// file; its first row makes one.
func TestAnUnusedJournalTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newSimFS(rand.New(rand.NewPCG(1, 1)))
		d, err := Open(Options{Dir: "j", Identity: "x", MaxBytes: 1 << 20, SyncEvery: time.Second, FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		spare := func() bool {
			f, err := fs.Open(filepath.Join("j", spareName))
			if err == nil {
				_ = f.Close()
			}
			return err == nil
		}
		time.Sleep(2 * time.Hour)
		if spare() {
			t.Error("there is a spare file before the first message")
		}
		if err := d.Append(context.Background(), []byte(`{"a":1}`), 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !spare() {
			t.Error("there is no spare file after the first message")
		}
	})
}
