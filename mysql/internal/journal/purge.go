package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// purgedSuffix is of a journal's folder on its way out. A kill may leave one
// behind, which the next Purge takes away.
const purgedSuffix = ".purged"

// foundFolder is in the root of a file system, where a volume is mounted: it is
// the system's, and root's alone.
const foundFolder = "lost+found"

// InUse tells whether somebody has the journal in dir open. It writes nothing;
// an Open in the same instant may find the journal locked and has to try again.
func InUse(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("is the journal in use: %w", err)
	}
	defer f.Close()
	err = lockFile(f)
	if errors.Is(err, errHeld) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("is the journal %s in use: %w", dir, err)
	}
	return false, nil
}

// Purge removes the journal in dir for good, with all that is in it. While
// somebody has it open the error is ErrLocked. An Open that waits for the lock
// finds no journal afterwards and makes a new one. What approve returns, which
// is called once nobody else can change the journal, ends the purge.
func Purge(dir string, approve func() error) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("purge the journal: %w", err)
	}
	lock, err := OS.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := approve(); err != nil {
		return err
	}
	gone := dir + purgedSuffix
	if err := os.RemoveAll(gone); err != nil {
		return fmt.Errorf("purge the journal: what an earlier purge left: %w", err)
	}
	if err := os.Rename(dir, gone); err != nil {
		// Windows renames no folder with an open file in it.
		_ = lock.Close()
		if err := os.Rename(dir, gone); err != nil {
			return fmt.Errorf("purge the journal: %w", err)
		}
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("purge the journal: %w", err)
	}
	if err := os.RemoveAll(gone); err != nil {
		// The lock's file cannot go while it is open, on Windows.
		_ = lock.Close()
		if err := os.RemoveAll(gone); err != nil {
			return fmt.Errorf("purge the journal: it is gone, but files of it are left: %w", err)
		}
	}
	return nil
}

// Folders returns the names of the folders in dir that may be journals, sorted.
func Folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the journals: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasSuffix(e.Name(), purgedSuffix) && e.Name() != foundFolder {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
