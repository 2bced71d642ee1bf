// Package docs holds what is written about the code to what the code is: links
// resolve, examples parse, commands exist, exported names are documented.
package docs

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"ekuiper-mysql/test/markdown"
)

// root is the top of the repository, from here.
const root = "../.."

// documents are the Markdown files of the repository, by their paths from the
// top, with slashes.
func documents(t *testing.T) map[string]markdown.Document {
	t.Helper()
	all := map[string]markdown.Document{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "build" || name == "dist" || name == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all[filepath.ToSlash(name)] = markdown.Parse(string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("only %d Markdown files found below %s", len(all), root)
	}
	return all
}

// TestLinksResolve to files and folders of the repository and to headings in
// them. Links that leave it are not followed, only parsed.
func TestLinksResolve(t *testing.T) {
	all := documents(t)
	for name, document := range all {
		for _, link := range document.Links {
			if reason := unresolved(all, name, link.Target); reason != "" {
				t.Errorf("%s:%d: link to %s: %s", name, link.Line, link.Target, reason)
			}
		}
	}
}

func unresolved(all map[string]markdown.Document, from, target string) string {
	to, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case to.Scheme == "https" || to.Scheme == "http":
		if to.Host == "" {
			return "no host"
		}
		return ""
	case to.Scheme != "" || to.Host != "":
		return "neither http nor a file"
	case strings.HasPrefix(to.Path, "/"):
		return "a path from the top is not found everywhere: write it from the file"
	}
	path := from
	if to.Path != "" {
		path = filepath.ToSlash(filepath.Join(filepath.Dir(from), filepath.FromSlash(to.Path)))
	}
	if !filepath.IsLocal(path) {
		return "outside of the repository"
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(path))); err != nil {
		return "no such file"
	}
	if document, read := all[path]; to.Fragment != "" && (!read || !document.Anchors[to.Fragment]) {
		return "no such heading"
	}
	return ""
}

// TestBlocksParse where their language says what they are.
func TestBlocksParse(t *testing.T) {
	for name, document := range documents(t) {
		for _, block := range document.Blocks {
			var err error
			switch block.Language {
			case "json": // one value, or several that are to be told apart by their lines
				d := json.NewDecoder(strings.NewReader(block.Text))
				for value := any(nil); err == nil; {
					err = d.Decode(&value)
				}
				if err == io.EOF {
					err = nil
				}
			case "yaml":
				var value any
				err = yaml.Unmarshal([]byte(block.Text), &value)
			case "bash", "shell", "console":
				t.Errorf("%s:%d: a block of %s: call it sh", name, block.Line, block.Language)
			}
			if err != nil {
				t.Errorf("%s:%d: %s: %v", name, block.Line, block.Language, err)
			}
		}
	}
}

// TestUnresolvedLinksAreFound keeps the tests above from passing for nothing.
func TestUnresolvedLinksAreFound(t *testing.T) {
	all := documents(t)
	for target, want := range map[string]string{
		"docs/guarantees.md": "", "docs": "", "sdk/README.md#quick-start": "", "https://example.org/x#y": "", "#install-it-into-your-ekuiper": "",
		"docs/nothing.md": "no such file", "sdk/README.md#slow-start": "no such heading", "#slow-start": "no such heading",
		"Makefile#all": "no such heading", "../elsewhere": "outside of the repository", "https:///x": "no host",
		"/docs/guarantees.md": "a path from the top is not found everywhere: write it from the file", "mailto:a@b.c": "neither http nor a file",
	} {
		if got := unresolved(all, "README.md", target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
