package sink

import (
	"strings"
	"testing"
)

// TestTellPlace: what does not last is warned of, with what to do.
func TestTellPlace(t *testing.T) {
	for kind, want := range map[string][]string{
		"":        {"info ", "/kuiper/data/mysql, also when the plugin is updated or removed"},
		"overlay": {"warn ", "/kuiper/data/mysql, which is no volume (overlay): they are lost with the container; mount a volume there"},
		"tmpfs":   {"warn ", "in memory (tmpfs)", "mount a volume there", "EKUIPER_MYSQL_DATA"},
	} {
		log := &logLines{}
		tellPlace("/kuiper/data/mysql", kind, log)
		for _, part := range want {
			if log.count(part) != 1 {
				t.Errorf("%q: the log lacks %q:\n%s", kind, part, log)
			}
		}
	}
}

// TestPlaceIsToldOnce of all rules.
func TestPlaceIsToldOnce(t *testing.T) {
	log := &logLines{}
	folder := t.TempDir()
	o := NewOutboxes(func() (string, error) { return folder, nil })
	t.Cleanup(o.Close)
	for range 3 {
		if _, err := o.openLetters(log); err != nil {
			t.Fatal(err)
		}
	}
	if n := log.count("are kept in " + folder); n != 1 {
		t.Errorf("told %d times, want once:\n%s", n, strings.TrimSpace(log.String()))
	}
}
