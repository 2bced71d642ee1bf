package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/payload"
)

// pathForm is how an error tells what a path may be.
const pathForm = "a field's name, or a path such as payload.sensors[0].t; a part that holds . [ ] -> or a backquote stands in backquotes, a backquote in it doubled"

// Bounds of a path.
const (
	maxSteps = 32
	maxIndex = 1_000_000
)

// path is a field and the steps into its value.
type path struct {
	field string
	steps []payload.Step
}

// parsePath reads a field's name with steps behind it: .name or [index].
func parsePath(s string) (p path, err error) {
	if !utf8.ValidString(s) {
		return p, errors.New("it is not UTF-8")
	}
	if p.field, s, err = cutPart(s); err != nil {
		return p, err
	}
	for s != "" {
		if len(p.steps) >= maxSteps {
			return p, fmt.Errorf("it has more than %d steps", maxSteps)
		}
		var step payload.Step
		if s[0] == '[' {
			step.Element = true
			step.Index, s, err = cutIndex(s[1:])
		} else {
			step.Name, s, err = cutPart(s[1:])
		}
		if err != nil {
			return p, err
		}
		p.steps = append(p.steps, step)
	}
	return p, nil
}

// cutPart takes a name from the front of s; the rest is empty or begins with a
// dot or a bracket.
func cutPart(s string) (part, rest string, err error) {
	if strings.HasPrefix(s, "`") {
		part, rest, err = cutQuoted(s[1:])
	} else {
		part, rest, err = cutBare(s)
	}
	if err == nil && rest != "" && rest[0] != '.' && rest[0] != '[' {
		err = fmt.Errorf("%q follows where a dot, a bracket or the end was due", firstOf(rest))
	}
	return part, rest, err
}

func cutBare(s string) (part, rest string, err error) {
	end := strings.IndexAny(s, ".[]`")
	if end < 0 {
		end = len(s)
	}
	part = s[:end]
	switch {
	case part == "":
		return "", "", errors.New("a part is empty")
	case strings.TrimSpace(part) != part:
		return "", "", fmt.Errorf("white space around %q", part)
	case strings.Contains(part, "->"):
		return "", "", errors.New("steps are written with a dot, not with ->")
	}
	return part, s[end:], nil
}

// cutQuoted takes a name up to its closing backquote.
func cutQuoted(s string) (part, rest string, err error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "`")
		if !found {
			return "", "", errors.New("a backquote is not closed")
		}
		b.WriteString(before)
		if !strings.HasPrefix(after, "`") {
			return b.String(), after, nil
		}
		b.WriteByte('`')
		s = after[1:]
	}
}

// cutIndex takes an index and its closing bracket.
func cutIndex(s string) (index int, rest string, err error) {
	digits, rest, found := strings.Cut(s, "]")
	if !found {
		return 0, "", errors.New("a bracket is not closed")
	}
	index, err = strconv.Atoi(digits)
	if err != nil || index < 0 || index > maxIndex || digits[0] == '+' {
		return 0, "", fmt.Errorf("index [%s]; indexes go from 0, the first, to %d", shorten(digits), maxIndex)
	}
	if rest != "" && rest[0] != '.' && rest[0] != '[' {
		return 0, "", fmt.Errorf("%q follows a bracket where a dot, a bracket or the end was due", firstOf(rest))
	}
	return index, rest, nil
}

// String is the path as parsePath reads it.
func (p path) String() string {
	var b strings.Builder
	b.WriteString(quoteIfNeeded(p.field))
	for _, s := range p.steps {
		if s.Element {
			fmt.Fprintf(&b, "[%d]", s.Index)
			continue
		}
		b.WriteByte('.')
		b.WriteString(quoteIfNeeded(s.Name))
	}
	return b.String()
}

func quoteIfNeeded(part string) string {
	if bare, rest, err := cutBare(part); err == nil && bare == part && rest == "" {
		return part
	}
	return "`" + strings.ReplaceAll(part, "`", "``") + "`"
}

func firstOf(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// maxShown is how many characters an error quotes.
const maxShown = 64

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown]) + "..."
}
