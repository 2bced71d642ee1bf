//go:build unix

package settings

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFileOfOthers: nobody but this user and root decides, and a secret that
// others can read is none.
func TestFileOfOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, File)
	if err := os.WriteFile(path, []byte("metrics: 127.0.0.1:1\ntoken: "+token), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, told := range map[os.FileMode]string{0o660: "others may write", 0o602: "others may write", 0o622: "others may write"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got, wrong := readIn(dir); got != usual || !strings.Contains(wrong, told) {
			t.Errorf("%v: %#v, %s", mode, got, wrong)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, wrong := readIn(dir); got.Metrics == "" || got.Token != "" || !strings.Contains(wrong, "chmod 600") {
		t.Errorf("that all can read: %#v, %s", got, wrong)
	}
	// What Kubernetes mounts is a link.
	linked := t.TempDir()
	if err := os.Symlink(path, filepath.Join(linked, File)); err != nil {
		t.Fatal(err)
	}
	if got, _ := readIn(linked); got.Metrics == "" {
		t.Errorf("by a link: %#v", got)
	}
	pipe := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(pipe, File), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, wrong := readIn(pipe); got != usual || !strings.Contains(wrong, "to be a file") {
		t.Errorf("a pipe: %#v, %s", got, wrong)
	}
}
