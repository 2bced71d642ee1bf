package markdown

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	d := Parse("# The `title`, twice\n\nSee [a](b.md#c \"t\"), [`x`](<y>) and `[no](link)`, ![p](q.png).\n" +
		"[ref]: https://example.org/\n<a id=\"here\"></a>\n\n" +
		"```sh\nmake x [no](link)\n# no heading\n```\n\n## 中文 & [more](z)\n\n## The title, twice\n" +
		"  ````json\n```\n{}\n  ````\n[w](f_(g))\n```\nlast")
	for _, x := range []struct{ got, want any }{
		{d.Links, []Link{{"b.md#c", 3}, {"y", 3}, {"q.png", 3}, {"https://example.org/", 4}, {"z", 12}, {"f_(g)", 19}}},
		{d.Blocks, []Block{{"sh", "make x [no](link)\n# no heading\n", 7}, {"json", "```\n{}\n", 15}, {"", "last\n", 20}}},
		{d.Spans, []Span{{"title", 1}, {"x", 3}, {"[no](link)", 3}}},
		{slices.Sorted(maps.Keys(d.Anchors)), []string{"here", "the-title-twice", "the-title-twice-1", "中文--more"}},
	} {
		if fmt.Sprint(x.got) != fmt.Sprint(x.want) {
			t.Errorf("got\n%v\nwant\n%v", x.got, x.want)
		}
	}
}

func TestSections(t *testing.T) {
	d := Parse("before\n\n# One `x` 1\n\nText `y 2` and [3 links](to4.md), <!-- no 5 --> 6.\n| a | b |\n|---|---|\n| `c` | 7 |\n\n" +
		"```sh\n| # no table |\n```\n| d |\n## 两个\n### One `x` 1\n")
	want := []Section{
		{Line: 1, Prose: "before\n\n"},
		{
			Level: 1, Title: "One `x` 1", Anchor: "one-x-1", Line: 3, Prose: "\nText  and 3 links,  6.\n| a | b |\n|---|---|\n|  | 7 |\n\n| d |\n",
			Tables: []Table{{[]string{"| a | b |", "|---|---|", "| `c` | 7 |"}, 6}, {[]string{"| d |"}, 13}},
		},
		{Level: 2, Title: "两个", Anchor: "两个", Line: 14},
		{Level: 3, Title: "One `x` 1", Anchor: "one-x-1-1", Line: 15, Prose: "\n"},
	}
	if fmt.Sprintf("%+v", d.Sections) != fmt.Sprintf("%+v", want) {
		t.Errorf("got\n%+v\nwant\n%+v", d.Sections, want)
	}
}
