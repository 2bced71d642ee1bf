package metrics

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated part of docs/metrics.md")

const (
	document = "../../../docs/metrics.md"
	begin    = "<!-- made by: go test ./mysql/internal/metrics -run TestDocument -update -->\n"
	end      = "<!-- end -->\n"
)

// TestDocument: docs/metrics.md has what the code has.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no generated part", document)
	}
	want := head + begin + tables() + end + tail
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("%s is not as the code: go test ./mysql/internal/metrics -run TestDocument -update", document)
	}
	if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func tables() string {
	var out strings.Builder
	for _, ofRule := range []bool{true, false} {
		if ofRule {
			fmt.Fprintf(&out, "\n## Of each action of each rule\n\nLabels: %s; what a figure has beside them stands with its name.\n", quoted(RuleLabels))
		} else {
			out.WriteString("\n## Of the plugin\n")
		}
		out.WriteString("\n| Metric | Type | What it is | When it moves |\n| --- | --- | --- | --- |\n")
		for _, f := range Figures() {
			if f.OfRule != ofRule {
				continue
			}
			name := "`" + f.Name + "`"
			if len(f.Labels) > 0 {
				name += " (" + quoted(f.Labels) + ")"
			}
			fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", name, f.Kind, strings.ReplaceAll(f.Help, "|", `\|`), strings.ReplaceAll(f.Advice, "|", `\|`))
		}
	}
	out.WriteString("\n")
	return out.String()
}

func quoted(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
