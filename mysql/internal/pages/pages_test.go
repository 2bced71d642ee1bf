//go:build unix

package pages

import (
	"os"
	"path/filepath"
	"testing"
)

// TestStore: what is stored is in the file at once, and a page that the disk
// does not give is an error.
func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	page := int64(os.Getpagesize())
	if err := f.Truncate(3 * page); err != nil {
		t.Fatal(err)
	}
	p, err := Map(f, page, int(2*page))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Store([]byte("hello"), 3); err != nil {
		t.Fatal(err)
	}
	if err := p.StoreWord(0x04030201, 12); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit([]byte("last"), 20, 0x0D0C0B0A, 16); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(data[page : page+24]); got != "\x00\x00\x00hello\x00\x00\x00\x00\x01\x02\x03\x04\x0a\x0b\x0c\x0dlast" {
		t.Errorf("the file has %q", got)
	}
	if err := os.Truncate(path, 2*page); err != nil {
		t.Fatal(err)
	}
	if err := p.Store([]byte("gone"), int(page)); err == nil {
		t.Error("a page that is not there was written to")
	}
	if err := p.StoreWord(1, int(page)); err == nil {
		t.Error("a word was written to a page that is not there")
	}
	if err := p.Commit([]byte("gone"), int(page), 1, 0); err == nil {
		t.Error("a page that is not there was committed to")
	}
	if err := p.Store([]byte("still"), 0); err != nil {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an offset outside is no fault of the disk")
		}
	}()
	_ = p.Store([]byte("outside"), int(2*page)+1)
}
