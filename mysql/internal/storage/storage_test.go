package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFolder(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	plugin := filepath.Join(root, "plugins", "portable", "mysql")
	for _, c := range []struct {
		name    string
		env     map[string]string
		working string
		want    string
	}{
		{"the setting", map[string]string{Setting: filepath.Join(root, "x"), base: root}, plugin, filepath.Join(root, "x")},
		{"eKuiper's variable", map[string]string{base: filepath.Join(root, "b")}, plugin, filepath.Join(root, "b", "data", "mysql")},
		{"beside the plugins", nil, plugin, filepath.Join(root, "data", "mysql")},
		{"a relative base of eKuiper", map[string]string{base: "here"}, plugin, filepath.Join(root, "data", "mysql")},
		{"a relative setting", map[string]string{Setting: "here"}, plugin, ""},
		{"nothing", nil, filepath.Join(root, "elsewhere", "a", "b", "c"), ""},
	} {
		got, err := Folder(func(name string) string { return c.env[name] }, func() (string, error) { return c.working, nil })
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	_, err := Folder(func(string) string { return "" }, func() (string, error) { return filepath.Join(root, "a", "b", "c", "d"), nil })
	if !errors.Is(err, ErrNowhere) {
		t.Errorf("got %v, want ErrNowhere", err)
	}
}
