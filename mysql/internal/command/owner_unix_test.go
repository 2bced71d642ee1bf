//go:build unix

package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRootLeavesOthersFilesAlone: files of root's among the dead letters kept
// the plugin, once it was started anew, from keeping refused rows anywhere.
func TestRootLeavesOthersFilesAlone(t *testing.T) {
	data := t.TempDir()
	letters := filepath.Join(data, lettersFolder)
	if err := os.Mkdir(letters, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := forOwnerAs(1001, letters); err != nil {
		t.Errorf("as who is not root: %v", err)
	}
	if err := forOwnerAs(0, filepath.Join(data, "none")); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if os.Geteuid() != 0 {
		if err := forOwnerAs(0, letters); err == nil {
			t.Error("root may write among another user's files")
		}
		return // nobody else can give a folder away
	}
	for _, args := range [][]string{{"deadletters", "purge", "--yes"}, {"deadletters", "replay", "--all", "--props", write(t, `{"url":"u@tcp(127.0.0.1:1)/d","table":"t"}`)}} {
		if _, errs, code := runLine(t, data, nil, args); code != exitOK {
			t.Errorf("%q among files of its own: code %d, %s", args, code, errs)
		}
	}
	if err := os.Chown(letters, 1001, 1001); err != nil {
		t.Skipf("there is no other user in this namespace: %v", err)
	}
	before, err := os.ReadDir(letters)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"deadletters", "purge", "--yes"}, {"deadletters", "replay", "--all", "--props", write(t, `{"url":"u@tcp(127.0.0.1:1)/d","table":"t"}`)}} {
		if _, errs, code := runLine(t, data, nil, args); code != exitFailed || !strings.Contains(errs, "belongs to user 1001") || !strings.Contains(errs, "sudo -u '#1001'") {
			t.Errorf("%q: code %d, %s", args, code, errs)
		}
	}
	if after, err := os.ReadDir(letters); err != nil || len(after) != len(before) {
		t.Errorf("%d files, %v; want %d", len(after), err, len(before))
	}
	if _, errs, code := runLine(t, data, nil, []string{"deadletters", "count"}); code != exitOK {
		t.Errorf("looking: code %d, %s", code, errs)
	}
}
