package licences

import (
	"io/fs"
	"os"
	"strings"
	"testing"
)

const mit = `The MIT License (MIT)

Copyright (c) 2026 Somebody <a@b.example>

`

// TestIdentify: wrapping, case and holders do not matter, anything else does.
func TestIdentify(t *testing.T) {
	own, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	terms, _, _ := strings.Cut(string(own), "APPENDIX")
	text := func(name string) string {
		content, err := texts.ReadFile("texts/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	plain := strings.ReplaceAll(text("MIT"), "?", "")
	_, permission, _ := strings.Cut(plain, "MIT License\n\n")
	bsd := strings.Replace(text("BSD-3-Clause"), "{8}", "Some Company, Inc.", 1)
	bsd = strings.Replace(bsd, "? All rights reserved.", "Copyright 2026 Some Company, Inc. All rights reserved.", 1)
	for _, c := range []struct{ name, text, want string }{
		{"MIT", mit + permission, "MIT"},
		{"MIT without its title", permission, "MIT"},
		{"MIT, wrapped elsewhere, with other line ends", strings.Join(strings.Fields(permission), "\r\n"), "MIT"},
		{"MIT with a condition more", mit + permission + "\nThe Software shall be used for Good, not Evil.\n", ""},
		{"MIT with a word less", strings.Replace(mit+permission, "sublicense, ", "", 1), ""},
		{"BSD of three clauses", bsd, "BSD-3-Clause"},
		{"BSD with a holder of too many words", strings.Replace(bsd, "Some Company", strings.Repeat("very ", 9), 2), ""},
		{"Apache", string(own), "Apache-2.0"},
		{"Apache without the appendix", terms, "Apache-2.0"},
		{"Apache with a clause", terms + "Commons Clause", ""},
		{"MPL", text("MPL-2.0"), "MPL-2.0"},
		{"one that is in two parts", text("MIT_AND_Apache-2.0"), "MIT AND Apache-2.0"},
		{"nothing", "", ""},
		{"a name alone", "MIT License", ""},
	} {
		if got := Identify(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestEveryTextIsItsOwn: none of the known texts is taken for another.
func TestEveryTextIsItsOwn(t *testing.T) {
	entries, err := fs.ReadDir(texts, "texts")
	if err != nil || len(entries) != len(known()) {
		t.Fatal(len(entries), err)
	}
	for _, l := range known() {
		var all []string
		for _, p := range l.parts {
			all = append(all, p.words...)
		}
		for _, other := range known() {
			if got := other.matches(all); got != (other.expression == l.expression) {
				t.Errorf("the text of %s is taken for %s: %t", l.expression, other.expression, got)
			}
		}
	}
}
