//go:build !windows

package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExposed(t *testing.T) {
	above := filepath.Join(t.TempDir(), "above")
	dir := filepath.Join(above, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		above, dir fs.FileMode
		want       []string
	}{
		{0o700, 0o700, nil},
		{0o755, 0o755, nil},
		{0o700, 0o770, nil},
		{0o777 | fs.ModeSticky, 0o700, nil},
		{0o755, 0o777, []string{"can change what is kept in " + dir}},
		{0o755, 0o777 | fs.ModeSticky, []string{"can change what is kept in " + dir}},
		{0o777, 0o700, []string{"can put another folder in the place of " + dir}},
		{0o777, 0o702, []string{"can change what is kept in " + dir, "can put another folder in the place of " + dir}},
	} {
		for path, mode := range map[string]fs.FileMode{above: c.above, dir: c.dir} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		got := Exposed(dir, filepath.Join(dir, "none"))
		wrong := len(got) != len(c.want)
		for i := 0; i < len(got) && !wrong; i++ {
			wrong = !strings.Contains(got[i], c.want[i])
		}
		if wrong {
			t.Errorf("%v in %v: %q, want %q", c.dir, c.above, got, c.want)
		}
	}
	if os.Geteuid() != 0 {
		return // nobody else can give a folder away
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(above, 0o700); err != nil {
		t.Fatal(err)
	}
	err := os.Chown(dir, 65534, 65534)
	if errors.Is(err, syscall.EINVAL) {
		t.Skip("there is no other user in this namespace: all but another's folder was tried")
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := Exposed(dir); len(got) != 1 || !strings.Contains(got[0], "belongs to user 65534") {
		t.Errorf("another's folder: %q", got)
	}
}
