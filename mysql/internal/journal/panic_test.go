package journal

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// broken is a file that cannot be written to, by a fault of the program's.
type broken struct{ File }

func (broken) WriteAt([]byte, int64) (int, error) { panic("a fault") }

type breaking struct{ FS }

func (b breaking) Create(path string) (File, error) {
	f, err := b.FS.Create(path)
	return broken{f}, err
}

// TestPanicEndsTheProcess, whoever contains it: a rule that waits for a lock of
// which nobody is left would wait for ever.
func TestPanicEndsTheProcess(t *testing.T) {
	const child = "JOURNAL_PANICS"
	if how := os.Getenv(child); how != "" {
		defer func() { _ = recover(); os.Exit(0) }()
		d, err := Open(Options{Dir: t.TempDir(), MaxBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		d.fs = breaking{OS}
		switch how {
		case "Append":
			err = d.Append(t.Context(), []byte("{}"), 1)
		case "AppendAll":
			err = d.AppendAll(t.Context(), []Arrival{{[]byte("{}"), 1}})
		case "Force":
			err = d.Force([]byte("{}"), 1)
		}
		t.Fatal("no panic", err)
	}
	for _, how := range []string{"Append", "AppendAll", "Force"} {
		command := exec.Command(os.Args[0], "-test.run=^TestPanicEndsTheProcess$")
		command.Env = append(os.Environ(), child+"="+how, "TMPDIR="+t.TempDir())
		out, _ := command.CombinedOutput()
		if code := command.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), "panic: journal: a fault") || !strings.Contains(string(out), "broken.WriteAt") {
			t.Errorf("%s: exit code %d\n%s", how, code, out)
		}
	}
}
