package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
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
	"ekuiper-mysql/packaging/bill"
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
	made, err := ofBill(root, executable, descriptor.Version)
	if err != nil {
		return nil, err
	}
	entries = append(entries, made...)
	entries = append(entries, sums(entries))
	// eKuiper reads entries in turn up to the descriptor: it comes first.
	slices.SortFunc(entries[1:], func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries, nil
}

// ofBill says what the executable consists of. eKuiper unpacks files that it
// does not know into the plugin's folder, and removes them with it.
func ofBill(root, executable, version string) ([]entry, error) {
	parts, err := bill.Read(executable, root, version)
	if err != nil {
		return nil, fmt.Errorf("look up what the executable consists of: %w", err)
	}
	materials, err := parts.CycloneDX()
	if err != nil {
		return nil, err
	}
	return []entry{
		{name: "sbom.cdx.json", mode: 0o644, content: materials},
		{name: "THIRD_PARTY_LICENSES.txt", mode: 0o644, content: parts.Text()},
	}, nil
}

// sums lists the checksums of all entries, as sha256sum does.
func sums(entries []entry) entry {
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(e.content), e.name))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2*sha256.Size:], b[2*sha256.Size:]) })
	return entry{name: "SHA256SUMS", mode: 0o644, content: []byte(strings.Join(lines, ""))}
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
