package docs

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ekuiper-mysql/test/markdown"
)

// zh is where the Chinese pages lie, each under the name of its English one.
const zh = "docs/zh/"

// englishOnly are the documents for users that have no Chinese page, with the
// reason. Whoever writes a new one adds its Chinese page, or a line here.
var englishOnly = map[string]string{
	"CHANGELOG.md":    "a record of changes, in the language of the commits",
	"CONTRIBUTING.md": "for those who change the code, which is in English",
}

// summaries are Chinese pages that tell what an English page of figures is,
// and lead to it: the figures are written by a command, into one place alone.
var summaries = map[string]bool{"curves.md": true, "faults.md": true, "performance.md": true, "servers.md": true, "soak.md": true}

// differing are the words in code and the numbers that stand on one side
// only, where they must: by page, in any section.
var differing = map[string][]string{
	"comparison.md": {"11"}, // November is 11 月
}

// pairs are the English documents that have a Chinese page, by its name.
func pairs(all map[string]markdown.Document) map[string]string {
	pairs := map[string]string{}
	for name := range all {
		if page, ok := strings.CutPrefix(name, zh); ok {
			pairs[page] = englishOf(all, page)
		}
	}
	return pairs
}

// englishOf is the document that a Chinese page is of: of the same name in
// docs, or at the top.
func englishOf(all map[string]markdown.Document, page string) string {
	if _, ok := all["docs/"+page]; ok {
		return "docs/" + page
	}
	return page
}

// TestLanguagesAreInStep: a Chinese page says the same as its English one, as
// far as that can be seen: headings, blocks of code, tables, words in code,
// numbers and links, section by section.
func TestLanguagesAreInStep(t *testing.T) {
	all := documents(t)
	for page, name := range pairs(all) {
		if _, ok := all[name]; !ok {
			t.Errorf("%s%s: there is no English document of that name", zh, page)
			continue
		}
		if summaries[page] {
			continue
		}
		for _, lack := range outOfStep(all, name, zh+page, withoutFigures(t, name), all[zh+page]) {
			t.Error(lack)
		}
	}
}

// figures are what a command writes into an English document; the Chinese page
// leads there.
var figures = regexp.MustCompile(`(?s)<!-- (?:what follows is|table:) written by .*?<!-- (?:what precedes is written by [^>]*|end of table) -->`)

// withoutFigures reads a document without them, its lines where they were.
func withoutFigures(t *testing.T, name string) markdown.Document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return markdown.Parse(figures.ReplaceAllStringFunc(string(text), func(f string) string { return strings.Repeat("\n", strings.Count(f, "\n")) }))
}

// TestLanguagesLeadToEachOther at the top of each page.
func TestLanguagesLeadToEachOther(t *testing.T) {
	all := documents(t)
	for page, name := range pairs(all) {
		to := relative(name, zh+page)
		if top := "English | [中文](" + to + ")\n"; !strings.Contains(all[name].Sections[0].Prose+all[name].Sections[1].Prose, "English | 中文\n") ||
			!slices.ContainsFunc(all[name].Links, func(l markdown.Link) bool { return l.Target == to }) {
			t.Errorf("%s: its top lacks the line %s", name, top)
		}
		to = relative(zh+page, name)
		if !strings.HasPrefix(strings.TrimSpace(all[zh+page].Sections[0].Prose), "English | 中文") ||
			!slices.ContainsFunc(all[zh+page].Links, func(l markdown.Link) bool { return l.Target == to }) {
			t.Errorf("%s%s: its top lacks the line [English](%s) | 中文", zh, page, to)
		}
	}
}

// TestEveryDocumentHasAChinesePage, or a reason.
func TestEveryDocumentHasAChinesePage(t *testing.T) {
	all := documents(t)
	for name := range all {
		if folder := path.Dir(name); folder != "." && folder != "docs" {
			continue
		}
		_, chinese := all[zh+path.Base(name)]
		switch reason := englishOnly[name]; {
		case !chinese && reason == "":
			t.Errorf("%s: write %s%s, or say in languages_test.go why there is none", name, zh, path.Base(name))
		case chinese && reason != "":
			t.Errorf("%s has a Chinese page: remove it from englishOnly", name)
		}
	}
	for name := range englishOnly {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is not there: remove it from englishOnly", name)
		}
	}
}

