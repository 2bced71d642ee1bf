package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	plugin "ekuiper-mysql"
)

// entry is one file of the zip.
type entry struct {
	name    string // with slashes
	mode    fs.FileMode
	content []byte
}

// collect reads all that belongs into the zip.
func collect(root, executable, system string) ([]entry, error) {
	descriptor, err := plugin.ReadDescriptor()
	if err != nil {
		return nil, err
	}
	if system == "windows" {
		descriptor.Executable += ".exe"
	}
	document, err := json.MarshalIndent(descriptor, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the descriptor: %w", err)
	}
	entries := []entry{{name: plugin.Name + ".json", mode: 0o644, content: append(document, '\n')}}

	files := map[string]string{
		"LICENSE":             filepath.Join(root, "LICENSE"),
		"README.md":           filepath.Join(root, "README.md"),
		descriptor.Executable: executable,
	}
	for _, source := range descriptor.Sources {
		// Without the yaml eKuiper refuses to install; without the json it
		// lower-cases the names of the properties in the yaml.
		for _, extension := range []string{".yaml", ".json"} {
			files["sources/"+source+extension] = filepath.Join(root, "mysql", "sources", source+extension)
		}
	}
	for _, sink := range descriptor.Sinks {
		files["sinks/"+sink+".json"] = filepath.Join(root, "mysql", "sinks", sink+".json")
	}
	for name, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read what is to be packed: %w", err)
		}
		mode := fs.FileMode(0o644)
		if name == descriptor.Executable {
			mode = 0o755
		}
		entries = append(entries, entry{name: name, mode: mode, content: content})
	}
	// eKuiper reads entries in turn up to the descriptor: it comes first.
	slices.SortFunc(entries[1:], func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries, nil
}

func write(w io.Writer, entries []entry, modified time.Time) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: modified}
		header.SetMode(e.mode)
		out, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, bytes.NewReader(e.content)); err != nil {
			return err
		}
	}
	return archive.Close()
}
