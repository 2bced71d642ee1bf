package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModeProperties(t *testing.T) {
	for _, c := range []struct {
		props []any
		want  Config
	}{
		{nil, Config{Mode: "insert"}},
		{[]any{"mode", "INSERTIGNORE"}, Config{Mode: "insertIgnore"}},
		{[]any{"mode", "upsert", "keyField", " a, b"}, Config{Mode: "upsert", KeyField: []string{"a", "b"}}},
		{[]any{"mode", "delete", "keyField", []any{"a", "b"}, "versionField", "v"}, Config{Mode: "delete", KeyField: []string{"a", "b"}, VersionField: "v"}},
		{[]any{"mode", "delete", "keyField", `["a","b,c"]`}, Config{Mode: "delete", KeyField: []string{"a", "b,c"}}},
		{[]any{"mode", "update", "updateFields", "a,b", "keepFields", "c"}, Config{Mode: "update", UpdateFields: map[string]string{"a": "set", "b": "set"}, KeepFields: []string{"c"}}},
		{[]any{"mode", "upsert", "versionField", "v", "updateFields", map[string]any{"a": "ADD", "*": "coalesce"}}, Config{Mode: "upsert", VersionField: "v", UpdateFields: map[string]string{"a": "add", "*": "coalesce"}}},
		{[]any{"mode", "upsert", "updateFields", "{}", "keyField", "[]"}, Config{Mode: "upsert"}},
		{[]any{"mode", "upsert", "updateFields", `{"a":"max"}`}, Config{Mode: "upsert", UpdateFields: map[string]string{"a": "max"}}},
		{[]any{"rowkindField", "action", "keyField", "id", "updateFields", "", "keepFields", []any{}, "versionField", ""}, Config{Mode: "insert", RowKindField: "action", KeyField: []string{"id"}}},
	} {
		got, warnings, err := Parse(with(c.props...))
		if err != nil || len(warnings) > 0 {
			t.Errorf("%v: %v, warnings %q", c.props, err, warnings)
			continue
		}
		mode := Config{Mode: got.Mode, KeyField: got.KeyField, RowKindField: got.RowKindField, UpdateFields: got.UpdateFields, KeepFields: got.KeepFields, VersionField: got.VersionField}
		if fmt.Sprintf("%+v %q", mode, mode.KeyField) != fmt.Sprintf("%+v %q", c.want, c.want.KeyField) {
			t.Errorf("%v:\ngot  %+v\nwant %+v", c.props, mode, c.want)
		}
	}
}

func TestModePropertiesRefused(t *testing.T) {
	for _, c := range []struct {
		props []any
		want  string
	}{
		{[]any{"mode", "merge"}, `property mode: "merge"; allowed: insert, insertIgnore, replace, upsert, update, delete`},
		{[]any{"mode", "upsert", "keyField", "a,,b"}, `property keyField: "a,,b": an empty name; allowed: a column's name, several with commas, or a list of them`},
		{[]any{"mode", "upsert", "keyField", []any{"a", "A"}}, "property keyField: a value of type list: a name twice"},
		{[]any{"mode", "upsert", "keyField", []any{"a", 1}}, "property keyField: a value of type list: a list with what is no name"},
		{[]any{"mode", "upsert", "keyField", 7}, "property keyField: 7: no names"},
		{[]any{"mode", "upsert", "keyField", "a\x00"}, `property keyField: "a\x00": a control character in a name`},
		{[]any{"rowkindField", true}, "property rowkindField: true; allowed: a field's name"},
		{[]any{"mode", "upsert", "updateFields", map[string]any{"a": "sum"}}, `property updateFields: column "a": "sum"; allowed: set, add, max, min, coalesce, keep`},
		{[]any{"mode", "upsert", "updateFields", map[string]any{"*": "add"}}, `property updateFields: column "*": "add"; allowed: set, coalesce, keep`},
		{[]any{"mode", "upsert", "updateFields", `{"a"`}, `property updateFields: "{\"a\"": not the text of a JSON object; allowed: column names`},
		{[]any{"mode", "upsert", "updateFields", `{"a":"set","a":"add"}`}, `property updateFields: "{\"a\":\"set\",\"a\":\"add\"}": it has "a" twice; allowed: column names`},
		{[]any{"mode", "upsert", "updateFields", 5}, "property updateFields: 5: no names"},
		{[]any{"updateFields", "a"}, `property updateFields: it has no effect with mode "insert"; allowed: mode upsert or update, or rowkindField beside it, or leave it out`},
		{[]any{"mode", "replace", "keepFields", "a"}, `property keepFields: it has no effect with mode "replace"`},
		{[]any{"mode", "insertIgnore", "versionField", "a"}, `property versionField: it has no effect with mode "insertIgnore"`},
		{[]any{"mode", "upsert", "road", "load"}, `property road: "load" takes plain inserts alone; allowed: auto, insert`},
		{[]any{"mode", "upsert", "keyField", "id", "updateFields", "ID"}, `property updateFields: column "ID" is in keyField as well; allowed: one of them`},
		{[]any{"mode", "upsert", "keepFields", "a", "updateFields", "A"}, `property keepFields: column "a" is in updateFields as well`},
		{[]any{"mode", "upsert", "keepFields", "a", "versionField", "a"}, `property versionField: column "a" is in keepFields as well`},
	} {
		got, _, err := Parse(with(c.props...))
		if l := lines(err); got != nil || len(l) != 1 || !strings.HasPrefix(l[0], c.want) {
			t.Errorf("%v:\ngot  %q\nwant %q", c.props, l, c.want)
		}
	}
}

func TestModeWarnings(t *testing.T) {
	for _, c := range []struct {
		props []any
		want  string
	}{
		{[]any{"keyField", "id"}, `property keyField: it has no effect with mode "insert"`},
		{[]any{"mode", "upsert", "updateFields", map[string]any{"a": "add"}}, `property updateFields: with delivery "atLeastOnce" a row that is written again`},
	} {
		_, warnings, err := Parse(with(c.props...))
		if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], c.want) {
			t.Errorf("%v: %q, %v; want %q", c.props, warnings, err, c.want)
		}
	}
	_, warnings, err := Parse(with("mode", "upsert", "delivery", "exactlyOnce", "updateFields", map[string]any{"a": "add"}))
	if diff := cmp.Diff([]string(nil), warnings); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
