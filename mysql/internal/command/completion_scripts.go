package command

import (
	"fmt"
	"strings"
)

// The scripts find the command that the words before the cursor name, and offer
// what may follow it.

// bashScript is that for bash, which parts words at = as well.
func bashScript(program string, all []place) string {
	var b strings.Builder
	name := functionName(program)
	fmt.Fprintf(&b, `# Completion of %s for bash.
%s() {
  local cur=${COMP_WORDS[COMP_CWORD]} path= flag= word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == = ]]; then continue; fi
    if [[ -n $flag ]]; then flag=; continue; fi
    case "$path|$word" in
      %s) flag=$word; continue ;;
    esac
    case "${path:+$path }$word" in
      %s) path="${path:+$path }$word" ;;
    esac
  done
  if [[ $cur == = ]]; then cur=; fi
  if [[ -n $flag ]]; then
    case "$path|$flag" in
`, program, name, takers(all), paths(all))
	for _, p := range all {
		for _, f := range p.flags {
			if f.takes && f.files {
				fmt.Fprintf(&b, "      %s) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n", f.names(p.path))
			} else if f.takes && f.values != nil {
				fmt.Fprintf(&b, "      %s) COMPREPLY=($(compgen -W %s -- \"$cur\")) ;;\n", f.names(p.path), shellQuoted(strings.Join(f.values, " ")))
			}
		}
	}
	b.WriteString("    esac\n    return\n  fi\n  case \"$path\" in\n")
	for _, p := range all {
		var words []string
		for _, c := range p.commands {
			words = append(words, c.word)
		}
		words = append(words, p.values...)
		fmt.Fprintf(&b, "    %s)\n      if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W %s -- \"$cur\"))\n", shellQuoted(p.path), shellQuoted(strings.Join(p.words(), " ")))
		if p.files {
			b.WriteString("      else\n        compopt -o filenames 2>/dev/null\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n")
		} else if len(words) > 0 {
			fmt.Fprintf(&b, "      else\n        COMPREPLY=($(compgen -W %s -- \"$cur\"))\n", shellQuoted(strings.Join(words, " ")))
		}
		b.WriteString("      fi ;;\n")
	}
	fmt.Fprintf(&b, "  esac\n}\ncomplete -F %s %s\n", name, program)
	return b.String()
}

// zshScript is that for zsh.
func zshScript(program string, all []place) string {
	var b strings.Builder
	name := functionName(program)
	fmt.Fprintf(&b, `#compdef %s
# Completion of %s for zsh.
%s() {
  local path_= flag= word
  local -a offered
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    word=${words[i]}
    if [[ -n $flag ]]; then flag=; continue; fi
    case "$path_|$word" in
      %s) flag=$word; continue ;;
    esac
    case "${path_:+$path_ }$word" in
      %s) path_="${path_:+$path_ }$word" ;;
    esac
  done
  if [[ -z $flag && ${words[CURRENT]} == --*=* ]]; then
    flag=${words[CURRENT]%%%%=*}
    compset -P '*='
  fi
  if [[ -n $flag ]]; then
    case "$path_|$flag" in
`, program, program, name, takers(all), paths(all))
	for _, p := range all {
		for _, f := range p.flags {
			if f.takes && f.files {
				fmt.Fprintf(&b, "      %s) _files ;;\n", f.names(p.path))
			} else if f.takes && f.values != nil {
				fmt.Fprintf(&b, "      %s) compadd -- %s ;;\n", f.names(p.path), strings.Join(f.values, " "))
			}
		}
	}
	b.WriteString("    esac\n    return\n  fi\n  case \"$path_\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "    %s)\n      if [[ ${words[CURRENT]} == -* ]]; then\n        offered=(%s)\n        _describe flag offered\n", shellQuoted(p.path), zshHints(p.flagHints()))
		switch {
		case p.files:
			b.WriteString("      else\n        _files\n")
		case len(p.values) > 0:
			fmt.Fprintf(&b, "      else\n        compadd -- %s\n", strings.Join(p.values, " "))
		case len(p.commands) > 0:
			fmt.Fprintf(&b, "      else\n        offered=(%s)\n        _describe command offered\n", zshHints(p.commands))
		}
		b.WriteString("      fi ;;\n")
	}
	fmt.Fprintf(&b, "  esac\n}\nif [[ $funcstack[1] == _%s ]]; then\n  %s \"$@\"\nelse\n  compdef %s %s\nfi\n", program, name, name, program)
	return b.String()
}

func (p *place) flagHints() (all []hint) {
	for _, f := range p.flags {
		all = append(all, f.hint)
		if f.short != "" {
			all = append(all, hint{f.short, f.help})
		}
	}
	return all
}

// zshHints are hints as _describe has them.
func zshHints(hints []hint) string {
	var all []string
	for _, h := range hints {
		all = append(all, shellQuoted(strings.ReplaceAll(h.word, ":", `\:`)+":"+h.help))
	}
	return strings.Join(all, " ")
}

// fishScript is that for fish.
func fishScript(program string, all []place) string {
	var b strings.Builder
	name := functionName(program)
	fmt.Fprintf(&b, `# Completion of %s for fish.
function %s
    set -l path
    set -l flag
    set -l tokens (commandline -opc)
    for word in $tokens[2..-1]
        if test -n "$flag"
            set flag
            continue
        end
        set -l next (string join ' ' $path $word)
        switch "$path|$word"
            case %s
                set flag $word
                continue
        end
        switch $next
            case %s
                set path $path $word
        end
    end
    test "$path" = "$argv[1]"
end
complete -c %s -f
`, program, name, fishWords(takers(all)), fishWords(paths(all)), program)
	for _, p := range all {
		when := fmt.Sprintf("complete -c %s -n %s", program, fishQuoted(name+` "`+p.path+`"`))
		for _, c := range p.commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", when, c.word, fishQuoted(c.help))
		}
		if len(p.values) > 0 {
			fmt.Fprintf(&b, "%s -a %s\n", when, fishQuoted(strings.Join(p.values, " ")))
		}
		if p.files {
			fmt.Fprintf(&b, "%s -F\n", when)
		}
		for _, f := range p.flags {
			line := fmt.Sprintf("%s -l %s -d %s", when, strings.TrimPrefix(f.word, "--"), fishQuoted(f.help))
			if f.short != "" {
				line += " -s " + strings.TrimPrefix(f.short, "-")
			}
			switch {
			case f.takes && f.files:
				line += " -r -F"
			case f.takes && f.values != nil:
				line += " -x -a " + fishQuoted(strings.Join(f.values, " "))
			case f.takes:
				line += " -x"
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// fishWords is a pattern of bash's as words of fish.
func fishWords(pattern string) string { return strings.ReplaceAll(pattern, "'|'", "' '") }

// fishQuoted is text as a word of fish.
func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
