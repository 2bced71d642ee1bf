package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestPurge(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a")
	d := open(t, Options{Dir: dir})
	put(t, d, "waits")
	id := d.ID()
	if used, err := InUse(dir); !used || err != nil {
		t.Errorf("in use %v, %v", used, err)
	}
	if err := Purge(dir, func() error { t.Error("asked"); return nil }); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	crash(d)
	if used, err := InUse(dir); used || err != nil {
		t.Errorf("in use %v, %v", used, err)
	}
	stop := errors.New("no")
	if err := Purge(dir, func() error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if c := Counted(t, dir); c.Pending != 1 {
		t.Errorf("%+v", c)
	}
	if err := os.MkdirAll(filepath.Join(dir+purgedSuffix, "left by a kill"), 0o700); err != nil {
		t.Fatal(err)
	}
	// Whoever waits for the lock finds nothing afterwards, and begins anew.
	opened := make(chan *Disk)
	waiting := make(chan struct{})
	wait := func() {
		for first := true; ; first = false {
			next, err := Open(d.o)
			if err == nil {
				opened <- next
				return
			}
			if !errors.Is(err, ErrLocked) {
				t.Errorf("a journal that is being purged: %v", err)
				close(opened)
				return
			}
			if first {
				close(waiting)
			}
			time.Sleep(time.Millisecond) // as others wait for the lock
		}
	}
	if err := Purge(dir, func() error { go wait(); <-waiting; return nil }); err != nil {
		t.Fatal(err)
	}
	next, ok := <-opened
	if !ok {
		t.FailNow()
	}
	t.Cleanup(func() { _ = next.Close() })
	if next.ID() == id || next.Counts().Received != 0 {
		t.Error("the purged journal is still there")
	}
	if err := os.Mkdir(filepath.Join(parent, "lost+found"), 0o700); err != nil { // as where a volume is mounted
		t.Fatal(err)
	}
	if names, err := Folders(parent); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("%v, %v", names, err)
	}
	if err := Purge(filepath.Join(parent, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
