// Package packaging tests what package.sh and the Makefile hand out: that the
// zip holds what eKuiper needs, and that it is the same zip each time.
package packaging

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	plugin "ekuiper-mysql"
	"ekuiper-mysql/test/ekuiper"
)

// maxExecutable bounds the executable in bytes: it goes to small devices.
const maxExecutable = 15 << 20

// pack runs package.sh and returns the zip's path, which the script prints.
func pack(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(root, "package.sh"), append([]string{"-o", dir}, args...)...)
	command.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("package.sh %v: %v\n%s", args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// unzip reads a zip whole: contents and modes by name, and the names in order.
func unzip(t *testing.T, path string) (contents map[string][]byte, modes map[string]fs.FileMode, names []string) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	contents, modes = map[string][]byte{}, map[string]fs.FileMode{}
	for _, file := range archive.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		contents[file.Name], modes[file.Name] = text, file.Mode()
		names = append(names, file.Name)
	}
	return contents, modes, names
}

func TestZipHoldsWhatEKuiperNeeds(t *testing.T) {
	for _, test := range []struct {
		args       []string
		label      string
		executable string
		check      func(io.ReaderAt) error
	}{
		{[]string{"linux", "arm", "7"}, "linux_armv7", "mysql", isELF(elf.EM_ARM)},
		{[]string{"linux", "amd64"}, "linux_amd64", "mysql", isELF(elf.EM_X86_64)},
		{[]string{"windows", "amd64"}, "windows_amd64", "mysql.exe", isPE(pe.IMAGE_FILE_MACHINE_AMD64)},
		{[]string{"darwin", "arm64"}, "darwin_arm64", "mysql", isMachO(macho.CpuArm64)},
	} {
		t.Run(test.label, func(t *testing.T) {
			path := pack(t, t.TempDir(), nil, test.args...)
			if want := "mysql_" + plugin.Version() + "_" + test.label + ".zip"; filepath.Base(path) != want {
				t.Errorf("the zip is called %s, want %s", filepath.Base(path), want)
			}
			contents, modes, names := unzip(t, path)
			want := []string{
				"LICENSE", "README.md", "SHA256SUMS", "THIRD_PARTY_LICENSES.txt", test.executable, "mysql.json", "sbom.cdx.json", "sinks/mysql.json",
				"sources/random.json", "sources/random.yaml", "sources/randomrows.json", "sources/randomrows.yaml",
			}
			slices.Sort(names)
			slices.Sort(want)
			if !slices.Equal(names, want) {
				t.Errorf("the zip holds %v, want %v", names, want)
			}
			for name, mode := range modes {
				wanted := fs.FileMode(0o644)
				if name == test.executable {
					wanted = 0o755
				}
				if mode != wanted {
					t.Errorf("%s has mode %v, want %v", name, mode, wanted)
				}
			}
			program := contents[test.executable]
			if len(program) > maxExecutable {
				t.Errorf("the executable has %d bytes, at most %d are allowed", len(program), maxExecutable)
			}
			if err := test.check(bytes.NewReader(program)); err != nil {
				t.Errorf("the executable: %v", err)
			}
			checkSums(t, contents)
			checkBill(t, contents, program)
			var descriptor plugin.Descriptor
			if err := json.Unmarshal(contents["mysql.json"], &descriptor); err != nil {
				t.Fatal(err)
			}
			if descriptor.Executable != test.executable || descriptor.Version != plugin.Version() {
				t.Errorf("mysql.json says %+v", descriptor)
			}
		})
	}
}

// TestSameSourcesGiveTheSameZip builds this machine's zip twice, the second
// time elsewhere and in an environment that would
// change a careless build.
func TestSameSourcesGiveTheSameZip(t *testing.T) {
	first := pack(t, t.TempDir(), nil)
	outer := t.TempDir()
	for name, text := range map[string]string{
		"env":     "GOFLAGS=-tags=netgo\nGOOS=plan9\nGOARCH=arm64\nGOEXPERIMENT=nojsonv2\n", // as go env -w writes it
		"go.work": "go 1.26\n\nuse ./other\n",                                               // of which the repository is no part
	} {
		if err := os.WriteFile(filepath.Join(outer, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second := pack(t, t.TempDir(), []string{
		"TZ=Asia/Shanghai", "GOFLAGS=-trimpath=false", "GOAMD64=v3", "GOFIPS140=latest", "CGO_ENABLED=1", "GOOS=plan9", "LC_ALL=C",
		"GOENV=" + filepath.Join(outer, "env"), "GOWORK=" + filepath.Join(outer, "go.work"),
	})
	if filepath.Base(first) != filepath.Base(second) {
		t.Errorf("the zips are called %s and %s", filepath.Base(first), filepath.Base(second))
	}
	if want := "mysql_" + plugin.Version() + "_" + runtime.GOOS + "_"; !strings.HasPrefix(filepath.Base(first), want) {
		t.Errorf("without arguments %s was built", filepath.Base(first))
	}
	if a, b := sum(t, first), sum(t, second); a != b {
		t.Errorf("the same sources gave %x and %x", a, b)
	}
}

func TestTheProgramTellsItsCommit(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	contents, _, _ := unzip(t, pack(t, t.TempDir(), []string{"SOURCE_COMMIT=" + commit}))
	name := "mysql"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	program := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(program, contents[name], 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "version", "--json").Output()
	var told struct{ Version, Commit string }
	if err == nil {
		err = json.Unmarshal(out, &told)
	}
	if err != nil || told.Commit != commit || told.Version != plugin.Version() {
		t.Errorf("%s, %v", out, err)
	}
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func TestNothingOfThisMachineIsInTheZip(t *testing.T) {
	contents, _, _ := unzip(t, pack(t, t.TempDir(), nil))
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range contents {
		for _, path := range []string{root, filepath.Join(home, "go")} {
			if bytes.Contains(content, []byte(path+string(filepath.Separator))) {
				t.Errorf("%s holds the path %s", name, path)
			}
		}
	}
}

func TestWrongUseIsExplained(t *testing.T) {
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"linux"}, {"-x"}, {"linux", "arm", "7", "more"}, {"-o"}} {
		var stderr bytes.Buffer
		command := exec.Command(filepath.Join(root, "package.sh"), args...)
		command.Stderr = &stderr
		var exit *exec.ExitError
		if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.HasPrefix(stderr.String(), "package.sh: ") {
			t.Errorf("package.sh %v: %v, %q", args, err, stderr.String())
		}
	}
}
