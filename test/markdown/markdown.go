// Package markdown reads what tests want to know of a Markdown document: its
// links, the anchors that links may point to, its blocks of code and its
// sections. It knows the part of GitHub's dialect that this repository uses.
package markdown

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Document is what is read of a file.
type Document struct {
	Blocks   []Block
	Links    []Link
	Spans    []Span
	Sections []Section // the first is what stands before all headings
	Anchors  map[string]bool
}

// Section is a heading and what stands below it, up to the next.
type Section struct {
	Level  int // 1 to 6; 0 of what stands before all headings
	Title  string
	Anchor string
	Line   int    // of the heading, from 1
	Prose  string // its lines outside of blocks and headings, without code, comments and what links point to
	Tables []Table
}

// Table is a table's rows, the two of its head included.
type Table struct {
	Rows []string
	Line int
}

// Block is a fenced block of code.
type Block struct {
	Language string // the first word after the fence, such as sh
	Text     string
	Line     int // of the opening fence, from 1
}

// Link is what a link or picture points to, such as docs/random.md#rates.
type Link struct {
	Target string
	Line   int
}

// Span is code within a line.
type Span struct {
	Text string
	Line int
}

var (
	fence     = regexp.MustCompile("^ {0,3}(```+|~~~+) *([^ `]*)")
	heading   = regexp.MustCompile(`^ {0,3}#{1,6} +(.*?)(?: +#+)? *$`)
	codeSpan  = regexp.MustCompile("(`+)(.+?)(`+)")
	inline    = regexp.MustCompile(`\]\(<?([^()\s>]+(?:\([^()\s]*\))?)>?(?: +"[^"]*")?\)`)
	reference = regexp.MustCompile(`^ {0,3}\[[^\]]+\]: +(\S+)`)
	anchor    = regexp.MustCompile(`<a +(?:id|name)="([^"]+)"`)
	linkText  = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	comment   = regexp.MustCompile(`<!--.*?-->`)
)

// Parse reads a document.
func Parse(text string) Document {
	d := Document{Anchors: map[string]bool{}, Sections: []Section{{Line: 1}}}
	open := "" // the fence of the block that the line is in
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		mark := fence.FindStringSubmatch(line)
		switch {
		case open != "" && mark != nil && strings.HasPrefix(mark[1], open) && mark[2] == "":
			open = ""
		case open != "":
			d.Blocks[len(d.Blocks)-1].Text += line + "\n"
		case mark != nil:
			open = mark[1]
			d.Blocks = append(d.Blocks, Block{Language: mark[2], Line: i + 1})
		default:
			d.prose(line, i+1)
		}
	}
	return d
}

// prose reads a line outside of blocks.
func (d *Document) prose(line string, number int) {
	if title := heading.FindStringSubmatch(line); title != nil {
		level := len(strings.Fields(line)[0])
		d.Sections = append(d.Sections, Section{Level: level, Title: title[1], Anchor: d.name(title[1]), Line: number})
	} else {
		d.Sections[len(d.Sections)-1].add(line, number)
	}
	for _, code := range codeSpan.FindAllStringSubmatch(line, -1) {
		d.Spans = append(d.Spans, Span{Text: strings.TrimSpace(code[2]), Line: number})
	}
	line = codeSpan.ReplaceAllString(line, "")
	for _, pattern := range []*regexp.Regexp{inline, reference} {
		for _, link := range pattern.FindAllStringSubmatch(line, -1) {
			d.Links = append(d.Links, Link{Target: link[1], Line: number})
		}
	}
	for _, a := range anchor.FindAllStringSubmatch(line, -1) {
		d.Anchors[a[1]] = true
	}
}

// add takes a line of a section, other than its heading.
func (s *Section) add(line string, number int) {
	if strings.HasPrefix(line, "|") {
		if last := len(s.Tables) - 1; last >= 0 && s.Tables[last].Line+len(s.Tables[last].Rows) == number {
			s.Tables[last].Rows = append(s.Tables[last].Rows, line)
		} else {
			s.Tables = append(s.Tables, Table{Rows: []string{line}, Line: number})
		}
	}
	line = comment.ReplaceAllString(codeSpan.ReplaceAllString(line, ""), "")
	s.Prose += linkText.ReplaceAllString(line, "$1") + "\n"
}

// name adds a heading's anchor as GitHub makes it: letters, digits, hyphens
// and underscores, spaces as hyphens, and a number where it is there already.
func (d *Document) name(title string) string {
	title = linkText.ReplaceAllString(title, "$1")
	slug := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, title)
	unique := slug
	for n := 1; d.Anchors[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", slug, n)
	}
	d.Anchors[unique] = true
	return unique
}
