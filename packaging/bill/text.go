package bill

import (
	"bytes"
	"fmt"
	"strings"
)

// Text returns the licence texts of all that the executable consists of beside
// the plugin itself, with where the sources are to be had.
func (b *Bill) Text() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `The executable of %s %s consists of its own code, whose licence (%s)
is in the file LICENSE, and of these works, each under its own licence:

`, b.Name, b.Version, b.Licence)
	for _, p := range b.Parts {
		if !p.Local {
			fmt.Fprintf(&out, "%s %s\n    licence: %s\n    source:  %s\n", p.title(), p.Version, p.Licence, p.Homepage)
		}
	}
	out.WriteString(`
None of them was changed. The text of the Apache License 2.0, where one of them
refers to it, is also that of the file LICENSE. Their licences and notices follow.
`)
	for _, p := range b.Parts {
		if p.Local {
			continue
		}
		for _, t := range p.Texts {
			title := fmt.Sprintf("%s %s, %s", p.title(), p.Version, t.Name)
			fmt.Fprintf(&out, "\n\n%s\n%s\n\n%s\n", title, strings.Repeat("=", len(title)), strings.Trim(t.Content, "\n"))
		}
	}
	return out.Bytes()
}

func (p Part) title() string {
	if p.Path == "std" {
		return "Go's standard library and runtime"
	}
	return p.Path
}
