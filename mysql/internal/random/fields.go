package random

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

const (
	// maxDepth bounds objects and arrays inside one another.
	maxDepth = 8
	// maxRowBytes bounds a row as JSON, so that no configuration can exhaust
	// memory.
	maxRowBytes = 16 << 20
)

// field is one named value of a row.
type field struct {
	name string
	kind
}

// kind makes the values of one field.
type kind struct {
	size  int64        // the most bytes that a value may take as JSON, roughly
	start func() value // a run's own, with its own state
}

// value makes the next value. It is called once per row.
type value func(d *draw) any

// fieldType describes one type of field and reads its options.
type fieldType struct {
	name    string
	alias   string
	text    string
	options []option
	read    func(r *reader, depth int) kind
}

type option struct{ name, text string }

// commonOptions are allowed for every type.
var commonOptions = []option{
	{"name", "the field's name; needed in a list"},
	{"type", "one of the types"},
	{"nulls", "share of rows, 0 to 1, in which the field is null; default 0"},
}

// fieldTypes is a function because arrays and objects read other types.
func fieldTypes() []fieldType {
	decimals := option{"decimals", "digits after the point, 0 to 15; default as they come"}
	return []fieldType{
		{"int", "integer", "A whole number, both ends included.", []option{
			{"min", "default 0"}, {"max", "default 100"},
		}, readInt},
		{"float", "number", "A number.", []option{
			{"min", "default 0"}, {"max", "default 1"}, decimals,
		}, readFloat},
		{"walk", "", "A number that moves a little from row to row, like a sensor, and turns back at its limits.", []option{
			{"min", "default 0"},
			{"max", "default 100"},
			{"start", "default halfway between min and max"},
			{"step", "the most it moves, default a hundredth of the range"},
			decimals,
		}, readWalk},
		{"sequence", "", "A counter.", []option{
			{"start", "default 1"}, {"step", "may be negative, default 1"},
		}, readSequence},
		{"string", "", "Random text, or one of values.", []option{
			{"length", "characters, 0 to 1000000; default 8"},
			{"charset", strings.Join(charsetNames(), ", ") + "; default alnum"},
			{"values", "as choice"},
			{"weights", "as choice"},
		}, readString},
		{"choice", "", "One of some values.", []option{
			{"values", "list of texts, numbers, booleans or nulls"},
			{"weights", "list of numbers, one for each value; default all equal"},
		}, readChoice},
		{"boolean", "bool", "true or false.", []option{
			{"probability", "of true, 0 to 1; default 0.5"},
		}, readBoolean},
		{"uuid", "", "A UUID version 4.", nil, readUUID},
		{"timestamp", "", "The time at which the row was made, in UTC; with start, a time that moves on by step with every row.", []option{
			{"format", strings.Join(timeFormatNames(), ", ") + "; default iso"},
			{"start", "RFC 3339 text, a date, or milliseconds since 1970"},
			{"step", "milliseconds or a duration such as 1s, may be negative; default 1s; needs start"},
		}, readTimestamp},
		{"constant", "", "The same value in every row.", []option{
			{"value", "anything"},
		}, readConstant},
		{"object", "", "An object.", []option{
			{"fields", "as the property fields"},
		}, readObject},
		{"array", "", "A list of values of one type.", []option{
			{"of", "a field without a name, or the name of a type"},
			{"length", "number of values, 0 to 10000; default 3"},
		}, readArray},
	}
}

// defaultFields is the row where neither fields nor pattern is given, which
// includes a CONF_KEY that does not exist: the name says so.
func defaultFields() any {
	return []any{
		map[string]any{"name": "name", "type": "constant", "value": "default"},
		map[string]any{"name": "id", "type": "sequence"},
		map[string]any{"name": "temperature", "type": "walk", "min": 15, "max": 30, "start": 21, "step": 0.5, "decimals": 2},
		map[string]any{"name": "humidity", "type": "walk", "min": 30, "max": 70, "start": 50, "step": 1, "decimals": 1},
		map[string]any{"name": "ts", "type": "timestamp"},
	}
}

