package plugin

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestDescriptorIsWhatEKuiperAccepts(t *testing.T) {
	d, err := ReadDescriptor()
	if err != nil {
		t.Fatal(err)
	}
	if d.Language != "go" {
		t.Errorf("language is %q, eKuiper runs an executable only for \"go\"", d.Language)
	}
	if d.Executable != Name {
		t.Errorf("executable is %q, want %q", d.Executable, Name)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`).MatchString(Version()) {
		t.Errorf("version %q is not MAJOR.MINOR.PATCH", Version())
	}
}

func TestEverySymbolHasItsFiles(t *testing.T) {
	d, err := ReadDescriptor()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, source := range d.Sources {
		want = append(want, filepath.Join("sources", source+".yaml"), filepath.Join("sources", source+".json"))
	}
	for _, sink := range d.Sinks {
		want = append(want, filepath.Join("sinks", sink+".json"))
	}
	for _, file := range want {
		if _, err := os.Stat(filepath.Join("mysql", file)); err != nil {
			t.Errorf("eKuiper needs this file of the symbol: %v", err)
		}
	}
}
