package marker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

const childEnv = "MARKER_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		child(path)
	}
	goleak.VerifyTestMain(m)
}

// child stores one number after the other and says each when it is stored.
func child(path string) {
	m, err := Open(path)
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		if err := m.Store(fmt.Appendf(nil, "%020d", i)); err != nil {
			panic(err)
		}
		fmt.Printf("%020d\n", i)
	}
}

func open(t *testing.T, path string) *File {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func store(t *testing.T, m *File, record string) {
	t.Helper()
	if err := m.Store([]byte(record)); err != nil {
		t.Fatal(err)
	}
	if got := string(m.Last()); got != record {
		t.Fatalf("last is %q after %q was stored", got, record)
	}
}

func TestMarker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	m := open(t, path)
	if m.Last() != nil {
		t.Errorf("a new marker holds %q", m.Last())
	}
	full := string(bytes.Repeat([]byte("x"), MaxRecord))
	for _, record := range []string{"a", full, "", "b"} {
		store(t, m, record)
		if other := open(t, path); string(other.Last()) != record || other.Last() == nil {
			t.Errorf("found %q, stored %q", other.Last(), record)
		}
	}
	if err := m.Store([]byte(full + "y")); err == nil {
		t.Error("took a record that is too large")
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := m.Store(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("closed, and %v", err)
	}
	if _, err := Open(filepath.Join(path, "below")); err == nil {
		t.Error("opened below a file")
	}
}

// Whatever byte is wrong, the last record is found, or none, and others after it.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	m := open(t, path)
	store(t, m, "one")
	store(t, m, "two")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x55
		if err := os.WriteFile(path+"2", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := string(open(t, path+"2").Last()); got != "" && got != "two" {
			t.Errorf("byte %d wrong: found %q", i, got)
		}
		if err := os.WriteFile(path+"2", whole[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		cut := open(t, path+"2")
		if got := string(cut.Last()); got != "" && got != "two" {
			t.Errorf("cut at %d: found %q", i, got)
		}
		store(t, cut, "three")
	}
}

// A disk that faults under the mapped file is an error, not the end.
func TestFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	m := open(t, path)
	store(t, m, "one")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	// Where the file is not mapped, the write just makes it longer.
	if err := m.Store([]byte("two")); err != nil {
		if _, e := os.Stat(path); !errors.Is(e, os.ErrNotExist) {
			t.Errorf("after %v the file is still there: %v", err, e)
		}
	}
	store(t, m, "three")
	if got := string(open(t, path).Last()); got != "three" {
		t.Errorf("found %q after the disk was well again", got)
	}
}

// What was stored before a SIGKILL is there after it.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	for round := range 20 {
		command := exec.Command(os.Args[0], "-test.run=^$")
		command.Env = append(os.Environ(), childEnv+"="+path)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		said, line := "", make([]byte, 21)
		for range 50 * (round + 1) {
			if _, err := out.Read(line); err != nil {
				t.Fatal(err)
			}
		}
		_ = command.Process.Kill()
		for {
			n, err := out.Read(line)
			if n == len(line) {
				said = string(line[:20])
			}
			if err != nil {
				break
			}
		}
		_ = command.Wait()
		m := open(t, path)
		if got := string(m.Last()); len(got) != 20 || got < said {
			t.Fatalf("found %q, but %q was said to be stored", got, said)
		}
		_ = m.Close()
		_ = os.Remove(path)
	}
}

func BenchmarkStore(b *testing.B) {
	m, err := Open(filepath.Join(b.TempDir(), "m"))
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	record := make([]byte, 32)
	for b.Loop() {
		if err := m.Store(record); err != nil {
			b.Fatal(err)
		}
	}
}
