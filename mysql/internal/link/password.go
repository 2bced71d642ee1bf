package link

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Password is where a password is kept. It never holds one.
type Password struct {
	Env    string // an environment variable
	Folder string // that File must not lead out of
	File   string // below Folder
}

// maxPassword bounds a file with a password, in bytes.
const maxPassword = 64 << 10

// read returns the password, "" where it is kept elsewhere. Its errors quote
// nothing that was read.
func (p Password) read() (string, error) {
	switch {
	case p.Env != "":
		v := os.Getenv(p.Env)
		if v == "" {
			return "", &SettingError{"passwordEnv", fmt.Sprintf("the variable %q is not set, or empty, in eKuiper's environment", p.Env)}
		}
		return v, nil
	case p.File != "":
		text, err := readBelow(p.Folder, p.File)
		if err != nil {
			return "", &SettingError{"passwordFile", fmt.Sprintf("%s in %s: %v", p.File, p.Folder, cause(err))}
		}
		return text, nil
	}
	return "", nil
}

// readBelow reads a file of folder. Links are followed, as secrets of
// Kubernetes are some, as long as they lead nowhere else.
func readBelow(folder, name string) (string, error) {
	// A link may name its goal in full, which os.Root takes for a way out: it
	// is resolved first, and what that gives is opened without trusting it.
	whole, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", err
	}
	goal, err := filepath.EvalSymlinks(filepath.Join(folder, name))
	if err != nil {
		return "", err
	}
	inside, err := filepath.Rel(whole, goal)
	if err != nil || !filepath.IsLocal(inside) {
		return "", errors.New("it leads out of the folder")
	}
	root, err := os.OpenRoot(whole)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Stat(inside) // opening a pipe would wait for a writer
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	f, err := root.Open(inside)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", err
	}
	password := strings.TrimRight(string(text), "\r\n")
	switch {
	case len(text) > maxPassword:
		return "", fmt.Errorf("it has more than %d bytes", maxPassword)
	case password == "":
		return "", errors.New("it is empty")
	case strings.ContainsRune(password, 0):
		return "", errors.New("it is not text")
	}
	return password, nil
}

// cause is err without the path, which the reader knows and may be a mistake
// of another kind.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// SettingError is about a property, or what it names; a person must mend it.
type SettingError struct {
	Property string
	Problem  string // without secrets
}

func (e *SettingError) Error() string { return "property " + e.Property + ": " + e.Problem }