// parseFields reads a list of fields or a map of name to field. The order of a
// map is that of its names.
func parseFields(path string, v any, depth int, p *problems) []field {
	var fields []field
	add := func(label, name string, v any) {
		if f, ok := parseField(path, label, name, v, depth, p); ok {
			fields = append(fields, f)
		}
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			add(fmt.Sprintf("[%d]", i), "", item)
		}
	case map[string]any:
		for _, name := range sortedKeys(v) {
			add("."+name, name, v[name])
		}
	default:
		p.add(path, v, "a list of fields or a map of name to field")
	}
	if size := recordSize(fields); size > maxRowBytes {
		p.list = append(p.list, fmt.Errorf("%s: a row may take %d bytes and %d are allowed: make fewer or shorter fields", path, size, maxRowBytes))
	}
	return fields
}

// parseField reads one field of path; label tells where it stands there. A
// text stands for a type without options. A name among the options beats the
// key of a map, which may have lost its case.
func parseField(path, label, name string, v any, depth int, p *problems) (field, bool) {
	if text, ok := v.(string); ok {
		v = map[string]any{"type": text}
	}
	given, ok := v.(map[string]any)
	if !ok {
		p.add(path+label, v, "a map with name, type and the type's options")
		return field{}, false
	}
	r := newReader(path+label, given, nil, p)
	if own, ok := r.get("name"); ok {
		if name, ok = own.(string); !ok {
			r.refuse("name", own, "a text")
			return field{}, false
		}
		r.path = path + "." + name
	}
	if name == "" {
		r.refuse("name", nil, "the field's name")
		return field{}, false
	}
	return field{name: name, kind: parseKind(r, depth)}, true
}

// parseKind reads a type and its options.
func parseKind(r *reader, depth int) kind {
	none := kind{start: func() value { return func(*draw) any { return nil } }}
	types := fieldTypes()
	given, _ := r.get("type")
	text, _ := given.(string)
	i := slices.IndexFunc(types, func(t fieldType) bool {
		return text != "" && (strings.EqualFold(text, t.name) || strings.EqualFold(text, t.alias))
	})
	if i < 0 {
		r.refuse("type", given, "one of "+strings.Join(typeNames(types), ", "))
		return none
	}
	if depth > maxDepth {
		r.refuse("type", given, fmt.Sprintf("no more than %d levels deep", maxDepth))
		return none
	}
	t := types[i]
	allowed := optionNames(t.options)
	for _, name := range r.unknown(append(optionNames(commonOptions), allowed...)) {
		r.problems.list = append(r.problems.list, fmt.Errorf("%s: is no option of type %s; allowed are %s",
			r.at(name), t.name, strings.Join(append(allowed, "nulls"), ", ")))
	}
	for _, names := range r.twice {
		r.problems.list = append(r.problems.list, fmt.Errorf("%s: the same option is given twice, as %s", r.path, names))
	}
	k := t.read(r, depth)
	return withNulls(k, r.number("nulls", 0, 0, 1))
}

// withNulls draws the value first, so that nulls leave the other rows as they
// are and a sequence shows the gap.
func withNulls(k kind, share float64) kind {
	if share == 0 {
		return k
	}
	return kind{size: max(k.size, 4), start: func() value {
		next := k.start()
		return func(d *draw) any {
			v := next(d)
			if d.Float64() < share {
				return nil
			}
			return v
		}
	}}
}

// refuseTwins refuses names that occur more than once on one level.
func refuseTwins(path string, fields []field, p *problems) {
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.name] {
			p.list = append(p.list, fmt.Errorf("%s: name %q is given twice", path, f.name))
		}
		seen[f.name] = true
	}
}

func recordSize(fields []field) int64 {
	size := int64(2)
	for _, f := range fields {
		size = min(size+int64(len(f.name))+4+f.size, 1<<40)
	}
	return size
}

func typeNames(types []fieldType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.name
	}
	return names
}

func optionNames(options []option) []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	return names
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
