package command

import (
	"bytes"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"ekuiper-mysql/mysql/internal/check"
)

// example is a line that a person is told to type.
var example = regexp.MustCompile(`(?m)^(?:    )?(?:\S.* && )?(?:\./)?mysql ((?:check|rule|status|journal|deadletters|ddl|completion|version).*)$`)

// quoted is what a shell leaves alone.
var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// grammar is the parser of a command line of its own.
func grammar(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&commandLine{}, kong.Name("mysql"), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// words parts a command as a shell does, as far as examples go: double quotes
// keep words together, and what follows < or > is the shell's.
func words(text string) (all []string) {
	for _, w := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(text, -1) {
		if w == ">" || w == "<" || w == "|" {
			break
		}
		all = append(all, strings.Trim(w, `"`))
	}
	return all
}

// TestDocumentedCommandsAreOnes parses every command in the documents and in
// all help texts, which have examples and exit codes.
func TestDocumentedCommandsAreOnes(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{"README.md", "docs/operations.md", "docs/recipes.md", "docs/guarantees.md", "docs/cli.md"} {
		b, err := os.ReadFile("../../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(b)
	}
	for _, p := range places(grammar(t).Model.Node, "") {
		if p.path == "" {
			continue
		}
		var out bytes.Buffer
		if code := Run(append(strings.Fields(p.path), "--help"), &out, io.Discard); code != 0 || !strings.Contains(out.String(), "Examples:") || !strings.Contains(out.String(), "Exit codes: 0") {
			t.Errorf("%s --help: code %d, or without examples or exit codes:\n%s", p.path, code, &out)
		}
		texts[p.path+" --help"] = out.String()
	}
	for name, text := range texts {
		found := example.FindAllStringSubmatch(text, -1)
		if len(found) == 0 && (name == "docs/operations.md" || strings.HasSuffix(name, "--help")) {
			t.Errorf("%s: no command found", name)
		}
		for _, f := range found {
			if _, err := grammar(t).Parse(words(f[1])); err != nil {
				t.Errorf("%s: mysql %s: %v", name, f[1], err)
			}
			if strings.ContainsAny(quoted.ReplaceAllString(f[1], ""), "()") {
				t.Errorf("%s: mysql %s: brackets outside of quotes are the shell's", name, f[1])
			}
		}
	}
}

// printed are the objects that commands print as JSON.
var printed = map[string][]any{
	"check":              {check.Step{}, check.Field{}},
	"ddl":                {drawn{}},
	"status":             {report{}, files{}},
	"journal list":       {journalLine{}},
	"journal verify":     {verified{}, damagedPlace{}},
	"journal export":     {pendingRow{}},
	"journal drain":      {drained{}, progress{}},
	"deadletters list":   {listed{}},
	"deadletters count":  {jsonCount{}},
	"deadletters show":   {jsonLetter{}},
	"deadletters export": {jsonLetter{}},
	"deadletters replay": {jsonRefusal{}, jsonReplayed{}},
	"version":            {build{}, features{}},
}

// listed are the fields of a letter without its row.
type listed struct {
	ID        int `json:"id"`
	RecordRow int `json:"recordRow"`
	Bytes     int `json:"bytes"`
}

// TestEveryCommandIsDocumented in a section of docs/cli.md: with an example,
// exit codes, each of its flags and no other, and each field of its JSON.
func TestEveryCommandIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(b), "\n## mysql ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[name] = text
	}
	flag := regexp.MustCompile("`(--[a-z-]+)`")
	for _, p := range places(grammar(t).Model.Node, "") {
		if len(p.commands) > 0 {
			continue
		}
		text, found := sections[p.path]
		if !found {
			t.Errorf("docs/cli.md has no section for mysql %s", p.path)
			continue
		}
		delete(sections, p.path)
		if !strings.Contains(text, "```sh\nmysql "+p.path) || !strings.Contains(text, "\nExit codes: 0 ") {
			t.Errorf("mysql %s: no example, or no exit codes", p.path)
		}
		var there []string
		for _, f := range p.flags {
			there = append(there, f.word)
			if f.word != "--help" && !strings.Contains(text, f.word) {
				t.Errorf("mysql %s: its flag %s is not told of", p.path, f.word)
			}
		}
		for _, f := range flag.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(there, f[1]) {
				t.Errorf("mysql %s: it has no flag %s", p.path, f[1])
			}
		}
		if slices.Contains(there, "--json") != strings.Contains(text, "JSON") && p.path != "rule" {
			t.Errorf("mysql %s: is there JSON or not?", p.path)
		}
		for _, object := range printed[p.path] {
			for _, field := range jsonNames(object) {
				if !strings.Contains(text, "`"+field+"`") {
					t.Errorf("mysql %s: its field %s is not told of", p.path, field)
				}
			}
		}
	}
	for name := range sections {
		t.Errorf("docs/cli.md tells of mysql %s, which is none", name)
	}
}

// jsonNames are the names of an object's fields.
func jsonNames(object any) (all []string) {
	of := reflect.TypeOf(object)
	for i := range of.NumField() {
		if name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// TestCommandsThatPrintHaveJSON, apart from those whose output is JSON or a script.
func TestCommandsThatPrintHaveJSON(t *testing.T) {
	for _, p := range places(grammar(t).Model.Node, "") {
		if len(p.commands) > 0 || p.path == "rule" || p.path == "completion" {
			continue
		}
		if !slices.Contains(p.words(), "--json") {
			t.Errorf("mysql %s has no --json", p.path)
		}
	}
}
