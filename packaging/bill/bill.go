// Package bill tells what an executable consists of: the modules that are
// linked in, as the executable itself says, with their checksums, licences and
// licence texts; as a bill of materials (CycloneDX) and as a text that fulfils
// the licences. What has no licence that is known is an error. The same
// executable gives the same bytes.
package bill

import (
	"crypto/sha256"
	"debug/buildinfo"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"ekuiper-mysql/packaging/licences"
)

// Part is a module of which an executable consists.
type Part struct {
	Path     string // the module's; "std" is Go's own library and runtime
	Version  string // as Go writes it, such as v1.2.3 and go1.26.0
	Sum      string // of the module's files in hexadecimal SHA-256, as go.sum has it ("h1"); empty for what is not a module
	Local    bool   // it is of the plugin's own source tree
	Licence  string // an SPDX expression
	Texts    []Text // the licence, and notices that are to be passed on
	Homepage string // where its source code is to be had
}

// Text is a file of a part.
type Text struct {
	Name    string
	Content string
}

// Bill is what an executable consists of.
type Bill struct {
	Name, Version, Licence string // the plugin's
	Digest                 string // SHA-256 of the executable, in hexadecimal
	Settings               []debug.BuildSetting
	Parts                  []Part // in the order of their paths
}

// Read takes what the executable says of itself and looks up the licences of
// its parts in the sources that it was built from. Root is the top of the
// repository. It runs the go command, which fetches what is not there.
func Read(executable, root, version string) (*Bill, error) {
	info, err := buildinfo.ReadFile(executable)
	if err != nil {
		return nil, fmt.Errorf("read what %s is built of: %w", executable, err)
	}
	digest, err := digestOf(executable)
	if err != nil {
		return nil, err
	}
	own, err := source{dir: root}.texts()
	if err != nil {
		return nil, err
	}
	b := &Bill{Name: info.Main.Path, Version: version, Licence: own.licence, Digest: digest, Settings: info.Settings}
	sources, err := locate(root, info.Deps)
	if err != nil {
		return nil, err
	}
	goroot, err := output(root, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	release, _, _ := strings.Cut(info.GoVersion, " ")
	sources = append(sources, source{
		Part: Part{Path: "std", Version: release, Homepage: "https://go.dev/dl/"},
		dir:  strings.TrimSpace(string(goroot)),
	})
	var failed []error
	for _, s := range sources {
		found, err := s.texts()
		if err != nil {
			failed = append(failed, err)
			continue
		}
		s.Licence, s.Texts = found.licence, found.texts
		b.Parts = append(b.Parts, s.Part)
	}
	slices.SortFunc(b.Parts, func(a, b Part) int { return strings.Compare(a.Path, b.Path) })
	return b, errors.Join(failed...)
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// source is a part and the folder of its sources.
type source struct {
	Part
	dir string
}

// locate finds the sources of modules, in the module cache but for those that
// a folder of the repository replaces.
func locate(root string, modules []*debug.Module) (found []source, err error) {
	want := []string{"mod", "download", "-json"}
	for _, m := range modules {
		switch {
		case m.Replace == nil:
			found = append(found, source{Part: Part{Path: m.Path, Version: m.Version, Sum: m.Sum}})
			want = append(want, m.Path+"@"+m.Version)
		case strings.HasPrefix(m.Replace.Path, "./"):
			found = append(found, source{
				Part: Part{Path: m.Path, Local: true},
				dir:  filepath.Join(root, filepath.FromSlash(m.Replace.Path)),
			})
		default:
			return nil, fmt.Errorf("module %s is replaced by %s, which is not of this repository", m.Path, m.Replace.Path)
		}
	}
	if len(want) == 3 {
		return found, nil
	}
	text, err := output(root, want...)
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(strings.NewReader(string(text))); decoder.More(); {
		var m struct{ Path, Version, Sum, Dir, Error string }
		if err := decoder.Decode(&m); err != nil {
			return nil, fmt.Errorf("read the answer of go mod download: %w", err)
		}
		i := slices.IndexFunc(found, func(s source) bool { return s.Path == m.Path && s.Version == m.Version })
		if i < 0 || m.Error != "" {
			return nil, fmt.Errorf("module %s %s: %s", m.Path, m.Version, m.Error)
		}
		if m.Sum != found[i].Sum {
			return nil, fmt.Errorf("module %s %s: the executable was built from files with the sum %s, those here have %s", m.Path, m.Version, found[i].Sum, m.Sum)
		}
		if found[i].Sum, err = sha256Of(m.Sum); err != nil {
			return nil, fmt.Errorf("module %s: %w", m.Path, err)
		}
		found[i].dir, found[i].Homepage = m.Dir, homepage(m.Path, m.Version)
	}
	return found, nil
}

// sha256Of returns the SHA-256 in a sum of Go's kind h1.
func sha256Of(sum string) (string, error) {
	encoded, ok := strings.CutPrefix(sum, "h1:")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("the sum %q is not of the kind h1", sum)
	}
	return hex.EncodeToString(raw), nil
}

var major = regexp.MustCompile(`/v\d+$`)

// homepage is where a person finds a module's sources.
func homepage(path, version string) string {
	if strings.HasPrefix(path, "github.com/") && strings.Count(major.ReplaceAllString(path, ""), "/") == 2 {
		return "https://" + major.ReplaceAllString(path, "") + "/tree/" + version
	}
	return "https://pkg.go.dev/" + path + "@" + version
}

// output runs the go command in a folder, for this machine whatever the
// environment says about the system to build for.
func output(dir string, args ...string) ([]byte, error) {
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOOS=", "GOARCH=")
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s%s", err, exit.Stderr, out)
		}
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)(\.(txt|md))?$`)
	noticeFile  = regexp.MustCompile(`(?i)^(notice|patents)(\.(txt|md))?$`)
)

func isLicence(entry fs.DirEntry) bool {
	return entry.Type().IsRegular() && licenceFile.MatchString(entry.Name())
}

// ofGo is the licence of Go itself and its notice, which Go's own archives have
// beside the sources and what a distribution packs often has not.
//
//go:embed go/LICENSE go/PATENTS
var ofGo embed.FS

// legal is what a source says about its licence.
type legal struct {
	licence string
	texts   []Text
}

// texts reads the licence and the notices in the top folder of a source.
func (s source) texts() (l legal, err error) {
	name := s.Path
	if name == "" {
		name = "the plugin"
	}
	files := os.DirFS(s.dir)
	entries, err := fs.ReadDir(files, ".")
	if err == nil && s.Path == "std" && !slices.ContainsFunc(entries, isLicence) {
		if files, err = fs.Sub(ofGo, "go"); err == nil {
			entries, err = fs.ReadDir(files, ".")
		}
	}
	if err != nil {
		return l, fmt.Errorf("look for the licence of %s: %w", name, err)
	}
	for _, entry := range entries {
		licence := isLicence(entry)
		if !licence && (!entry.Type().IsRegular() || !noticeFile.MatchString(entry.Name())) {
			continue
		}
		content, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return l, fmt.Errorf("read the licence of %s: %w", name, err)
		}
		text := strings.ReplaceAll(string(content), "\r\n", "\n")
		l.texts = append(l.texts, Text{entry.Name(), text})
		if !licence {
			continue
		}
		expression := licences.Identify(text)
		if expression == "" {
			return l, fmt.Errorf("the licence of %s, %s, is none of the known ones: look whether it may be linked in, then add it to packaging/licences/texts", name, filepath.Join(s.dir, entry.Name()))
		}
		if l.licence != "" && l.licence != expression {
			return l, fmt.Errorf("%s has two licences, %s and %s: say in packaging/bill what that means", name, l.licence, expression)
		}
		l.licence = expression
	}
	if l.licence == "" {
		return l, fmt.Errorf("no licence of %s was found in %s", name, s.dir)
	}
	return l, nil
}
