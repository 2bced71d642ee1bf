//go:build unix

package control

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrivate: only the owner can reach the socket.
func TestPrivate(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, "1", quiet{})
	for path, mode := range map[string]os.FileMode{folder: os.ModeDir | 0o700, folder + "/" + socketName: os.ModeSocket | 0o600} {
		if info, err := os.Lstat(filepath.Join(dir, path)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// TestFolderOfOthers: no socket is made, and none believed, where others could
// put theirs.
func TestFolderOfOthers(t *testing.T) {
	t.Run("link", func(t *testing.T) {
		dir, other := t.TempDir(), t.TempDir()
		if err := os.Symlink(other, filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
		log := &lines{now: make(chan struct{}, 1)}
		serve(t, dir, "1", log)
		if len(log.all) != 1 || !strings.Contains(log.all[0], "no folder") {
			t.Errorf("told %q", log.all)
		}
		if names, _ := os.ReadDir(other); len(names) > 0 {
			t.Errorf("there is %v beyond the link", names)
		}
		if _, err := ask(t, dir); err == nil || errors.Is(err, ErrSilent) {
			t.Errorf("asking gives %v", err)
		}
	})
	t.Run("open", func(t *testing.T) {
		dir := t.TempDir()
		at := filepath.Join(dir, folder)
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t, dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
			t.Errorf("asking gives %v", err)
		}
		serve(t, dir, "1", quiet{}) // which closes the folder
		want(t, dir, "1")
	})
	t.Run("linked socket", func(t *testing.T) {
		dir := t.TempDir()
		kept := filepath.Join(dir, "kept")
		if err := errors.Join(os.Mkdir(filepath.Join(dir, folder), 0o700), os.WriteFile(kept, []byte("x"), 0o600),
			os.Symlink(kept, filepath.Join(dir, folder, socketName))); err != nil {
			t.Fatal(err)
		}
		serve(t, dir, "1", quiet{})
		want(t, dir, "1")
		if b, err := os.ReadFile(kept); string(b) != "x" {
			t.Errorf("what the link led to has become %q, %v", b, err)
		}
	})
}
