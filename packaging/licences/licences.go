// Package licences tells which licence a text is, by comparing all of it with
// the texts of known ones. It knows those of the modules that the plugin
// consists of, and guesses nothing: a text with a word more is another one.
package licences

import (
	"embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Each file is named after the SPDX expression of its text, with _ for a space.
// In it, a line that begins with ? may be missing, and {n} stands for at most
// n words, such as a holder's name.
//
//go:embed texts
var texts embed.FS

// Identify returns the SPDX expression of a licence's text, such as "MIT" or
// "MIT AND Apache-2.0", and "" where it is none of the known ones. Case,
// punctuation, line breaks and who has the copyright do not matter.
func Identify(text string) string {
	found := words(text)
	for _, l := range known() {
		if l.matches(found) {
			return l.expression
		}
	}
	return ""
}

// licence is a known text.
type licence struct {
	expression string
	parts      []part
}

// part is some words of a known text.
type part struct {
	words    []string
	optional bool
	gap      int // in place of words: at most so many, whichever they are
}

var known = sync.OnceValue(func() (all []licence) {
	entries, err := texts.ReadDir("texts")
	if err != nil {
		panic(err) // it is built in
	}
	for _, entry := range entries {
		text, err := texts.ReadFile("texts/" + entry.Name())
		if err != nil {
			panic(err)
		}
		name := strings.TrimSuffix(entry.Name(), ".txt")
		all = append(all, licence{strings.ReplaceAll(name, "_", " "), parse(string(text))})
	}
	return all
})

var gap = regexp.MustCompile(`\{(\d+)\}`)

// parse splits a known text into its parts.
func parse(text string) (parts []part) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "?"); ok {
			parts = append(parts, part{words: words(rest), optional: true})
			continue
		}
		for line != "" {
			at := gap.FindStringSubmatchIndex(line)
			if at == nil {
				parts = append(parts, part{words: words(line)})
				break
			}
			most, _ := strconv.Atoi(line[at[2]:at[3]])
			parts = append(parts, part{words: words(line[:at[0]])}, part{gap: most})
			line = line[at[1]:]
		}
	}
	return parts
}

func (l licence) matches(text []string) bool { return matches(l.parts, text) }

func matches(parts []part, text []string) bool {
	if len(parts) == 0 {
		return len(text) == 0
	}
	p, rest := parts[0], parts[1:]
	if p.gap > 0 {
		for n := range min(p.gap, len(text)) + 1 {
			if matches(rest, text[n:]) {
				return true
			}
		}
		return false
	}
	if n := len(p.words); n <= len(text) && slices.Equal(p.words, text[:n]) && matches(rest, text[n:]) {
		return true
	}
	return p.optional && matches(rest, text)
}

var (
	holder = regexp.MustCompile(`(?i)^\W*copyright\s+(\(c\)|©|\d{4}|[\[{]yyyy).*$`)
	word   = regexp.MustCompile(`[\pL\pN]+`)
)

// words returns a text's words in lower case, without lines that say who has
// the copyright.
func words(text string) (all []string) {
	for line := range strings.Lines(text) {
		if !holder.MatchString(strings.TrimRight(line, "\r\n")) {
			all = append(all, word.FindAllString(strings.ToLower(line), -1)...)
		}
	}
	return all
}
