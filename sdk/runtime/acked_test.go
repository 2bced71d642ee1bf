package runtime

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
)

// noteKeeper is a sink that keeps notes in memory.
type noteKeeper struct {
	sinkFuncs
	note   []byte
	failed error
	kept   uint64
}

func (k *noteKeeper) AckNote() ([]byte, bool) { return k.note, true }
func (k *noteKeeper) SetAckNote(note []byte) error {
	if k.failed != nil {
		return k.failed
	}
	k.note = append(k.note[:0], note...)
	return nil
}
func (k *noteKeeper) Kept() uint64           { return k.kept }
func (k *noteKeeper) IsLastKept([]byte) bool { return false }

// answers is the host's end.
type answers struct{ got chan string }

func (answers) Connect() error             { return nil }
func (a answers) Answer(text string) error { a.got <- text; return nil }
func (answers) Close()                     {}

func newTestAcked(sink api.Sink, out ackOutlet, w io.Writer) (*acked, func()) {
	p := &plugin{surroundings: surroundings{log: slog.New(slog.NewTextHandler(w, nil)), timing: usualTiming()}}
	run := p.newSink(sink, identity{}, p.log)
	run.listener = 7
	a := newAcked(run, out, ackTerms{true, 100 * time.Millisecond}, earlier{})
	return a, func() { a.end(); a.release(); p.background.Wait() }
}

func TestNoteCodec(t *testing.T) {
	for _, want := range []ackNote{
		{},
		{listener: 1 << 63, kept: 1<<64 - 1, gap: time.Hour, step: ackAnswered, failed: true, stopped: true, surplus: 255, unlike: unlikeEnough},
		{step: ackReceived, gap: time.Millisecond, failed: true},
	} {
		var b [noteSize]byte
		want.encode(&b)
		if got, ok := decodeNote(b[:]); !ok || got != want {
			t.Errorf("%+v became %+v, %t", want, got, ok)
		}
	}
	for _, wrong := range [][]byte{nil, make([]byte, noteSize), make([]byte, noteSize-1), append([]byte{noteVersion, 9}, make([]byte, noteSize-2)...)} {
		if n, ok := decodeNote(wrong); ok {
			t.Errorf("%x is the note %+v", wrong, n)
		}
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, ok := decodeNote(b); ok && n.step > ackAnswered {
			t.Errorf("%x: %+v", b, n)
		}
	})
}

// A sink that fails to keep a note, or panics, is told of and goes on.
func TestNotesThatFail(t *testing.T) {
	var log lines
	k := &noteKeeper{sinkFuncs: sinkFuncs{collect: func([]byte) error { return nil }}, failed: errors.New("no space")}
	out := answers{make(chan string, 2)}
	a, end := newTestAcked(k, out, &log)
	defer end()
	for range 2 {
		a.Message([]byte("x"))
		if text := <-out.got; text != "" {
			t.Errorf("answered %q", text)
		}
	}
	if n := strings.Count(log.String(), "no space"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// wormy is a sink that keeps notes and panics where it is asked of them.
type wormy struct{ noteKeeper }

func (*wormy) Kept() uint64           { panic("worm in Kept") }
func (*wormy) IsLastKept([]byte) bool { panic("worm in IsLastKept") }

// A sink that panics at a question about its notes has kept nothing, and the
// message is collected.
func TestKeeperThatPanics(t *testing.T) {
	var log lines
	collected := 0
	var b [noteSize]byte
	n := ackNote{listener: 7, step: ackAnswering, unlike: unlikeEnough, failed: true}
	n.encode(&b)
	k := &wormy{noteKeeper{sinkFuncs: sinkFuncs{collect: func([]byte) error { collected++; return nil }}, note: b[:]}}
	out := answers{make(chan string, 2)}
	a, end := newTestAcked(k, out, &log)
	defer end()
	for range 2 {
		a.Message([]byte("x"))
		if text := <-out.got; text != "" {
			t.Errorf("answered %q", text)
		}
	}
	a.memory.again = surely
	if a.memory.isKept([]byte("x"), false) || collected != 2 {
		t.Errorf("of two messages %d were collected", collected)
	}
	if n := strings.Count(log.String(), "worm in "); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// With resendAlterQueue the operator that has refused a message does not get
// it again.
func TestResendTerms(t *testing.T) {
	for _, c := range []struct {
		config, op string
		want       ackTerms
	}{
		{`{}`, "s_0", ackTerms{}},
		{`{"resendInterval":20}`, "s_0", ackTerms{true, 20 * time.Millisecond}},
		{`{"resendInterval":"2s"}`, "s_0", ackTerms{true, 2 * time.Second}},
		{`{"resendInterval":-1}`, "s_0", ackTerms{false, -time.Millisecond}},
		{`{"enableCache":true}`, "s_0", ackTerms{true, usualResend}},
		{`{"enableCache":true,"resendInterval":7}`, "s_0", ackTerms{true, 7 * time.Millisecond}},
		{`{"enableCache":true,"resendAlterQueue":true}`, "s_0", ackTerms{false, usualResend}},
		{`{"enableCache":true,"resendAlterQueue":true}`, "s_0_resend", ackTerms{true, usualResend}},
	} {
		var config map[string]any
		if err := json.Unmarshal([]byte(c.config), &config); err != nil {
			t.Fatal(err)
		}
		if got := resendTerms(config, c.op); got != c.want {
			t.Errorf("%s of %s: %+v, want %+v", c.config, c.op, got, c.want)
		}
	}
}

// BenchmarkAcked is a message's way through the runtime, without sockets:
// with a keeper of notes and without.
func BenchmarkAcked(b *testing.B) {
	collect := sinkFuncs{collect: func([]byte) error { return nil }}
	for name, sink := range map[string]api.Sink{"keeps notes": &noteKeeper{sinkFuncs: collect}, "keeps none": collect} {
		b.Run(name, func(b *testing.B) {
			a, end := newTestAcked(sink, &discard{}, io.Discard)
			defer end()
			message := make([]byte, 96)
			b.ReportAllocs()
			for b.Loop() {
				a.Message(message)
			}
		})
	}
}

// discard encodes acknowledgements for nobody.
type discard struct{ frame connection.Frames }

func (*discard) Connect() error { return nil }
func (*discard) Close()         {}
func (d *discard) Answer(text string) error {
	d.frame.Reset()
	d.frame.Add([]byte(text))
	return nil
}
