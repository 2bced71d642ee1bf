package fault

import (
	"bytes"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// simulations are tests of their own that end the journal and the dead letters
// by power cuts and kills, on a simulated disk, against a model.
var simulations = []struct{ name, folder, test string }{
	{"power cut, journal (simulated disk)", "./mysql/internal/journal", "^TestPowerCut$"},
	{"kill, journal (simulated disk)", "./mysql/internal/journal", "^TestKill$"},
	{"power cut, dead letters (simulated disk)", "./mysql/internal/deadletter", "^TestPowerCut$"},
	{"kill, dead letters (simulated disk)", "./mysql/internal/deadletter", "^TestKill$"},
}

// outcome is what a simulation tells of itself: rounds, and messages or letters.
var outcome = regexp.MustCompile(`(\d+) rounds, .*?(\d+) (?:messages|letters)`)

// simulated is how many rounds of each simulation the proof has.
const simulated = 10_000

// TestSimulations runs them for long. The ordinary tests run their short forms
// where they are.
func TestSimulations(t *testing.T) {
	if !*full {
		t.Log("the ordinary tests of these packages are the short form")
		return
	}
	root, err := ekuiper.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range simulations {
		t.Run(s.name, func(t *testing.T) {
			r := &result{scenario: s.name, mode: mode{name: "fsync always and not", acks: true}}
			defer r.keep()
			command := exec.Command("go", "test", "-count=1", "-timeout=2h", "-v", "-run", s.test, s.folder,
				"-args", "-rounds", strconv.Itoa(simulated), "-seed", strconv.FormatUint(*seed, 10))
			command.Dir = root
			out, err := command.CombinedOutput()
			m := outcome.FindSubmatch(out)
			if err != nil || m == nil {
				t.Fatalf("%v\n%s", err, tail(telling(out), 40))
			}
			r.rounds, _ = strconv.Atoi(string(m[1]))
			r.rows, _ = strconv.ParseInt(string(m[2]), 10, 64)
		})
	}
}

// telling is what a test printed without the rounds that passed: thousands of
// lines behind which the reason of the one that did not would be cut off.
func telling(out []byte) string {
	var lines []string
	for line := range strings.Lines(string(bytes.TrimSpace(out))) {
		if !strings.Contains(line, "--- PASS") && !strings.HasPrefix(line, "=== ") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}
