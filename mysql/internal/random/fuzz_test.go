package random

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// FuzzConfigure: any properties are refused with an error or make rows that
// JSON can carry.
func FuzzConfigure(f *testing.F) {
	text, err := os.ReadFile(filepath.FromSlash(sourcesFolder + "random.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	var sections map[string]any
	if err := yaml.Unmarshal(text, &sections); err != nil {
		f.Fatal(err)
	}
	for _, section := range sections {
		seed, err := json.Marshal(section)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	for _, ft := range fieldTypes() {
		options := map[string]any{"type": ft.name, "nulls": 0.5}
		for _, o := range ft.options {
			options[o.name] = 1
		}
		seed, _ := json.Marshal(map[string]any{"fields": map[string]any{"x": options}})
		f.Add(seed)
	}
	f.Add([]byte(`{"fields":{"x":{"type":"array","of":{"type":"choice","values":[1,"",null],"weights":[1,0,2]}}},"deduplicate":3,"rate":"max"}`))

	f.Fuzz(func(t *testing.T, text []byte) {
		var props map[string]any
		if json.Unmarshal(text, &props) != nil {
			return
		}
		s := newSource(time.Now, fixedEntropy)
		err := s.Configure("", props)
		if (err == nil) != (s.settings != nil) {
			t.Fatalf("error %v with settings %v", err, s.settings)
		}
		if err != nil || recordSize(s.settings.fields) > 1<<16 {
			return
		}
		if s.settings.rate < 0 || s.settings.rate > fastestRate {
			t.Fatalf("rate %v", s.settings.rate)
		}
		rows := newRows(s.settings, newDraw(1, 0, time.Now))
		for range 3 {
			row := rows.next()
			if _, err := json.Marshal(row); err != nil {
				t.Fatal(err)
			}
		}
	})
}
