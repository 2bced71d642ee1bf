package command

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// example is a line that a person is told to type.
var example = regexp.MustCompile(`(?m)^(?:    )?(?:\S.* && )?(?:\./)?mysql ((?:status|journal|deadletters|ddl|version).*)$`)

// TestDocumentedCommandsAreOnes parses every command in the documents and in
// all help texts.
func TestDocumentedCommandsAreOnes(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{"README.md", "docs/operations.md", "docs/recipes.md", "docs/guarantees.md"} {
		b, err := os.ReadFile("../../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(b)
	}
	for _, args := range []string{
		"status", "journal", "journal list", "journal verify", "journal export", "journal drain", "journal purge", "deadletters", "deadletters list",
		"deadletters count", "deadletters show", "deadletters export", "deadletters replay", "deadletters purge", "ddl",
	} {
		var out bytes.Buffer
		if code := Run(append(strings.Fields(args), "--help"), &out, io.Discard); code != 0 || !strings.Contains(out.String(), "Examples:") {
			t.Errorf("%s --help: code %d, or without examples:\n%s", args, code, &out)
		}
		texts[args+" --help"] = out.String()
	}
	for name, text := range texts {
		found := example.FindAllStringSubmatch(text, -1)
		if len(found) == 0 && (name == "docs/operations.md" || strings.HasSuffix(name, "--help")) {
			t.Errorf("%s: no command found", name)
		}
		for _, f := range found {
			args, _, _ := strings.Cut(f[1], " > ")
			parser, err := kong.New(&commandLine{}, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(strings.Fields(args)); err != nil {
				t.Errorf("%s: mysql %s: %v", name, args, err)
			}
		}
	}
}
