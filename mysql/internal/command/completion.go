package command

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints a script for a shell.
type completionCommand struct {
	Shell   string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
	Program string `default:"mysql" placeholder:"NAME" help:"The name by which this program is called: MySQL's own client has the same."`
}

// Help adds to the command's help.
func (completionCommand) Help() string {
	return `MySQL's own client is called mysql too: give this program another name, such as a link
/usr/local/bin/ekuiper-mysql, and that as --program.

Examples:
  mysql completion bash --program ekuiper-mysql > /etc/bash_completion.d/ekuiper-mysql
  mysql completion zsh --program ekuiper-mysql > /usr/share/zsh/site-functions/_ekuiper-mysql
  mysql completion fish --program ekuiper-mysql > /etc/fish/completions/ekuiper-mysql.fish

Exit codes: 0 printed; 1 an error; 2 a mistake in the command line.`
}

var programName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// Run prints the script.
func (c *completionCommand) Run(s streams, k *kong.Kong) error {
	if !programName.MatchString(c.Program) {
		return usageError(fmt.Sprintf("--program: %q; allowed: letters, digits, _, - and dots", c.Program))
	}
	all := places(k.Model.Node, "")
	script := map[string]func(string, []place) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err := fmt.Fprint(s.out, script(c.Program, all))
	return err
}

// place is one command of the grammar: what may follow its words.
type place struct {
	path     string // its words, parted by spaces; "" is the program alone
	commands []hint
	flags    []completed
	values   []string // of its argument, where they are few
	files    bool     // its argument is a file
}

// hint is a word and what it means.
type hint struct{ word, help string }

// completed is a flag.
type completed struct {
	hint          // with its dashes
	short  string // likewise, "" for none
	takes  bool   // a value follows
	files  bool   // which is a file
	values []string
}

// places are a command and all below it.
func places(n *kong.Node, path string) (all []place) {
	p := place{path: path}
	for up := n; up != nil; up = up.Parent {
		for _, f := range up.Flags {
			if !f.Hidden {
				p.flags = append(p.flags, completedOf(f))
			}
		}
	}
	for _, a := range n.Positional {
		p.values = valuesOf(a)
		p.files = a.Tag != nil && a.Tag.Type == "path"
	}
	var below []place
	for _, child := range n.Children {
		if child.Hidden || child.Type != kong.CommandNode {
			continue
		}
		p.commands = append(p.commands, hint{child.Name, firstSentence(child.Help)})
		below = append(below, places(child, strings.TrimSpace(path+" "+child.Name))...)
	}
	return append(append(all, p), below...)
}

func completedOf(f *kong.Flag) completed {
	c := completed{hint: hint{"--" + f.Name, firstSentence(f.Help)}, takes: !f.IsBool() && !f.IsCounter(), values: valuesOf(f.Value)}
	if f.Short != 0 {
		c.short = "-" + string(f.Short)
	}
	c.files = f.Tag != nil && f.Tag.Type == "path"
	return c
}

func valuesOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return strings.Split(v.Enum, ",")
}

// firstSentence is what fits beside a word.
func firstSentence(help string) string {
	text, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(text, ".")
}

// words are the flags of p as they are typed.
func (p *place) words() (all []string) {
	for _, f := range p.flags {
		all = append(all, f.word)
		if f.short != "" {
			all = append(all, f.short)
		}
	}
	return all
}

// names are a flag's, as alternatives of a case of the path's.
func (f *completed) names(path string) string {
	text := shellQuoted(path + "|" + f.word)
	if f.short != "" {
		text += "|" + shellQuoted(path+"|"+f.short)
	}
	return text
}

// identifier is a program's name as that of a function.
func functionName(program string) string {
	return "_complete_" + regexp.MustCompile(`[^A-Za-z0-9_]`).ReplaceAllString(program, "_")
}

// paths is a pattern of all commands' words.
func paths(all []place) string {
	var quoted []string
	for _, p := range all {
		if p.path != "" {
			quoted = append(quoted, shellQuoted(p.path))
		}
	}
	return strings.Join(quoted, "|")
}

// takers is a pattern of all flags after which a value follows.
func takers(all []place) string {
	var quoted []string
	for _, p := range all {
		for _, f := range p.flags {
			if f.takes {
				quoted = append(quoted, f.names(p.path))
			}
		}
	}
	return strings.Join(quoted, "|")
}
