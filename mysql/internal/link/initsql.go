package link

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Numbers of the server's errors that quote a part of the statement.
const (
	parseError  = 1064
	syntaxError = 1149
)

// hidden stands for what is not shown.
const hidden = "..."

// leastText is how many bytes a text has that is looked for anywhere: shorter
// ones are parts of words.
const leastText = 4

// withoutTexts is err without the texts of the statement, one of which may be a
// secret: servers quote what they do not take.
func withoutTexts(err error, statement string) error {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return err
	}
	told := *server
	if server.Number == parseError || server.Number == syntaxError {
		told.Message = "the server does not understand it"
		return &told
	}
	texts := literals(statement)
	parts := strings.Split(server.Message, "'")
	for i := 1; i < len(parts); i += 2 { // what stands in quotes
		for _, text := range texts {
			if parts[i] == text || len(parts[i]) >= leastText && strings.Contains(text, parts[i]) { // servers shorten
				parts[i] = hidden
			}
		}
	}
	told.Message = strings.Join(parts, "'")
	for _, text := range texts {
		if len(text) >= leastText {
			told.Message = strings.ReplaceAll(told.Message, text, hidden)
		}
	}
	return &told
}

// literals are the texts in quotes of a statement that config has let through:
// all quotes and comments are closed, and no backslash is in a text.
func literals(s string) (texts []string) {
	for i := 0; i < len(s); {
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "/*"):
			i += after(rest, 2, "*/")
		case rest[0] == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			i += after(rest, 1, "\n")
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			n := after(rest, 1, rest[:1]) // a doubled quote closes and opens again
			if text := strings.Trim(rest[:n], rest[:1]); text != "" && rest[0] != '`' {
				texts = append(texts, text)
			}
			i += n
		default:
			i++
		}
	}
	return texts
}

// after returns where s goes on behind the next end, which is searched for from
// a position on.
func after(s string, from int, end string) int {
	n := strings.Index(s[from:], end)
	if n < 0 {
		return len(s)
	}
	return from + n + len(end)
}