func relative(from, to string) string {
	r, err := filepath.Rel(filepath.FromSlash(path.Dir(from)), filepath.FromSlash(to))
	if err != nil {
		panic(err)
	}
	return filepath.ToSlash(r)
}

// outOfStep says what a Chinese page lacks, or has too much, beside its
// English one.
func outOfStep(all map[string]markdown.Document, name, page string, english, chinese markdown.Document) (lacks []string) {
	say := func(line int, format string, args ...any) {
		lacks = append(lacks, fmt.Sprintf("%s:%d: ", page, line)+fmt.Sprintf(format, args...))
	}
	for i := range max(len(english.Sections), len(chinese.Sections)) {
		switch {
		case i >= len(chinese.Sections):
			say(0, "lacks the section %q of %s:%d", english.Sections[i].Title, name, english.Sections[i].Line)
		case i >= len(english.Sections):
			say(chinese.Sections[i].Line, "the section %q is not in %s", chinese.Sections[i].Title, name)
		case english.Sections[i].Level != chinese.Sections[i].Level:
			say(chinese.Sections[i].Line, "%q is a heading of level %d, in %s %q of level %d", chinese.Sections[i].Title,
				chinese.Sections[i].Level, name, english.Sections[i].Title, english.Sections[i].Level)
		}
		if len(lacks) > 0 { // what follows would be compared with something else
			return lacks
		}
	}
	for i := range max(len(english.Blocks), len(chinese.Blocks)) {
		switch {
		case i >= len(chinese.Blocks):
			say(0, "lacks the block of %s:%d", name, english.Blocks[i].Line)
		case i >= len(english.Blocks):
			say(chinese.Blocks[i].Line, "the block is not in %s", name)
		case uncommented(english.Blocks[i]) != uncommented(chinese.Blocks[i]):
			say(chinese.Blocks[i].Line, "the block is not that of %s:%d, comments apart", name, english.Blocks[i].Line)
		}
		if len(lacks) > 0 {
			return lacks
		}
	}
	for i, e := range english.Sections {
		c := chinese.Sections[i]
		compareTables(e, c, name, say)
		compareSets("words in code", spansOf(english, i), spansOf(chinese, i), differing[path.Base(page)], func(lack string) {
			say(c.Line, "%q, of %s:%d: %s", c.Title, name, e.Line, lack)
		})
		compareSets("numbers", numbers(e), numbers(c), differing[path.Base(page)], func(lack string) {
			say(c.Line, "%q, of %s:%d: %s", c.Title, name, e.Line, lack)
		})
	}
	compareSets("links", linksOf(all, name, english), linksOf(all, page, chinese), nil, func(lack string) { say(1, "of %s: %s", name, lack) })
	return lacks
}

func compareTables(english, chinese markdown.Section, name string, say func(int, string, ...any)) {
	for i := range max(len(english.Tables), len(chinese.Tables)) {
		switch {
		case i >= len(chinese.Tables):
			say(chinese.Line, "lacks the table of %s:%d", name, english.Tables[i].Line)
			continue
		case i >= len(english.Tables):
			say(chinese.Tables[i].Line, "the table is not in %s", name)
			continue
		}
		e, c := english.Tables[i], chinese.Tables[i]
		if len(e.Rows) != len(c.Rows) {
			say(c.Line, "the table has %d rows, that of %s:%d %d", len(c.Rows), name, e.Line, len(e.Rows))
			continue
		}
		for r := range e.Rows {
			ours, theirs := firstWords(c.Rows[r]), firstWords(e.Rows[r])
			if !slices.Equal(ours, theirs) {
				say(c.Line+r, "the row begins with %q, that of %s:%d with %q", ours, name, e.Line+r, theirs)
			}
			if ours, theirs := strings.Count(c.Rows[r], "|"), strings.Count(e.Rows[r], "|"); ours != theirs {
				say(c.Line+r, "the row has %d cells, that of %s:%d %d", ours-1, name, e.Line+r, theirs-1)
			}
		}
	}
}

