package schema

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxNameLength is the server's bound on an identifier, in characters.
const maxNameLength = 64

// ParseName reads table or database.table; either part may be backquoted, a
// backquote inside doubled. Unquoted, a part may hold anything but a dot, a
// backquote and white space at its ends.
func ParseName(s string) (Name, error) {
	first, rest, err := cutPart(s)
	if err != nil {
		return Name{}, fmt.Errorf("table name %q: %w", s, err)
	}
	if rest == "" {
		return Name{Table: first}, nil
	}
	second, rest, err := cutPart(rest[1:])
	if err == nil && rest != "" {
		err = errors.New("more than two parts; want table or database.table, a dot inside a name needs backquotes")
	}
	if err != nil {
		return Name{}, fmt.Errorf("table name %q: %w", s, err)
	}
	return Name{Database: first, Table: second}, nil
}

// cutPart takes one identifier from the front of s; the rest is empty or starts with a dot.
func cutPart(s string) (part, rest string, err error) {
	s = strings.TrimLeft(s, " \t\r\n")
	if strings.HasPrefix(s, "`") {
		part, rest, err = cutQuoted(s[1:])
		if err != nil {
			return "", "", err
		}
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest != "" && rest[0] != '.' {
			return "", "", fmt.Errorf("unexpected %q after a closing backquote", shorten(rest))
		}
	} else {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		part, rest = strings.TrimRight(s[:end], " \t\r\n"), s[end:]
		if strings.Contains(part, "`") {
			return "", "", errors.New("a backquote inside an unquoted name")
		}
	}
	return part, rest, checkIdentifier(part)
}

// cutQuoted takes an identifier up to its closing backquote; s starts after the opening one.
func cutQuoted(s string) (part, rest string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			return "", "", errors.New("a backquote is not closed")
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if !strings.HasPrefix(s, "`") {
			return b.String(), s, nil
		}
		b.WriteByte('`')
		s = s[1:]
	}
}

// checkIdentifier refuses what no server takes as a name.
func checkIdentifier(part string) error {
	switch {
	case part == "":
		return errors.New("a part is empty")
	case !utf8.ValidString(part):
		return errors.New("not valid UTF-8")
	case strings.ContainsRune(part, 0):
		return errors.New("a NUL character")
	case utf8.RuneCountInString(part) > maxNameLength:
		return fmt.Errorf("longer than %d characters", maxNameLength)
	case strings.HasSuffix(part, " "):
		return errors.New("a name ends in a space")
	}
	return nil
}

// quoteIfNeeded backquotes what ParseName would otherwise read differently.
func quoteIfNeeded(part string) string {
	if strings.ContainsAny(part, ".` \t\r\n") {
		return quote(part)
	}
	return part
}

func quote(part string) string { return "`" + strings.ReplaceAll(part, "`", "``") + "`" }
