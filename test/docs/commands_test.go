package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tools are the programs that a reader of the documents may be asked for
// beside those of this repository. Whoever needs another adds it here, and
// says in the document where it comes from.
var tools = []string{
	"apt-get", "base64", "cat", "cd", "chmod", "chown", "cp", "curl", "docker", "echo", "exit", "export", "git", "go", "grep", "head", "jq",
	"kill", "kubectl", "kuiper", "bin/kuiper", "bin/kuiperd", "ls", "make", "mariadb", "mkdir", "mosquitto_pub", "mv", "openssl", "printf", "promtool", "ps", "rm",
	"sed", "set", "sh", "sha256sum", "sudo", "systemctl", "tail", "tar", "tee", "test", "unzip", "wait", "zip",
}

// TestScriptsRunWhatIsThere: the blocks of shell commands parse, and what they
// name exists: targets of make, folders of go, scripts, commands and flags of
// the plugin's own program, and JSON where curl posts it.
func TestScriptsRunWhatIsThere(t *testing.T) {
	c := newChecker(t)
	for name, document := range documents(t) {
		for _, block := range document.Blocks {
			if block.Language != "sh" {
				continue
			}
			at := fmt.Sprintf("%s:%d", name, block.Line)
			sh := exec.Command("sh", "-n")
			sh.Stdin = strings.NewReader(block.Text)
			if out, err := sh.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", at, err, out)
			}
			folder := "."
			for _, words := range commands(block.Text) {
				if words[0] == "cd" {
					folder = enter(folder, words[1:])
				}
				if reason := c.wrong(folder, words); reason != "" {
					t.Errorf("%s: %s: %s", at, strings.Join(words, " "), reason)
				}
			}
		}
		for _, span := range document.Spans {
			words := strings.Fields(span.Text)
			if len(words) < 2 || words[0] != "make" && words[0] != "mysql" || strings.ContainsAny(span.Text, "<…") {
				continue
			}
			if reason := c.wrong(".", words); reason != "" {
				t.Errorf("%s:%d: %s: %s", name, span.Line, span.Text, reason)
			}
		}
	}
}

// enter is the folder after cd, from the repository's top, or "" where it is
// none of the repository's.
func enter(folder string, to []string) string {
	if len(to) != 1 || folder == "" {
		return ""
	}
	folder = path.Join(folder, to[0])
	if _, err := os.Stat(filepath.Join(root, folder)); err != nil || path.IsAbs(to[0]) {
		return ""
	}
	return folder
}

// checker knows what there is to be run.
type checker struct {
	targets map[string]bool
	program string
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{targets: map[string]bool{}, program: filepath.Join(t.TempDir(), "mysql")}
	for _, target := range regexp.MustCompile(`(?m)^([a-z][a-z0-9.-]*):`).FindAllStringSubmatch(string(text), -1) {
		c.targets[target[1]] = true
	}
	build := exec.Command("go", "build", "-o", c.program, "./mysql")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return c
}

// wrong says what is wrong with a command that is run in a folder of the
// repository, or elsewhere ("").
func (c *checker) wrong(folder string, words []string) string {
	switch name := words[0]; {
	case name == "make":
		return c.wrongTarget(words[1:])
	case name == "go" && len(words) > 1 && slices.Contains([]string{"build", "run", "test", "vet"}, words[1]):
		return wrongPackage(folder, words[2:])
	case name == "curl":
		return wrongBody(words)
	case name == "mysql" || name == "./mysql" || name == "ekuiper-mysql": // the link that docs/cli.md makes
		return c.wrongUse(words[1:])
	case strings.HasPrefix(name, "./") && folder != "" || strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "deploy/"):
		if _, err := os.Stat(filepath.Join(root, folder, name)); err != nil {
			return "no such file"
		}
	case !slices.Contains(tools, name):
		return "no program that the documents are known to ask for"
	}
	return ""
}

func (c *checker) wrongTarget(words []string) string {
	for _, w := range words {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") && !c.targets[w] {
			return fmt.Sprintf("no target %q in the Makefile", w)
		}
	}
	return ""
}

func wrongPackage(folder string, words []string) string {
	for _, w := range words {
		if strings.HasPrefix(w, "./") && folder != "" {
			if _, err := os.Stat(filepath.Join(root, folder, strings.TrimSuffix(w, "/..."))); err != nil {
				return fmt.Sprintf("no package %s", w)
			}
		}
	}
	return ""
}

func wrongBody(words []string) string {
	for i, w := range words[1:] {
		if words[i] == "-d" && strings.HasPrefix(w, "{") && !json.Valid([]byte(w)) {
			return "the body is not JSON"
		}
	}
	return ""
}

// wrongUse asks the program itself. What begins with a flag is for the client
// of the same name that MySQL has.
func (c *checker) wrongUse(words []string) string {
	if len(words) == 0 || strings.HasPrefix(words[0], "-") {
		return ""
	}
	out, err := exec.Command(c.program, append(slices.Clone(words), "--help")...).CombinedOutput()
	if err != nil {
		return strings.TrimSpace(string(out))
	}
	return ""
}

func TestWrongCommandsAreFound(t *testing.T) {
	c := newChecker(t)
	for script, right := range map[string]bool{
		"make test": true, "make bench BENCH='-only x'": true, "make tests": false,
		"go test -run X ./mysql/...": true, "go run ./test/nothing": false, "cd test; go vet ./nothing": false, "cd /tmp; go vet ./nothing": true,
		"./package.sh linux arm64": true, "./packages.sh": false, "test/tools/deps.sh": true, "test/tools/dep.sh": false,
		`curl -d '{"a": 1}' x`: true, `curl -d '{"a": 1' x`: false, `curl -d "{\"a\": \"$B\"}" x`: true,
		"mysql journal list --json": true, "mysql journal listen": false, "mysql journal list --jason": false, "mysql -u root": true,
		"frobnicate": false, "FOO=1 bin/kuiperd &": true,
	} {
		folder, reasons := ".", ""
		for _, words := range commands(script) {
			if words[0] == "cd" {
				folder = enter(folder, words[1:])
			}
			reasons += c.wrong(folder, words)
		}
		if (reasons == "") != right {
			t.Errorf("%s: %q", script, reasons)
		}
	}
}
