//go:build !windows

package sink

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAllIsTheOwnersAlone: whatever the umask, rows lie on disk for the owner
// alone: journals, dead letters, what is copied, notes of acknowledgements.
func TestAllIsTheOwnersAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	b.folder = filepath.Join(b.folder, "data", "mysql")
	s := b.open(b.props("", "t", "deadLetterTable", "letters", "requireAck", true, "delivery", "exactlyOnce"))
	b.collect(s, `[{"id":1},{"id":1},{"id":"none"}]`)
	if err := s.SetAckNote([]byte("a note")); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	b.stopCopied(s)
	files, folders := 0, 0
	err := filepath.WalkDir(filepath.Dir(b.folder), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if files++; e.IsDir() {
			want = 0o700
			files--
			folders++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 6 || folders < 5 {
		t.Errorf("only %d files in %d folders", files, folders)
	}
}

// A data folder that others can change is told of, once.
func TestExposedFolderIsTold(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT)")
	if err := os.Chmod(b.folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"one", "two"} {
		b.openRule(rule, b.props("", "t"))
	}
	if n := b.log.count("every user of this machine can change what is kept in " + b.folder); n != 1 {
		t.Errorf("told %d times", n)
	}
}
