package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func completionOf(t *testing.T, shell string, more ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Run(append([]string{"completion", shell}, more...), &out, &errs); code != 0 {
		t.Fatalf("code %d: %s", code, &errs)
	}
	return out.String()
}

// TestBashCompletes: a real bash, asked for what may follow the words.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("there is no bash here")
	}
	script := completionOf(t, "bash", "--program", "ekuiper-mysql")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "action.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words string // parted as bash parts them; the last is at the cursor
		has   string
		not   string
	}{
		{"ekuiper-mysql jour", "journal", "deadletters"},
		{"ekuiper-mysql _", "check rule journal deadletters ddl completion version", "list"},
		{"ekuiper-mysql journal _", "list verify export drain purge", "journal"},
		{"ekuiper-mysql journal drain --pro", "--props", "--json"},
		{"ekuiper-mysql journal drain --", "--props --into --json --help", "--row"},
		{"ekuiper-mysql deadletters list -", "-h --json --since", "-y"},
		{"ekuiper-mysql deadletters purge -", "-y --yes", "--props"},
		{"ekuiper-mysql check --props act", "action.json", "--props"},
		{"ekuiper-mysql check --props = act", "action.json", "--props"},
		{"ekuiper-mysql check --props = journal --", "--row --json", "--dir"},
		{"ekuiper-mysql check --table journal --", "--row --json", "--dir"},
		{"ekuiper-mysql completion _", "bash zsh fish", "journal"},
		{"ekuiper-mysql ddl act", "action.json", "journal"},
		{"ekuiper-mysql check --timeout _", "", "--row"},
	} {
		words := strings.Fields(c.words)
		if last := len(words) - 1; words[last] == "_" {
			words[last] = ""
		}
		program := script + "\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _complete_ekuiper_mysql; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
		run := exec.Command(bash, append([]string{"--noprofile", "--norc", "-c", program, "bash"}, words...)...)
		run.Dir = dir
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got := strings.Fields(string(out))
		for _, want := range strings.Fields(c.has) {
			if !slices.Contains(got, want) {
				t.Errorf("%s: %q, want %s in it", c.words, got, want)
			}
		}
		if c.not != "" && slices.Contains(got, c.not) || c.has == "" && len(got) > 0 {
			t.Errorf("%s: %q, not %s", c.words, got, c.not)
		}
	}
	run := exec.Command(bash, "--noprofile", "--norc", "-c", script+"\ncomplete -p ekuiper-mysql")
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "-F _complete_ekuiper_mysql ekuiper-mysql") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestOtherShellsReadTheirScripts, where they are there.
func TestOtherShellsReadTheirScripts(t *testing.T) {
	for shell, flag := range map[string]string{"bash": "-n", "zsh": "-n", "fish": "--no-execute"} {
		script := completionOf(t, shell)
		for _, word := range []string{"journal", "deadletters", "props"} {
			if !strings.Contains(script, word) {
				t.Errorf("%s: no %s", shell, word)
			}
		}
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("there is no %s here: not read by it", shell)
			continue
		}
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, flag, path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

// TestFishCompletes: a real fish.
func TestFishCompletes(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Fatal("there is no fish here; install it by: make deps")
	}
	for line, want := range map[string]string{
		"mysql jour":               "journal",
		"mysql journal ver":        "verify",
		"mysql journal list --js":  "--json",
		"mysql completion zs":      "zsh",
		"mysql deadletters purge ": "",
	} {
		run := exec.Command(fish, "--no-config", "-c", completionOf(t, "fish")+"\ncomplete -C '"+line+"'")
		run.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := run.Output()
		if first, _, _ := strings.Cut(string(out), "\t"); err != nil || strings.TrimSpace(first) != want {
			t.Errorf("%s: %q, %v; want %s", line, out, err, want)
		}
	}
}

func TestCompletionRefusesWhatIsNoName(t *testing.T) {
	for _, args := range [][]string{{"tcsh"}, {"bash", "--program", "a b"}, {"bash", "--program", "$(x)"}, {}} {
		var out, errs bytes.Buffer
		if code := Run(append([]string{"completion"}, args...), &out, &errs); code != exitUsage || strings.Contains(out.String(), "complete -F") {
			t.Errorf("%q: code %d, %s", args, code, &out)
		}
	}
}
