package config

import (
	"slices"
	"strings"
	"time"
)

// Text is one text in both languages that eKuiper's manager shows.
type Text struct{ English, Chinese string }

// Property describes one property of the sink. The documentation and the
// manager's descriptor are made from it.
type Property struct {
	Name     string
	Aliases  []string
	Type     string // string, list, integer, size, duration or object
	Default  any    // nil if there is none
	Required bool
	Secret   bool     // its value is never shown
	Unit     string   // of a bare number; empty if there is none
	Allowed  string   // as an error tells it
	Values   []string // all that there are; empty unless they can be listed
	Label    Text
	Hint     Text

	read func(r *reader, p Property, name string, v any) // reads v into r.config
}

// Theme is properties that are about one thing.
type Theme struct {
	Title      Text
	Properties []Property
}

// Themes returns all properties in the order of the documentation.
func Themes() []Theme { return slices.Clone(themes) }

var themes = []Theme{
	{Text{"The database", "数据库"}, slices.Concat(connectionProperties, accessProperties)},
	{Text{"Encryption, and what each connection begins with", "加密与连接初始化"}, tlsProperties},
	{Text{"The table", "表"}, writeProperties},
	{Text{"What a row does", "写入模式"}, modeProperties},
	{Text{"Values", "取值"}, rowProperties},
	{Text{"Which field goes to which column", "字段与列的对应"}, mappingProperties},
	{Text{"Tables and columns that are made", "建表与加列"}, makingProperties},
	{Text{"Batches", "批次"}, batchProperties},
	{Text{"What waits, what is promised, what is refused", "等待、保证与拒绝"}, keepingProperties},
}

// Properties returns the sink's properties in the order of Themes.
func Properties() []Property { return slices.Clone(properties) }

var properties = func() (all []Property) {
	for _, t := range themes {
		all = append(all, t.Properties...)
	}
	return all
}()

// refuse reports a value that p does not allow.
func (r *reader) refuse(p Property, name string, v any) {
	shown := describe(v)
	if p.Secret {
		shown = "a value of type " + kindOf(v)
	}
	r.fail("property %s: %s; allowed: %s", name, shown, p.Allowed)
}

// span reads a duration that is 0 or between least and most.
func span(least, most time.Duration, set func(r *reader, d time.Duration)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		d, ok := duration(v)
		if !ok || d != 0 && (d < least || d > most) {
			r.refuse(p, name, v)
			return
		}
		set(r, d)
	}
}

// choice reads one of p.Values, in any case.
func choice(set func(r *reader, s string)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		s, _ := v.(string)
		for _, value := range p.Values {
			if strings.EqualFold(s, value) {
				set(r, value)
				return
			}
		}
		r.refuse(p, name, v)
	}
}

func number(least, most int64, set func(r *reader, n int64)) func(*reader, Property, string, any) {
	return within(integer, least, most, set)
}

func size(least, most int64, set func(r *reader, n int64)) func(*reader, Property, string, any) {
	return within(byteCount, least, most, set)
}

func within(read func(any) (int64, bool), least, most int64, set func(r *reader, n int64)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		n, ok := read(v)
		if !ok || n < least || n > most {
			r.refuse(p, name, v)
			return
		}
		set(r, n)
	}
}
