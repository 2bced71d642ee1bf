package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// batchSink keeps what it takes, and fails as its messages say.
type batchSink struct {
	sinkFuncs
	took  []string
	calls []int // messages of each call; 1 is a Collect
}

func newBatchSink() *batchSink {
	s := &batchSink{}
	s.collect = func(b []byte) error { s.calls = append(s.calls, 1); return s.take(string(b)) }
	return s
}

func (s *batchSink) take(text string) error {
	switch text {
	case "bad":
		return errors.New("refused")
	case "panic":
		panic("over a message")
	}
	s.took = append(s.took, text)
	return nil
}

func (s *batchSink) CollectBatch(_ api.StreamContext, messages [][]byte) (int, error) {
	s.calls = append(s.calls, len(messages))
	for _, m := range messages {
		switch string(m) {
		case "panic": // before anything is kept
			panic("over a batch")
		case "short":
			return 0, nil
		case "wrong":
			return len(messages) + 1, nil
		}
	}
	for i, m := range messages {
		if err := s.take(string(m)); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

// Of a batch no more is lost than the sink could not take.
func TestBatchLosesNoMoreThanTheSinkSays(t *testing.T) {
	for _, c := range []struct {
		batch, want string
		calls       []int
		logged      int
	}{
		{"a b c", "a b c", []int{3}, 0},
		{"bad a b", "a b", []int{3, 2}, 1},
		{"a bad b c", "a b c", []int{4, 2}, 1},
		{"a b bad", "a b", []int{3}, 1},
		{"a bad b", "a b", []int{3, 1}, 1},
		{"bad bad bad", "", []int{3, 2, 1}, 1}, // told once in a while
		{"a panic b", "a b", []int{3, 1, 1, 1}, 3},
		{"short a b", "a b", []int{3, 2}, 1},
		{"wrong a", "", []int{2}, 0},
	} {
		t.Run(c.batch, func(t *testing.T) {
			var log lines
			sink := newBatchSink()
			p := &plugin{surroundings: surroundings{log: slog.New(slog.NewTextHandler(&log, nil)), timing: usualTiming()}}
			in, ok := newIntake(p.newSink(sink, identity{}, p.log)).(*gathered)
			if !ok {
				t.Fatal("the sink is not asked")
			}
			defer in.end()
			var batch [][]byte
			for word := range strings.FieldsSeq(c.batch) {
				batch = append(batch, []byte(word))
			}
			in.Messages(batch)
			if got := strings.Join(sink.took, " "); got != c.want || fmt.Sprint(sink.calls) != fmt.Sprint(c.calls) {
				t.Errorf("took %q in calls of %v, want %q in %v", got, sink.calls, c.want, c.calls)
			}
			if n := strings.Count(log.String(), "level="); n != c.logged {
				t.Errorf("%d lines, want %d:\n%s", n, c.logged, log.String())
			}
		})
	}
}

// A sink that does not take batches gets one message after the other, and so
// does any where the rule wants acknowledgements.
func TestOnlyWhoTakesBatchesIsAsked(t *testing.T) {
	p := &plugin{surroundings: surroundings{log: slog.New(slog.DiscardHandler), timing: usualTiming()}}
	in := newIntake(p.newSink(sinkFuncs{}, identity{}, p.log))
	defer in.end()
	if _, ok := in.(*unacked); !ok {
		t.Errorf("the intake is a %T", in)
	}
}