var inCode = regexp.MustCompile("`+.+?`+")

// firstWords are the words in code of a row's first cell: they tell which row
// it is.
func firstWords(row string) []string {
	cells := strings.SplitN(row, "|", 3)
	return inCode.FindAllString(cells[min(1, len(cells)-1)], -1)
}

func compareSets(what string, english, chinese map[string]bool, allowed []string, say func(string)) {
	only := func(a, b map[string]bool) (only []string) {
		for _, x := range slices.Sorted(maps.Keys(a)) {
			if !b[x] && !slices.Contains(allowed, x) {
				only = append(only, x)
			}
		}
		return only
	}
	if lack, more := only(english, chinese), only(chinese, english); len(lack)+len(more) > 0 {
		say(fmt.Sprintf("%s: lacks %q, has %q too much", what, lack, more))
	}
}

// sectionAt is the number of the section that a line belongs to.
func sectionAt(d markdown.Document, line int) int {
	n := 0
	for i, s := range d.Sections {
		if s.Line <= line {
			n = i
		}
	}
	return n
}

func spansOf(d markdown.Document, section int) map[string]bool {
	set := map[string]bool{}
	for _, span := range d.Spans {
		if sectionAt(d, span.Line) == section {
			set[span.Text] = true
		}
	}
	return set
}

var (
	number = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.])([0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)*)( million| ?万)?`)
	scales = map[string]float64{" million": 1e6, "万": 1e4, " 万": 1e4}
)

// numbers are those of a section's prose, in digits; 5 million is 500 万.
func numbers(s markdown.Section) map[string]bool {
	set := map[string]bool{}
	for _, n := range number.FindAllStringSubmatch(s.Prose, -1) {
		text := strings.ReplaceAll(n[1], ",", "")
		if scale := scales[n[2]]; scale != 0 {
			if value, err := strconv.ParseFloat(text, 64); err == nil {
				text = strconv.FormatFloat(value*scale, 'f', -1, 64)
			}
		}
		set[text] = true
	}
	return set
}

// linksOf are what a page leads to, in a form that is the same for both
// languages: the English document, and the number of the heading in it.
func linksOf(all map[string]markdown.Document, name string, d markdown.Document) map[string]bool {
	set := map[string]bool{}
	for _, link := range d.Links {
		target, fragment, _ := strings.Cut(link.Target, "#")
		if strings.Contains(target, ":") {
			set[link.Target] = true
			continue
		}
		to := name
		if target != "" {
			to = path.Join(path.Dir(name), target)
		}
		document := all[to]
		page, chinese := strings.CutPrefix(to, zh)
		if chinese {
			to = englishOf(all, page)
		}
		if to == englishOf(all, path.Base(name)) && fragment == "" {
			continue // from one language to the other
		}
		// Between pages of which one lacks a section only that is said.
		level := len(all[zh+path.Base(to)].Sections) == 0 || len(all[zh+path.Base(to)].Sections) == len(all[to].Sections)
		if fragment != "" && level && !summaries[path.Base(to)] {
			fragment = strconv.Itoa(slices.IndexFunc(document.Sections, func(s markdown.Section) bool { return s.Anchor == fragment }))
		} else {
			fragment = ""
		}
		set[to+"#"+fragment] = true
	}
	return set
}

var comments = map[string]*regexp.Regexp{
	"sh":   regexp.MustCompile(`(?m)(^|[ \t]+)#.*$`),
	"yaml": regexp.MustCompile(`(?m)(^|[ \t]+)#.*$`),
	"ini":  regexp.MustCompile(`(?m)(^|[ \t]+)[#;].*$`),
	"sql":  regexp.MustCompile(`(?m)(^|[ \t]+)--.*$`),
	"go":   regexp.MustCompile(`(?m)(^|[ \t]+)//.*$`),
}

