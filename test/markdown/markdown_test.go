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
