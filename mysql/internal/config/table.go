package config

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxName is the most characters that MySQL allows in a name.
const maxName = 64

// checkTable says what is wrong with a table's name. The name stays as it was
// given; what reads it follows the same rules.
func checkTable(s string) error {
	if addressLike(s) {
		return errors.New("no table's name")
	}
	parts, err := tableParts(s)
	if err != nil {
		return err
	}
	if len(parts) > 2 {
		return errors.New("more than two parts; a dot inside a name needs backquotes")
	}
	for _, p := range parts {
		if err := checkName(p); err != nil {
			return err
		}
	}
	return nil
}

// fieldsIn are the fields of a row that a table's name may hold. What they say
// is for the room that finds a row's table to judge.
var fieldsIn = regexp.MustCompile(`\{[^{}]*\}`)

// isTemplate tells whether rows have a say in a table's name.
func isTemplate(s string) bool { return strings.ContainsAny(s, "{}") }

// tableDatabase returns the database that a table's name gives, or "".
func tableDatabase(s string) string {
	parts, err := tableParts(s)
	if err != nil || len(parts) != 2 {
		return ""
	}
	return parts[0]
}

// ownName returns a table's name without its database and without backquotes.
func ownName(s string) string {
	parts, err := tableParts(s)
	if err != nil || len(parts) == 0 {
		return s
	}
	return parts[len(parts)-1]
}

// tableParts splits at dots outside backquotes and takes the backquotes off.
func tableParts(s string) ([]string, error) {
	const blank = " \t\r\n"
	s = fieldsIn.ReplaceAllLiteralString(s, "{}") // whose dots part nothing
	var parts []string
	for {
		s = strings.TrimLeft(s, blank)
		part := ""
		if quoted, ok := strings.CutPrefix(s, "`"); ok {
			if part, s, ok = cutQuoted(quoted); !ok {
				return nil, errors.New("a backquote is not closed")
			}
			s = strings.TrimLeft(s, blank)
			if s != "" && s[0] != '.' {
				return nil, errors.New("something follows a closing backquote")
			}
		} else {
			end := strings.IndexByte(s, '.')
			if end < 0 {
				end = len(s)
			}
			part, s = strings.TrimRight(s[:end], blank), s[end:]
			if strings.Contains(part, "`") {
				return nil, errors.New("a backquote inside a name that does not begin with one")
			}
		}
		parts = append(parts, part)
		if s == "" {
			return parts, nil
		}
		s = s[1:]
	}
}

// cutQuoted takes a name up to its closing backquote; a doubled one stands for
// one inside it.
func cutQuoted(s string) (name, rest string, ok bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "`")
		if !found {
			return "", "", false
		}
		b.WriteString(before)
		if !strings.HasPrefix(after, "`") {
			return b.String(), after, true
		}
		b.WriteByte('`')
		s = after[1:]
	}
}

// checkName refuses what no server takes as a name.
func checkName(s string) error {
	switch {
	case s == "":
		return errors.New("an empty name")
	case !utf8.ValidString(s):
		return errors.New("a name that is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("a control character in a name")
	case strings.ContainsFunc(s, func(r rune) bool { return r > 0xffff }):
		return errors.New("a character beyond U+FFFF in a name, such as an emoji, which MySQL and MariaDB do not take")
	case utf8.RuneCountInString(s) > maxName:
		return errors.New("a name of more than 64 characters")
	case strings.HasSuffix(s, " "):
		return errors.New("a name that ends in a space")
	}
	return nil
}