// uncommented is a block without its comments, which are the reader's.
func uncommented(b markdown.Block) string {
	text := b.Text
	if c := comments[b.Language]; c != nil {
		text = c.ReplaceAllString(text, "")
	}
	return b.Language + "\n" + text
}

// TestOutOfStepIsFound keeps the tests above from passing for nothing.
func TestOutOfStepIsFound(t *testing.T) {
	const text = "English | [中文](zh/x.md)\n\n# One\n\nTake `a` and 5 million, see [y](y.md#two) and [here](#under).\n\n| a | b |\n|---|---|\n| `k` | 1,000 |\n\n" +
		"```sh\nmake # all\n```\n\n## Under\n\nIt has 2.\n"
	const said = "[English](../x.md) | 中文\n\n# 一\n\n取 `a` 和 500 万，见[乙](y.md#二)与[此处](#下)。\n\n| 甲 | 乙 |\n|---|---|\n| `k` | 1000 |\n\n" +
		"```sh\nmake # 全部\n```\n\n## 下\n\n有 2 个。\n"
	find := func(chinese string) string {
		all := map[string]markdown.Document{
			"docs/x.md": markdown.Parse(text), "docs/zh/x.md": markdown.Parse(chinese),
			"docs/y.md": markdown.Parse("# One\n## Two\n"), "docs/zh/y.md": markdown.Parse("# 一\n## 二\n"),
		}
		return strings.Join(outOfStep(all, "docs/x.md", "docs/zh/x.md", all["docs/x.md"], all["docs/zh/x.md"]), "\n")
	}
	if lack := find(said); lack != "" {
		t.Errorf("in step, and said to be out of it: %s", lack)
	}
	for _, c := range []struct{ is, instead, want string }{
		{"## 下", "### 下", "docs/zh/x.md:15: \"下\" is a heading of level 3, in docs/x.md \"Under\" of level 2"},
		{"## 下\n", "", "docs/zh/x.md:0: lacks the section \"Under\" of docs/x.md:15"},
		{"make #", "make all #", "docs/zh/x.md:11: the block is not that of docs/x.md:11, comments apart"},
		{"`a`", "`b`", "docs/zh/x.md:3: \"一\", of docs/x.md:3: words in code: lacks [\"a\"], has [\"b\"] too much"},
		{"500 万", "50 万", "docs/zh/x.md:3: \"一\", of docs/x.md:3: numbers: lacks [\"5000000\"], has [\"500000\"] too much"},
		{"有 2 个", "有两个", "docs/zh/x.md:15: \"下\", of docs/x.md:15: numbers: lacks [\"2\"], has [] too much"},
		{"y.md#二", "y.md#一", "docs/zh/x.md:1: of docs/x.md: links: lacks [\"docs/y.md#2\"], has [\"docs/y.md#1\"] too much"},
		{"| `k` | 1000 |", "| `k`, `l` | 1000 |", "docs/zh/x.md:9: the row begins with [\"`k`\" \"`l`\"], that of docs/x.md:9 with [\"`k`\"]\n" +
			"docs/zh/x.md:3: \"一\", of docs/x.md:3: words in code: lacks [], has [\"l\"] too much"},
		{"|---|---|\n", "|---|---|\n| | |\n", "docs/zh/x.md:7: the table has 4 rows, that of docs/x.md:7 3"},
		{"`k` | 1000 |", "`k` | 1000 | |", "docs/zh/x.md:9: the row has 3 cells, that of docs/x.md:9 2"},
	} {
		if got := find(strings.Replace(said, c.is, c.instead, 1)); got != c.want {
			t.Errorf("%q for %q: got\n%s\nwant\n%s", c.instead, c.is, got, c.want)
		}
	}
}
