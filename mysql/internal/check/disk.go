package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"ekuiper-mysql/mysql/internal/storage"
)

// disk looks at the folder that rows wait in.
func (c *checking) disk(context.Context) {
	if c.lacks(disk, properties) {
		return
	}
	if !c.config.Journal {
		c.told(Step{
			Name: disk, Status: Warning, Detail: "journal is off: rows wait in memory, and are lost when the plugin ends",
			Remedy: "leave journal out, or set it to on",
		})
		return
	}
	folder, err := c.Folder()
	if err != nil {
		s := Step{Name: disk, Status: Warning, Detail: err.Error(), Remedy: "run this from the plugin's own folder, or set " + storage.Setting + " as eKuiper has it, to have its disk looked at"}
		c.told(s)
		return
	}
	c.told(c.room(folder))
}

// room judges the folder and the space on its disk.
func (c *checking) room(folder string) Step {
	there, info, err := nearest(folder)
	if err != nil {
		return Step{Name: disk, Status: Failed, Detail: err.Error(), Remedy: "make the folder, or name another one with " + storage.Setting}
	}
	s := Step{Name: disk, Status: OK, Detail: folder}
	const who = "run this as the user that eKuiper runs as, or give that user the folder"
	switch {
	case there != folder:
		s.Detail += " is not there yet, and is made in " + there
		if !writable(there) {
			s.Status, s.Detail, s.Remedy = Failed, s.Detail+", which this user may not write to", who
			return s
		}
	case !info.IsDir():
		s.Status, s.Detail, s.Remedy = Failed, s.Detail+" is not a folder", "move it away, or name another folder with "+storage.Setting
		return s
	case !writable(folder):
		s.Status, s.Detail, s.Remedy = Failed, s.Detail+" may not be written to by this user", who
		return s
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		s.Status, s.Detail = Warning, fmt.Sprintf("%s can be read by others (mode %04o)", s.Detail, info.Mode().Perm())
		s.Remedy = "chmod 700 " + folder + ": rows lie in it as they came"
	}
	for _, name := range []string{"journal", "deadletters"} {
		if why := unusable(filepath.Join(folder, name)); why != "" {
			s.Status, s.Detail, s.Remedy = Failed, filepath.Join(folder, name)+" "+why, "give it to the user that eKuiper runs as, with all that is in it, as after a run as root"
			return s
		}
	}
	free, err := freeBytes(there)
	if err != nil {
		s.Detail += "; how much is free there is not known: " + err.Error()
		return s
	}
	used := size(filepath.Join(folder, "journal"))
	s.Detail += fmt.Sprintf("; %s free, %s used by journals, maxJournalBytes %s", bytesText(free), bytesText(used), bytesText(c.config.MaxJournalBytes))
	if free < c.config.MaxJournalBytes {
		if s.Status == OK {
			s.Status = Warning
		}
		s.Remedy = joined(s.Remedy, "the disk is full before the journal is: free some space, lower maxJournalBytes, or keep the plugin's data elsewhere with "+storage.Setting)
	}
	return s
}

// unusable says what is wrong with a folder; one that is not there is made.
func unusable(folder string) string {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		return "cannot be looked at: " + err.Error()
	case !info.IsDir():
		return "is not a folder"
	case !writable(folder):
		return "may not be written to by this user"
	}
	return ""
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// nearest returns path, or the nearest folder above that is there.
func nearest(path string) (string, fs.FileInfo, error) {
	for {
		info, err := os.Stat(path)
		if err == nil {
			return path, info, nil
		}
		up := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || up == path {
			return path, nil, err
		}
		path = up
	}
}

// size is how many bytes the files below a folder have; what cannot be read has none.
func size(folder string) (n int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

func bytesText(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
