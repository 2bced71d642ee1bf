package deadletter

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFolderRemoved: a folder that is taken away under a store is made anew by
// the next letter, which is kept, and all after it.
func TestFolderRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be removed")
	}
	for name, c := range map[string]struct {
		every  time.Duration
		remove func(dir string) error
		want   []uint64 // ids
		told   string
	}{
		"all of it":         {0, os.RemoveAll, []uint64{4, 5}, "had 3 letters and has 0 now"},
		"not synced":        {time.Hour, os.RemoveAll, []uint64{4, 5}, "had 3 letters and has 0 now"},
		"never synced":      {-1, os.RemoveAll, []uint64{4, 5}, "had 3 letters and has 0 now"},
		"moved":             {0, func(dir string) error { return os.Rename(dir, dir+".old") }, []uint64{4, 5}, "had 3 letters and has 0 now"},
		"another":           {0, moveAndMake, []uint64{4, 5}, "had 3 letters and has 0 now"},
		"the lock, no more": {0, func(dir string) error { return os.Remove(filepath.Join(dir, lockName)) }, []uint64{1, 2, 3, 4, 5}, "had 3 letters and has 3 now"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &lines{}
			o := Options{Dir: filepath.Join(t.TempDir(), "above", "letters"), FsyncEvery: c.every, Logger: log}
			s := open(t, o)
			put(t, s, letter(1), letter(2), letter(3))
			if err := c.remove(o.Dir); err != nil {
				t.Fatal(err)
			}
			put(t, s, letter(4), letter(5))
			for range 2 {
				if got := ids(all(t, s.Reader, Filter{})); !slices.Equal(got, c.want) {
					t.Errorf("letters %d, want %d", got, c.want)
				}
				if n := s.Stats().Letters; n != uint64(len(c.want)) {
					t.Errorf("%d are counted, want %d", n, len(c.want))
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, o)
			}
			if text := strings.Join(*log, "\n"); strings.Count(text, "made anew") != 1 || !strings.Contains(text, c.told) {
				t.Errorf("told:\n%s", text)
			}
		})
	}
}

func moveAndMake(dir string) error {
	if err := os.Rename(dir, dir+".old"); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o700)
}

// TestFolderCannotBeMade: letters are refused with the reason until the folder
// can be made anew, and then kept.
func TestFolderCannotBeMade(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be removed")
	}
	log := &lines{}
	o := Options{Dir: filepath.Join(t.TempDir(), "letters"), Logger: log}
	s := open(t, o)
	put(t, s, letter(1))
	if err := os.Rename(o.Dir, o.Dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Put(context.Background(), letter(2)); err == nil || !strings.Contains(err.Error(), "cannot be made anew") {
			t.Errorf("refused by %v", err)
		}
	}
	if err := os.Remove(o.Dir); err != nil {
		t.Fatal(err)
	}
	put(t, s, letter(2), letter(3))
	if got := all(t, s.Reader, Filter{}); len(got) != 2 {
		t.Errorf("letters %d", ids(got))
	}
	if text := strings.Join(*log, "\n"); strings.Count(text, "rows wait until they can") != 1 || strings.Count(text, "had 1 letters and has 0 now") != 1 {
		t.Errorf("told:\n%s", text)
	}
}
