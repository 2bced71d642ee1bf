package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// The files that are made from Properties and Parameters.
var generated = []struct {
	path string
	make func(*testing.T) []byte
}{
	{"../../../docs/properties.md", func(t *testing.T) []byte { return propertiesPage(t, english) }},
	{"../../../docs/zh/properties.md", func(t *testing.T) []byte { return propertiesPage(t, mandarin) }},
	{"../../sinks/mysql.json", func(*testing.T) []byte { return descriptor() }},
}

func TestGeneratedFiles(t *testing.T) {
	for _, g := range generated {
		want := g.make(t)
		if *update {
			if err := os.MkdirAll(filepath.Dir(g.path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(g.path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(g.path)
		got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from the code; make it anew with: go test ./mysql/internal/config -run TestGeneratedFiles -update", filepath.Base(g.path))
		}
	}
}

// heading is one language's words for the page.
type heading struct {
	links, title, intro                                string
	property, kind, fallback, allowed, meaning, needed string
	params, paramsIntro, parameter                     string
	hosts, hostsIntro                                  string
}

const (
	english = iota
	mandarin
)

var headings = [2]heading{
	{
		links: "English | [中文](zh/properties.md)",
		title: "# Properties of the sink mysql",
		intro: "Names match without regard to case. A wrong value refuses the action, with all that is wrong in one error; " +
			"a name that neither this sink nor eKuiper knows is warned of.",
		property: "Property", kind: "Type", fallback: "Default", allowed: "Allowed", meaning: "Meaning", needed: "required",
		params: "## Parameters of the url",
		paramsIntro: "Joined to the url by `?` and `&`, values percent-encoded. A name that is not in this table is a session variable, set on each " +
			"connection to the SQL expression that stands as its value, e.g. `innodb_lock_wait_timeout=5`. The sink always sets `time_zone` to UTC and adds " +
			"`STRICT_ALL_TABLES` and `NO_AUTO_VALUE_ON_ZERO` to `sql_mode`; variables that its work depends on are refused.",
		parameter: "Parameter",
		hosts:     "## eKuiper's own properties",
		hostsIntro: "eKuiper reads these itself before a row reaches the sink, which accepts them and does not apply them again. Of `format` only `json` can be " +
			"read; `compression` and `encryption` are refused.",
	},
	{
		links:    "[English](../properties.md) | 中文",
		title:    "# mysql sink 的属性",
		intro:    "属性名不区分大小写。取值有误时动作被拒绝，所有错误一次列出；本 sink 与 eKuiper 都不认识的属性名会产生警告。",
		property: "属性", kind: "类型", fallback: "默认值", allowed: "允许的值", meaning: "含义", needed: "必填",
		params: "## url 的参数",
		paramsIntro: "用 `?` 和 `&` 附在 url 之后，值须百分号编码。不在下表中的名称视为会话变量，每个连接建立时设为其值所写的 SQL 表达式，例如 `innodb_lock_wait_timeout=5`。" +
			"本 sink 始终将 `time_zone` 设为 UTC，并在 `sql_mode` 中加入 `STRICT_ALL_TABLES` 和 `NO_AUTO_VALUE_ON_ZERO`；其工作所依赖的变量不允许设置。",
		parameter:  "参数",
		hosts:      "## eKuiper 自身的属性",
		hostsIntro: "以下属性由 eKuiper 在行到达本 sink 之前处理，本 sink 接受但不再次应用。`format` 仅支持 `json`；不支持 `compression` 与 `encryption`。",
	},
}

func propertiesPage(t *testing.T, lang int) []byte {
	say := func(text Text) string { return text.English }
	term := func(text string) string { return text }
	if lang == mandarin {
		say = func(text Text) string { return text.Chinese }
		term = func(text string) string { return inChinese(t, text) }
	}
	var b bytes.Buffer
	h := headings[lang]
	fmt.Fprintf(&b, "<!-- generated from mysql/internal/config; do not edit -->\n\n%s\n\n%s\n\n%s\n\n", h.links, h.title, h.intro)
	for i, theme := range Themes() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "## %s\n\n", say(theme.Title))
		row(&b, h.property, h.kind, h.fallback, h.allowed, h.meaning)
		row(&b, "---", "---", "---", "---", "---")
		for _, p := range theme.Properties {
			names := "`" + strings.Join(append([]string{p.Name}, p.Aliases...), "`, `") + "`"
			row(&b, names, kindWithUnit(p, term), fallback(p, h.needed), term(p.Allowed), say(p.Hint))
		}
	}
	fmt.Fprintf(&b, "\n%s\n\n%s\n\n", h.params, h.paramsIntro)
	row(&b, h.parameter, h.fallback, h.meaning)
	row(&b, "---", "---", "---")
	for _, p := range Parameters() {
		row(&b, "`"+p.Name+"`", term(p.Default), say(Text{p.English, p.Chinese}))
	}
	fmt.Fprintf(&b, "\n%s\n\n%s\n\n`%s`\n", h.hosts, h.hostsIntro, strings.Join(hostNames, "`, `"))
	return b.Bytes()
}

func kindWithUnit(p Property, term func(string) string) string {
	if p.Unit == "" {
		return p.Type
	}
	return p.Type + " (" + term(p.Unit) + ")"
}

// fallback is what holds without the property; needed says that nothing does.
func fallback(p Property, needed string) string {
	switch {
	case p.Required:
		return needed
	case p.Default == "":
		return ""
	}
	return "`" + fmt.Sprint(p.Default) + "`"
}

func row(b *bytes.Buffer, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// The descriptor's types, in the form that eKuiper's manager reads.
type (
	both struct {
		English string `json:"en_US"`
		Chinese string `json:"zh_CN"`
	}
	property struct {
		Name     string   `json:"name"`
		Default  any      `json:"default"`
		Optional bool     `json:"optional"`
		Control  string   `json:"control"`
		Type     string   `json:"type"`
		Values   []string `json:"values,omitempty"`
		Hint     both     `json:"hint"`
		Label    both     `json:"label"`
	}
	author struct {
		Name    string `json:"name"`
		Email   string `json:"email"`
		Company string `json:"company"`
		Website string `json:"website"`
	}
	about struct {
		Trial       bool   `json:"trial"`
		Author      author `json:"author"`
		HelpURL     both   `json:"helpUrl"`
		Description both   `json:"description"`
	}
	label struct {
		English string `json:"en"`
		Chinese string `json:"zh"`
	}
	node struct {
		Category string `json:"category"`
		Icon     string `json:"icon"`
		Label    label  `json:"label"`
	}
	sinkFile struct {
		About      about      `json:"about"`
		Libs       []string   `json:"libs"`
		Properties []property `json:"properties"`
		Node       node       `json:"node"`
	}
)

func needed(p Property) int {
	if p.Required {
		return 1
	}
	return 0
}

func descriptor() []byte {
	const help = "" // the project has no address yet
	s := sinkFile{
		About: about{
			Author:  author{Name: "ekuiper-mysql"},
			HelpURL: both{help, help},
			Description: both{
				"Writes rows to a table of MySQL, MariaDB or TiDB, in batches, with exact numbers and times.",
				"将行批量写入 MySQL、MariaDB 或 TiDB 的表，数值与时间精确无损。",
			},
		},
		Libs: []string{},
		Node: node{"sink", "iconPath", label{"MySQL", "MySQL"}},
	}
	// A form asks for what it must have first.
	all := Properties()
	slices.SortStableFunc(all, func(a, b Property) int { return cmp.Compare(needed(b), needed(a)) })
	for _, p := range all {
		d := property{
			Name: p.Name, Default: p.Default, Optional: !p.Required, Control: "text", Type: "string", Values: p.Values,
			Hint: both(p.Hint), Label: both(p.Label),
		}
		if d.Default == nil {
			d.Default = ""
		}
		if _, isInt := d.Default.(int); isInt {
			d.Type = "int"
		}
		if p.Values != nil {
			d.Control = "select"
		}
		s.Properties = append(s.Properties, d)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Every text must be there in both languages, and every default be allowed.
func TestPropertiesAreWhole(t *testing.T) {
	for _, p := range Properties() {
		if p.Allowed == "" || p.Type == "" || p.Required == (p.Default != nil) {
			t.Errorf("%s: allowed, type or default is missing", p.Name)
		}
		for _, text := range []Text{p.Label, p.Hint} {
			checkLanguages(t, p.Name, text)
		}
		if p.Required {
			continue
		}
		given, _, err1 := Parse(with(p.Name, p.Default))
		absent, _, err2 := Parse(with())
		if err1 != nil || err2 != nil || given.String() != absent.String() {
			t.Errorf("%s: its default as a value is not its default: %v", p.Name, err1)
		}
	}
	for _, p := range Parameters() {
		checkLanguages(t, p.Name, Text{p.English, p.Chinese})
	}
	for _, theme := range Themes() {
		checkLanguages(t, "a theme", theme.Title)
	}
}

func checkLanguages(t *testing.T, name string, text Text) {
	t.Helper()
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	if text.English == "" || strings.ContainsFunc(text.English, han) || !strings.ContainsFunc(text.Chinese, han) {
		t.Errorf("%s: %q, %q: want English and Chinese", name, text.English, text.Chinese)
	}
}

// A field that Config gains must be decided on: shown by String, or a secret.
func TestConfigShowsEveryField(t *testing.T) {
	hidden := map[string]bool{"Driver": true, "Link": true, "Target": true}
	n := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if !hidden[f.Name] {
			n++
		}
	}
	if got := len((Config{}).visible()); got != n {
		t.Errorf("String shows %d settings, Config has %d", got, n)
	}
}
