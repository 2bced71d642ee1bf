package docs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// commands splits a script into its simple commands, each as its words without
// quotes and comments; assignments, redirections and the words of the language
// itself, such as then, are left out. It is enough for what documents hold;
// that the script is right is for sh -n to say.
func commands(script string) [][]string {
	var all [][]string
	var now []string
	end := func() {
		for len(now) > 0 && (slices.Contains(reserved, now[0]) || assignment(now[0])) {
			now = now[1:]
		}
		if len(now) > 0 {
			all = append(all, now)
		}
		now = nil
	}
	for rest := script; rest != ""; {
		switch c := rest[0]; {
		case strings.HasPrefix(rest, "\\\n"):
			rest = rest[2:]
		case c == ' ' || c == '\t':
			rest = rest[1:]
		case c == '#':
			_, rest, _ = strings.Cut(rest, "\n")
			end()
		case c == '<' || c == '>':
			_, rest = word(strings.TrimLeft(rest, "<>& "))
		case strings.ContainsRune("\n;|&()", rune(c)):
			rest = rest[1:]
			end()
		default:
			var w string
			if w, rest = word(rest); w != "2" || !strings.HasPrefix(rest, ">") {
				now = append(now, w)
			}
		}
	}
	end()
	return all
}

var reserved = []string{"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done"}

func assignment(w string) bool {
	name, _, found := strings.Cut(w, "=")
	return found && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}

// word cuts the first word off, its quotes removed.
func word(text string) (w, rest string) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == '\'' && c != quote, quote == '"' && c != quote && c != '\\':
			b.WriteByte(c)
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && i+1 < len(text):
			if i++; text[i] != '\n' {
				b.WriteByte(text[i])
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(" \t\n;|&()<>", c) >= 0:
			return b.String(), text[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func TestCommands(t *testing.T) {
	script := `
make x   # not y; make z
A=1 B='2 3' ./run "a \"b\"
c" 'd e'"f" > out 2>&1 && curl -s \
  -d '{"a": "b"}' | grep g >> h &
if test -f x; then echo 'y'; fi
`
	want := [][]string{
		{"make", "x"},
		{"./run", "a \"b\"\nc", "d ef"},
		{"curl", "-s", "-d", `{"a": "b"}`},
		{"grep", "g"},
		{"test", "-f", "x"},
		{"echo", "y"},
	}
	if got := commands(script); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
