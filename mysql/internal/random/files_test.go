package random

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

const (
	sourcesFolder = "../../sources/"
	docFile       = "../../../docs/random.md"
	chineseFile   = "../../../docs/zh/random.md"
)

var update = flag.Bool("update", false, "rewrite the generated parts of docs/random.md and docs/zh/random.md")

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	// A checkout on Windows may have changed line ends.
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// sections returns the named configurations of random.yaml.
func sections(t *testing.T) map[string]map[string]any {
	t.Helper()
	var all map[string]map[string]any
	if err := yaml.Unmarshal(read(t, sourcesFolder+"random.yaml"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// lowered does what eKuiper does to the keys of a packaged file: maps inside
// maps lose their case, maps inside lists do not.
func lowered(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			v = lowered(inner)
		}
		out[strings.ToLower(k)] = v
	}
	return out
}

// sent is what arrives at the plugin: the default, overlaid, as JSON.
func sent(t *testing.T, layers ...map[string]any) map[string]any {
	t.Helper()
	merged := map[string]any{"format": "json", "datasource": ""}
	for _, layer := range layers {
		maps.Copy(merged, layer)
	}
	text, err := json.Marshal(merged)
	if err != nil {
		t.Fatal(err)
	}
	return props(t, string(text))
}

func TestEveryConfigurationWorks(t *testing.T) {
	all := sections(t)
	for _, name := range []string{"default", "fast", "load", "devices", "fixed", "ext", "dedup"} {
		if all[name] == nil {
			t.Errorf("random.yaml lacks %s", name)
		}
	}
	for name, section := range all {
		if name != strings.ToLower(name) {
			t.Errorf("%s: eKuiper finds lower-case names only", name)
		}
		given, err := parse(sent(t, all["default"], section))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(given.warnings) != 0 {
			t.Errorf("%s warns: %q", name, given.warnings)
		}
		arrived, err := parse(sent(t, lowered(all["default"]), lowered(section)))
		if err != nil {
			t.Errorf("%s in lower case: %v", name, err)
			continue
		}
		one := newRows(given, newDraw(1, 0, func() time.Time { return generationTime }))
		two := newRows(arrived, newDraw(1, 0, func() time.Time { return generationTime }))
		if a, b := one.next(), two.next(); !reflect.DeepEqual(a, b) {
			t.Errorf("%s makes other rows in lower case: %v, %v", name, a, b)
		}
	}
}

func TestDefaultIsHarmlessAndSaysSo(t *testing.T) {
	set, err := parse(sent(t, sections(t)["default"]))
	if err != nil {
		t.Fatal(err)
	}
	if set.rate != 1 {
		t.Errorf("rate %v", set.rate)
	}
	if row := newRows(set, newDraw(1, 0, time.Now)).next(); row["name"] != "default" {
		t.Errorf("row %v", row)
	}
}

// TestYAMLNamesEveryProperty: the default shows each, commented out where a
// value would not be harmless, and no section has one that does not exist.
func TestYAMLNamesEveryProperty(t *testing.T) {
	shown, _, _ := strings.Cut(string(read(t, sourcesFolder+"random.yaml")), "\nfast:")
	for _, p := range properties {
		if !regexp.MustCompile(`(?m)^  (# )?` + p.name + `:`).MatchString(shown) {
			t.Errorf("the default configuration does not show %s", p.name)
		}
	}
	for name, section := range sections(t) {
		for key := range section {
			if !slices.Contains(propertyNames(), key) {
				t.Errorf("%s: %s is no property", name, key)
			}
		}
	}
}

func TestBothNamesAreTheSame(t *testing.T) {
	for _, file := range []string{"random.yaml", "random.json"} {
		one := string(read(t, sourcesFolder+file))
		two := string(read(t, sourcesFolder+strings.Replace(file, "random", "randomrows", 1)))
		for _, name := range [][2]string{
			{"source `randomrows`", "source `random`"},
			{`"en_US": "Random rows"`, `"en_US": "Random"`},
			{`"zh_CN": "随机行"`, `"zh_CN": "随机"`},
		} {
			two = strings.Replace(two, name[0], name[1], 1)
		}
		if one != two {
			t.Errorf("%s and its twin differ in more than the name", file)
		}
	}
}

type texts struct {
	English string `json:"en_US"`
	Chinese string `json:"zh_CN"`
}

func (x texts) complete() bool {
	return x.English != "" && regexp.MustCompile(`\p{Han}`).MatchString(x.Chinese)
}

func TestJSONDescribesEveryProperty(t *testing.T) {
	var file struct {
		About struct {
			Description texts `json:"description"`
		} `json:"about"`
		Properties struct {
			Default []struct {
				Name    string `json:"name"`
				Default any    `json:"default"`
				Control string `json:"control"`
				Type    string `json:"type"`
				Hint    texts  `json:"hint"`
				Label   texts  `json:"label"`
			} `json:"default"`
		} `json:"properties"`
		Node struct {
			Category string `json:"category"`
			Label    texts  `json:"label"`
		} `json:"node"`
	}
	if err := json.Unmarshal(read(t, sourcesFolder+"random.json"), &file); err != nil {
		t.Fatal(err)
	}
	if !file.About.Description.complete() || !file.Node.Label.complete() || file.Node.Category != "source" {
		t.Errorf("about %+v, node %+v", file.About, file.Node)
	}
	if len(file.Properties.Default) != len(properties) {
		t.Fatalf("%d properties, want %d", len(file.Properties.Default), len(properties))
	}
	filled := map[string]any{}
	for i, got := range file.Properties.Default {
		want := properties[i]
		if got.Name != want.name || got.Hint.English != want.text {
			t.Errorf("got %s: %s\nwant %s: %s", got.Name, got.Hint.English, want.name, want.text)
		}
		if !got.Hint.complete() || !got.Label.complete() || got.Control == "" || got.Type == "" {
			t.Errorf("%s: incomplete: %+v", got.Name, got)
		}
		if def := fmt.Sprint(got.Default); def != want.fallback && def != "" && def != "<nil>" && def != "map[]" {
			t.Errorf("%s: default %s, want %s", got.Name, def, want.fallback)
		}
		filled[got.Name] = got.Default
	}
	// A form sends every default as it stands.
	set, err := parse(filled)
	if err != nil || len(set.warnings) != 0 || set.rate != 1 || set.seeded || set.count != 0 {
		t.Errorf("the form's defaults give %+v, %v", set, err)
	}
}

func TestDocs(t *testing.T) {
	for file, say := range map[string]func(string) string{
		docFile:     func(text string) string { return text },
		chineseFile: inChinese(t),
	} {
		doc := string(read(t, file))
		want := fill(t, doc, "properties", propertyTable(say))
		want = fill(t, want, "types", typeTable(say))
		if *update {
			if err := os.WriteFile(filepath.FromSlash(file), []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if doc != want {
			t.Errorf("%s is not what the code says: go test ./mysql/internal/random/ -run TestDocs -update", file)
		}
	}
}

// fill replaces what stands between the marks of a generated part.
func fill(t *testing.T, doc, part, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(doc, "<!-- "+part+": generated -->\n")
	_, after, end := strings.Cut(rest, "<!-- end -->\n")
	if !ok || !end {
		t.Fatalf("the page lacks the marks of %s", part)
	}
	return before + "<!-- " + part + ": generated -->\n" + text + "<!-- end -->\n" + after
}

func propertyTable(say func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %s | %s |\n|---|---|---|---|\n", say("Property"), say("Value"), say("Default"), say("Meaning"))
	for _, p := range properties {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.name, say(p.kind), say(p.fallback), say(p.text))
	}
	return b.String()
}

func typeTable(say func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %s |\n|---|---|---|\n", say("Type"), say("Makes"), say("Options"))
	row := func(name, text string, options []option) {
		var list []string
		for _, o := range options {
			list = append(list, fmt.Sprintf("`%s`: %s", o.name, say(o.text)))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, say(text), strings.Join(list, "<br>"))
	}
	for _, ft := range fieldTypes() {
		name := "`" + ft.name + "`"
		if ft.alias != "" {
			name += ", `" + ft.alias + "`"
		}
		row(name, ft.text, ft.options)
	}
	row(say("every type"), "", commonOptions)
	return b.String()
}

// examples finds the fenced blocks of a language in docs/random.md.
func examples(t *testing.T, language string) (blocks []string) {
	t.Helper()
	re := regexp.MustCompile("(?s)```" + language + "\n(.*?)```")
	for _, m := range re.FindAllStringSubmatch(string(read(t, docFile)), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("no %s in docs/random.md", language)
	}
	return blocks
}

func TestDocExamplesAreValid(t *testing.T) {
	all := sections(t)
	for _, block := range examples(t, "yaml") {
		var named map[string]map[string]any
		if err := yaml.Unmarshal([]byte(block), &named); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
		for _, section := range named {
			if set, err := parse(sent(t, all["default"], lowered(section))); err != nil || len(set.warnings) != 0 {
				t.Errorf("%v, %+v in\n%s", err, set, block)
			}
		}
	}
	extra := regexp.MustCompile(`EXTRA="((?:[^"\\]|\\.)*)"`)
	confKey := regexp.MustCompile(`CONF_KEY="(\w+)"`)
	for _, block := range examples(t, "sql") {
		layers := []map[string]any{all["default"]}
		if m := confKey.FindStringSubmatch(block); m != nil {
			if all[m[1]] == nil {
				t.Errorf("no configuration %s", m[1])
			}
			layers = append(layers, all[m[1]])
		}
		if m := extra.FindStringSubmatch(block); m != nil {
			layers = append(layers, props(t, strings.ReplaceAll(m[1], `\"`, `"`)))
		}
		if set, err := parse(sent(t, layers...)); err != nil || len(set.warnings) != 0 {
			t.Errorf("%v, %+v in\n%s", err, set, block)
		}
	}
}
