package command

import (
	"context"
	"errors"
	"fmt"

	"ekuiper-mysql/mysql/internal/deadletter"
)

// Replayer takes rows back to their tables, by the sink's own way.
type Replayer interface {
	// Replay returns nil when l's row is stored for good. Otherwise the letter
	// stays, and ErrReplayStopped says that no other is worth trying now.
	Replay(ctx context.Context, l deadletter.Letter) error
}

// ErrReplayStopped ends a replay: the table or its server takes no rows now.
var ErrReplayStopped = errors.New("no row can be replayed now")

// replayAtOnce is how many replayed letters may stand as not removed, when a
// crash ends a replay: those would be replayed once more.
const replayAtOnce = 100

// replayed is what became of a replay.
type replayed struct {
	Stored  int `json:"stored"`
	Refused int `json:"refused"` // and kept
}

// replay gives every letter that matches to to, oldest first, and removes those
// that are stored. It calls refused for the others, which stay. Letters that
// are set aside meanwhile are not taken.
func replay(ctx context.Context, s streams, r *deadletter.Reader, filter deadletter.Filter, to Replayer, refused func(deadletter.Letter, error)) (replayed, error) {
	var done replayed
	var stored []uint64
	last, err := lastID(r)
	if err != nil {
		return done, err
	}
	err = each(s, r, filter, func(l deadletter.Letter) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.ID > last {
			return errLimit
		}
		err := to.Replay(ctx, l)
		switch {
		case errors.Is(err, ErrReplayStopped):
			return err
		case err != nil:
			done.Refused++
			refused(l, err)
			return nil
		}
		done.Stored++
		if stored = append(stored, l.ID); len(stored) < replayAtOnce {
			return nil
		}
		err = r.Remove(stored)
		stored = stored[:0]
		return err
	})
	if errors.Is(err, errLimit) {
		err = nil
	}
	if e := r.Remove(stored); e != nil { // also where the replay was cut short
		err = errors.Join(err, fmt.Errorf("%d letters are stored and will be replayed again: %w", len(stored), e))
	}
	return done, err
}

// lastID returns the highest id there is.
func lastID(r *deadletter.Reader) (last uint64, err error) {
	for l, err := range r.Letters(deadletter.Filter{SkipRaw: true}) {
		var corrupt *deadletter.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return 0, err
		}
		last = max(last, l.ID)
	}
	return last, nil
}
