package link

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPasswordFiles(t *testing.T) {
	outside := file(t, "outside", "never")
	folder := t.TempDir()
	// As Kubernetes lays secrets out: the name is a link to a link to a folder.
	data := filepath.Join(folder, "..2026_11_21")
	if err := os.MkdirAll(filepath.Join(data, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(data, "db"), "p w\t\n")
	rewrite(t, filepath.Join(data, "deep", "db"), "deep\r\n\r\n")
	rewrite(t, filepath.Join(folder, "plain"), "plain")
	rewrite(t, filepath.Join(folder, "empty"), "\n")
	rewrite(t, filepath.Join(folder, "binary"), "a\x00b")
	rewrite(t, filepath.Join(folder, "huge"), strings.Repeat("x", maxPassword+1))
	for name, goal := range map[string]string{
		"..data": "..2026_11_21", "db": filepath.Join("..data", "db"), "whole": filepath.Join(data, "db"),
		"out": outside, "up": filepath.Join("..", filepath.Base(filepath.Dir(outside)), "outside"), "gone": "nowhere", "loop": "loop",
	} {
		if err := os.Symlink(goal, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	linked := filepath.Join(t.TempDir(), "secrets") // as /var/run is to /run
	if err := os.Symlink(folder, linked); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{folder, linked} {
		for name, want := range map[string]string{
			"plain": "plain", "db": "p w\t", "..data/db": "p w\t", "whole": "p w\t", "..data/deep/db": "deep",
		} {
			if got, err := (Password{Folder: root, File: name}).read(); err != nil || got != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		for name, want := range map[string]string{
			"out": "it leads out of the folder", "up": "it leads out of the folder", "empty": "it is empty", "binary": "it is not text", "huge": "it has more than 65536 bytes",
			"..data": "it is not a file", "missing": "no such file", "gone": "no such file", "loop": "too many links",
		} {
			got, err := (Password{Folder: root, File: name}).read()
			var setting *SettingError
			if got != "" || !errors.As(err, &setting) || setting.Property != "passwordFile" || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, %v; want %q", name, got, err, want)
			}
		}
	}
}

func TestPasswordVariables(t *testing.T) {
	t.Setenv("MYSQL_TEST", " p\n")
	if got, err := (Password{Env: "MYSQL_TEST"}).read(); err != nil || got != " p\n" {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("MYSQL_TEST", "")
	if _, err := (Password{Env: "MYSQL_TEST"}).read(); err == nil || err.Error() != `property passwordEnv: the variable "MYSQL_TEST" is not set, or empty, in eKuiper's environment` {
		t.Error(err)
	}
}
