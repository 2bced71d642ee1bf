package page

import (
	"fmt"
	"regexp"
	"strings"

	"ekuiper-mysql/mysql/internal/deadletter"
)

// quotes are what servers and this plugin put around values and names.
const quotes = "'\"`"

var (
	// ofServer is how an error of the server begins.
	ofServer = regexp.MustCompile(`\bError (\d+) \(([0-9A-Z]{5})\): `)
	// ofElement is how the error of what is no row begins; its text follows.
	ofElement = regexp.MustCompile(`^element at byte \d+: [^:]*: `)
	// numbers may be values: "Table has no partition for value 20991231".
	numbers = regexp.MustCompile(`\d+(?:[-.,:/ ]?\d+)*`)
)

// signal is the error of a trigger's own making, whose text may hold anything.
const signal = "1644"

// reasonOf is why a letter was set aside, with nothing of its row in it.
func reasonOf(l *deadletter.Letter) string {
	if fmt.Sprint(l.Number) == signal || strings.HasPrefix(l.SQLState, "45") {
		return "…"
	}
	return withoutValues(l.Text, l.Number != 0)
}

// withoutValues is an error's text with nothing of a row in it: no text of a
// trigger, nothing in quotes, and no number of the server's. Columns have a
// field of their own. A text that does not tell it is the server's if fromServer.
func withoutValues(text string, fromServer bool) string {
	if at := ofElement.FindStringIndex(text); at != nil {
		return text[:at[1]] + "…"
	}
	head, told := "", text
	if at := ofServer.FindStringSubmatchIndex(text); at != nil {
		if text[at[2]:at[3]] == signal || strings.HasPrefix(text[at[4]:at[5]], "45") {
			return withoutQuoted(text[:at[0]]) + text[at[0]:at[1]] + "…"
		}
		head, told, fromServer = withoutQuoted(text[:at[0]])+text[at[0]:at[1]], text[at[1]:], true
	}
	if told = withoutQuoted(told); fromServer {
		told = numbers.ReplaceAllString(told, "…")
	}
	return head + told
}

// withoutQuoted leaves out what stands between the first quote and the last:
// a value may hold quotes itself.
func withoutQuoted(text string) string {
	first, last := strings.IndexAny(text, quotes), strings.LastIndexAny(text, quotes)
	switch {
	case first < 0:
		return text
	case first == last:
		return text[:first] + "…"
	}
	return text[:first] + "…" + text[last+1:]
}
