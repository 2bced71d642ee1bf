package supervisor

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestMessages(t *testing.T) {
	var pipe bytes.Buffer
	sent := []Message{
		{Order, []byte(`{"cmd":"start"}`)},
		{Again, []byte(`{"cmd":"start"}`)},
		{End, nil},
		{Done, nil},
		{Refused, []byte("no table")},
		{Order, bytes.Repeat([]byte("x"), 3<<20)},
	}
	for _, m := range sent {
		if err := Write(&pipe, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range sent {
		got, err := Read(&pipe)
		if err != nil || got.Kind != want.Kind || !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("got %c of %d bytes, %v; want %c of %d", got.Kind, len(got.Body), err, want.Kind, len(want.Body))
		}
	}
	if _, err := Read(&pipe); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestBrokenMessages(t *testing.T) {
	for name, c := range map[string]struct {
		pipe string
		want error
	}{
		"cut in the header": {"o\x00\x00", io.ErrUnexpectedEOF},
		"cut in the body":   {"o\x00\x00\x00\x05abc", io.ErrUnexpectedEOF},
		"cut before it":     {"o\x00\x00\x00\x05", io.ErrUnexpectedEOF},
		"something printed": {"hello, world", errFraming},
		"too large":         {"o\xff\xff\xff\xff", errLarge},
	} {
		if _, err := Read(strings.NewReader(c.pipe)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02{}e\x00\x00\x00\x00"))
	f.Add([]byte("r\x00\x00\x00\x09no"))
	f.Fuzz(func(t *testing.T, pipe []byte) {
		in := bytes.NewReader(pipe)
		var out bytes.Buffer
		for {
			m, err := Read(in)
			if err != nil {
				break
			}
			if err := Write(&out, m); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(pipe, out.Bytes()) {
			t.Errorf("%x was read as %x", pipe, out.Bytes())
		}
	})
}

// Where there is only a name, another file under it is noticed.
func TestExecutable(t *testing.T) {
	name := t.TempDir() + "/plugin"
	if err := os.WriteFile(name, []byte("one"), 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	e := executable{name, first}
	if got, err := e.path(); got != name || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for what, change := range map[string]func() error{
		"removed":   func() error { return os.Remove(name) },
		"rewritten": func() error { return os.WriteFile(name, []byte("two and more"), 0o700) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := e.path(); !errors.Is(err, ErrReplaced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := (executable{name: inode}).path(); got != inode || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
