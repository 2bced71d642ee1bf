package sink

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

var _ runtime.AckKeeper = (*Sink)(nil)

// What the runtime notes of acknowledgements is there in the next run, and so
// is what it needs to know of the journal.
func TestAcksAreRemembered(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT)")
	props := b.props("", "t", "requireAck", true)
	s := b.open(props)
	if note, keeps := s.AckNote(); !keeps || note != nil {
		t.Errorf("a new rule has the note %q, %t", note, keeps)
	}
	before := s.Kept()
	b.collect(s, `[{"id":1},{"id":2}]`)
	if n := s.Kept(); n <= before || !s.IsLastKept([]byte(`[{"id":1},{"id":2}]`)) {
		t.Errorf("%d kept after %d; the last is %t", n, before, s.IsLastKept([]byte(`[{"id":1},{"id":2}]`)))
	}
	before = s.Kept()
	b.collect(s, `[]`) // without rows there is nothing to keep
	if n := s.Kept(); n != before {
		t.Errorf("an empty message has raised %d to %d", before, n)
	}
	if err := s.SetAckNote([]byte("how far")); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAckNote([]byte("late")); err == nil {
		t.Error("took a note after Close")
	}
	again := b.open(props)
	if note, keeps := again.AckNote(); !keeps || string(note) != "how far" {
		t.Errorf("the note is %q, %t", note, keeps)
	}
	if n := again.Kept(); n != before || !again.IsLastKept([]byte(`[{"id":1},{"id":2}]`)) || again.IsLastKept([]byte(`[]`)) {
		t.Errorf("%d kept, %d before", n, before)
	}
}

func TestNoAcksNoNotes(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT)")
	if _, keeps := b.openRule("unacked", b.props("", "t")).AckNote(); keeps {
		t.Error("keeps notes without requireAck")
	}
	if _, keeps := b.openRule("off", b.props("", "t", "requireAck", true, "journal", "off")).AckNote(); keeps {
		t.Error("keeps notes without a journal")
	}
}

// A note that the disk has changed is none: one of before must not be believed.
func TestHarmedNoteIsNone(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id BIGINT)")
	props := b.props("", "t", "requireAck", true)
	s := b.open(props)
	for _, note := range []string{"first", "second", "third"} {
		if err := s.SetAckNote([]byte(note)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(b.folder, journals, "*", ackFile))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, []byte("third"))] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if note, keeps := b.open(props).AckNote(); !keeps || note != nil {
		t.Errorf("the note is %q, %t", note, keeps)
	}
	if n := b.log.count(files[0] + " was damaged"); n != 1 {
		t.Errorf("told %d times", n)
	}
}
