package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesOfTheZip: eKuiper unpacks what it does not know beside the
// executable, where SHA256SUMS holds for it, and removes it with the plugin.
func TestFilesOfTheZip(t *testing.T) {
	b := newBundle(t)
	folder := filepath.Join(b.host.Base, "plugins", "portable", "mysql")
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	b.must(err)
	checked := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil { // sources and sinks are elsewhere
			continue
		}
		checked[name] = true
		if fmt.Sprintf("%x", sha256.Sum256(content)) != sum {
			t.Errorf("%s is not as SHA256SUMS says", name)
		}
	}
	for _, name := range []string{"mysql", "mysql.json", "sbom.cdx.json", "THIRD_PARTY_LICENSES.txt", "LICENSE"} {
		if !checked[name] {
			t.Errorf("%s is not there", name)
		}
	}
	b.must(b.host.DeletePlugin("mysql"))
	ekuiper := map[string]bool{"kuiper.yaml": true, "connection.yaml": true} // its own
	for _, top := range []string{"plugins", "etc"} {
		err := filepath.WalkDir(filepath.Join(b.host.Base, top), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !ekuiper[entry.Name()] {
				t.Errorf("%s is left behind", path)
			}
			return err
		})
		b.must(err)
	}
}
