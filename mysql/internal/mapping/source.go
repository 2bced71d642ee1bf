package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/payload"
)

// sourceForm is how an error tells what a column may be given.
const sourceForm = `a path as text, a number, a bool or null as it is, {"value": any JSON} for another constant, or {"meta": ` + metaNames + `}`

// source is where a column's value comes from: one of the three.
type source struct {
	path  *path
	meta  meta          // none if it is no metadata
	value payload.Value // a constant
}

// String says it as an error does.
func (s *source) String() string {
	switch {
	case s.path != nil:
		return "from " + s.path.String()
	case s.meta != none:
		return "metadata " + s.meta.String()
	}
	return "a constant"
}

// parseSource reads what a column is given.
func parseSource(v any) (s source, err error) {
	switch v := v.(type) {
	case string:
		p, err := parsePath(v)
		if err != nil {
			return s, fmt.Errorf("%q: %w; allowed: %s; a text that is meant as it is, as {\"value\": %q}", shorten(v), err, pathForm, shorten(v))
		}
		return source{path: &p}, nil
	case map[string]any:
		return parseObject(v)
	case []any:
		return s, fmt.Errorf(`a list; allowed: %s`, sourceForm)
	}
	s.value, err = constant(v)
	return s, err
}

// parseObject reads {"value": ...} or {"meta": ...}.
func parseObject(object map[string]any) (s source, err error) {
	if len(object) == 1 {
		if v, ok := object["value"]; ok {
			s.value, err = constant(v)
			return s, err
		}
		if v, ok := object["meta"]; ok {
			name, _ := v.(string)
			if s.meta = metaOf(name); s.meta == none {
				return s, fmt.Errorf(`{"meta": %s}; allowed: %s`, describe(v), metaNames)
			}
			return s, nil
		}
	}
	keys := slices.Sorted(maps.Keys(object))
	return s, fmt.Errorf("an object with the members %q; allowed: %s", keys, sourceForm)
}

// constant is v as a row's field would have it.
func constant(v any) (payload.Value, error) {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		v = int64(f) // 1000000 and not 1e+06
	}
	text, err := json.Marshal(v)
	if err != nil {
		return payload.Value{}, fmt.Errorf("a value of type %T; allowed: %s", v, sourceForm)
	}
	if s, ok := v.(string); ok {
		if !utf8.ValidString(s) {
			return payload.Value{}, errors.New("a text that is not UTF-8")
		}
		return payload.Value{Kind: payload.String, Text: []byte(s)}, nil
	}
	switch text[0] {
	case 'n':
		return payload.Value{}, nil
	case 't', 'f':
		return payload.Value{Kind: payload.Bool, Text: text}, nil
	case '{':
		return payload.Value{Kind: payload.Object, Text: text}, nil
	case '[':
		return payload.Value{Kind: payload.Array, Text: text}, nil
	case '"':
		return payload.Value{}, fmt.Errorf("a value of type %T; allowed: %s", v, sourceForm)
	}
	return payload.Value{Kind: payload.Number, Text: text}, nil
}

// describe shows a value that is not allowed.
func describe(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	return shorten(string(text))
}

// meta is something that is known of a row and not in it.
type meta uint8

// The metadata. All of it is the same when a row comes again, but host, which
// a container may get anew.
const (
	none     meta = iota
	rule          // the rule's id
	op            // the action's id in the rule
	instance      // the number of the rule's instance, from 0
	host          // the name of the machine
	journal       // the journal's id, 32 hexadecimal digits
	number        // the row's in its journal, from 0
	received      // when the row came to the plugin, to the second, as RFC 3339 in UTC
)

var metaWords = [...]string{none: "", rule: "rule", op: "op", instance: "instance", host: "host", journal: "journal", number: "number", received: "received"}

// metaNames lists them for errors.
const metaNames = "rule, op, instance, host, journal, number, received"

func (m meta) String() string { return metaWords[m] }

func metaOf(name string) meta {
	for m, word := range metaWords {
		if word != "" && strings.EqualFold(name, word) {
			return meta(m)
		}
	}
	return none
}
