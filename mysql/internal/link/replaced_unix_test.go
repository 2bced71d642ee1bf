//go:build !windows

package link

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe that takes a file's place between two looks is not waited for.
func TestPipeInAFilesPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(path); err == nil || !strings.Contains(err.Error(), "it is not a file") {
		t.Errorf("a pipe: %v", err)
	}
}
